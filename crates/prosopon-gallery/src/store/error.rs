//! What can go wrong with a store.

use std::path::PathBuf;

use prosopon::ModelId;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such file, and it was not to be created.
    #[error("no gallery at this path: {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The folder of the file does not exist.
    #[error("no such folder for a gallery: {}", folder.display())]
    MissingFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The file may not be read.
    #[error("permission denied for the gallery: {}", path.display())]
    PermissionDenied {
        /// The path.
        path: PathBuf,
    },
    /// The file or its folder may not be written.
    #[error("the gallery, or its folder, is read-only: {}", path.display())]
    ReadOnly {
        /// The path.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("expected a gallery, found {found}: {}", path.display())]
    NotAGallery {
        /// What it is instead.
        found: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A later release of this software wrote the file.
    #[error(
        "expected a gallery of format {supported} or older, found format {found}: {}",
        path.display()
    )]
    Newer {
        /// Format of the file.
        found: i64,
        /// The newest format that this release reads.
        supported: i64,
        /// The path.
        path: PathBuf,
    },
    /// The content makes no sense.
    #[error("the gallery is damaged ({what}): {}", path.display())]
    Damaged {
        /// What does not fit.
        what: String,
        /// The path.
        path: PathBuf,
    },
    /// Another process held the file for longer than the waiting time.
    #[error("the gallery is in use by another process: {}", path.display())]
    Busy {
        /// The path.
        path: PathBuf,
    },
    /// No space is left.
    #[error("no space left to write the gallery: {}", path.display())]
    Full {
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
    #[error("could not {action} the gallery: {}", path.display())]
    Failed {
        /// What was attempted.
        action: &'static str,
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
            Self::Missing { .. } => "check the path, or enrol somebody to create the gallery",
            Self::MissingFolder { .. } => "create the folder, or check the path",
            Self::PermissionDenied { .. } => "check who owns the file and its folder",
            Self::ReadOnly { .. } => "make the file and its folder writable, or copy the gallery",
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
        match self {
            Self::Missing { .. } => "gallery_missing",
            Self::MissingFolder { .. } => "gallery_folder_missing",
            Self::PermissionDenied { .. } => "gallery_permission_denied",
            Self::ReadOnly { .. } => "gallery_read_only",
            Self::NotAGallery { .. } => "not_a_gallery",
            Self::Newer { .. } => "gallery_newer",
            Self::Damaged { .. } => "gallery_damaged",
            Self::Busy { .. } => "gallery_busy",
            Self::Full { .. } => "disk_full",
            Self::ModelMismatch { .. } => "model_mismatch",
            Self::DimensionMismatch { .. } => "dimension_mismatch",
            Self::Failed { .. } => "gallery_failed",
        }
    }
}
