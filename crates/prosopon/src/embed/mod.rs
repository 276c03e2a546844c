//! Embeddings: unit vectors that lie close together for one person and far apart for two.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which network, with which pre-processing, made an embedding: `name@first eight of its SHA-256`.
///
/// Vectors of different models share no space; every type that holds one carries its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelId(Arc<str>);

impl ModelId {
    /// An id from its text.
    pub fn new(id: impl AsRef<str>) -> Self {
        Self(Arc::from(id.as_ref()))
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A face as a vector of unit length, tagged with the model that made it.
#[derive(Clone, PartialEq)]
pub struct Embedding {
    model: ModelId,
    values: Vec<f32>,
}

/// Leaves the values out, so that biometric data never reaches a log.
impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding({}, {} values)", self.model, self.values.len())
    }
}

impl Embedding {
    /// Scales `values` to unit length.
    ///
    /// # Errors
    /// [`EmbeddingError`] if there is no value, one is not finite, or all are zero.
    pub fn from_values(model: ModelId, mut values: Vec<f32>) -> Result<Self, EmbeddingError> {
        let norm = values
            .iter()
            .map(|&v| f64::from(v) * f64::from(v))
            .sum::<f64>()
            .sqrt();
        if !(norm.is_finite() && norm > f64::from(f32::MIN_POSITIVE)) {
            return Err(EmbeddingError { model, norm });
        }
        for value in &mut values {
            *value = (f64::from(*value) / norm) as f32;
        }
        Ok(Self { model, values })
    }

    /// The model that made it.
    pub fn model(&self) -> &ModelId {
        &self.model
    }

    /// The vector, of length 1.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Number of values.
    pub fn dim(&self) -> usize {
        self.values.len()
    }
}

/// A vector that has no direction.
#[derive(Debug, thiserror::Error)]
#[error("expected a finite, non-zero vector from model `{model}`, found one of length {norm}")]
pub struct EmbeddingError {
    /// The model that made the vector.
    pub model: ModelId,
    /// Euclidean length of the vector.
    pub norm: f64,
}
