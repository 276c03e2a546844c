//! Face recognition: find faces, align them, turn them into embeddings, compare them.

pub mod align;
pub mod annotate;
pub mod attributes;
pub mod classic;
pub mod cluster;
pub mod compare;
pub mod consistency;
pub mod dedupe;
pub mod detect;
pub mod embed;
pub mod engine;
pub mod evaluate;
pub mod explore;
mod font;
pub mod geometry;
pub mod image;
pub mod inference;
pub mod matrix;
pub mod model;
pub mod plot;
pub mod prepare;
pub mod quality;
pub mod report;
pub mod signature;
pub mod split;
pub mod testing;

pub use align::{AlignError, AlignedCrop, align};
pub use annotate::{Annotation, annotate};
pub use attributes::{AttributeError, AttributeKind, AttributeNetworks, Attributes};
pub use compare::{
    ActiveCalibration, Basis, Calibration, CalibrationOrigin, CalibrationPoint, CompareError,
    DEFAULT_FMR, Decision, DecisionRequest, DecisionRule, Rates, Similarity, StoredCalibration,
    Threshold, Verification, similarity, verify,
};
pub use detect::{DetectError, Detection, Detector, DetectorOptions, InputSize};
pub use embed::{EmbedError, Embedder, Embedding, EmbeddingError, ModelId, NetworkEmbedder};
pub use engine::{EngineError, EngineOptions, Face, FaceEngine};
pub use geometry::{BoundingBox, Landmarks, Point, SimilarityTransform};
pub use image::{DecodeLimits, Image, ImageError};
pub use quality::{Quality, QualityParts};
