//! The rule that a face shows its eyes: an eye cascade must find some in it.
//!
//! This is how collections of faces were cleaned before networks: a box in which no two eyes are
//! found is turned away, hidden, or no face.

use super::haar::box_of;
use super::{DetectError, Detection, Detector, DetectorOptions, finish};
use crate::classic::{Cascade, GrayImage, MultiScale};
use crate::geometry::BoundingBox;
use crate::image::Image;

/// Keeps faces in which an eye cascade finds enough eyes.
///
/// Eyes are searched in the grey pixels of the whole box with `OpenCV`'s defaults, sizes 1.1 apart and more
/// than 3 windows on each other, as the usual tutorials do. What is found need not be an eye:
/// mouths and nostrils count too, so that asking for two is asking for some structure of a face.
#[derive(Debug, Clone)]
pub struct EyeRule {
    /// Finds eyes, for instance `OpenCV`'s `haarcascade_eye.xml`.
    pub eyes: Cascade,
    /// How many eyes a face must have.
    pub at_least: usize,
}

impl EyeRule {
    /// How many eyes are found in `face`, a box in pixels of `image`.
    pub fn count(&self, image: &GrayImage, face: &BoundingBox) -> usize {
        self.eyes(image, face).len()
    }

    /// The eyes that are found in `face`, in pixels of `image`; none in a box that lies outside.
    pub fn eyes(&self, image: &GrayImage, face: &BoundingBox) -> Vec<BoundingBox> {
        // Edges of boxes lie between pixels; a box may reach past the border.
        let edge = |value: f32, side: u32| value.round().clamp(0.0, side as f32) as u32;
        let (left, right) = (
            edge(face.left, image.width()),
            edge(face.right, image.width()),
        );
        let (top, bottom) = (
            edge(face.top, image.height()),
            edge(face.bottom, image.height()),
        );
        let sides = (right.saturating_sub(left), bottom.saturating_sub(top));
        let Some(region) = image.cropped(left, top, sides.0, sides.1) else {
            return Vec::new();
        };
        let hits = self
            .eyes
            .detect_multi_scale(&region, &MultiScale::default());
        let in_image = |eye: BoundingBox| BoundingBox {
            left: eye.left + left as f32,
            top: eye.top + top as f32,
            right: eye.right + left as f32,
            bottom: eye.bottom + top as f32,
        };
        hits.iter().map(|hit| in_image(box_of(hit))).collect()
    }

    /// The detections with enough eyes, each with its eyes, in their order.
    pub fn keep(
        &self,
        image: &GrayImage,
        detections: Vec<Detection>,
    ) -> Vec<(Detection, Vec<BoundingBox>)> {
        let with_eyes = detections.into_iter().map(|detection| {
            let eyes = self.eyes(image, &detection.bounding_box);
            (detection, eyes)
        });
        with_eyes
            .filter(|(_, eyes)| eyes.len() >= self.at_least)
            .collect()
    }
}

/// A detector that gives only faces with enough eyes.
pub struct WithEyes {
    faces: Box<dyn Detector>,
    rule: EyeRule,
}

impl WithEyes {
    /// What `faces` finds, as far as `rule` keeps it.
    pub fn new(faces: Box<dyn Detector>, rule: EyeRule) -> Self {
        Self { faces, rule }
    }
}

impl Detector for WithEyes {
    fn detect(
        &self,
        image: &Image,
        options: &DetectorOptions,
    ) -> Result<Vec<Detection>, DetectError> {
        // The largest face is chosen among those that stay.
        let all = DetectorOptions {
            largest_only: false,
            ..*options
        };
        let found = self.faces.detect(image, &all)?;
        if found.is_empty() {
            return Ok(found);
        }
        let gray = GrayImage::with_opencv_luma(image);
        let kept = self.rule.keep(&gray, found).into_iter();
        Ok(finish(kept.map(|(face, _)| face).collect(), options))
    }
}
