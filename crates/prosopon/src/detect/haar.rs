//! Faces by a Haar cascade (Viola and Jones 2001): boxes without landmarks, and no network.
//!
//! It finds frontal, upright faces. It misses more than networks do, and takes some other things for faces;
//! [`super::eyes`] has a rule that refuses most of those.

use super::{DetectError, Detection, Detector, DetectorOptions, InputSize, finish, nms};
use crate::classic::{Cascade, CascadeError, CascadeHit, GrayImage, MultiScale};
use crate::geometry::BoundingBox;
use crate::image::{Image, ResizeFilter};

/// A cascade as a detector.
///
/// Its confidence is `n / (n + m)` for a hit that was put together from `n` windows where `m` are
/// just not enough ([`MultiScale::min_neighbors`]): above 0.5 for every hit, nearer to 1 the more windows
/// agree. It orders hits, but is no probability. Boxes are squares if the cascade's window is one.
///
/// Of [`DetectorOptions`], `min_face_px` saves time, as smaller sizes are not searched; `input` at
/// [`InputSize::Auto`] is the picture as it is, and otherwise the longest side that the picture is
/// shrunk to.
pub struct HaarDetector {
    cascade: Cascade,
    search: MultiScale,
}

impl HaarDetector {
    /// What is searched unless something else is asked for: sizes 1.1 apart and more than 5 windows on each
    /// other. With more than 3, the default of `OpenCV`, a third more boxes come on the 35 reference pictures
    /// (52 for 39, by `tests/haar.rs`).
    pub const SEARCH: MultiScale = MultiScale {
        scale_factor: 1.1,
        min_neighbors: 5,
        min_size: None,
        max_size: None,
    };

    /// A detector that searches with [`Self::SEARCH`].
    pub fn new(cascade: Cascade) -> Self {
        Self::with_search(cascade, Self::SEARCH)
    }

    /// A detector that searches in another way.
    pub fn with_search(cascade: Cascade, search: MultiScale) -> Self {
        Self { cascade, search }
    }

    /// A detector from the text of a cascade file.
    ///
    /// # Errors
    /// As [`Cascade::from_xml`].
    pub fn from_xml(text: &str) -> Result<Self, CascadeError> {
        Cascade::from_xml(text).map(Self::new)
    }

    /// The faces in a grey picture, most confident first, as [`Detector::detect`] gives them.
    pub fn detect_gray(&self, image: &GrayImage, options: &DetectorOptions) -> Vec<Detection> {
        let found = self.hits(image, options.min_face_px, options);
        finish(found, options)
    }

    fn hits(&self, image: &GrayImage, min_px: f32, options: &DetectorOptions) -> Vec<Detection> {
        let least = min_px.ceil().max(0.0) as u32;
        let (width, height) = self.search.min_size.unwrap_or((0, 0));
        let search = MultiScale {
            min_size: Some((width.max(least), height)),
            ..self.search
        };
        let hits = self.cascade.detect_multi_scale(image, &search);
        let found = hits.iter().map(|hit| Detection {
            bounding_box: box_of(hit),
            landmarks: None,
            confidence: self.confidence(hit),
        });
        let found = found.filter(|d| d.confidence >= options.min_confidence);
        nms::suppress(found.collect(), options.nms_iou)
    }

    fn confidence(&self, hit: &CascadeHit) -> f32 {
        let (n, too_few) = (hit.neighbors as f32, self.search.min_neighbors as f32);
        n / (n + too_few)
    }
}

