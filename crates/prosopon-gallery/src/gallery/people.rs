//! Looking at subjects and changing them.

use prosopon::Embedding;
use serde::{Deserialize, Serialize};

use super::Gallery;
use super::enrol::checked;
use crate::error::GalleryError;
use crate::face::{Crop, Face, FaceId, is_same_face};
use crate::spelling;
use crate::store::{ListQuery, Reader};
use crate::subject::{Metadata, Subject, SubjectId, SubjectSummary};

/// Which subjects to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOptions {
    /// Only names that contain this, ignoring case.
    pub name_contains: Option<String>,
    /// Only what follows this cursor: [`SubjectPage::next`] of the page before.
    pub after: Option<String>,
    /// At most so many subjects.
    pub limit: usize,
}

impl Default for ListOptions {
    /// The first hundred of all.
    fn default() -> Self {
        Self {
            name_contains: None,
            after: None,
            limit: 100,
        }
    }
}

/// Part of a list of subjects, in the order of their names' bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubjectPage {
    /// The subjects.
    pub subjects: Vec<SubjectSummary>,
    /// Cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

/// A subject with its faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubjectDetails {
    /// The subject.
    #[serde(flatten)]
    pub subject: Subject,
    /// Its faces, in order of ids.
    pub faces: Vec<Face>,
}

/// What a merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeReport {
    /// The subject that remains.
    pub subject: SubjectId,
    /// Faces that it got.
    pub moved: u64,
    /// Faces that it had already, from the same place of the same picture; they were deleted.
    pub duplicates: u64,
}

impl Gallery {
    /// Subjects by name, page by page.
    ///
    /// # Errors
    /// [`GalleryError::Store`].
    pub fn list(&self, options: &ListOptions) -> Result<SubjectPage, GalleryError> {
        // One more than asked for tells whether there is a next page.
        let query = ListQuery {
            name_contains: options.name_contains.clone(),
            after: options.after.clone(),
            limit: options.limit.saturating_add(1),
        };
        let mut subjects = self.read(|reader| Ok(reader.list(&query)?))?;
        let more = subjects.len() > options.limit;
        subjects.truncate(options.limit);
        let next = match subjects.last() {
            Some(last) if more => Some(last.subject.name.clone()),
            _ => None,
        };
        Ok(SubjectPage { subjects, next })
    }

    /// A subject with its faces.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::Store`].
    pub fn show(&self, name: &str) -> Result<SubjectDetails, GalleryError> {
        self.read(|reader| {
            let subject = known(reader, name)?;
            let faces = reader.faces_of(subject.id)?;
            Ok(SubjectDetails { subject, faces })
        })
    }

    /// A face by its number.
    ///
    /// # Errors
    /// [`GalleryError::UnknownFace`], [`GalleryError::Store`].
    pub fn face(&self, id: FaceId) -> Result<Face, GalleryError> {
        self.read(|reader| reader.face(id)?.ok_or(GalleryError::UnknownFace { id }))
    }

    /// A face's picture; `None` if none was kept.
    ///
    /// # Errors
    /// [`GalleryError::UnknownFace`], [`GalleryError::Store`].
    pub fn crop(&self, id: FaceId) -> Result<Option<Crop>, GalleryError> {
        self.read(|reader| {
            known_face(reader, id)?;
            Ok(reader.crop(id)?)
        })
    }

    /// A face's embedding.
    ///
    /// # Errors
    /// [`GalleryError::UnknownFace`], [`GalleryError::DamagedEmbedding`], [`GalleryError::Store`].
    pub fn embedding(&self, id: FaceId) -> Result<Embedding, GalleryError> {
        self.read(|reader| {
            let face = known_face(reader, id)?;
            embedding_of(reader, &face)
        })
    }

    /// Gives a subject another name.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::NameTaken`],
    /// [`GalleryError::InvalidName`], [`GalleryError::Store`].
    pub fn rename(&self, name: &str, new_name: &str) -> Result<SubjectId, GalleryError> {
        checked(new_name)?;
        self.write(|writer| {
            let subject = known(writer, name)?;
            if new_name != name && writer.subject_named(new_name)?.is_some() {
                return Err(GalleryError::NameTaken {
                    name: new_name.to_owned(),
                });
            }
            let external_id = subject.external_id.as_deref();
            writer.update_subject(subject.id, new_name, external_id, &subject.metadata)?;
            Ok(subject.id)
        })
    }

