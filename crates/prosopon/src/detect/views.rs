//! Which scaled views of a picture are worth a pass of the network, and what they found together.
//!
//! A detector finds faces from about 10 to 300 pixels of its input. One view of a picture at 640
//! therefore misses faces that fill the picture, and those of a crowd. [`InputSize::Auto`] looks
//! again where the first view gives a reason to:
//!
//! 1. the whole picture at the detector's own size;
//! 2. a *far* view, small and with a border around the picture, in which close-ups are of moderate
//!    size; it costs a small part of the first, so it is always taken;
//! 3. a *near* view of twice the size, if the picture has the pixels for it and the first two found
//!    small faces, of which there may be more and whose landmarks are coarse, or found nothing.

use super::{DetectError, Detection, DetectorOptions, finish, nms};
use crate::image::Image;

/// At which size the network sees the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputSize {
    /// As many views as the picture's content calls for.
    #[default]
    Auto,
    /// One view whose longer side has this many pixels.
    Fixed(u32),
}

/// One way of showing a picture to the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    /// Longer side of the input in pixels.
    pub(super) side: u32,
    /// Share of the input that stays empty around the picture, in [0, 1).
    pub(super) border: f32,
}

/// The far view's side as a share of the detector's own.
pub(super) const FAR_SIDE: f32 = 0.5;
/// The far view's border.
pub(super) const FAR_BORDER: f32 = 0.5;
/// Faces narrower than this in the input of the first view call for the near view.
const SMALL_FACE_PX: f32 = 20.0;

/// Shorter sides of inputs are multiples of this: engines generate code for each size, so there
/// should be few.
const SHORT_SIDE_STEP: u32 = 128;

impl View {
    /// Width and height of the input for `image`: the longer side is `self.side`, the shorter one
    /// just fits the picture; both are multiples of `grid`.
    pub(super) fn input_size(self, image: &Image, grid: u32) -> (u32, u32) {
        let side = self.side.next_multiple_of(grid);
        let fit = |short: u32, long: u32| {
            let exact = (side as f32 * short as f32 / long as f32).ceil() as u32;
            exact
                .next_multiple_of(SHORT_SIDE_STEP.next_multiple_of(grid))
                .clamp(grid, side)
        };
        let (width, height) = (image.width(), image.height());
        if width >= height {
            (side, fit(height, width))
        } else {
            (fit(width, height), side)
        }
    }
}

/// Runs `pass` on the views that `options.input` asks for and merges what they find.
///
/// `pass` gives the detections of one view in pixels of the picture, already suppressed.
pub(super) fn detect_in_views(
    image: &Image,
    options: &DetectorOptions,
    own_side: u32,
    mut pass: impl FnMut(View) -> Result<Vec<Detection>, DetectError>,
) -> Result<Vec<Detection>, DetectError> {
    let whole = |side| View { side, border: 0.0 };
    let side = match options.input {
        InputSize::Fixed(side) => return Ok(finish(pass(whole(side))?, options)),
        InputSize::Auto => own_side,
    };
    let mut found = pass(whole(side))?;
    found.extend(pass(View {
        side: (side as f32 * FAR_SIDE) as u32,
        border: FAR_BORDER,
    })?);
    let longer = image.width().max(image.height());
    let input_per_image = side as f32 / longer as f32;
    let is_small = |d: &Detection| d.bounding_box.width() * input_per_image < SMALL_FACE_PX;
    if longer > side && (found.is_empty() || found.iter().any(is_small)) {
        found.extend(pass(whole(2 * side))?);
    }
    Ok(finish(nms::suppress(found, options.nms_iou), options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::BoundingBox;

    fn face(width: f32) -> Detection {
        Detection {
            bounding_box: BoundingBox {
                left: 0.0,
                top: 0.0,
                right: width,
                bottom: width,
            },
            landmarks: None,
            confidence: 0.9,
        }
    }

    /// The views of a picture in which the first view finds `found`.
    fn views(width: u32, height: u32, input: InputSize, found: &[Detection]) -> Vec<View> {
        let mut views = Vec::new();
        let options = DetectorOptions {
            input,
            ..DetectorOptions::default()
        };
        detect_in_views(
            &Image::filled(width, height, [0; 3]),
            &options,
            640,
            |view| {
                views.push(view);
                Ok(if views.len() == 1 {
                    found.to_vec()
                } else {
                    Vec::new()
                })
            },
        )
        .unwrap();
        views
    }

    #[test]
    fn a_fixed_size_is_one_view() {
        let fixed = InputSize::Fixed(320);
        let expected = View {
            side: 320,
            border: 0.0,
        };
        assert_eq!(views(1000, 800, fixed, &[]), [expected]);
    }

    #[test]
    fn small_faces_and_none_call_for_the_near_view() {
        let n_views = |width, found: &[Detection]| views(width, 500, InputSize::Auto, found).len();
        assert_eq!(n_views(2000, &[face(200.0)]), 2, "a large face");
        assert_eq!(n_views(2000, &[face(200.0), face(50.0)]), 3, "a small one");
        assert_eq!(n_views(2000, &[]), 3, "none");
        assert_eq!(n_views(600, &[]), 2, "no more pixels to look at");
    }

    #[test]
    fn inputs_follow_the_picture_in_few_sizes() {
        let view = View {
            side: 640,
            border: 0.0,
        };
        let size = |width, height| view.input_size(&Image::filled(width, height, [0; 3]), 32);
        assert_eq!(size(300, 300), (640, 640));
        assert_eq!(size(3000, 2000), (640, 512));
        assert_eq!(size(2000, 3000), (512, 640));
        assert_eq!(size(1600, 900), (640, 384));
        assert_eq!(size(5000, 10), (640, 128));
    }
}
