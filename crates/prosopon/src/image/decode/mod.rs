//! Bytes from outside into an [`Image`]: known by content, limited by the header, never a panic.

mod jpeg;
mod other;
mod png;
mod rgb;
mod tiff;

use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::{DecodeLimits, Image, ImageError, format::Format};

impl Image {
    /// Decodes a picture held in memory, upright and in RGB.
    ///
    /// The format is known by content: JPEG, PNG, WebP, GIF, BMP, TIFF, PNM or ICO; of several
    /// frames or pages the first is taken, of several icons the largest. The orientation that EXIF
    /// (else XMP, else the TIFF tag) asks for is applied; one outside 1 to 8 means as stored. Grey,
    /// palettes, ink (CMYK) and deeper samples become 8-bit RGB, scaled by their full range;
    /// transparent pixels are blended over white. Colour profiles are not applied.
    ///
    /// # Errors
    /// An [`ImageError`] that says whether the bytes are no picture, one that is not supported,
    /// too large for `limits`, truncated or damaged. A picture of which only a part can be decoded
    /// is an error: a face might be in the other part.
    ///
    /// # Examples
    /// ```
    /// use prosopon::image::{DecodeLimits, Image};
    ///
    /// let picture = Image::decode(b"P2 2 1 255 0 255\n", &DecodeLimits::default())?;
    /// assert_eq!(picture.pixels(), [0, 0, 0, 255, 255, 255]);
    /// # Ok::<(), prosopon::ImageError>(())
    /// ```
    pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Self, ImageError> {
        limits.check_file(bytes.len() as u64)?;
        let format = Format::of(bytes)?;
        // The decoders are fuzzed by their authors, yet a panic in one must not end a server.
        catch_unwind(AssertUnwindSafe(|| match format {
            Format::Jpeg => jpeg::decode(bytes, limits),
            Format::Png => png::decode(bytes, limits),
            Format::Tiff => tiff::decode(bytes, limits),
            Format::Bmp | Format::Gif | Format::Ico | Format::Pnm | Format::WebP => {
                other::decode(format, bytes, limits)
            }
        }))
        .unwrap_or_else(|_| {
            Err(ImageError::Corrupt {
                format: format.name(),
                source: "the decoder gave up".into(),
            })
        })
    }

    /// Reads and decodes the picture in the file at `path`; see [`Image::decode`].
    ///
    /// # Errors
    /// As [`read_file`] and [`Image::decode`].
    pub fn open(path: &Path, limits: &DecodeLimits) -> Result<Self, ImageError> {
        Self::decode(&read_file(path, limits)?, limits)
    }
}

/// The bytes of the file at `path`, refused by its size before they are read.
///
/// # Errors
/// [`ImageError::Read`] as the operating system says, [`ImageError::Empty`] without bytes,
/// [`ImageError::FileTooLarge`] beyond [`DecodeLimits::file_bytes`].
pub fn read_file(path: &Path, limits: &DecodeLimits) -> Result<Vec<u8>, ImageError> {
    let failed = |source| ImageError::Read { source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if metadata.is_file() {
        limits.check_file(metadata.len())?;
    }
    read(file, limits)
}

/// The bytes that `reader` gives, no more than the limit; for pipes and network connections.
///
/// # Errors
/// As [`read_file`].
pub fn read(reader: impl Read, limits: &DecodeLimits) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    reader
        .take(limits.file_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| ImageError::Read { source })?;
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    if bytes.len() as u64 > limits.file_bytes {
        return Err(ImageError::FileTooLarge {
            limit: limits.file_bytes,
            found: None,
        });
    }
    Ok(bytes)
}

/// A decoder's error as ours: truncated if the data ended too early, else damaged.
fn failure(format: Format, bytes: &[u8], source: &dyn std::error::Error) -> ImageError {
    let format = format.name();
    let text = source.to_string();
    // Each decoder has its own error for this, some without a type: their texts agree.
    let known = text.to_lowercase();
    if known.contains("end of file") || known.contains("fill whole buffer") {
        return ImageError::Truncated {
            format,
            bytes: bytes.len() as u64,
        };
    }
    // The decoders repeat the causes of their errors in the text, so the text is the cause.
    ImageError::Corrupt {
        format,
        source: text.into(),
    }
}
