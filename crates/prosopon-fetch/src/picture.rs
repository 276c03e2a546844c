//! Whether some bytes are a picture that the rest of Prosopon can use.

use prosopon::image::{DecodeLimits, Format};
use prosopon::{Image, ImageError};

/// What is kept as a picture.
#[derive(Debug, Clone, Copy, Default)]
pub struct PictureLimits {
    /// Size of the file, pixels and memory.
    pub decode: DecodeLimits,
    /// Least length of the shorter side in pixels; keeps the icons of a page away.
    pub min_side_px: u32,
}

/// Why bytes are not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwanted {
    #[error(transparent)]
    Unusable(#[from] ImageError),
    #[error("expected a picture with sides of at least {least} pixels, found {width} × {height}")]
    Small { least: u32, width: u32, height: u32 },
}

impl Unwanted {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unusable(error) => error.code(),
            Self::Small { .. } => "picture_too_small",
        }
    }
}

/// What `bytes` are. They are decoded, so that what is kept is whole and can be used.
pub(crate) fn check(bytes: &[u8], limits: &PictureLimits) -> Result<Format, Unwanted> {
    let format = Format::of(bytes)?;
    let image = Image::decode(bytes, &limits.decode)?;
    let (width, height) = (image.width(), image.height());
    if width.min(height) < limits.min_side_px {
        return Err(Unwanted::Small {
            least: limits.min_side_px,
            width,
            height,
        });
    }
    Ok(format)
}
