//! Why a picture could not be read, made or written.

use std::io;

/// An error of another crate, kept as the cause without naming its type.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a picture could not be read, made or written.
///
/// Messages are one line and leave out the path: who knows it adds it last. [`code`](Self::code)
/// is stable for programs, [`hint`](Self::hint) says what a person can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Pixels and sides disagree.
    #[error("expected {width} × {height} × 3 bytes of RGB with sides of at least 1, found {bytes}")]
    Shape {
        /// Claimed width.
        width: u32,
        /// Claimed height.
        height: u32,
        /// Bytes given.
        bytes: usize,
    },

    /// A region reaches past the picture, or has no pixel.
    #[error(
        "expected a region inside {width} × {height} pixels, found {region_width} × {region_height} at ({left}, {top})"
    )]
    Region {
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
        /// Left edge of the region.
        left: u32,
        /// Top edge of the region.
        top: u32,
        /// Width of the region.
        region_width: u32,
        /// Height of the region.
        region_height: u32,
    },

    /// The operating system could not read the file.
    #[error("could not read the picture")]
    Read {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },

    /// The operating system could not write the file.
    #[error("could not write the picture")]
    Write {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },

    /// There are no bytes at all.
    #[error("expected a picture, found an empty file")]
    Empty,

    /// The bytes are no picture that this crate knows.
    #[error("expected a picture, found {found}")]
    NotAPicture {
        /// What the bytes look like, with its article.
        found: &'static str,
    },

    /// A picture, but of a format that is not read.
    #[error("{format} pictures are not supported")]
    UnsupportedFormat {
        /// Name of the format.
        format: &'static str,
    },

    /// A known format, used in a way that the decoder does not read.
    #[error("this kind of {format} is not supported")]
    UnsupportedVariant {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        #[source]
        source: Cause,
    },

    /// A file name whose ending names no format to write.
    #[error(
        "expected a file name that ends in .jpg, .jpeg, .png, .webp, .bmp or .tiff, found `{name}`"
    )]
    UnknownExtension {
        /// The file's name.
        name: String,
    },

    /// More bytes than [`DecodeLimits::file_bytes`](super::DecodeLimits::file_bytes).
    #[error("expected at most {limit} bytes in a file, found {}", found_or_more(*found))]
    FileTooLarge {
        /// The limit.
        limit: u64,
        /// The size, if it is known without reading on.
        found: Option<u64>,
    },

    /// More pixels than [`DecodeLimits::pixels`](super::DecodeLimits::pixels).
    #[error("expected at most {limit} pixels, found {width} × {height}")]
    TooManyPixels {
        /// The limit.
        limit: u64,
        /// Width that the header claims.
        width: u32,
        /// Height that the header claims.
        height: u32,
    },

    /// Decoding would take more than [`DecodeLimits::memory_bytes`](super::DecodeLimits::memory_bytes).
    #[error("expected to need at most {limit} bytes of memory for decoding, found more")]
    TooMuchMemory {
        /// The limit.
        limit: u64,
    },

    /// The data ends before the picture does.
    #[error(
        "{format} data is truncated: it ends after {bytes} bytes, before the picture is complete"
    )]
    Truncated {
        /// Name of the format.
        format: &'static str,
        /// Bytes that are there.
        bytes: u64,
    },

    /// The data contradicts itself or the format.
    #[error("{format} data is damaged")]
    Corrupt {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        #[source]
        source: Cause,
    },

    /// A picture could not be encoded.
    #[error("could not encode {width} × {height} pixels as {format}")]
    Encode {
        /// Name of the format.
        format: &'static str,
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
        /// What the encoder said.
        #[source]
        source: Cause,
    },
}

fn found_or_more(found: Option<u64>) -> String {
    found.map_or_else(|| "more".to_owned(), |bytes| bytes.to_string())
}

impl ImageError {
    /// A stable name of this kind of error in `snake_case`, for JSON and HTTP.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape { .. } => "wrong_shape",
            Self::Region { .. } => "outside_picture",
            Self::Read { .. } => "unreadable_file",
            Self::Write { .. } => "unwritable_file",
            Self::Empty => "empty_file",
            Self::NotAPicture { .. } => "not_a_picture",
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::UnsupportedVariant { .. } => "unsupported_variant",
            Self::UnknownExtension { .. } => "unknown_extension",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooMuchMemory { .. } => "too_much_memory",
            Self::Truncated { .. } => "truncated_picture",
            Self::Corrupt { .. } => "corrupt_picture",
            Self::Encode { .. } => "encoding_failed",
        }
    }

    /// What a person can do about it, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Shape { .. } | Self::Region { .. } | Self::Encode { .. } => None,
            Self::Read { source } => Some(match source.kind() {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => "check who may read the file",
                io::ErrorKind::IsADirectory => "name a file, or the files inside the folder",
                _ => "check the disk or the connection that the file comes from",
            }),
            Self::Write { source } => Some(match source.kind() {
                io::ErrorKind::NotFound => "make the folder first",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "choose a folder that you may write to"
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space, or choose another disk"
                }
                _ => "choose another folder",
            }),
            Self::Empty | Self::Truncated { .. } => Some("copy or download the file again"),
            Self::NotAPicture { .. } => {
                Some("JPEG, PNG, WebP, GIF, BMP, TIFF, PNM and ICO pictures are read")
            }
            Self::UnsupportedFormat { .. } | Self::UnsupportedVariant { .. } => {
                Some("convert the picture to JPEG or PNG")
            }
            Self::UnknownExtension { .. } => Some("end the name in .jpg or .png"),
            Self::FileTooLarge { .. } | Self::TooManyPixels { .. } | Self::TooMuchMemory { .. } => {
                Some("shrink the picture, or raise the limit if you trust its source")
            }
            Self::Corrupt { .. } => {
                Some("open the picture in an editor and save it anew, or use another copy")
            }
        }
    }
}
