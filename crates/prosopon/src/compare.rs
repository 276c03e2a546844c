//! Comparing two faces: similarity, thresholds that stand for an error rate, and the decision.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::embed::{Embedding, ModelId};

/// Cosine of the angle between two embeddings, in [−1, 1]; higher is closer.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Similarity(f32);

impl Similarity {
    /// A similarity from its value, clamped to [−1, 1].
    pub fn new(cosine: f32) -> Self {
        Self(cosine.clamp(-1.0, 1.0))
    }

    /// The cosine.
    pub fn value(self) -> f32 {
        self.0
    }
}

impl fmt::Display for Similarity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

/// The false match rates of a model's similarities, measured on impostor pairs.
///
/// Points are in order of falling rate and rising similarity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What was compared, e.g. "LFW, all impostor pairs of 5,749 people".
    pub source: String,
    /// Impostor comparisons behind the table.
    pub comparisons: u64,
    /// Thresholds by falling false match rate.
    pub points: Vec<CalibrationPoint>,
}

/// One row of a [`Calibration`]: at this similarity, this share of impostors is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationPoint {
    /// False match rate: the share of impostor comparisons at or above `similarity`.
    pub fmr: f64,
    /// The smallest similarity that keeps to that rate.
    pub similarity: f32,
}

/// How close `probe` and `reference` are.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if two models made them.
pub fn similarity(probe: &Embedding, reference: &Embedding) -> Result<Similarity, CompareError> {
    if probe.model() != reference.model() {
        return Err(CompareError::ModelMismatch {
            probe: probe.model().clone(),
            reference: reference.model().clone(),
        });
    }
    let cosine = probe
        .values()
        .iter()
        .zip(reference.values())
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum::<f64>();
    Ok(Similarity::new(cosine as f32))
}

/// Why two faces could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The two vectors share no space.
    #[error(
        "cannot compare embeddings of different models: probe `{probe}`, reference `{reference}`"
    )]
    ModelMismatch {
        /// Model of the probe.
        probe: ModelId,
        /// Model of the reference.
        reference: ModelId,
    },
}
