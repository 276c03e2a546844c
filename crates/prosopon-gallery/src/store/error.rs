//! What can go wrong with a store.

use std::fmt;
use std::path::PathBuf;

use prosopon::ModelId;

/// What a file is, or should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// Enrolled people.
    Gallery,
    /// Photographs grouped by person.
    Album,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gallery => "gallery",
            Self::Album => "album",
        })
    }
}

impl FileKind {
    /// `a gallery`, `an album`.
    fn one(self) -> &'static str {
        match self {
            Self::Gallery => "a gallery",
            Self::Album => "an album",
        }
    }
}

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such file, and it was not to be created.
    #[error("no {file} at this path: {}", path.display())]
    Missing {
        /// What it should be.
        file: FileKind,
        /// The path.
        path: PathBuf,
    },
    /// The folder of the file does not exist.
    #[error("no such folder for {}: {}", file.one(), folder.display())]
    MissingFolder {
        /// What should be in it.
        file: FileKind,
        /// The folder.
        folder: PathBuf,
    },
    /// The file may not be read.
    #[error("permission denied for the {file}: {}", path.display())]
    PermissionDenied {
        /// What it should be.
        file: FileKind,
        /// The path.
        path: PathBuf,
    },
    /// The file or its folder may not be written.
    #[error("the {file}, or its folder, is read-only: {}", path.display())]
    ReadOnly {
        /// What it should be.
        file: FileKind,
        /// The path.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("expected {}, found {found}: {}", file.one(), path.display())]
    NotAGallery {
        /// What it is instead.
        found: &'static str,
        /// What it should be.
        file: FileKind,
        /// The path.
        path: PathBuf,
    },
    /// A later release of this software wrote the file.
    #[error(
        "expected {} of format {supported} or older, found format {found}: {}",
        file.one(),
        path.display()
    )]
    Newer {
        /// Format of the file.
        found: i64,
        /// The newest format that this release reads.
        supported: i64,
        /// What it is.
        file: FileKind,
        /// The path.
        path: PathBuf,
    },
    /// The content makes no sense.
    #[error("the {file} is damaged ({what}): {}", path.display())]
    Damaged {
        /// What does not fit.
        what: String,
        /// What it is.
        file: FileKind,
        /// The path.
        path: PathBuf,
    },
    /// Another process held the file for longer than the waiting time.
    #[error("the {file} is in use by another process: {}", path.display())]
    Busy {
        /// What it should be.
        file: FileKind,
        /// The path.
        path: PathBuf,
    },
    /// No space is left.
    #[error("no space left to write the {file}: {}", path.display())]
    Full {
        /// What it should be.
        file: FileKind,
        /// The path.
        path: PathBuf,
    },
    /// The gallery holds embeddings of one model and was given another's.
    #[error("expected embeddings of model `{bound}`, found model `{given}`")]
    ModelMismatch {
        /// The gallery's model.
        bound: ModelId,
        /// The other model.
        given: ModelId,
    },
    /// The embeddings have another length than the gallery's.
    #[error("expected embeddings of {bound} values, found {given}")]
    DimensionMismatch {
        /// Values in each of the gallery's embeddings.
        bound: usize,
        /// Values given.
        given: usize,
    },
    /// Anything else that the database or the operating system reports.
    #[error("could not {action} the {file}: {}", path.display())]
    Failed {
        /// What was attempted.
        action: &'static str,
        /// What it is.
        file: FileKind,
        /// The path.
        path: PathBuf,
        /// The report.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// What the user can do about it; one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { file, .. } => match file {
                FileKind::Gallery => "check the path, or enrol somebody to create the gallery",
                FileKind::Album => "check the path; `prosopon cluster` makes an album",
            },
            Self::MissingFolder { .. } => "create the folder, or check the path",
            Self::PermissionDenied { .. } => "check who owns the file and its folder",
            Self::ReadOnly { .. } => "make the file and its folder writable, or copy the file",
            Self::NotAGallery { .. } => "check the path; nothing was changed in that file",
            Self::Newer { .. } => "update prosopon; nothing was changed in that file",
            Self::Damaged { .. } => {
                "restore a copy, or save what is left with `sqlite3 FILE .recover`"
            }
            Self::Busy { .. } => "wait for the other process, or end it",
            Self::Full { .. } => "free some space; nothing that was acknowledged is lost",
            Self::ModelMismatch { .. } | Self::DimensionMismatch { .. } => {
                "use the gallery's model, or enrol the pictures again in a new gallery"
            }
            Self::Failed { .. } => "check the disk and the file's permissions",
        }
    }

    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        let (file, gallery, album) = match self {
            Self::Missing { file, .. } => (file, "gallery_missing", "album_missing"),
            Self::MissingFolder { file, .. } => {
                (file, "gallery_folder_missing", "album_folder_missing")
            }
            Self::PermissionDenied { file, .. } => {
                (file, "gallery_permission_denied", "album_permission_denied")
            }
            Self::ReadOnly { file, .. } => (file, "gallery_read_only", "album_read_only"),
            Self::NotAGallery { file, .. } => (file, "not_a_gallery", "not_an_album"),
            Self::Newer { file, .. } => (file, "gallery_newer", "album_newer"),
            Self::Damaged { file, .. } => (file, "gallery_damaged", "album_damaged"),
            Self::Busy { file, .. } => (file, "gallery_busy", "album_busy"),
            Self::Failed { file, .. } => (file, "gallery_failed", "album_failed"),
            Self::Full { .. } => return "disk_full",
            Self::ModelMismatch { .. } => return "model_mismatch",
            Self::DimensionMismatch { .. } => return "dimension_mismatch",
        };
        match file {
            FileKind::Gallery => gallery,
            FileKind::Album => album,
        }
    }
}
