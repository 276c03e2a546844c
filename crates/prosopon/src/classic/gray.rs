//! Pictures of one channel.

use crate::image::{Image, fills};

/// A grey picture: 8 bits a pixel, rows top-down, at least one pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct GrayImage {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// Leaves the pixels out, so that pictures never reach a log.
impl std::fmt::Debug for GrayImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GrayImage({} × {})", self.width, self.height)
    }
}

impl GrayImage {
    /// A picture from its pixels, rows top-down without padding; `None` if a side is zero or the
    /// pixels do not fill `width × height`.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        fills(pixels.len(), width, height, 1).then_some(Self {
            width,
            height,
            pixels,
        })
    }

    /// A picture that this module made, whose pixels fill its sides.
    pub(super) fn sized((width, height): (u32, u32), pixels: Vec<u8>) -> Self {
        debug_assert!(fills(pixels.len(), width, height, 1));
        Self {
            width,
            height,
            pixels,
        }
    }

    /// Other pixels in the same sides.
    pub(super) fn with_pixels(&self, pixels: Vec<u8>) -> Self {
        Self::sized((self.width, self.height), pixels)
    }

    /// Each pixel by itself.
    pub(super) fn mapped(&self, level: impl Fn(u8) -> u8) -> Self {
        self.with_pixels(self.pixels.iter().map(|v| level(*v)).collect())
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All pixels, the top-left one first, then along the row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The part of the picture with its corner at (`left`, `top`); `None` if it is empty or reaches past
    /// the picture.
    pub fn cropped(&self, left: u32, top: u32, width: u32, height: u32) -> Option<Self> {
        let fits =
            |start: u32, len: u32, side: u32| start.checked_add(len).is_some_and(|end| end <= side);
        if !fits(left, width, self.width) || !fits(top, height, self.height) {
            return None;
        }
        let rows = self.pixels.chunks_exact(self.width as usize);
        let rows = rows.skip(top as usize).take(height as usize);
        let part = left as usize..(left + width) as usize;
        Self::new(
            width,
            height,
            rows.flat_map(|row| &row[part.clone()]).copied().collect(),
        )
    }

    /// Luma of ITU-R BT.601, rounded as `OpenCV` 4's `COLOR_RGB2GRAY` does: weights in 32,768ths. It differs
    /// from Pillow's, which `GrayImage::from` takes, by one level in a few pixels.
    pub fn with_opencv_luma(image: &Image) -> Self {
        let (pixels, _) = image.pixels().as_chunks::<3>();
        let luma = |[r, g, b]: &[u8; 3]| {
            let sum = 9_798 * u32::from(*r) + 19_235 * u32::from(*g) + 3_735 * u32::from(*b);
            ((sum + 0x4000) >> 15) as u8
        };
        let pixels = pixels.iter().map(luma).collect();
        Self::sized((image.width(), image.height()), pixels)
    }

    /// The same in RGB.
    pub fn to_rgb(&self) -> Image {
        let pixels = self.pixels.iter().flat_map(|v| [*v; 3]).collect();
        Image::from_rgb(self.width, self.height, pixels)
            .unwrap_or_else(|_| Image::filled(self.width, self.height, [0; 3]))
    }
}

/// Luma of ITU-R BT.601, rounded as Pillow's `convert("L")` does: weights in 65,536ths.
impl From<&Image> for GrayImage {
    fn from(image: &Image) -> Self {
        let (pixels, _) = image.pixels().as_chunks::<3>();
        let luma = |[r, g, b]: &[u8; 3]| {
            let sum = 19_595 * u32::from(*r) + 38_470 * u32::from(*g) + 7_471 * u32::from(*b);
            ((sum + 0x8000) >> 16) as u8
        };
        Self {
            width: image.width(),
            height: image.height(),
            pixels: pixels.iter().map(luma).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_is_what_pillow_makes_of_colours() {
        // Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0)), Pillow 13.0.
        for (colour, expected) in [
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([1, 2, 3], 2),
            ([255, 255, 255], 255),
            ([12, 200, 99], 132),
        ] {
            let gray = GrayImage::from(&Image::filled(2, 1, colour));
            assert_eq!(gray.pixels(), [expected; 2], "{colour:?}");
        }
    }

    #[test]
    fn pixels_must_fill_the_sides() {
        assert!(GrayImage::new(2, 2, vec![0; 3]).is_none());
        assert!(GrayImage::new(0, 2, Vec::new()).is_none());
        let gray = GrayImage::new(2, 1, vec![7, 9]).unwrap();
        assert_eq!(gray.to_rgb().pixels(), [7, 7, 7, 9, 9, 9]);
    }
}
