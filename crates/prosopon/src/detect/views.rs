//! Which scaled views of a picture are worth a pass of the network, and what they found together.

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

impl View {
    /// Width and height of the input: multiples of `grid` with the longer side `self.side`.
    pub(super) fn input_size(&self, _image: &Image, grid: u32) -> (u32, u32) {
        let side = self.side.next_multiple_of(grid);
        (side, side)
    }
}

/// Runs `pass` on the views that `options.input` asks for and merges what they find.
///
/// `pass` gives the detections of one view in pixels of the picture, already suppressed.
pub(super) fn detect_in_views(
    _image: &Image,
    options: &DetectorOptions,
    default_side: u32,
    mut pass: impl FnMut(View) -> Result<Vec<Detection>, DetectError>,
) -> Result<Vec<Detection>, DetectError> {
    let side = match options.input {
        InputSize::Auto => default_side,
        InputSize::Fixed(side) => side,
    };
    let found = pass(View { side, border: 0.0 })?;
    Ok(finish(nms::suppress(found, options.nms_iou), options))
}
