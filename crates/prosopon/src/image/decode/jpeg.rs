//! JPEG, by far the most common input: zune-jpeg, straight into RGB.
//!
//! Over 250 photographs its pixels differ from libjpeg-turbo's by 0.12 levels on average, by 9 at
//! most. Four inks are taken to be inverted, as Adobe's programs write them and most readers assume.
//! `benches/decode.rs` times it, beside the same decoder through the `image` crate.

use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::{JpegDecoder, errors::DecodeErrors};

use super::super::{DecodeLimits, Image, ImageError, format::Format, orientation::Orientation};

/// More scans than any encoder writes (libjpeg's default script has 10); each one walks over the
/// whole picture, so a small hostile file could otherwise take minutes.
const MAX_SCANS: usize = 40;

/// Decodes a JPEG file.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Image, ImageError> {
    let options = DecoderOptions::default()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|source| failure(bytes, source))?;
    let info = decoder
        .info()
        .ok_or_else(|| failure(bytes, DecodeErrors::FormatStatic("no header")))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    // Two bytes for each coefficient while a progressive picture is collected.
    limits.check_picture(width, height, 2 * u64::from(info.components))?;
    let orientation = Orientation::of(info.exif_data.as_deref(), info.xmp_data.as_deref());

    // A header may be odd, but damaged pixels would silently become grey: strict from here on.
    decoder.set_options(options.set_strict_mode(true));
    let pixels = decoder.decode().map_err(|source| failure(bytes, source))?;
    Ok(Image::from_rgb(width, height, pixels)?.oriented(orientation))
}

/// What went wrong: the end is missing, the kind is unknown, or the data is damaged.
fn failure(bytes: &[u8], source: DecodeErrors) -> ImageError {
    let format = Format::Jpeg.name();
    match source {
        DecodeErrors::Unsupported(_) => ImageError::UnsupportedVariant {
            format,
            source: source.into(),
        },
        _ if !has_end(bytes) => ImageError::Truncated {
            format,
            bytes: bytes.len() as u64,
        },
        _ => ImageError::Corrupt {
            format,
            source: source.into(),
        },
    }
}

/// Segments in front of the pixels: marker and content.
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, usize, &[u8])> {
    let mut at = 2;
    std::iter::from_fn(move || {
        while bytes.get(at..at + 2)? == b"\xff\xff" {
            at += 1;
        }
        let (marker, len) = match bytes.get(at..at + 4)? {
            [0xff, marker, high, low] => (*marker, usize::from(u16::from_be_bytes([*high, *low]))),
            _ => return None,
        };
        let content = bytes.get(at + 4..at + 2 + len)?;
        at += 2 + len;
        Some((marker, at, content))
    })
}

/// Width and height in the header of a JPEG stream.
pub(super) fn claimed_size(bytes: &[u8]) -> Option<(u32, u32)> {
    segments(bytes).find_map(|(marker, _, content)| match (marker, content) {
        // Every start of frame; three numbers between them are other segments.
        (0xc0..=0xcf, [_, h1, h0, w1, w0, ..]) if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => Some((
            u32::from(u16::from_be_bytes([*w1, *w0])),
            u32::from(u16::from_be_bytes([*h1, *h0])),
        )),
        _ => None,
    })
}

/// Whether the end-of-image marker follows the pixels; thumbnails in the metadata have their own.
fn has_end(bytes: &[u8]) -> bool {
    let pixels = segments(bytes).last().map_or(0, |(_, end, _)| end);
    bytes[pixels..].windows(2).any(|pair| pair == b"\xff\xd9")
}
