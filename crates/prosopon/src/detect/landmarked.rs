//! Landmarks for detectors that give only boxes: a second detector looks for them in each box.

use super::{DetectError, Detection, Detector, DetectorOptions, InputSize, finish};
use crate::geometry::{BoundingBox, Landmarks, Point};
use crate::image::{Image, Region};

/// How much of the box is added on each side, as a share of its sides: detectors want to see a face in
/// its surroundings, and boxes of different detectors differ in how much of the head they take.
const MARGIN: f32 = 0.5;

/// Side of the second detector's input, in pixels. In the enlarged box a face takes about half of it, which
/// is in the middle of what detectors are good at.
const INPUT_PX: u32 = 320;

/// Least confidence of the second detector. That there is a face, the first one has said; this only
/// keeps landmarks of nothing away.
const MIN_CONFIDENCE: f32 = 0.3;

/// Least overlap (intersection over union) of the box and the face that lends it its landmarks.
const MIN_IOU: f32 = 0.3;

/// A detector of boxes, with landmarks from another one.
///
/// Each box is enlarged and searched with the second detector, and gets the landmarks of the face that
/// overlaps it most. **A box in which no such face is found is dropped**, since what follows needs
/// landmarks. Boxes and confidences stay those of the first. Boxes that have landmarks are left as they are.
pub struct Landmarked {
    boxes: Box<dyn Detector>,
    landmarks: Box<dyn Detector>,
}

impl Landmarked {
    /// Boxes from the first detector, landmarks from the second, which must give some.
    pub fn new(boxes: Box<dyn Detector>, landmarks: Box<dyn Detector>) -> Self {
        Self { boxes, landmarks }
    }

    fn landmarks(
        &self,
        image: &Image,
        face: &BoundingBox,
    ) -> Result<Option<Landmarks>, DetectError> {
        let size = (image.width(), image.height());
        let Some(region) = Region::around(face, MARGIN, size) else {
            return Ok(None);
        };
        let part = image.cropped(region)?;
        let options = DetectorOptions {
            min_confidence: MIN_CONFIDENCE,
            input: InputSize::Fixed(INPUT_PX),
            ..DetectorOptions::default()
        };
        let (left, top) = (region.left as f32, region.top as f32);
        let found = self.landmarks.detect(&part, &options)?;
        let candidates = found.iter().filter_map(|detection| {
            let b = &detection.bounding_box;
            let in_image = BoundingBox {
                left: b.left + left,
                top: b.top + top,
                right: b.right + left,
                bottom: b.bottom + top,
            };
            Some((in_image.iou(face), detection.landmarks?))
        });
        let best = candidates.max_by(|(a, _), (b, _)| a.total_cmp(b));
        let landmarks = best.filter(|(iou, _)| *iou >= MIN_IOU);
        Ok(landmarks.map(|(_, landmarks)| moved(&landmarks, left, top)))
    }
}

impl Detector for Landmarked {
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
        let mut kept = Vec::new();
        for mut detection in self.boxes.detect(image, &all)? {
            if detection.landmarks.is_none() {
                detection.landmarks = self.landmarks(image, &detection.bounding_box)?;
            }
            if detection.landmarks.is_some() {
                kept.push(detection);
            }
        }
        Ok(finish(kept, options))
    }
}

fn moved(landmarks: &Landmarks, dx: f32, dy: f32) -> Landmarks {
    let moved = |point: Point| Point::new(point.x + dx, point.y + dy);
    Landmarks {
        left_eye: moved(landmarks.left_eye),
        right_eye: moved(landmarks.right_eye),
        nose: moved(landmarks.nose),
        mouth_left: moved(landmarks.mouth_left),
        mouth_right: moved(landmarks.mouth_right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Boxes where the drawn faces are, some pixels off, and one where there is none.
    struct Boxes;

    impl Detector for Boxes {
        fn detect(
            &self,
            image: &Image,
            options: &DetectorOptions,
        ) -> Result<Vec<Detection>, DetectError> {
            let mut found = testing::detector().detect(image, options)?;
            for detection in &mut found {
                detection.landmarks = None;
                detection.confidence = 0.7;
                detection.bounding_box.left -= 4.0;
                detection.bounding_box.bottom += 3.0;
            }
            found.push(Detection {
                bounding_box: BoundingBox {
                    left: 200.0,
                    top: 200.0,
                    right: 299.0,
                    bottom: 299.0,
                },
                landmarks: None,
                confidence: 0.9,
            });
            Ok(found)
        }
    }

    fn picture() -> Image {
        let mut picture = Image::filled(300, 300, [255; 3]);
        testing::draw_face(&mut picture, (10, 20, 60, 80), [200, 40, 40]);
        testing::draw_face(&mut picture, (80, 20, 60, 80), [40, 40, 200]);
        picture
    }

    #[test]
    fn boxes_get_the_landmarks_of_their_faces() {
        let options = DetectorOptions::default();
        let expected = testing::detector().detect(&picture(), &options).unwrap();
        let landmarked = Landmarked::new(Box::new(Boxes), Box::new(testing::detector()));
        let found = landmarked.detect(&picture(), &options).unwrap();
        assert_eq!(found.len(), 2, "the box without a face is dropped");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.landmarks, expected.landmarks);
            assert_eq!(
                found.confidence, 0.7,
                "confidence and box are the first detector's"
            );
            assert_eq!(found.bounding_box.left, expected.bounding_box.left - 4.0);
        }
    }

    #[test]
    fn the_largest_is_chosen_among_those_that_stay() {
        let options = DetectorOptions {
            largest_only: true,
            ..DetectorOptions::default()
        };
        let landmarked = Landmarked::new(Box::new(Boxes), Box::new(testing::detector()));
        let found = landmarked.detect(&picture(), &options).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].bounding_box.left < 100.0);
    }

    #[test]
    fn landmarks_that_are_there_stay() {
        let detectors = || Box::new(testing::detector());
        let landmarked = Landmarked::new(detectors(), Box::new(Boxes));
        let options = DetectorOptions::default();
        let expected = testing::detector().detect(&picture(), &options).unwrap();
        assert_eq!(landmarked.detect(&picture(), &options).unwrap(), expected);
    }
}
