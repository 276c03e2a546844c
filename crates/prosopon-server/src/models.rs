//! The networks that the server works with, and what it can say about them.

use std::sync::{Arc, OnceLock};

use prosopon::Detector;
use prosopon::classic::Cascade;
use prosopon::detect::EyeRule;
use prosopon::{
    ActiveCalibration, AttributeKind, AttributeNetworks, CompareError, DecisionRequest,
    DecisionRule, FaceEngine, Image, ModelId, Rates,
};
use prosopon_gallery::{Gallery, GalleryError};
use prosopon_train::input::FaceSearch;
use prosopon_video::EvidenceOptions;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

/// An engine that is ready, and what is known about its models.
pub struct LoadedModels {
    /// Finds, aligns and embeds; one stream a thread. Cameras share it with requests.
    pub engine: Arc<FaceEngine>,
    /// The detector.
    pub detector: ModelCard,
    /// The embedder.
    pub embedder: ModelCard,
    /// The embedder's id as embeddings carry it.
    pub model: ModelId,
    /// From false match rates to thresholds, for galleries without a table of their own; none if nobody
    /// has measured them.
    pub calibration: Option<ActiveCalibration>,
    /// Engine, version and arithmetic.
    pub backend: String,
    /// Pictures that are worked on at a time.
    pub threads: usize,
    /// For the classic views.
    pub cascades: Cascades,
    /// Opens detectors that classifiers were trained with, where they are not the server's own.
    pub open_detector: OpenDetector,
    /// For attributes of faces and challenges, when they are first asked for.
    pub attributes: Attributes,
}

/// Networks for attributes of faces, opened when they are first needed.
pub struct Attributes {
    open: OpenAttributes,
    challenge: OnceLock<AttributeNetworks>,
}

/// Opens the networks of these kinds.
pub type OpenAttributes =
    Box<dyn Fn(&[AttributeKind]) -> Result<AttributeNetworks, ToolMissing> + Send + Sync>;

impl Attributes {
    /// Those that `open` opens.
    pub fn new(open: OpenAttributes) -> Self {
        Self {
            open,
            challenge: OnceLock::new(),
        }
    }
}

/// Opens the detector that a classifier was trained with; with landmarks, if the switch says so.
pub type OpenDetector =
    Box<dyn Fn(&FaceSearch, bool) -> Result<Box<dyn Detector>, ToolMissing> + Send + Sync>;

/// Something that a classifier needs and the server has not.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ToolMissing {
    /// What is missing.
    pub message: String,
    /// How to get it.
    pub hint: Option<String>,
}

impl From<ToolMissing> for ApiError {
    fn from(missing: ToolMissing) -> Self {
        let error = Self::new("tool_missing", &missing);
        match missing.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// Haar cascades; those that are not installed are none.
#[derive(Debug, Default)]
pub struct Cascades {
    /// Faces from the front: `haarcascade_frontalface_default`.
    pub face: Option<Cascade>,
    /// Eyes: `haarcascade_eye`.
    pub eye: Option<Cascade>,
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

    /// When a track has been seen well enough, by what was measured of the embedder.
    pub(crate) fn evidence(&self) -> EvidenceOptions {
        match &self.calibration {
            Some(active) => EvidenceOptions::calibrated(&self.model, &active.calibration),
            None => EvidenceOptions::default(),
        }
    }

    /// The networks for challenges: eyes and pose.
    ///
    /// # Errors
    /// `tool_missing` if they are not installed.
    pub(crate) fn challenge_networks(&self) -> ApiResult<&AttributeNetworks> {
        if let Some(networks) = self.attributes.challenge.get() {
            return Ok(networks);
        }
        let networks = (self.attributes.open)(&[AttributeKind::Eyes, AttributeKind::Pose])?;
        Ok(self.attributes.challenge.get_or_init(|| networks))
    }

    /// The networks for these attributes.
    ///
    /// # Errors
    /// `tool_missing` if one is not installed.
    pub(crate) fn attribute_networks(
        &self,
        kinds: &[AttributeKind],
    ) -> ApiResult<AttributeNetworks> {
        Ok((self.attributes.open)(kinds)?)
    }

    /// Whether faces that are searched so are those that the server's own detector finds.
    pub(crate) fn is_own_detector(&self, search: &FaceSearch) -> bool {
        search.model == self.detector.id
            && search.scale_factor.is_none()
            && search.min_neighbors.is_none()
    }

    /// The rule that a face has at least so many eyes.
    ///
    /// # Errors
    /// `tool_missing` without the cascade.
    pub(crate) fn eye_rule(&self, at_least: usize) -> ApiResult<EyeRule> {
        let eyes = self.cascades.eye.clone().ok_or_else(|| {
            let message = "the Haar cascade for eyes is not installed on the server";
            ApiError::new("tool_missing", message)
                .with_hint("run `prosopon models pull haar` there, then start the server again")
        })?;
        Ok(EyeRule { eyes, at_least })
    }

    /// What decisions in `gallery` rest on.
    ///
    /// # Errors
    /// Those of reading the gallery.
    pub(crate) fn judge(&self, gallery: &Gallery) -> Result<Judge, GalleryError> {
        let own = gallery.active_calibration(&self.model)?;
        Ok(Judge {
            model: self.model.clone(),
            of_gallery: own.as_ref().map(|own| own.rates).unwrap_or_default(),
            of_model: self
                .calibration
                .as_ref()
                .map(|own| own.rates)
                .unwrap_or_default(),
            calibration: own.or_else(|| self.calibration.clone()),
        })
    }
}

/// Turns similarities into decisions, as a gallery does.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    model: ModelId,
    /// The gallery's own, else the model's; none if nobody has measured any.
    pub(crate) calibration: Option<ActiveCalibration>,
    /// Rates that were stored for the gallery, and for the model.
    of_gallery: Rates,
    of_model: Rates,
}

impl Judge {
    /// The rule for what was asked: what a request leaves open is the gallery's choice, then the
    /// server's (`settings`), then the model's.
    ///
    /// # Errors
    /// As [`DecisionRule::resolve`].
    pub(crate) fn rule(
        &self,
        asked: DecisionRequest,
        settings: Rates,
    ) -> Result<DecisionRule, CompareError> {
        let rates = self.of_gallery.or(settings).or(self.of_model);
        DecisionRule::resolve(&self.model, self.calibration.as_ref(), asked, rates)
    }
}

/// Shared, as handlers have it.
pub(crate) type Models = Arc<LoadedModels>;
