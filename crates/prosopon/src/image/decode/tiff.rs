//! TIFF: the `tiff` crate itself, since palettes, ink, extra samples and odd depths need its tags.

use std::io::Cursor;

use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::super::{DecodeLimits, Image, ImageError, format::Format, orientation::Orientation};
use super::failure;
use super::rgb::{Channels, rgb_from, rgb_from_u8};

/// Decodes the first page of a TIFF file.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Image, ImageError> {
    let failed = |source: TiffError| failed(bytes, limits, source);
    // The decoder knows no palettes; called grey, the same samples come out as indices.
    let relabelled = palette_as_gray(bytes);
    let mut decoder =
        Decoder::new(Cursor::new(relabelled.as_deref().unwrap_or(bytes))).map_err(failed)?;
    let (width, height) = decoder.dimensions().map_err(failed)?;
    let color = decoder.colortype().map_err(failed)?;
    let (samples, bits) = (u64::from(color.num_samples()), color.bit_depth());
    limits.check_picture(width, height, samples * u64::from(bits.div_ceil(8)).max(1))?;
    check_embedded_jpegs(&mut decoder, bytes, limits)?;
    decoder = decoder.with_limits(memory(limits));

    let orientation = decoder
        .find_tag_unsigned::<u32>(Tag::Orientation)
        .ok()
        .flatten()
        .and_then(Orientation::from_number)
        .unwrap_or_default();
    let palette = match relabelled {
        Some(_) => Some(decoder.get_tag_u16_vec(Tag::ColorMap).map_err(failed)?),
        None => None,
    };
    let extra = decoder
        .find_tag_unsigned_vec::<u16>(Tag::ExtraSamples)
        .ok()
        .flatten()
        .unwrap_or_default();
    let reversed = has_reversed_bits(&mut decoder)?;
    let layout = Layout::of(color, &extra).ok_or_else(|| unsupported(color))?;

    let mut data = DecodingResult::U8(Vec::new());
    let buffer = decoder.read_image_to_buffer(&mut data).map_err(failed)?;
    if data.as_buffer(0).byte_len() < buffer.complete_len {
        return Err(ImageError::TooMuchMemory {
            limit: limits.memory_bytes,
        });
    }
    if reversed && let DecodingResult::U8(bytes) = &mut data {
        for byte in bytes {
            *byte = byte.reverse_bits();
        }
    }
    let size = (width as usize, height as usize);
    let data = chunky(data, &buffer, layout, size).ok_or_else(|| unsupported(color))?;
    let pixels = match palette {
        Some(palette) => paint(data, &palette).ok_or_else(|| unsupported(color))?,
        None => rgb(data, layout, bits),
    };
    Ok(Image::from_rgb(width, height, pixels)?.oriented(orientation))
}

fn memory(limits: &DecodeLimits) -> Limits {
    let bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    let mut memory = Limits::default();
    memory.decoding_buffer_size = bytes;
    memory.intermediate_buffer_size = bytes;
    memory
}

fn failed(bytes: &[u8], limits: &DecodeLimits, source: TiffError) -> ImageError {
    match source {
        TiffError::LimitsExceeded => ImageError::TooMuchMemory {
            limit: limits.memory_bytes,
        },
        TiffError::UnsupportedError(_) => ImageError::UnsupportedVariant {
            format: Format::Tiff.name(),
            source: source.to_string().into(),
        },
        source => failure(Format::Tiff, bytes, &source),
    }
}

fn unsupported(color: ColorType) -> ImageError {
    ImageError::UnsupportedVariant {
        format: Format::Tiff.name(),
        source: format!("colour type {color:?}").into(),
    }
}

