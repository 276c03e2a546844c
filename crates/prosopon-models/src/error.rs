//! What can go wrong, one variant for each thing that a person would do something different about.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::catalogue::Role;
use crate::digest::Digest;

/// A result of this crate.
pub type Result<T, E = ModelsError> = std::result::Result<T, E>;

/// Why a model could not be listed, fetched, installed or found.
///
/// The message is one line: subject, expected, found, where. [`ModelsError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// No environment variable says where data goes.
    #[error("no data directory: neither PROSOPON_HOME nor the platform's variable is set")]
    NoDataDirectory,

    /// The catalogue cannot be used; the built-in one is tested, so this is about another's.
    #[error("the catalogue is not valid: {reason}")]
    Catalogue {
        /// What is wrong with it.
        reason: String,
    },

    /// The catalogue has no such pack.
    #[error("unknown pack `{pack}`, expected one of: {}", known.join(", "))]
    UnknownPack {
        /// What was asked for.
        pack: String,
        /// What there is.
        known: Vec<String>,
    },

    /// Neither the catalogue nor the models of one's own have this name.
    #[error("unknown {what} `{name}`, expected one of: {}", known.join(", "))]
    UnknownModel {
        /// What was asked for: "detector", "embedder", "model".
        what: &'static str,
        /// The name.
        name: String,
        /// What there is.
        known: Vec<String>,
    },

    /// A model exists but does something else.
    #[error("`{name}` cannot be used here: expected a model that is a {expected}, found {found}")]
    WrongRole {
        /// The model.
        name: String,
        /// What was needed.
        expected: Role,
        /// What it is.
        found: Role,
    },

    /// An XML file that is no Haar cascade, or one that cannot be used.
    #[error("no cascade that can be used: {reason}: {}", path.display())]
    Cascade {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },

    /// The tool that makes networks of integers failed, or could not be installed.
    #[error("could not {step}: {reason}")]
    Quantizer {
        /// What was being done.
        step: &'static str,
        /// The last line that the tool or Python said.
        reason: String,
    },

    /// A file of the catalogue is not installed; pulling `pack` installs it.
    #[error("`{id}` is not installed: {}", path.display())]
    NotInstalled {
        /// The file's id in the catalogue.
        id: String,
        /// A pack that contains it.
        pack: String,
        /// Where it would be.
        path: PathBuf,
    },

    /// Files are missing and nothing may be fetched.
    #[error("cannot fetch while offline, missing: {}", missing.join(", "))]
    Offline {
        /// Ids of what is missing.
        missing: Vec<String>,
    },

    /// A pack holds weights that are not clearly free, and only free ones were wanted.
    #[error("pack `{pack}` holds files not clearly free for commercial use: {}", files.join(", "))]
    NotCommercial {
        /// The pack.
        pack: String,
        /// Ids of the files concerned.
        files: Vec<String>,
    },

    /// Content is not what was pinned. Nothing of it is kept.
    #[error("SHA-256 of {what} does not match: expected {expected}, found {found}: {origin}")]
    HashMismatch {
        /// The file or archive.
        what: String,
        /// What the catalogue pins.
        expected: Digest,
        /// What came.
        found: Digest,
        /// Where it came from.
        origin: String,
    },

    /// Content is shorter or longer than what was pinned. Nothing of it is kept.
    #[error("size of {what} does not match: expected {expected} bytes, found {}: {origin}", found_bytes(*found))]
    SizeMismatch {
        /// The file or archive.
        what: String,
        /// What the catalogue pins.
        expected: u64,
        /// What came; `None` if it was more, which is not read to its end.
        found: Option<u64>,
        /// Where it came from.
        origin: String,
    },

    /// The program that fetches a package is not there.
    #[error("{what} needs {wanted}, found none of: {}", tried.join(", "))]
    ClientMissing {
        /// The package.
        what: String,
        /// The kind of program: "npm" or "pip".
        wanted: &'static str,
        /// Commands that were tried.
        tried: Vec<String>,
    },

    /// The program that fetches a package failed.
    #[error("`{client}` could not fetch {what}: {summary}")]
    ClientFailed {
        /// The program.
        client: String,
        /// The package.
        what: String,
        /// The line of its messages that says most.
        summary: String,
        /// The end of its messages.
        stderr: String,
    },

    /// The program that fetches a package took too long and was stopped.
    #[error("`{client}` did not fetch {what} within {seconds} s")]
    ClientTimeout {
        /// The program.
        client: String,
        /// The package.
        what: String,
        /// How long it was given.
        seconds: u64,
    },

    /// A web server did not give a file.
    #[error("could not fetch {what}: {reason}: {url}")]
    Http {
        /// The file.
        what: String,
        /// What the server or the connection said.
        reason: String,
        /// The address.
        url: String,
    },

    /// An address that is not encrypted, where the catalogue must have one that is.
    #[error("expected an address that begins with https://, found {url}")]
    NotHttps {
        /// The address.
        url: String,
    },

    /// Every source failed.
    #[error("could not fetch {what}: {}", attempts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    SourcesFailed {
        /// The file or archive.
        what: String,
        /// What was tried, in order.
        attempts: Vec<Attempt>,
    },

    /// An archive cannot be read.
    #[error("could not read the archive: {}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// An archive lacks a file that the catalogue names.
    #[error("expected `{member}` in the archive, found no such file: {}", path.display())]
    MemberMissing {
        /// The archive.
        path: PathBuf,
        /// The path inside it.
        member: String,
    },

    /// Nothing that was given is known.
    #[error("expected a file of the catalogue or an ONNX network with its description: {}", path.display())]
    NotRecognised {
        /// The file or folder.
        path: PathBuf,
    },

    /// A network of one's own has no description beside it.
    #[error("expected a description of the network beside it, found none: {}", path.display())]
    DescriptionMissing {
        /// Where the description would be.
        path: PathBuf,
    },

    /// A description is not valid TOML, or has a field that does not belong there.
    #[error("line {line}: {message}: {}", path.display())]
    DescriptionSyntax {
        /// The description.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong, one line.
        message: String,
    },

    /// A field of a description is missing or out of range.
    #[error("field `{field}`: expected {expected}, found {found}: {}", path.display())]
    DescriptionField {
        /// The description.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },

    /// A network of one's own has the name of one in the catalogue.
    #[error("the name `{name}` belongs to the catalogue, expected another: {}", path.display())]
    NameTaken {
        /// The name.
        name: String,
        /// The description.
        path: PathBuf,
    },

    /// A stored calibration is not what was stored, or makes no sense.
    #[error("the stored calibration cannot be used: {reason}: {}", path.display())]
    Calibration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// No room is left.
    #[error("no space left while trying to {action}: {}", path.display())]
    DiskFull {
        /// What was being done, e.g. "write".
        action: &'static str,
        /// On what.
        path: PathBuf,
    },

    /// The file system says no.
    #[error("no permission to {action}: {}", path.display())]
    PermissionDenied {
        /// What was being done, e.g. "write".
        action: &'static str,
        /// On what.
        path: PathBuf,
    },

    /// The file system takes no changes.
    #[error("read-only file system, cannot {action}: {}", path.display())]
    ReadOnly {
        /// What was being done, e.g. "write".
        action: &'static str,
        /// On what.
        path: PathBuf,
    },

    /// Any other failure of the file system.
    #[error("could not {action}: {}", path.display())]
    Io {
        /// What was being done, e.g. "write".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A source that was tried, and why it failed.
#[derive(Debug)]
pub struct Attempt {
    /// The source, e.g. "mirror" or "npm".
    pub source: &'static str,
    /// Why it failed.
    pub error: Box<ModelsError>,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.error)
    }
}

impl ModelsError {
    /// Sorts a failure of the file system by what a person can do about it.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { action, path }
            }
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { action, path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { action, path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    /// Whether a file of the catalogue is missing and [`Store::pull`](crate::Store::pull) of the
    /// pack in the error would help.
    pub fn is_not_installed(&self) -> bool {
        matches!(self, Self::NotInstalled { .. })
    }
}

fn found_bytes(found: Option<u64>) -> String {
    found.map_or_else(|| "more".to_owned(), |bytes| bytes.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_system_failures_are_sorted() {
        let sort = |kind| ModelsError::io("write", Path::new("/x"), io::Error::from(kind));
        assert!(matches!(
            sort(io::ErrorKind::StorageFull),
            ModelsError::DiskFull { .. }
        ));
        assert!(matches!(
            sort(io::ErrorKind::ReadOnlyFilesystem),
            ModelsError::ReadOnly { .. }
        ));
        let denied = sort(io::ErrorKind::PermissionDenied);
        assert_eq!(denied.to_string(), "no permission to write: /x");
        assert!(denied.hint().is_some());
    }
}
