//! What some bytes are, judged by their first ones; a file's name is never asked.

use super::ImageError;

/// Formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Windows bitmap.
    Bmp,
    /// GIF; its first frame.
    Gif,
    /// Windows icon; its largest picture.
    Ico,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// Portable any map: PBM, PGM, PPM, PAM.
    Pnm,
    /// TIFF; its first picture.
    Tiff,
    /// WebP.
    WebP,
}

impl Format {
    /// The format's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::Ico => "ICO",
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Pnm => "PNM",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
        }
    }

    /// The usual ending of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Bmp => "bmp",
            Self::Gif => "gif",
            Self::Ico => "ico",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Pnm => "pnm",
            Self::Tiff => "tif",
            Self::WebP => "webp",
        }
    }

    /// The media type as HTTP names it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Bmp => "image/bmp",
            Self::Gif => "image/gif",
            Self::Ico => "image/vnd.microsoft.icon",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Pnm => "image/x-portable-anymap",
            Self::Tiff => "image/tiff",
            Self::WebP => "image/webp",
        }
    }

    /// The format of `bytes`, by their first kilobyte.
    ///
    /// # Errors
    /// [`ImageError::Empty`] without bytes, [`ImageError::UnsupportedFormat`] for pictures that
    /// are not read, [`ImageError::NotAPicture`] for everything else; both name what was found.
    pub fn of(bytes: &[u8]) -> Result<Self, ImageError> {
        let starts = |prefix: &[u8]| bytes.starts_with(prefix);
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        if starts(b"\xff\xd8\xff") {
            return Ok(Self::Jpeg);
        }
        if starts(b"\x89PNG\r\n\x1a\n") {
            return Ok(Self::Png);
        }
        if starts(b"GIF87a") || starts(b"GIF89a") {
            return Ok(Self::Gif);
        }
        if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Ok(Self::WebP);
        }
        if starts(b"II*\0") || starts(b"MM\0*") || starts(b"II+\0") || starts(b"MM\0+") {
            return Ok(Self::Tiff);
        }
        if is_bmp(bytes) {
            return Ok(Self::Bmp);
        }
        if matches!(
            bytes,
            [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..]
        ) {
            return Ok(Self::Pnm);
        }
        // Reserved 0, type 1 (icon), at least one picture; then the first entry's reserved byte.
        if matches!(bytes, [0, 0, 1, 0, low, high, ..] if (*low, *high) != (0, 0))
            && bytes.get(9).is_none_or(|reserved| *reserved == 0)
        {
            return Ok(Self::Ico);
        }
        if let Some(format) = other_picture(bytes) {
            return Err(ImageError::UnsupportedFormat { format });
        }
        Err(ImageError::NotAPicture {
            found: no_picture(bytes),
        })
    }
}

/// `BM` starts many a text, so the size of the header that follows must be one that exists.
fn is_bmp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BM")
        && bytes.get(14..18).is_none_or(|size| {
            matches!(
                u32::from_le_bytes([size[0], size[1], size[2], size[3]]),
                12 | 16 | 40 | 52 | 56 | 64 | 108 | 124
            )
        })
}

/// The name of a picture format that is not read.
fn other_picture(bytes: &[u8]) -> Option<&'static str> {
    let starts = |prefix: &[u8]| bytes.starts_with(prefix);
    if bytes.get(4..8) == Some(b"ftyp") {
        let any = |wanted: fn(&[u8; 4]) -> bool| brands(bytes).any(wanted);
        return if any(|brand| matches!(brand, b"avif" | b"avis")) {
            Some("AVIF")
        } else if any(|brand| is_heif_brand(*brand)) {
            Some("HEIC")
        } else {
            None
        };
    }
    if starts(b"\0\0\0\x0cJXL \r\n\x87\n") || starts(b"\xff\x0a") {
        return Some("JPEG XL");
    }
    if starts(b"\0\0\0\x0cjP  \r\n\x87\n") || starts(b"\xff\x4f\xff\x51") {
        return Some("JPEG 2000");
    }
    if starts(b"8BPS") {
        return Some("Photoshop");
    }
    if starts(b"v/1\x01") {
        return Some("OpenEXR");
    }
    if starts(b"#?RADIANCE") || starts(b"#?RGBE") {
        return Some("Radiance HDR");
    }
    if starts(b"qoif") {
        return Some("QOI");
    }
    if starts(b"DDS ") {
        return Some("DDS");
    }
    if starts(b"FUJIFILMCCD-RAW") || starts(b"IIRO") || starts(b"IIU\0") {
        return Some("camera raw");
    }
    if starts(b"Pf\n") || starts(b"PF\n") {
        return Some("PFM");
    }
    contains_tag(bytes, b"<svg").then_some("SVG")
}

