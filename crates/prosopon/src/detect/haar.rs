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
    /// other. With more than 3, the default of `OpenCV`, half as many faces again are found on the 35
    /// reference pictures (52 for 39, by `tests/haar.rs`), most of them no faces.
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
