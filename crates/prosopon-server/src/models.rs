//! The networks that the server works with, and what it can say about them.

use std::sync::Arc;

use prosopon::{Calibration, FaceEngine, Image, ModelId, Threshold};
use serde::Serialize;
use utoipa::ToSchema;

/// An engine that is ready, and what is known about its models.
pub struct LoadedModels {
    /// Finds, aligns and embeds; one stream a thread.
    pub engine: FaceEngine,
    /// The detector.
    pub detector: ModelCard,
    /// The embedder.
    pub embedder: ModelCard,
    /// The embedder's id as embeddings carry it.
    pub model: ModelId,
    /// From false match rates to thresholds; none if nobody has measured them.
    pub calibration: Option<Calibration>,
    /// Engine, version and arithmetic.
    pub backend: String,
    /// Pictures that are worked on at a time.
    pub threads: usize,
}

/// A network's name and licence.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModelCard {
    /// Name and the first digits of its SHA-256.
    pub id: String,
    /// What it does.
    pub task: String,
    /// What it may be used for, as far as is known.
    pub permitted_use: String,
    /// What each source says of its licence.
    pub licences: Vec<LicenceCard>,
}

/// What one source says of a licence.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LicenceCard {
    /// Who says it.
    pub source: String,
    /// The licence.
    pub licence: String,
}

impl LoadedModels {
    /// Runs both networks once, so that the first request does not pay for it.
    ///
    /// # Errors
    /// What the networks report.
    pub fn warm_up(&self) -> Result<(), prosopon::EngineError> {
        // The usual shapes of photographs, upright and lying.
        for (width, height) in [(640, 480), (480, 640), (640, 640)] {
            self.engine
                .detect(&Image::filled(width, height, [128; 3]))?;
        }
        let size = self.engine.embedder().crop_size();
        let crop = prosopon::AlignedCrop {
            image: Image::filled(size, size, [128; 3]),
            crop_from_image: prosopon::SimilarityTransform::IDENTITY,
        };
        self.engine.embed(&[crop])?;
        Ok(())
    }

    /// The threshold for a false match rate; none without a calibration.
    pub(crate) fn threshold(&self, fmr: f64) -> Option<Threshold> {
        let calibration = self.calibration.as_ref()?;
        Some(calibration.threshold(self.model.clone(), fmr))
    }

    /// A threshold given as a similarity.
    pub(crate) fn threshold_at(&self, similarity: f32) -> Threshold {
        Threshold::from_similarity(self.model.clone(), similarity, self.calibration.as_ref())
    }
}

/// Shared, as handlers have it.
pub(crate) type Models = Arc<LoadedModels>;
