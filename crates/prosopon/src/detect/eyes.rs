//! The rule that a face shows its eyes: an eye cascade must find some in it.
//!
//! This is how collections of faces were cleaned before networks: a box in which no two eyes are
//! found is turned away, hidden, or no face.

use super::haar::box_of;
use super::{DetectError, Detection, Detector, DetectorOptions, finish};
use crate::classic::{Cascade, GrayImage, MultiScale};
use crate::geometry::BoundingBox;
use crate::image::{Image, Region};

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
        let size = (image.width(), image.height());
        let Some(region) = Region::around(face, 0.0, size) else {
            return Vec::new();
        };
        let (left, top) = (region.left, region.top);
        let Some(part) = image.cropped(left, top, region.width, region.height) else {
            return Vec::new();
        };
        let hits = self.eyes.detect_multi_scale(&part, &MultiScale::default());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::haar::testing::SPOT;
    use crate::testing;

    /// A drawn face with `n` bright "eyes", which the cascade for tests finds.
    fn face(image: &mut Image, (left, top): (u32, u32), n: u32) {
        testing::draw_face(image, (left, top, 80, 80), [9; 3]);
        let width = image.width();
        for i in 0..n {
            for y in 0..4 {
                let start = ((top + 30 + y) * width + left + 15 + i * 36) * 3;
                let row = start as usize..start as usize + 12;
                image.pixels_mut()[row].fill(240);
            }
        }
    }

    fn rule(at_least: usize) -> EyeRule {
        EyeRule {
            eyes: Cascade::from_xml(SPOT).unwrap(),
            at_least,
        }
    }

    fn picture() -> Image {
        let mut image = Image::filled(300, 120, [9; 3]);
        face(&mut image, (10, 20), 2);
        face(&mut image, (110, 20), 1);
        face(&mut image, (210, 20), 0);
        image
    }

    #[test]
    fn faces_with_too_few_eyes_are_left_out() {
        let image = picture();
        let gray = GrayImage::with_opencv_luma(&image);
        let options = DetectorOptions::default();
        let faces = testing::detector().detect(&image, &options).unwrap();
        let eyes = |i: usize| rule(1).eyes(&gray, &faces[i].bounding_box);
        let inside = |i: usize| {
            let face = faces[i].bounding_box;
            let mut eyes = eyes(i).into_iter();
            eyes.all(|eye| eye.left >= face.left && eye.right <= face.right && eye.top >= face.top)
        };
        assert!(inside(0) && inside(1));
        let counts = [0, 1, 2].map(|i| rule(1).count(&gray, &faces[i].bounding_box));
        assert!(counts[0] > counts[1] && counts[1] > counts[2], "{counts:?}");

        let kept = rule(counts[0]).keep(&gray, faces.clone());
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].0, kept[0].1.len()), (faces[0], counts[0]));
        let detector = WithEyes::new(Box::new(testing::detector()), rule(counts[1]));
        assert_eq!(detector.detect(&image, &options).unwrap(), faces[..2]);
    }

    #[test]
    fn a_box_outside_of_the_picture_has_no_eyes() {
        let gray = GrayImage::with_opencv_luma(&picture());
        for (left, right) in [
            (400.0, 500.0),
            (-90.0, -10.0),
            (50.0, 50.0),
            (f32::NAN, f32::NAN),
        ] {
            let face = BoundingBox {
                left,
                top: 0.0,
                right,
                bottom: 50.0,
            };
            assert_eq!(rule(1).count(&gray, &face), 0);
        }
    }
}
