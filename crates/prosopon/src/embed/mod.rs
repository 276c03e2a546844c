//! Embeddings: unit vectors that lie close together for one person and far apart for two.

mod network;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::align::AlignedCrop;
use crate::geometry::Point;
use crate::image::Image;
use crate::inference::InferenceError;

pub use network::NetworkEmbedder;

/// Turns aligned crops into embeddings; shared by all threads.
pub trait Embedder: Send + Sync {
    /// Id that its embeddings carry.
    fn model(&self) -> &ModelId;

    /// Side, in pixels, of the square crops it takes.
    fn crop_size(&self) -> u32;

    /// Where the five landmarks lie in a crop, in pixels.
    fn reference_points(&self) -> [Point; 5];

    /// Embeds a batch; output `i` belongs to crop `i`.
    ///
    /// # Errors
    /// [`EmbedError::CropSize`] if a crop has another size, [`EmbedError::Inference`] if the
    /// network fails, [`EmbedError::Embedding`] if it gives a vector without direction.
    fn embed(&self, crops: &[AlignedCrop]) -> Result<Vec<Embedding>, EmbedError>;
}

/// Embeds each crop and its mirror image and gives the direction between the two.
///
/// Costs twice the time of [`Embedder::embed`].
///
/// # Errors
/// As [`Embedder::embed`].
pub fn embed_with_flip(
    embedder: &dyn Embedder,
    crops: &[AlignedCrop],
) -> Result<Vec<Embedding>, EmbedError> {
    let both: Vec<AlignedCrop> = crops
        .iter()
        .flat_map(|crop| {
            let mirrored = AlignedCrop {
                image: mirrored(&crop.image),
                crop_from_image: crop.crop_from_image,
            };
            [crop.clone(), mirrored]
        })
        .collect();
    let embeddings = embedder.embed(&both)?;
    let (pairs, _) = embeddings.as_chunks::<2>();
    pairs
        .iter()
        .map(|[a, b]| {
            let sum = a.values.iter().zip(&b.values).map(|(x, y)| x + y).collect();
            Ok(Embedding::from_values(a.model.clone(), sum)?)
        })
        .collect()
}

fn mirrored(image: &Image) -> Image {
    let mut image = image.clone();
    let row_bytes = image.width() as usize * 3;
    for row in image.pixels_mut().chunks_exact_mut(row_bytes) {
        row.as_chunks_mut::<3>().0.reverse();
    }
    image
}

/// Why a face could not be embedded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The crop was made for another network.
    #[error("expected crops of {expected} × {expected} pixels, found {width} × {height}")]
    CropSize {
        /// Side that the network takes.
        expected: u32,
        /// Width of the crop.
        width: u32,
        /// Height of the crop.
        height: u32,
    },
    /// The network failed.
    #[error("could not embed faces: {0}")]
    Inference(#[from] InferenceError),
    /// The network gave a vector without direction.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
}

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
