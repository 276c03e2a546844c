//! From a photograph and a face on it to the picture that a classifier is trained on.
//!
//! The steps are those that texts about face recognition recommend: crop or align, take away noise,
//! resize, even out the contrast, drop the colours. Each can be left out. They are done in this order,
//! so that noise is not amplified by the contrast and not smeared by the resizing.

use serde::{Deserialize, Serialize};

use crate::align::{AlignError, align};
use crate::classic::{BlurError, Clahe, GrayImage, equalized, median_blurred};
use crate::detect::Detection;
use crate::geometry::{BoundingBox, Point};
use crate::image::{Image, ImageError, Region, ResizeFilter};
use crate::model::ARCFACE_POINTS;

/// Side of an aligned face, in pixels, if no size is asked for: that of `ArcFace`'s template.
pub const ALIGNED_SIDE: u32 = 112;

/// Side of the template that [`ARCFACE_POINTS`] are given in.
const TEMPLATE_SIDE: f32 = 112.0;

/// Pixels around one whose median takes its place: the smallest window that there is.
const MEDIAN_SIDE: u32 = 3;

/// Which part of a photograph is taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crop {
    /// The detector's box, with this share of its sides added on each side, as far as the picture
    /// reaches; 0 for the box itself.
    Box {
        /// Share of the box's width and height.
        margin: f32,
    },
    /// A square in which the eyes, the nose and the corners of the mouth lie where `ArcFace` has them.
    Aligned,
}

/// How levels are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contrast {
    /// As they are.
    #[default]
    Keep,
    /// Histogram equalisation ([`equalized`]).
    Equalize,
    /// Adaptive, with limited contrast ([`Clahe`]).
    Clahe,
}

/// What is done to a face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrepareOptions {
    /// Which part of the picture.
    pub crop: Crop,
    /// Width and height in pixels; none leaves a box as it is and makes aligned faces of
    /// [`ALIGNED_SIDE`].
    pub size: Option<(u32, u32)>,
    /// Takes away speckles, by the median of 3 × 3 pixels.
    pub denoise: bool,
    /// How levels are spread.
    pub contrast: Contrast,
    /// Whether colours are dropped.
    pub gray: bool,
}

impl Default for PrepareOptions {
    /// The box, and nothing else.
    fn default() -> Self {
        Self {
            crop: Crop::Box { margin: 0.0 },
            size: None,
            denoise: false,
            contrast: Contrast::Keep,
            gray: false,
        }
    }
}

/// The face at `detection`, cropped and changed as `options` say. A grey picture has three equal
/// channels.
///
/// # Errors
/// [`PrepareError::NoLandmarks`] if it is to be aligned and has only a box, [`PrepareError::Outside`]
/// if its box does not touch the picture, [`PrepareError::Align`] if its landmarks span no area,
/// [`PrepareError::Size`] if a side of zero is asked for.
pub fn prepare(
    image: &Image,
    detection: &Detection,
    options: &PrepareOptions,
) -> Result<Image, PrepareError> {
    if let Some((width, height)) = options.size
        && (width == 0 || height == 0)
    {
        return Err(PrepareError::Size { width, height });
    }
    let mut face = match options.crop {
        Crop::Box { margin } => {
            crop_with_margin(image, &detection.bounding_box, margin).ok_or(PrepareError::Outside)?
        }
        Crop::Aligned => aligned(image, detection, options.size)?,
    };
    if options.gray {
        face = GrayImage::from(&face).to_rgb();
    }
    if options.denoise {
        face = denoised(&face)?;
    }
    if let Some((width, height)) = options.size
        && (face.width(), face.height()) != (width, height)
    {
        face = face.resized(width, height, ResizeFilter::Area)?;
    }
    Ok(match options.contrast {
        Contrast::Keep => face,
        Contrast::Equalize => on_luma(&face, equalized),
        Contrast::Clahe => on_luma(&face, |luma| Clahe::default().apply(luma)),
    })
}