    /// Replaces a subject's external id and metadata.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::Store`].
    pub fn describe(
        &self,
        name: &str,
        external_id: Option<&str>,
        metadata: &Metadata,
    ) -> Result<(), GalleryError> {
        self.write(|writer| {
            let subject = known(writer, name)?;
            Ok(writer.update_subject(subject.id, name, external_id, metadata)?)
        })
    }

    /// Gives all faces of `from` to `into` and deletes `from`.
    ///
    /// `into` keeps its name, id and facts, and gets those facts of `from` that it lacks.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::MergeWithItself`],
    /// [`GalleryError::Store`].
    pub fn merge(&self, from: &str, into: &str) -> Result<MergeReport, GalleryError> {
        self.write(|writer| {
            let (source, target) = (known(writer, from)?, known(writer, into)?);
            if source.id == target.id {
                return Err(GalleryError::MergeWithItself {
                    name: into.to_owned(),
                });
            }
            let there = writer.faces_of(target.id)?;
            let (mut moved, mut duplicates) = (0, 0);
            for face in writer.faces_of(source.id)? {
                let place = |face: &Face| (face.source.clone(), face.bounding_box);
                let (picture, at) = place(&face);
                let is_there = there.iter().any(|old| {
                    is_same_face(
                        (old.source.as_ref(), old.bounding_box.as_ref()),
                        (picture.as_ref(), at.as_ref()),
                    )
                });
                // What is not moved goes with the subject below.
                if is_there {
                    duplicates += 1;
                } else {
                    writer.move_face(face.id, target.id)?;
                    moved += 1;
                }
            }
            writer.delete_subject(source.id)?;
            let mut metadata = source.metadata;
            metadata.extend(target.metadata);
            let external_id = target.external_id.or(source.external_id);
            writer.update_subject(target.id, into, external_id.as_deref(), &metadata)?;
            Ok(MergeReport {
                subject: target.id,
                moved,
                duplicates,
            })
        })
    }

    /// Deletes a subject with all its faces; gives back how many those were.
    ///
    /// The bytes of embeddings and crops do not stay in the file.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::Store`].
    pub fn delete_subject(&self, name: &str) -> Result<u64, GalleryError> {
        self.write(|writer| {
            let subject = known(writer, name)?;
            let n_faces = writer.faces_of(subject.id)?.len() as u64;
            writer.delete_subject(subject.id)?;
            Ok(n_faces)
        })
    }

    /// Deletes a face; its subject stays, even without any face.
    ///
    /// The bytes of embedding and crop do not stay in the file.
    ///
    /// # Errors
    /// [`GalleryError::UnknownFace`], [`GalleryError::Store`].
    pub fn delete_face(&self, id: FaceId) -> Result<(), GalleryError> {
        self.write(|writer| {
            known_face(writer, id)?;
            Ok(writer.delete_face(id)?)
        })
    }
}

/// The subject of this name, or an error with the name that was probably meant.
fn known(reader: &(impl Reader + ?Sized), name: &str) -> Result<Subject, GalleryError> {
    if let Some(subject) = reader.subject_named(name)? {
        return Ok(subject);
    }
    let mut names = Vec::new();
    reader.each_name(&mut |_, name| {
        names.push(name.to_owned());
        Ok(())
    })?;
    let closest = spelling::closest(name, names.iter().map(String::as_str));
    Err(GalleryError::UnknownSubject {
        name: name.to_owned(),
        closest: closest.map(str::to_owned),
    })
}

fn known_face(reader: &(impl Reader + ?Sized), id: FaceId) -> Result<Face, GalleryError> {
    reader.face(id)?.ok_or(GalleryError::UnknownFace { id })
}

/// A stored embedding. Scaling to length 1 again changes nothing: the length is 1 within less than
/// half a unit of the last place of the values.
pub(crate) fn embedding_of(reader: &dyn Reader, face: &Face) -> Result<Embedding, GalleryError> {
    let values = reader.embedding(face.id)?.unwrap_or_default();
    let dimension = values.len();
    Embedding::from_values(face.model.clone(), values).map_err(|_| GalleryError::DamagedEmbedding {
        face: face.id,
        dimension,
    })
}
