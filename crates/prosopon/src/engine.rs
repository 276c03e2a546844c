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
///
/// # Examples
/// ```
/// use prosopon::{EngineOptions, FaceEngine, Image, testing};
///
/// // Real networks come from `detect::load` and `NetworkEmbedder::load`.
/// let engine = FaceEngine::new(
///     Box::new(testing::detector()),
///     Box::new(testing::embedder()),
///     EngineOptions::default(),
/// );
/// let mut picture = Image::filled(200, 200, [255; 3]);
/// testing::draw_face(&mut picture, (50, 40, 80, 100), [180, 120, 90]);
///
/// let faces = engine.analyze(&picture)?;
/// assert_eq!(faces.len(), 1);
/// assert_eq!(faces[0].detection.bounding_box.left, 50.0);
/// # Ok::<(), prosopon::EngineError>(())
/// ```
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

    /// The detector.
    pub fn detector(&self) -> &dyn Detector {
        &*self.detector
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

    /// [`FaceEngine::detect`] with other options than its own.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn detect_with(
        &self,
        image: &Image,
        options: &DetectorOptions,
    ) -> Result<Vec<Detection>, DetectError> {
        self.detector.detect(image, options)
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
        self.embed_faces(image, self.detect(image)?)
    }

    /// Aligns and embeds the faces at `detections`, in their order.
    ///
    /// # Errors
    /// Those of the stages.
    pub fn embed_faces(
        &self,
        image: &Image,
        detections: Vec<Detection>,
    ) -> Result<Vec<Face>, EngineError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::similarity;
    use crate::testing;

    const RED: [u8; 3] = [200, 40, 40];
    const BLUE: [u8; 3] = [40, 40, 200];

    fn engine(options: EngineOptions) -> FaceEngine {
        let detector = Box::new(testing::detector());
        FaceEngine::new(detector, Box::new(testing::embedder()), options)
    }

    /// A small red face and below it a large blue one.
    fn two_faces() -> Image {
        let mut picture = Image::filled(300, 300, [255; 3]);
        testing::draw_face(&mut picture, (10, 10, 40, 50), RED);
        testing::draw_face(&mut picture, (100, 90, 120, 150), BLUE);
        picture
    }

    #[test]
    fn every_face_keeps_its_own_crop_and_embedding() {
        let engine = engine(EngineOptions::default());
        let faces = engine.analyze(&two_faces()).unwrap();
        let boxes: Vec<_> = faces
            .iter()
            .map(|f| {
                (
                    f.detection.bounding_box.left,
                    f.detection.bounding_box.right,
                )
            })
            .collect();
        assert_eq!(boxes, [(10.0, 50.0), (100.0, 220.0)]);
        assert!(faces[0].detection.confidence > faces[1].detection.confidence);
        for (face, skin) in faces.iter().zip([RED, BLUE]) {
            let middle = (56 * 112 + 56) * 3;
            assert_eq!(face.crop.image.pixels()[middle..middle + 3], skin);
            let alone = engine.embed(std::slice::from_ref(&face.crop)).unwrap();
            assert_eq!(alone, std::slice::from_ref(&face.embedding));
        }
    }

    #[test]
    fn the_same_face_elsewhere_and_larger_is_the_same() {
        let engine = engine(EngineOptions::default());
        let mut other = Image::filled(400, 300, [0; 3]);
        testing::draw_face(&mut other, (200, 20, 160, 200), RED);
        let [probe] = &engine.analyze(&other).unwrap()[..] else {
            panic!("expected one face");
        };
        let faces = engine.analyze(&two_faces()).unwrap();
        let similarities: Vec<f32> = faces
            .iter()
            .map(|f| similarity(&probe.embedding, &f.embedding).unwrap().value())
            .collect();
        assert!(similarities[0] > 0.999, "{similarities:?}");
        assert!(similarities[1] < 0.5, "{similarities:?}");
    }

    #[test]
    fn a_picture_without_faces_is_no_error() {
        let engine = engine(EngineOptions::default());
        let faces = engine.analyze(&Image::filled(50, 50, [9; 3])).unwrap();
        assert!(faces.is_empty());
    }

    #[test]
    fn options_reach_the_detector() {
        let largest = engine(EngineOptions {
            detector: DetectorOptions {
                largest_only: true,
                ..DetectorOptions::default()
            },
            ..EngineOptions::default()
        });
        let faces = largest.analyze(&two_faces()).unwrap();
        assert_eq!(faces.len(), 1);
        assert_eq!(faces[0].detection.bounding_box.left, 100.0);
        let sure = engine(EngineOptions {
            detector: DetectorOptions {
                min_confidence: 0.985,
                ..DetectorOptions::default()
            },
            ..EngineOptions::default()
        });
        assert_eq!(sure.detect(&two_faces()).unwrap().len(), 1);
    }

    #[test]
    fn flip_gives_the_same_for_a_symmetrical_face() {
        let plain = engine(EngineOptions::default());
        let flipped = engine(EngineOptions {
            flip: true,
            ..EngineOptions::default()
        });
        let (a, b) = (
            plain.analyze(&two_faces()).unwrap(),
            flipped.analyze(&two_faces()).unwrap(),
        );
        for (a, b) in a.iter().zip(&b) {
            assert!(similarity(&a.embedding, &b.embedding).unwrap().value() > 0.9999);
        }
    }

    #[test]
    fn a_face_without_landmarks_cannot_be_aligned() {
        struct BoxesOnly;
        impl Detector for BoxesOnly {
            fn detect(
                &self,
                image: &Image,
                options: &DetectorOptions,
            ) -> Result<Vec<Detection>, DetectError> {
                let mut found = testing::detector().detect(image, options)?;
                for detection in &mut found {
                    detection.landmarks = None;
                }
                Ok(found)
            }
        }
        let engine = FaceEngine::new(
            Box::new(BoxesOnly),
            Box::new(testing::embedder()),
            EngineOptions::default(),
        );
        assert_eq!(engine.detect(&two_faces()).unwrap().len(), 2);
        assert!(matches!(
            engine.analyze(&two_faces()),
            Err(EngineError::NoLandmarks)
        ));
    }
}
