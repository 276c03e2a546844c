//! Why something could not be fetched or kept.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why an address gave nothing. No message tells anything about the network in here, so that all of
/// them can be shown to whoever named the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not an address of the web.
    #[error("expected an address that begins with http:// or https://, found {found}")]
    InvalidAddress {
        /// What it is instead.
        found: String,
    },
    /// An address that is too long.
    #[error("expected an address of at most {most} bytes, found {found}")]
    LongAddress {
        /// Bytes that are allowed.
        most: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// An address with credentials in it.
    #[error("expected an address without a user's name or password")]
    UserInAddress,
    /// A port below 1024 that no web server has.
    #[error("expected port 80, 443 or one from 1024, found {port}")]
    PortNotAllowed {
        /// The port.
        port: u16,
    },
    /// A name or number that leads to a network that is not the open internet.
    #[error("the address leads to a network that pictures are not fetched from")]
    NotPublic,
    /// The server refused.
    #[error("expected status 200 from the address, found {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// When to ask again, if the server said so.
        retry_after: Option<Duration>,
    },
    /// No connection, or one that broke.
    #[error("expected an answer from the address, found {found}")]
    Unreachable {
        /// What happened.
        found: &'static str,
    },
    /// An answer that makes no sense.
    #[error("expected an answer from the address, found {found}")]
    Answer {
        /// What came.
        found: String,
    },
    /// More bytes than wanted.
    #[error("expected at most {most} bytes at the address, found more")]
    TooLarge {
        /// Bytes that are allowed.
        most: u64,
    },
    /// Too slow.
    #[error("the answer did not arrive from the address within {} s", .within.as_secs_f32())]
    TooSlow {
        /// Time that is allowed.
        within: Duration,
    },
}

impl FetchError {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidAddress { .. } | Self::LongAddress { .. } | Self::UserInAddress => {
                "invalid_address"
            }
            Self::PortNotAllowed { .. } | Self::NotPublic => "address_not_allowed",
            _ => "fetch_failed",
        }
    }

    /// Whether the same request may succeed a little later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TooSlow { .. } => true,
            // Too early, too many, and what servers say while they are overloaded or restarting.
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502..=504),
            _ => false,
        }
    }
}

/// Why pictures cannot be kept in a folder, or an export not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The folder, its manifest or a picture in it could not be written.
    #[error("could not write: {source}: {}", .path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A folder or manifest that could not be read.
    #[error("could not read: {source}: {}", .path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process keeps pictures in the folder right now.
    #[error("another process is fetching into this folder: {}", .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A file called `manifest.jsonl` that is none of ours.
    #[error("expected a manifest of fetched pictures, found something else in line {line}: {}", .path.display())]
    NotAManifest {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
    },
}

impl FolderError {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write { .. } => "unwritable_file",
            Self::Read { .. } => "unreadable_folder",
            Self::Busy { .. } => "folder_busy",
            Self::NotAManifest { .. } => "invalid_manifest",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space, or choose another disk; the same command then goes on"
                }
                _ => "choose a folder that you may write to",
            },
            Self::Read { .. } => "check the path, and who may read the folder",
            Self::Busy { .. } => "wait until it has ended, or choose another folder",
            Self::NotAManifest { .. } => "choose another folder, or give that file another name",
        }
    }
}
