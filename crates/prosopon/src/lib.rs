//! Face recognition: find faces, align them, turn them into embeddings, compare them.

pub mod annotate;
pub mod compare;
pub mod embed;
pub mod geometry;
pub mod image;
pub mod model;

pub use annotate::{Annotation, annotate};
pub use compare::{Calibration, CalibrationPoint, CompareError, Similarity, similarity};
pub use embed::{Embedding, EmbeddingError, ModelId};
pub use geometry::{BoundingBox, Landmarks, Point, SimilarityTransform};
pub use image::{DecodeLimits, Image, ImageError};