/// The major and compatible brands of an ISO base media file.
fn brands(bytes: &[u8]) -> impl Iterator<Item = &[u8; 4]> {
    let size = bytes
        .first_chunk()
        .map_or(0, |size| u32::from_be_bytes(*size) as usize);
    let header = bytes.get(8..size.min(bytes.len())).unwrap_or_default();
    // The second word is the version, which is no brand.
    let (words, _) = header.as_chunks::<4>();
    words
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != 1)
        .map(|(_, word)| word)
}

fn is_heif_brand(brand: [u8; 4]) -> bool {
    matches!(
        &brand,
        b"heic"
            | b"heix"
            | b"hevc"
            | b"hevx"
            | b"heim"
            | b"heis"
            | b"hevm"
            | b"hevs"
            | b"mif1"
            | b"msf1"
    )
}

/// What bytes look like that are no picture, with its article.
fn no_picture(bytes: &[u8]) -> &'static str {
    let starts = |prefix: &[u8]| bytes.starts_with(prefix);
    if bytes.get(4..8) == Some(b"ftyp")
        || starts(b"\x1a\x45\xdf\xa3")
        || starts(b"\0\0\x01\xba")
        || starts(b"FLV\x01")
        || (starts(b"RIFF") && bytes.get(8..12) == Some(b"AVI "))
    {
        return "a video";
    }
    if starts(b"%PDF-") {
        return "a PDF document";
    }
    if starts(b"PK\x03\x04") || starts(b"\x1f\x8b") || starts(b"7z\xbc\xaf") || starts(b"Rar!") {
        return "a compressed archive or office document";
    }
    if starts(b"ID3")
        || starts(b"OggS")
        || starts(b"fLaC")
        || (starts(b"RIFF") && bytes.get(8..12) == Some(b"WAVE"))
    {
        return "a sound file";
    }
    if contains_tag(bytes, b"<html") || contains_tag(bytes, b"<!doctype html") {
        return "an HTML page";
    }
    let start = &bytes[..bytes.len().min(512)];
    if start.iter().all(|b| *b == 0) {
        return "nothing but zero bytes";
    }
    let text = std::str::from_utf8(start).map_or_else(
        |error| error.error_len().is_none() && error.valid_up_to() > 0,
        |text| !text.contains('\0'),
    );
    if text { "a text" } else { "unknown data" }
}

/// Whether `tag` (lower case) occurs in the first kilobyte of something that starts as markup.
fn contains_tag(bytes: &[u8], tag: &[u8]) -> bool {
    let start = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii_start();
    start.starts_with(b"<")
        && start[..start.len().min(1024)]
            .windows(tag.len())
            .any(|window| window.eq_ignore_ascii_case(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_content() {
        for (bytes, expected) in [
            (&b"\xff\xd8\xff\xe0"[..], Format::Jpeg),
            (b"\x89PNG\r\n\x1a\n", Format::Png),
            (b"GIF89a", Format::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Format::WebP),
            (b"MM\0*", Format::Tiff),
            (b"P6\n1 1 255\n", Format::Pnm),
            (b"\0\0\x01\0\x01\0\x10\x10\0\0", Format::Ico),
        ] {
            assert_eq!(Format::of(bytes).unwrap(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        for (bytes, code, name) in [
            (&b""[..], "empty_file", "empty"),
            (
                b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf",
                "unsupported_format",
                "AVIF",
            ),
            (
                b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif",
                "unsupported_format",
                "AVIF",
            ),
            (
                b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
                "unsupported_format",
                "HEIC",
            ),
            (
                b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
                "unsupported_format",
                "HEIC",
            ),
            (
                b"\0\0\0\x18ftypisom\0\0\x02\0isommp42",
                "not_a_picture",
                "a video",
            ),
            (b"\xff\x0a\x00", "unsupported_format", "JPEG XL"),
            (
                b"<?xml version='1.0'?>\n<svg xmlns=''>",
                "unsupported_format",
                "SVG",
            ),
            (b"%PDF-1.7", "not_a_picture", "a PDF document"),
            (b"\n<!DOCTYPE html><head>", "not_a_picture", "an HTML page"),
            (b"BMW makes cars, not pictures", "not_a_picture", "a text"),
            (b"caf\xc3\xa9", "not_a_picture", "a text"),
            (b"\0\0\0\0", "not_a_picture", "zero bytes"),
            (b"\x01\x02\xfe\0", "not_a_picture", "unknown data"),
        ] {
            let error = Format::of(bytes).unwrap_err();
            assert_eq!(error.code(), code, "{bytes:?}");
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.hint().is_some());
        }
    }
}
