//! The pipeline: one method for each stage, and one that chains them.

use crate::align::{AlignError, AlignedCrop, align};
use crate::detect::{DetectError, Detection, Detector, DetectorOptions};
use crate::embed::{EmbedError, Embedder, Embedding, embed_with_flip};
use crate::geometry::Landmarks;
use crate::image::Image;

/// How to analyse pictures.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EngineOptions {
    /// What counts as a face.
    pub detector: DetectorOptions,
    /// Embed each face and its mirror image, and take the mean: twice the time of that stage.
    pub flip: bool,
}

/// One face's results in one picture.
#[derive(Debug, Clone)]
pub struct Face {
    /// Where it is.
    pub detection: Detection,
    /// The face upright, as the embedder saw it.
    pub crop: AlignedCrop,
    /// The face as a vector.
    pub embedding: Embedding,
}

/// Finds faces, aligns them and embeds them; shared by all threads.
pub struct FaceEngine {
    detector: Box<dyn Detector>,
    embedder: Box<dyn Embedder>,
    options: EngineOptions,
}

impl FaceEngine {
    /// An engine from its two networks.
    pub fn new(
        detector: Box<dyn Detector>,
        embedder: Box<dyn Embedder>,
        options: EngineOptions,
    ) -> Self {
        Self {
            detector,
            embedder,
            options,
        }
    }

    /// The options it was made with.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The embedding network.
    pub fn embedder(&self) -> &dyn Embedder {
        &*self.embedder
    }

    /// Finds the faces in `image`, most confident first.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect(&self, image: &Image) -> Result<Vec<Detection>, DetectError> {
        self.detector.detect(image, &self.options.detector)
    }

    /// Turns the face at `detection` upright, as the embedder wants it.
    ///
    /// # Errors
    /// [`EngineError::NoLandmarks`] if the detector gave only a box, [`EngineError::Align`] if its
    /// landmarks span no area.
    pub fn align(&self, image: &Image, detection: &Detection) -> Result<AlignedCrop, EngineError> {
        let landmarks = detection.landmarks.ok_or(EngineError::NoLandmarks)?;
        Ok(self.align_landmarks(image, &landmarks)?)
    }

    /// Turns the face at `landmarks` upright, as the embedder wants it.
    ///
    /// # Errors
    /// [`AlignError`] if the landmarks span no area.
    pub fn align_landmarks(
        &self,
        image: &Image,
        landmarks: &Landmarks,
    ) -> Result<AlignedCrop, AlignError> {
        let embedder = &self.embedder;
        align(
            image,
            landmarks,
            &embedder.reference_points(),
            embedder.crop_size(),
        )
    }

    /// Embeds crops, of one picture or of many; output `i` belongs to crop `i`.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub fn embed(&self, crops: &[AlignedCrop]) -> Result<Vec<Embedding>, EmbedError> {
        if self.options.flip {
            embed_with_flip(&*self.embedder, crops)
        } else {
            self.embedder.embed(crops)
        }
    }

    /// Detects, aligns and embeds all faces in `image`, most confident first.
    ///
    /// # Errors
    /// Those of the stages.
    pub fn analyze(&self, image: &Image) -> Result<Vec<Face>, EngineError> {
        let detections = self.detect(image)?;
        let crops = detections
            .iter()
            .map(|detection| self.align(image, detection))
            .collect::<Result<Vec<_>, _>>()?;
        let embeddings = self.embed(&crops)?;
        Ok(detections
            .into_iter()
            .zip(crops)
            .zip(embeddings)
            .map(|((detection, crop), embedding)| Face {
                detection,
                crop,
                embedding,
            })
            .collect())
    }
}

/// Which stage failed, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Detection failed.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// The detector gives boxes only, which is too little to align a face by.
    #[error("the detector gives no landmarks, without which faces cannot be aligned")]
    NoLandmarks,
    /// Alignment failed.
    #[error(transparent)]
    Align(#[from] AlignError),
    /// Embedding failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}