/// Whether the lowest bit of each byte comes first, which only uncompressed data may do here.
fn has_reversed_bits(decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<bool, ImageError> {
    const LOWEST_BIT_FIRST: u16 = 2;
    const UNCOMPRESSED: u16 = 1;
    let mut tag = |tag| decoder.find_tag_unsigned::<u16>(tag).ok().flatten();
    if tag(Tag::FillOrder) != Some(LOWEST_BIT_FIRST) {
        return Ok(false);
    }
    if tag(Tag::Compression).unwrap_or(UNCOMPRESSED) == UNCOMPRESSED {
        return Ok(true);
    }
    Err(ImageError::UnsupportedVariant {
        format: Format::Tiff.name(),
        source: "compressed data with the lowest bit first".into(),
    })
}

/// How many samples are stored for each pixel, and what the first of them mean.
#[derive(Debug, Clone, Copy)]
struct Layout {
    channels: Channels,
    stored: usize,
}

impl Layout {
    fn of(color: ColorType, extra: &[u16]) -> Option<Self> {
        /// Value of the tag `ExtraSamples`: colours are already multiplied by this opacity.
        const ASSOCIATED_ALPHA: u16 = 1;
        let rgba = if extra.first() == Some(&ASSOCIATED_ALPHA) {
            Channels::RgbaPremultiplied
        } else {
            Channels::Rgba
        };
        let channels = match color {
            ColorType::Gray(_) => Channels::Gray,
            ColorType::GrayA(_) => Channels::GrayAlpha,
            ColorType::RGB(_) => Channels::Rgb,
            ColorType::RGBA(_) => rgba,
            ColorType::CMYK(_) | ColorType::CMYKA(_) => Channels::Cmyk,
            ColorType::YCbCr(_) => Channels::YCbCr,
            ColorType::Multiband { num_samples, .. }
                if usize::from(num_samples) == extra.len() + 1 =>
            {
                Channels::Gray
            }
            _ => return None,
        };
        Some(Self {
            channels,
            stored: usize::from(color.num_samples()),
        })
    }
}

/// The samples of each pixel side by side, whole bytes or more each, extra ones left out.
fn chunky(
    data: DecodingResult,
    buffer: &BufferLayoutPreference,
    layout: Layout,
    size: (usize, usize),
) -> Option<DecodingResult> {
    fn pick<T: Copy>(samples: Vec<T>, layout: Layout, planar: bool, pixels: usize) -> Vec<T> {
        let wanted = layout.channels.count();
        if planar {
            (0..pixels)
                .flat_map(|i| (0..wanted).map(move |plane| plane * pixels + i))
                .filter_map(|at| samples.get(at).copied())
                .collect()
        } else if wanted == layout.stored {
            samples
        } else {
            samples
                .chunks_exact(layout.stored)
                .flat_map(|pixel| pixel.iter().take(wanted).copied())
                .collect()
        }
    }
    let (pixels, planar) = (size.0 * size.1, buffer.planes > 1);
    let samples = pixels * layout.stored;
    let data = match data {
        DecodingResult::U8(bytes) if bytes.len() < samples => {
            DecodingResult::U8(unpacked(&bytes, buffer, layout, size)?)
        }
        data => data,
    };
    Some(match data {
        DecodingResult::U8(v) => DecodingResult::U8(pick(v, layout, planar, pixels)),
        DecodingResult::U16(v) => DecodingResult::U16(pick(v, layout, planar, pixels)),
        DecodingResult::U32(v) => DecodingResult::U32(pick(v, layout, planar, pixels)),
        DecodingResult::F32(v) => DecodingResult::F32(pick(v, layout, planar, pixels)),
        DecodingResult::F64(v) => DecodingResult::F64(pick(v, layout, planar, pixels)),
        DecodingResult::I16(v) => DecodingResult::I16(pick(v, layout, planar, pixels)),
        _ => return None,
    })
}

/// One byte for each sample of 1, 2 or 4 bits.
fn unpacked(
    bytes: &[u8],
    buffer: &BufferLayoutPreference,
    layout: Layout,
    (width, height): (usize, usize),
) -> Option<Vec<u8>> {
    if buffer.planes > 1 {
        return None;
    }
    let in_row = width * layout.stored;
    let row_bytes = bytes.len() / height;
    let bits = [4, 2, 1]
        .into_iter()
        .find(|bits| (in_row * bits).div_ceil(8) == row_bytes)?;
    let mask = (1_u8 << bits) - 1;
    Some(
        bytes
            .chunks_exact(row_bytes)
            .flat_map(|row| {
                (0..in_row).map(move |i| row[i * bits / 8] >> (8 - bits - i * bits % 8) & mask)
            })
            .collect(),
    )
}

/// RGB of samples whose full scale is that of their type, or of their bits when there are fewer.
fn rgb(data: DecodingResult, Layout { channels, .. }: Layout, bits: u8) -> Vec<u8> {
    match data {
        DecodingResult::U8(v) if bits >= 8 => rgb_from_u8(v, channels),
        DecodingResult::U8(v) => {
            let full = f32::from((1_u16 << bits) - 1);
            rgb_from(&v, channels, |v| f32::from(v) / full)
        }
        DecodingResult::U16(v) => {
            let full = ((1_u32 << bits.clamp(1, 16)) - 1) as f32;
            rgb_from(&v, channels, |v| f32::from(v) / full)
        }
        DecodingResult::I16(v) => rgb_from(&v, channels, |v| f32::from(v) / f32::from(i16::MAX)),
        DecodingResult::U32(v) => rgb_from(&v, channels, |v| v as f32 / u32::MAX as f32),
        DecodingResult::F32(v) => {
            let full = full_scale(v.iter().copied());
            rgb_from(&v, channels, |v| v / full)
        }
        DecodingResult::F64(v) => {
            let full = full_scale(v.iter().map(|v| *v as f32));
            rgb_from(&v, channels, |v| v as f32 / full)
        }
        // `chunky` passes no other type on.
        _ => Vec::new(),
    }
}

/// The white of floating-point samples: 1 by convention, but many programs store 8 or 16 bits.
fn full_scale(samples: impl Iterator<Item = f32>) -> f32 {
    let largest = samples.filter(|v| v.is_finite()).fold(0.0, f32::max);
    [1.0, 255.0, 65535.0]
        .into_iter()
        .find(|full| largest <= *full)
        .unwrap_or(largest)
}

/// RGB of palette indices; the palette holds all reds, then all greens, then all blues.
fn paint(data: DecodingResult, palette: &[u16]) -> Option<Vec<u8>> {
    let DecodingResult::U8(indices) = data else {
        return None;
    };
    let len = palette.len() / 3;
    // 16 bits by the standard; some writers store 8.
    let full = if palette.iter().all(|v| *v <= 255) {
        255
    } else {
        65535
    };
    let scaled = |v: u16| ((u32::from(v) * 255 + full / 2) / full) as u8;
    let colors: Vec<[u8; 3]> = (0..len)
        .map(|i| [palette[i], palette[len + i], palette[2 * len + i]].map(scaled))
        .collect();
    indices
        .iter()
        .map(|i| colors.get(usize::from(*i)).copied())
        .collect::<Option<Vec<_>>>()
        .map(Vec::<[u8; 3]>::into_flattened)
}

/// A copy of a palette TIFF whose first page calls itself grey; `None` for every other file.
fn palette_as_gray(bytes: &[u8]) -> Option<Vec<u8>> {
    const PHOTOMETRIC: u32 = 262;
    const BLACK_IS_ZERO: u8 = 1;
    const PALETTE: u32 = 3;
    let little = bytes.starts_with(b"II*\0");
    if !little && !bytes.starts_with(b"MM\0*") {
        return None;
    }
    let number = |at: usize, len: usize| -> Option<u32> {
        let bytes = bytes.get(at..at.checked_add(len)?)?;
        let push = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
        Some(if little {
            bytes.iter().rev().fold(0, push)
        } else {
            bytes.iter().fold(0, push)
        })
    };
    let directory = number(4, 4)? as usize;
    let entries = number(directory, 2)? as usize;
    let entry = (0..entries)
        .map_while(|i| directory.checked_add(2 + 12 * i))
        .find(|entry| number(*entry, 2) == Some(PHOTOMETRIC))?;
    let value = entry + 8;
    (number(value, 2)? == PALETTE).then(|| {
        let mut copy = bytes.to_vec();
        copy[if little { value } else { value + 1 }] = BLACK_IS_ZERO;
        copy
    })
}

/// Refuses strips and tiles whose own JPEG header claims far more than the page has.
fn check_embedded_jpegs(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<(), ImageError> {
    const MODERN_JPEG: u16 = 7;
    let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression);
    if !matches!(compression, Ok(Some(MODERN_JPEG))) {
        return Ok(());
    }
    for tag in [Tag::StripOffsets, Tag::TileOffsets] {
        let offsets = decoder.find_tag_unsigned_vec::<u64>(tag).ok().flatten();
        for offset in offsets.unwrap_or_default() {
            let chunk = usize::try_from(offset).ok().and_then(|at| bytes.get(at..));
            if let Some((width, height)) = chunk.and_then(super::jpeg::claimed_size) {
                // Four components, with a decoder that keeps two bytes of each.
                limits.check_picture(width, height, 8)?;
            }
        }
    }
    Ok(())
}
