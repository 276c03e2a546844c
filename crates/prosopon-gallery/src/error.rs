//! What can go wrong with a gallery.

use std::io;

use prosopon::CompareError;

use crate::face::FaceId;
use crate::store::StoreError;
use crate::subject::SubjectId;

/// Why a gallery could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// The place where the records are.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody has this name.
    #[error("unknown subject `{name}`")]
    UnknownSubject {
        /// The name.
        name: String,
        /// The name that was probably meant.
        closest: Option<String>,
    },
    /// Nobody has this number.
    #[error("unknown subject {id}")]
    UnknownSubjectId {
        /// The number.
        id: SubjectId,
    },
    /// No face has this number.
    #[error("unknown face {id}")]
    UnknownFace {
        /// The number.
        id: FaceId,
    },
    /// Somebody else has this name.
    #[error("the name `{name}` is taken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// This cannot be a name.
    #[error("expected a name {expected}, found {name:?}")]
    InvalidName {
        /// What was given.
        name: String,
        /// What a name must be.
        expected: &'static str,
    },
    /// A subject cannot be merged into itself.
    #[error("cannot merge subject `{name}` into itself")]
    MergeWithItself {
        /// The subject.
        name: String,
    },
    /// An embedding in the store is not what was written.
    #[error("expected {dimension} values of length 1 as the embedding of face {face}")]
    DamagedEmbedding {
        /// The face.
        face: FaceId,
        /// Values in each of the gallery's embeddings.
        dimension: usize,
    },
    /// A calibration that makes no sense.
    #[error("cannot store the calibration: {0}")]
    Calibration(#[from] CompareError),
    /// What is to be imported is not an export.
    #[error("cannot import line {line}: {what}")]
    Import {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The export's format is newer than this release.
    #[error("expected an export of format {supported} or older, found format {found}")]
    NewerExport {
        /// Format of the export.
        found: u32,
        /// The newest format that this release reads.
        supported: u32,
    },
    /// Reading an export or writing one failed.
    #[error("could not {action} the export")]
    Stream {
        /// What was attempted.
        action: &'static str,
        /// The report.
        source: io::Error,
    },
}

impl GalleryError {
    /// What the user can do about it; one line.
    pub fn hint(&self) -> String {
        match self {
            Self::Store(error) => error.hint().to_owned(),
            Self::UnknownSubject {
                closest: Some(name),
                ..
            } => format!("did you mean `{name}`?"),
            Self::UnknownSubject { .. } | Self::UnknownSubjectId { .. } => {
                "`prosopon people list` shows all names".to_owned()
            }
            Self::UnknownFace { .. } => {
                "`prosopon people show NAME` shows a subject's faces".to_owned()
            }
            Self::NameTaken { .. } => "choose another name, or merge the two subjects".to_owned(),
            Self::InvalidName { .. } => "choose another name".to_owned(),
            Self::MergeWithItself { .. } => "name two different subjects".to_owned(),
            Self::DamagedEmbedding { .. } => "restore a copy of the gallery".to_owned(),
            Self::Calibration(_) => {
                "measure one with `prosopon calibrate DIR --for gallery`".to_owned()
            }
            Self::Import { .. } => {
                "nothing was imported; check that the file is whole and comes from an export"
                    .to_owned()
            }
            Self::NewerExport { .. } => "nothing was imported; update prosopon".to_owned(),
            Self::Stream { .. } => "check the file and the disk".to_owned(),
        }
    }

    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::UnknownSubject { .. } | Self::UnknownSubjectId { .. } => "unknown_subject",
            Self::UnknownFace { .. } => "unknown_face",
            Self::NameTaken { .. } => "name_taken",
            Self::InvalidName { .. } => "invalid_name",
            Self::MergeWithItself { .. } => "merge_with_itself",
            Self::DamagedEmbedding { .. } => "gallery_damaged",
            Self::Calibration(_) => "invalid_calibration",
            Self::Import { .. } => "invalid_import",
            Self::NewerExport { .. } => "export_newer",
            Self::Stream { .. } => "stream_failed",
        }
    }
}
