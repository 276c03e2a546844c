//! `UltraFace` (Ultra-Light-Fast-Generic-Face-Detector): boxes without landmarks from one small,
//! fixed input.

use super::letterbox::Letterbox;
use super::views::{View, detect_in_views};
use super::{DetectError, Detection, Detector, DetectorOptions, nms};
use crate::image::Image;
use crate::inference::{InferenceError, Network};
use crate::model::DetectorSpec;

/// `UltraFace`, the light detector.
pub struct UltraFace {
    network: Box<dyn Network>,
    spec: DetectorSpec,
    scores: usize,
    boxes: usize,
}

impl UltraFace {
    /// A detector from its network.
    ///
    /// # Errors
    /// [`InferenceError::Outputs`] unless the outputs are named `scores` and `boxes`.
    pub fn new(network: Box<dyn Network>, spec: DetectorSpec) -> Result<Self, InferenceError> {
        let position = |name| network.outputs().iter().position(|output| output == name);
        let (Some(scores), Some(boxes)) = (position("scores"), position("boxes")) else {
            return Err(InferenceError::Outputs {
                expected: "outputs `scores` and `boxes` of UltraFace",
                found: network.outputs().join(", "),
            });
        };
        Ok(Self {
            network,
            spec,
            scores,
            boxes,
        })
    }

    fn candidates(
        &self,
        image: &Image,
        view: View,
        min_confidence: f32,
    ) -> Result<Vec<Detection>, DetectError> {
        let (width, height) = (self.spec.width, self.spec.height);
        // The network was trained on stretched pictures.
        let letterbox = if view.border > 0.0 {
            Letterbox::fit(image, width, height, view.border)
        } else {
            Letterbox::stretch(image, width, height)
        };
        let normalization = &self.spec.normalization;
        let outputs = self
            .network
            .run(letterbox.shape(normalization), &mut |values| {
                letterbox.fill(normalization, values);
            })?;
        // Background and face.
        let scores = outputs[self.scores].values.as_chunks::<2>().0;
        // Edges as shares of the input's sides.
        let boxes = outputs[self.boxes].values.as_chunks::<4>().0;
        let (width, height) = (width as f32, height as f32);
        Ok(scores
            .iter()
            .zip(boxes)
            .filter(|([_, face], _)| *face >= min_confidence)
            .map(
                |(&[_, confidence], &[left, top, right, bottom])| Detection {
                    bounding_box: letterbox.box_in_image(
                        left * width,
                        top * height,
                        right * width,
                        bottom * height,
                    ),
                    landmarks: None,
                    confidence,
                },
            )
            .collect())
    }
}

impl Detector for UltraFace {
    fn detect(
        &self,
        image: &Image,
        options: &DetectorOptions,
    ) -> Result<Vec<Detection>, DetectError> {
        let options = DetectorOptions {
            // The input cannot be scaled.
            input: super::InputSize::Fixed(self.spec.width),
            ..*options
        };
        detect_in_views(image, &options, self.spec.width, |view| {
            let candidates = self.candidates(image, view, options.min_confidence)?;
            Ok(nms::suppress(candidates, options.nms_iou))
        })
    }
}