impl Detector for HaarDetector {
    fn detect(
        &self,
        image: &Image,
        options: &DetectorOptions,
    ) -> Result<Vec<Detection>, DetectError> {
        let longer = image.width().max(image.height());
        let InputSize::Fixed(side) = options.input else {
            return Ok(self.detect_gray(&GrayImage::with_opencv_luma(image), options));
        };
        if side >= longer || side == 0 {
            return Ok(self.detect_gray(&GrayImage::with_opencv_luma(image), options));
        }
        let share = side as f32 / longer as f32;
        let scaled = |side: u32| ((side as f32 * share).round() as u32).max(1);
        let (width, height) = (scaled(image.width()), scaled(image.height()));
        let small = image.resized(width, height, ResizeFilter::Area)?;
        let (per_x, per_y) = (
            image.width() as f32 / small.width() as f32,
            image.height() as f32 / small.height() as f32,
        );
        let gray = GrayImage::with_opencv_luma(&small);
        let mut found = self.hits(&gray, options.min_face_px / per_x, options);
        for detection in &mut found {
            let b = &mut detection.bounding_box;
            (b.left, b.right) = (b.left * per_x, b.right * per_x);
            (b.top, b.bottom) = (b.top * per_y, b.bottom * per_y);
        }
        Ok(finish(found, options))
    }
}

/// The box of a hit.
pub(super) fn box_of(hit: &CascadeHit) -> BoundingBox {
    BoundingBox {
        left: hit.left as f32,
        top: hit.top as f32,
        right: (hit.left + hit.width) as f32,
        bottom: (hit.top + hit.height) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::haar::testing::SPOT;

    /// A picture with bright squares, which the cascade for tests finds as "faces" three times as wide.
    fn picture(spots: &[(u32, u32, u32)]) -> Image {
        let mut image = Image::filled(200, 160, [3; 3]);
        for (left, top, side) in spots {
            for y in *top..top + side {
                for x in *left..left + side {
                    let start = ((y * 200 + x) * 3) as usize;
                    image.pixels_mut()[start..start + 3].fill(230);
                }
            }
        }
        image
    }

    fn detector() -> HaarDetector {
        let search = MultiScale {
            min_neighbors: 1,
            ..MultiScale::default()
        };
        HaarDetector::with_search(Cascade::from_xml(SPOT).unwrap(), search)
    }

    const SPOTS: [(u32, u32, u32); 2] = [(30, 40, 8), (110, 60, 24)];

    fn detect(options: &DetectorOptions) -> Vec<Detection> {
        detector().detect(&picture(&SPOTS), options).unwrap()
    }

    #[test]
    fn faces_are_boxes_with_a_confidence_above_one_half() {
        let found = detect(&DetectorOptions::default());
        assert!(found.len() >= 2, "{found:?}");
        for (left, top, side) in SPOTS {
            let middle = (left + side / 2, top + side / 2);
            let is_there = found.iter().any(|d| {
                let center = d.bounding_box.center();
                (center.x - middle.0 as f32).abs() <= 3.0
                    && (center.y - middle.1 as f32).abs() <= 3.0
            });
            assert!(is_there, "{middle:?}: {found:?}");
        }
        assert!(
            found
                .iter()
                .all(|d| d.confidence > 0.5 && d.confidence < 1.0)
        );
        assert!(found.is_sorted_by(|a, b| a.confidence >= b.confidence));
        assert!(found.iter().all(|d| d.landmarks.is_none()));
    }

    #[test]
    fn options_are_kept_to() {
        let wide = |d: &Detection| d.bounding_box.width() >= 50.0;
        let large = detect(&DetectorOptions {
            min_face_px: 50.0,
            ..DetectorOptions::default()
        });
        assert!(!large.is_empty() && large.iter().all(wide), "{large:?}");
        let largest = detect(&DetectorOptions {
            largest_only: true,
            ..DetectorOptions::default()
        });
        let area = |d: &Detection| d.bounding_box.area();
        let all = detect(&DetectorOptions::default());
        assert!(largest.len() == 1 && all.iter().all(|d| area(d) <= area(&largest[0])));
        let sure = detect(&DetectorOptions {
            min_confidence: 0.9999,
            ..DetectorOptions::default()
        });
        assert!(sure.is_empty());
    }

    #[test]
    fn a_smaller_input_gives_boxes_in_the_picture() {
        let small = detect(&DetectorOptions {
            input: InputSize::Fixed(100),
            largest_only: true,
            ..DetectorOptions::default()
        });
        let center = small[0].bounding_box.center();
        assert!(
            (center.x - 122.0).abs() < 6.0 && (center.y - 72.0).abs() < 6.0,
            "{small:?}"
        );
    }
}
