//! The remaining formats, through the `image` crate.

use std::io::Cursor;

use image::codecs::{bmp, gif, ico, pnm, webp};
use image::{ColorType, ImageDecoder};

use super::super::{DecodeLimits, Image, ImageError, format::Format, orientation::Orientation};
use super::failure;
use super::rgb::{Channels, rgb_from, rgb_from_u8};

/// Decodes a BMP, GIF, ICO, PNM or WebP file.
pub(super) fn decode(
    format: Format,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<Image, ImageError> {
    let reader = Cursor::new(bytes);
    let failed = |source: image::ImageError| failed(format, bytes, limits, source);
    if format == Format::Bmp {
        check_bmp_header(bytes, limits)?;
    }
    if format == Format::Ico
        && let Some(icon) = largest_icon(bytes)
        && icon.starts_with(b"\x89PNG")
    {
        return super::png::decode(icon, limits);
    }
    match format {
        Format::Bmp => read(
            bmp::BmpDecoder::new(reader).map_err(failed)?,
            limits,
            failed,
        ),
        Format::Gif => read(
            gif::GifDecoder::new(reader).map_err(failed)?,
            limits,
            failed,
        ),
        Format::Ico => read(
            ico::IcoDecoder::new(reader).map_err(failed)?,
            limits,
            failed,
        ),
        Format::WebP => read(
            webp::WebPDecoder::new(reader).map_err(failed)?,
            limits,
            failed,
        ),
        _ => read(
            pnm::PnmDecoder::new(reader).map_err(failed)?,
            limits,
            failed,
        ),
    }
}

/// The bytes of the largest icon of an ICO file. The `image` crate reads PNG icons only with alpha.
fn largest_icon(bytes: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| {
        Some(usize::from(u16::from_le_bytes(
            *bytes.get(at..)?.first_chunk()?,
        )))
    };
    let long = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    // A side of 256 is written as 0.
    let side = |at: usize| bytes.get(at).map(|side| u32::from(side.wrapping_sub(1)));
    // A header of 6 bytes, then entries of 16: sides first, size and position last.
    let (_, entry) = (0..word(4)?)
        .map(|i| 6 + 16 * i)
        .map_while(|entry| Some((side(entry)? * side(entry + 1)?, entry)))
        .max_by_key(|(area, entry)| (*area, std::cmp::Reverse(*entry)))?;
    let start = long(entry + 12)?;
    bytes.get(start..start.checked_add(long(entry + 8)?)?)
}

/// Applies the limits before the decoder, which calls every side above 65,535 damaged.
fn check_bmp_header(bytes: &[u8], limits: &DecodeLimits) -> Result<(), ImageError> {
    let side = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(i32::from_le_bytes(*bytes).unsigned_abs())
    };
    // The oldest header, of 12 bytes, has sides of 16 bits and needs no check.
    match (side(14), side(18), side(22)) {
        (Some(40..), Some(width), Some(height)) => limits.check_picture(width, height, 4),
        _ => Ok(()),
    }
}

fn read(
    mut decoder: impl ImageDecoder,
    limits: &DecodeLimits,
    failed: impl Fn(image::ImageError) -> ImageError,
) -> Result<Image, ImageError> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    // Decoders of moving pictures hold a second frame.
    limits.check_picture(width, height, u64::from(color.bytes_per_pixel()) + 4)?;
    let mut memory = image::Limits::no_limits();
    memory.max_alloc = Some(limits.memory_bytes);
    decoder.set_limits(memory).map_err(&failed)?;

    let exif = decoder.exif_metadata().ok().flatten();
    let xmp = decoder.xmp_metadata().ok().flatten();
    let orientation = Orientation::of(exif.as_deref(), xmp.as_deref());

    let size = usize::try_from(decoder.total_bytes()).map_err(|_| ImageError::TooMuchMemory {
        limit: limits.memory_bytes,
    })?;
    let mut samples = vec![0; size];
    decoder.read_image(&mut samples).map_err(&failed)?;
    let pixels = rgb(samples, color);
    Ok(Image::from_rgb(width, height, pixels)?.oriented(orientation))
}

fn rgb(samples: Vec<u8>, color: ColorType) -> Vec<u8> {
    let channels = match color.channel_count() {
        1 => Channels::Gray,
        2 => Channels::GrayAlpha,
        3 => Channels::Rgb,
        _ => Channels::Rgba,
    };
    match color.bytes_per_pixel() / color.channel_count() {
        1 => rgb_from_u8(samples, channels),
        2 => {
            let (words, _) = samples.as_chunks::<2>();
            rgb_from(words, channels, |word| {
                f32::from(u16::from_ne_bytes(word)) / 65535.0
            })
        }
        _ => {
            let (words, _) = samples.as_chunks::<4>();
            rgb_from(words, channels, f32::from_ne_bytes)
        }
    }
}

fn failed(
    format: Format,
    bytes: &[u8],
    limits: &DecodeLimits,
    source: image::ImageError,
) -> ImageError {
    match source {
        image::ImageError::Limits(_) => ImageError::TooMuchMemory {
            limit: limits.memory_bytes,
        },
        image::ImageError::Unsupported(_) => ImageError::UnsupportedVariant {
            format: format.name(),
            source: source.to_string().into(),
        },
        source => failure(format, bytes, &source),
    }
}
