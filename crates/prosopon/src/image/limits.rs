//! How much a picture from outside may cost.

use super::ImageError;

/// What a picture may cost before it is refused; checked on its header, before any large
/// allocation.
///
/// The defaults suit photographs of people: every current phone stays below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Size of the encoded file in bytes; 20 MiB by default.
    pub file_bytes: u64,
    /// Width times height; 50 megapixels by default.
    pub pixels: u64,
    /// Memory for decoding in bytes, the finished picture included; 512 MiB by default.
    ///
    /// The need is estimated from the header, from above.
    pub memory_bytes: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            file_bytes: 20 << 20,
            pixels: 50_000_000,
            memory_bytes: 512 << 20,
        }
    }
}

impl DecodeLimits {
    /// No limit at all, for pictures whose source is trusted.
    pub const UNLIMITED: Self = Self {
        file_bytes: u64::MAX,
        pixels: u64::MAX,
        memory_bytes: u64::MAX,
    };

    /// Refuses a file of `found` bytes that is too large.
    pub(super) fn check_file(&self, found: u64) -> Result<(), ImageError> {
        if found > self.file_bytes {
            return Err(ImageError::FileTooLarge {
                limit: self.file_bytes,
                found: Some(found),
            });
        }
        Ok(())
    }

    /// Refuses a picture of `width × height` whose decoder holds `decoder_bytes` for each pixel
    /// beside the three of the finished picture.
    pub(super) fn check_picture(
        &self,
        width: u32,
        height: u32,
        decoder_bytes: u64,
    ) -> Result<(), ImageError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.pixels {
            return Err(ImageError::TooManyPixels {
                limit: self.pixels,
                width,
                height,
            });
        }
        if pixels.saturating_mul(decoder_bytes + 3) > self.memory_bytes {
            return Err(ImageError::TooMuchMemory {
                limit: self.memory_bytes,
            });
        }
        Ok(())
    }
}
