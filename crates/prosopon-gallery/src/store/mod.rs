//! Where a gallery keeps its records, and what any such place must be able to do.
//!
//! A [`Store`] gives two kinds of sessions: a [`Reader`] sees one consistent moment, a [`Writer`]
//! changes everything or nothing. All rules (unique pictures, unions of metadata, order of
//! candidates) live in the gallery above, so a new store only has to keep records. `contract.rs`
//! holds the suite that each one passes.

#[cfg(test)]
mod contract;
mod error;
pub(crate) mod sqlite;

#[cfg(test)]
pub(crate) use contract::calibration as calibration_for_tests;

pub use error::{FileKind, StoreError};
pub use sqlite::{SqliteOptions, SqliteStore};

use prosopon::{ModelId, StoredCalibration};
use serde::{Deserialize, Serialize};

use crate::face::{Crop, Face, FaceId, NewFace, PictureHash};
use crate::subject::{Metadata, NewSubject, Subject, SubjectId, SubjectSummary};

/// The model whose embeddings a gallery holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The model.
    pub model: ModelId,
    /// Values in each embedding.
    pub dimension: usize,
}

/// Number of the last change of a store; rises with every change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub i64);

/// One thing that is different from what it was; look it up to see what it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A subject was added, renamed, edited or deleted.
    Subject(SubjectId),
    /// A face was added, given to another subject or deleted.
    Face(FaceId),
}

/// What happened since a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// These things, each once, in no particular order; none if nothing happened.
    Known(Vec<Change>),
    /// The store no longer knows; everything must be read again.
    Forgotten,
}

/// Part of a list of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// Only names that contain this, ignoring case.
    pub name_contains: Option<String>,
    /// Only names after this one.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// How many records there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Subjects.
    pub subjects: u64,
    /// Faces.
    pub faces: u64,
}

/// Work in a session that reads.
pub type Read<'a> = &'a mut dyn FnMut(&dyn Reader) -> Result<(), StoreError>;

/// Work in a session that writes; gives back whether to keep (`true`) or undo (`false`) it.
pub type Write<'a> = &'a mut dyn FnMut(&mut dyn Writer) -> Result<bool, StoreError>;

/// Takes each subject's id and name.
pub type EachName<'a> = &'a mut dyn FnMut(SubjectId, &str) -> Result<(), StoreError>;

/// Takes each face with its subject and the values of its embedding.
pub type EachTemplate<'a> =
    &'a mut dyn FnMut(FaceId, SubjectId, &mut dyn Iterator<Item = f32>) -> Result<(), StoreError>;

/// A place that keeps subjects and faces; shared by threads, and where it can be, by processes.
///
/// Every function may fail with a [`StoreError`].
#[expect(
    clippy::missing_errors_doc,
    reason = "every function fails for the same reasons"
)]
pub trait Store: Send + Sync {
    /// A number that differs from its last value if anybody, here or in another process, has
    /// changed something in between. Must be cheap: it is asked before each search.
    fn watermark(&self) -> Result<i64, StoreError>;

    /// Runs `work` on one consistent moment.
    fn read(&self, work: Read) -> Result<(), StoreError>;

    /// Runs `work` as one transaction, alone among writers. When this returns `Ok`, and `work`
    /// gave `true`, the changes are on disk.
    ///
    /// An error from `work`, or `false`, undoes everything that it did.
    fn write(&self, work: Write) -> Result<(), StoreError>;
}

/// Looks at records. What does not exist is `None` or empty, never an error.
///
/// Every function may fail with a [`StoreError`].
#[expect(
    clippy::missing_errors_doc,
    reason = "every function fails for the same reasons"
)]
pub trait Reader {
    /// The model that the store is bound to; `None` before the first face.
    fn binding(&self) -> Result<Option<Binding>, StoreError>;

    /// The calibration that was stored for this gallery.
    fn calibration(&self) -> Result<Option<StoredCalibration>, StoreError>;

    /// How many records there are.
    fn counts(&self) -> Result<Counts, StoreError>;

    /// The revision that this session sees.
    fn revision(&self) -> Result<Revision, StoreError>;

    /// What is different from `revision`.
    fn changes_since(&self, revision: Revision) -> Result<Changes, StoreError>;

    /// A subject by its number.
    fn subject(&self, id: SubjectId) -> Result<Option<Subject>, StoreError>;

    /// A subject by its exact name.
    fn subject_named(&self, name: &str) -> Result<Option<Subject>, StoreError>;

    /// Subjects in the order of their names' bytes.
    fn list(&self, query: &ListQuery) -> Result<Vec<SubjectSummary>, StoreError>;

    /// The name of every subject, in order of ids.
    fn each_name(&self, take: EachName) -> Result<(), StoreError>;

    /// A face by its number.
    fn face(&self, id: FaceId) -> Result<Option<Face>, StoreError>;

    /// A subject's faces, in order of ids.
    fn faces_of(&self, subject: SubjectId) -> Result<Vec<Face>, StoreError>;

    /// Faces of all subjects or of one, in order of ids, without the first `offset`, at most `limit`.
    fn faces(
        &self,
        subject: Option<SubjectId>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Face>, StoreError>;

    /// All faces from one picture, in order of ids.
    fn faces_of_picture(&self, picture: &PictureHash) -> Result<Vec<Face>, StoreError>;

    /// The values of a face's embedding.
    fn embedding(&self, face: FaceId) -> Result<Option<Vec<f32>>, StoreError>;

    /// A face's picture, if one was kept.
    fn crop(&self, face: FaceId) -> Result<Option<Crop>, StoreError>;

    /// Every face with its embedding, in order of ids; made for reading all of them quickly.
    fn each_template(&self, take: EachTemplate) -> Result<(), StoreError>;
}

/// Changes records. Callers check first that what they name exists.
///
/// Every function may fail with a [`StoreError`].
#[expect(
    clippy::missing_errors_doc,
    reason = "every function fails for the same reasons"
)]
pub trait Writer: Reader {
    /// Binds the store to a model.
    fn bind(&mut self, binding: &Binding) -> Result<(), StoreError>;

    /// Stores a calibration in place of an older one, or removes it.
    fn set_calibration(
        &mut self,
        calibration: Option<&StoredCalibration>,
    ) -> Result<(), StoreError>;

    /// Adds a subject; `created_millis` is in milliseconds since 1970-01-01 UTC.
    fn add_subject(
        &mut self,
        subject: &NewSubject,
        created_millis: i64,
    ) -> Result<SubjectId, StoreError>;

    /// Replaces a subject's name, external id and metadata.
    fn update_subject(
        &mut self,
        id: SubjectId,
        name: &str,
        external_id: Option<&str>,
        metadata: &Metadata,
    ) -> Result<(), StoreError>;

    /// Deletes a subject with all its faces; their bytes do not stay behind.
    fn delete_subject(&mut self, id: SubjectId) -> Result<(), StoreError>;

    /// Adds a face; `created_millis` is in milliseconds since 1970-01-01 UTC.
    fn add_face(
        &mut self,
        subject: SubjectId,
        face: &NewFace,
        created_millis: i64,
    ) -> Result<FaceId, StoreError>;

    /// Gives a face to another subject.
    fn move_face(&mut self, face: FaceId, subject: SubjectId) -> Result<(), StoreError>;

    /// Deletes a face; its bytes do not stay behind.
    fn delete_face(&mut self, face: FaceId) -> Result<(), StoreError>;
}
