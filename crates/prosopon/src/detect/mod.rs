//! Finding faces: from a picture to boxes, landmarks and confidences.
//!
//! A [`Detector`] answers for a whole picture. The network families differ only in how one pass
//! over one scaled view is read ([`scrfd`], [`ultraface`]); which views are worth a pass, and how
//! their findings are merged, is the same for all (`views`).

mod central;
pub mod eyes;
pub mod haar;
pub mod landmarked;
mod letterbox;
mod nms;
pub mod scrfd;
pub mod ultraface;
mod views;

use serde::{Deserialize, Serialize};

use crate::classic::CascadeError;
use crate::geometry::{BoundingBox, Landmarks};
use crate::image::{Image, ImageError};
use crate::inference::onnx::{FreeAxes, free_input_shape};
use crate::inference::{InferenceError, Runtime};
use crate::model::{DetectorFamily, DetectorSpec};

pub use central::central;
pub use eyes::{EyeRule, WithEyes};
pub use haar::HaarDetector;
pub use landmarked::Landmarked;
pub use views::InputSize;

/// One face that a detector found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Where, in pixels of the picture; may reach past its border.
    pub bounding_box: BoundingBox,
    /// Five points in pixels of the picture; none from detectors that give only boxes.
    pub landmarks: Option<Landmarks>,
    /// How sure the detector is, in [0, 1].
    pub confidence: f32,
}

/// What counts as a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorOptions {
    /// Least confidence, in [0, 1].
    pub min_confidence: f32,
    /// Two boxes that overlap more than this (intersection over union) are one face.
    pub nms_iou: f32,
    /// Faces narrower than this, in pixels of the picture, are left out.
    pub min_face_px: f32,
    /// Keep only the face with the largest box.
    pub largest_only: bool,
    /// At which size the network sees the picture.
    pub input: InputSize,
}

impl Default for DetectorOptions {
    /// Confidence 0.5 and `IoU` 0.4 are the operating point at which the catalogue's accuracy
    /// figures were measured.
    fn default() -> Self {
        Self {
            min_confidence: 0.5,
            nms_iou: 0.4,
            min_face_px: 0.0,
            largest_only: false,
            input: InputSize::Auto,
        }
    }
}

/// Finds faces; shared by all threads.
pub trait Detector: Send + Sync {
    /// Finds the faces in `image`, most confident first.
    ///
    /// Boxes and landmarks are in pixels of `image`, origin top-left; boxes may reach past the
    /// border. No face is an empty vector, not an error.
    ///
    /// # Errors
    /// [`DetectError::Inference`] if the network fails to run.
    fn detect(
        &self,
        image: &Image,
        options: &DetectorOptions,
    ) -> Result<Vec<Detection>, DetectError>;
}

/// Prepares the detector in `model`, the bytes of an ONNX file described by `spec`.
///
/// # Errors
/// [`DetectError::Inference`] if the runtime cannot load it or its outputs are not those of the
/// family in `spec`.
pub fn load(
    runtime: &Runtime,
    model: &[u8],
    spec: &DetectorSpec,
) -> Result<Box<dyn Detector>, DetectError> {
    Ok(match spec.family {
        DetectorFamily::Scrfd => {
            let network = runtime.load(free_input_shape(model, FreeAxes::BatchAndSize)?)?;
            Box::new(scrfd::Scrfd::new(network, spec.clone())?)
        }
        DetectorFamily::UltraFace => {
            let network = runtime.load(model.to_vec())?;
            Box::new(ultraface::UltraFace::new(network, spec.clone())?)
        }
    })
}

/// Why faces could not be searched for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// The network failed.
    #[error("could not detect faces: {0}")]
    Inference(#[from] InferenceError),
    /// A cascade's file cannot be used.
    #[error("no cascade that can be used: {0}")]
    Cascade(#[from] CascadeError),
    /// The picture could not be shrunk.
    #[error("could not detect faces: {0}")]
    Image(#[from] ImageError),
}

/// Applies what does not depend on the network: smallest size, largest only, order.
fn finish(mut detections: Vec<Detection>, options: &DetectorOptions) -> Vec<Detection> {
    detections.retain(|d| d.bounding_box.width() >= options.min_face_px);
    if options.largest_only {
        let area = |d: &Detection| d.bounding_box.area();
        let largest = detections
            .iter()
            .copied()
            .max_by(|a, b| area(a).total_cmp(&area(b)));
        detections = largest.into_iter().collect();
    }
    detections
}
