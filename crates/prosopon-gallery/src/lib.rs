//! Enrolled subjects and exact 1:N search.
//!
//! A [`Gallery`] is one file: subjects, their faces, embeddings and aligned crops. It answers "who is
//! this?" from an in-memory [`index`] that never misses: the answer is the one of comparing the
//! probe with every face. Everything acknowledged survives the end of the process.
//!
//! ```
//! use prosopon::{Embedding, ModelId};
//! use prosopon_gallery::{Gallery, GalleryOptions, IdentifyOptions, NewFace};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("people.gallery");
//! let gallery = Gallery::open(&path, GalleryOptions::default())?;
//! let model = ModelId::new("example@00000000");
//! let anna = Embedding::from_values(model.clone(), vec![0.9, 0.1, 0.2])?;
//! gallery.enrol("Anna", NewFace::new(anna))?;
//!
//! let probe = Embedding::from_values(model, vec![0.8, 0.2, 0.2])?;
//! let candidates = gallery.identify(&probe, IdentifyOptions::default())?;
//! assert_eq!(&*candidates[0].name, "Anna");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Module | Holds |
//! |---|---|
//! | [`gallery`] | the engine: enrol, list, rename, merge, delete, identify, export, import |
//! | [`store`] | where records live; one file per kind of store |
//! | [`index`] | exact search in memory |
//! | [`album`] | photographs grouped by person, and decisions about the groups |
//! | [`exchange`] | the JSON-lines format of export and import |
//! | [`sqlite_file`] | what all SQLite files have in common: what reports mean, owners, the log, damage |
//! | [`spelling`] | the name that somebody probably meant |
//! | [`synthetic`] | made-up templates for tests and benchmarks |

pub mod album;
pub mod error;
pub mod exchange;
pub mod face;
pub mod fpir;
pub mod gallery;
pub mod index;
pub mod spelling;
pub mod sqlite_file;
pub mod store;
pub mod subject;
pub mod synthetic;

pub use album::{Album, AlbumError};
pub use error::GalleryError;
pub use exchange::{ExportReport, ImportReport};
pub use face::{Crop, Face, FaceId, NewFace, PictureHash, Quality, Source};
pub use fpir::fpir_estimate;
pub use gallery::{
    Candidate, Enrolment, EnrolmentRequest, FaceListOptions, FacePage, Gallery, GalleryCounts,
    GalleryOptions, IdentifyOptions, ListOptions, MergeReport, SubjectChange, SubjectDetails,
    SubjectKey, SubjectPage, TemplateKind, calibration_of,
};
pub use store::{Binding, FileKind, StoreError};
pub use subject::{Metadata, NewSubject, Subject, SubjectId, SubjectSummary};
