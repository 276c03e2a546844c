//! PNG: the `png` crate itself, since it also gives the texts that may hold an orientation.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Info, Limits, Transformations};

use super::super::{DecodeLimits, Image, ImageError, format::Format, orientation::Orientation};
use super::failure;
use super::rgb::{Channels, rgb_from, rgb_from_u8};

/// Decodes a PNG file; of an animation the default picture.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Image, ImageError> {
    let failed = |source: png::DecodingError| match source {
        png::DecodingError::LimitsExceeded => ImageError::TooMuchMemory {
            limit: limits.memory_bytes,
        },
        source => failure(Format::Png, bytes, &source),
    };
    let memory = Limits {
        bytes: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), memory);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(failed)?;
    // Up to four samples of one or two bytes.
    let sample = if header.bit_depth == BitDepth::Sixteen {
        2
    } else {
        1
    };
    limits.check_picture(header.width, header.height, 4 * sample)?;

    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(failed)?;
    let size = reader
        .output_buffer_size()
        .ok_or(ImageError::TooMuchMemory {
            limit: limits.memory_bytes,
        })?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(failed)?;
    samples.truncate(frame.buffer_size());
    let orientation = orientation(reader.info());

    let channels = match frame.color_type {
        ColorType::Grayscale | ColorType::Indexed => Channels::Gray,
        ColorType::GrayscaleAlpha => Channels::GrayAlpha,
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba,
    };
    let pixels = if frame.bit_depth == BitDepth::Sixteen {
        let (words, _) = samples.as_chunks::<2>();
        rgb_from(words, channels, |word| {
            f32::from(u16::from_be_bytes(word)) / 65535.0
        })
    } else {
        rgb_from_u8(samples, channels)
    };
    Ok(Image::from_rgb(frame.width, frame.height, pixels)?.oriented(orientation))
}

/// From the `eXIf` chunk, else from a text in which older programs hide EXIF as hexadecimal
/// digits, else from XMP.
fn orientation(info: &Info) -> Orientation {
    let text = |keyword: &str| {
        let compressed = info
            .compressed_latin1_text
            .iter()
            .find(|t| t.keyword == keyword);
        let plain = info
            .uncompressed_latin1_text
            .iter()
            .find(|t| t.keyword == keyword);
        compressed
            .and_then(|t| t.get_text().ok())
            .or_else(|| plain.map(|t| t.text.clone()))
    };
    let xmp = info
        .utf8_text
        .iter()
        .find(|t| t.keyword == "XML:com.adobe.xmp")
        .and_then(|t| t.get_text().ok());
    let exif = info.exif_metadata.as_ref().map(|exif| exif.to_vec());
    let exif = exif.or_else(|| {
        ["Raw profile type exif", "Raw profile type APP1"]
            .into_iter()
            .find_map(text)
            .and_then(|profile| raw_profile(&profile))
    });
    Orientation::of(exif.as_deref(), xmp.as_ref().map(String::as_bytes))
}

/// The bytes of a "raw profile" text: a name, a length, then hexadecimal digits over many lines.
fn raw_profile(text: &str) -> Option<Vec<u8>> {
    let mut lines = text.trim_start().lines().skip(1);
    let len = lines.next()?.trim().parse::<usize>().ok()?;
    let digits: Vec<u32> = lines
        .flat_map(str::chars)
        .filter_map(|c| c.to_digit(16))
        .collect();
    let (pairs, _) = digits.as_chunks::<2>();
    Some(
        pairs
            .iter()
            .take(len)
            .map(|[high, low]| (high << 4 | low) as u8)
            .collect(),
    )
}