/// Why a face could not be prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The detector gave only a box.
    #[error("the face has no landmarks, without which it cannot be aligned")]
    NoLandmarks,
    /// The box lies outside of the picture.
    #[error("the face's box does not touch the picture")]
    Outside,
    /// The landmarks do not say how the face lies.
    #[error(transparent)]
    Align(#[from] AlignError),
    /// A side of zero was asked for.
    #[error("expected a size of at least one pixel, found {width} × {height}")]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Speckles could not be taken away.
    #[error(transparent)]
    Blur(#[from] BlurError),
    /// The picture could not be resized.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// What `bounding_box` shows, with a margin as [`Region::around`] has it; none if that is nothing.
pub fn crop_with_margin(image: &Image, bounding_box: &BoundingBox, margin: f32) -> Option<Image> {
    let region = Region::around(bounding_box, margin, (image.width(), image.height()))?;
    image.cropped(region).ok()
}

/// The face upright, in a square as large as the longer side that is wanted.
fn aligned(
    image: &Image,
    detection: &Detection,
    size: Option<(u32, u32)>,
) -> Result<Image, PrepareError> {
    let landmarks = detection.landmarks.ok_or(PrepareError::NoLandmarks)?;
    let side = size.map_or(ALIGNED_SIDE, |(width, height)| width.max(height));
    let scale = side as f32 / TEMPLATE_SIDE;
    let points = ARCFACE_POINTS.map(|p| Point::new(p.x * scale, p.y * scale));
    Ok(align(image, &landmarks, &points, side)?.image)
}

/// The picture without speckles, each channel by itself.
fn denoised(image: &Image) -> Result<Image, BlurError> {
    let mut changed = image.clone();
    for c in 0..3 {
        let values = image.pixels().iter().skip(c).step_by(3).copied().collect();
        let Some(channel) = GrayImage::new(image.width(), image.height(), values) else {
            continue;
        };
        let smooth = median_blurred(&channel, MEDIAN_SIDE)?;
        let targets = changed.pixels_mut().iter_mut().skip(c).step_by(3);
        for (target, value) in targets.zip(smooth.pixels()) {
            *target = *value;
        }
    }
    Ok(changed)
}

/// The picture with its brightness changed and its colours kept: every channel is moved by as much as
/// the luma of the pixel, so that grey pictures become what `change` makes of them.
fn on_luma(image: &Image, change: impl Fn(&GrayImage) -> GrayImage) -> Image {
    let luma = GrayImage::from(image);
    let wanted = change(&luma);
    let mut changed = image.clone();
    let pixels = changed.pixels_mut().as_chunks_mut::<3>().0.iter_mut();
    for (pixel, (old, new)) in pixels.zip(luma.pixels().iter().zip(wanted.pixels())) {
        let shift = i16::from(*new) - i16::from(*old);
        for value in pixel {
            *value = (i16::from(*value) + shift).clamp(0, 255) as u8;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Detector, DetectorOptions};
    use crate::testing;

    const SKIN: [u8; 3] = [180, 120, 90];

    fn face() -> (Image, Detection) {
        let mut picture = Image::filled(200, 160, [255; 3]);
        testing::draw_face(&mut picture, (50, 40, 80, 100), SKIN);
        let found = testing::detector().detect(&picture, &DetectorOptions::default());
        let detection = found.unwrap()[0];
        (picture, detection)
    }

    fn prepared(options: PrepareOptions) -> Image {
        let (picture, detection) = face();
        prepare(&picture, &detection, &options).unwrap()
    }

    #[test]
    fn the_box_is_cut_out_as_it_is() {
        let plain = prepared(PrepareOptions::default());
        assert_eq!((plain.width(), plain.height()), (80, 100));
        let (picture, detection) = face();
        let b = detection.bounding_box;
        let region = Region {
            left: b.left as u32,
            top: b.top as u32,
            width: 80,
            height: 100,
        };
        assert_eq!(plain, picture.cropped(region).unwrap());
    }

    #[test]
    fn margins_end_where_the_picture_does() {
        let wide = prepared(PrepareOptions {
            crop: Crop::Box { margin: 1.0 },
            ..PrepareOptions::default()
        });
        // 80 pixels to the left of 50 there are only 50, below 140 only 20.
        assert_eq!((wide.width(), wide.height()), (200, 160));
    }

    #[test]
    fn aligned_faces_have_the_size_that_is_wanted() {
        let aligned = |size| {
            prepared(PrepareOptions {
                crop: Crop::Aligned,
                size,
                ..PrepareOptions::default()
            })
        };
        let side = |image: Image| (image.width(), image.height());
        assert_eq!(side(aligned(None)), (112, 112));
        assert_eq!(side(aligned(Some((64, 64)))), (64, 64));
        assert_eq!(side(aligned(Some((64, 96)))), (64, 96));
        let middle = aligned(Some((64, 64)));
        assert_eq!(middle.pixels()[(32 * 64 + 32) * 3..][..3], SKIN);
    }

    #[test]
    fn what_cannot_be_done_is_an_error() {
        let (picture, detection) = face();
        let boxes_only = Detection {
            landmarks: None,
            ..detection
        };
        let aligned = PrepareOptions {
            crop: Crop::Aligned,
            ..PrepareOptions::default()
        };
        let error = prepare(&picture, &boxes_only, &aligned).unwrap_err();
        assert!(matches!(error, PrepareError::NoLandmarks));
        let outside = Detection {
            bounding_box: BoundingBox {
                left: -50.0,
                top: 0.0,
                right: -10.0,
                bottom: 40.0,
            },
            ..detection
        };
        let plain = PrepareOptions::default();
        let error = prepare(&picture, &outside, &plain).unwrap_err();
        assert!(matches!(error, PrepareError::Outside));
        for crop in [Crop::Aligned, plain.crop] {
            let options = PrepareOptions {
                crop,
                size: Some((0, 0)),
                ..plain
            };
            let error = prepare(&picture, &detection, &options).unwrap_err();
            assert!(matches!(error, PrepareError::Size { .. }), "{error}");
        }
    }

    #[test]
    fn grey_pictures_are_equalised_as_grey_pictures_are() {
        let options = PrepareOptions {
            gray: true,
            contrast: Contrast::Equalize,
            ..PrepareOptions::default()
        };
        let gray = prepared(PrepareOptions {
            contrast: Contrast::Keep,
            ..options
        });
        let expected = equalized(&GrayImage::from(&gray)).to_rgb();
        assert_eq!(prepared(options), expected);
    }

    #[test]
    fn a_speckle_is_taken_away_and_colours_stay() {
        let mut picture = Image::filled(9, 9, [10, 200, 90]);
        picture.pixels_mut()[(4 * 9 + 4) * 3 + 1] = 0;
        let denoised = denoised(&picture).unwrap();
        assert_eq!(denoised, Image::filled(9, 9, [10, 200, 90]));
        let brighter = on_luma(&denoised, |luma| {
            let pixels = luma.pixels().iter().map(|v| v + 20).collect();
            GrayImage::new(9, 9, pixels).unwrap()
        });
        assert_eq!(brighter, Image::filled(9, 9, [30, 220, 110]));
    }
}
