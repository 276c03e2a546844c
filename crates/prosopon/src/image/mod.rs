//! Pictures: the one pixel type that every stage shares, and the way from and to files.

mod decode;
mod encode;
mod error;
mod format;
mod limits;
mod orientation;
mod resize;

pub use decode::{read, read_file};
pub use encode::{JPEG_QUALITY, write_whole};
pub use error::ImageError;
pub use format::Format;
pub use limits::DecodeLimits;
pub use resize::{Region, ResizeFilter};

/// A picture in memory: RGB, 8 bits a channel, rows top-down, upright.
///
/// Holds at least one pixel, and exactly `width × height × 3` bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// Whether `len` bytes are exactly `width × height` pixels of `channels` bytes, and at least one.
pub(crate) fn fills(len: usize, width: u32, height: u32, channels: u32) -> bool {
    // The product of three such numbers may not fit into 64 bits.
    let expected = u128::from(width) * u128::from(height) * u128::from(channels);
    expected > 0 && len as u128 == expected
}

/// Leaves the pixels out, so that pictures never reach a log.
impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({} × {})", self.width, self.height)
    }
}

impl Image {
    /// A picture from RGB bytes, rows top-down without padding.
    ///
    /// # Errors
    /// [`ImageError::Shape`] if a side is zero or the bytes do not fill `width × height × 3`.
    pub fn from_rgb(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, ImageError> {
        if !fills(pixels.len(), width, height, 3) {
            return Err(ImageError::Shape {
                width,
                height,
                bytes: pixels.len(),
            });
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    /// A picture of one colour.
    ///
    /// # Panics
    /// If a side is zero; for pictures made by code, not by users.
    pub fn filled(width: u32, height: u32, rgb: [u8; 3]) -> Self {
        assert!(width > 0 && height > 0, "a picture has at least one pixel");
        let pixels = rgb.repeat(width as usize * height as usize);
        Self {
            width,
            height,
            pixels,
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All bytes: R, G, B of the top-left pixel first, then along the row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All bytes, to draw on; the shape cannot change.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// Gives up the bytes.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }
}
