//! Looking at subjects and changing them.

use std::collections::BTreeMap;

use prosopon::Embedding;
use serde::{Deserialize, Serialize};

use super::enrol::checked;
use super::{Gallery, GalleryCounts};
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

/// How a subject is named in a request: by its unique name, or by its number.
///
/// Functions take `impl Into<SubjectKey>`, so a `&str` or a [`SubjectId`] will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKey<'a> {
    /// By name, compared exactly.
    Name(&'a str),
    /// By number.
    Id(SubjectId),
}

impl<'a> From<&'a str> for SubjectKey<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a String> for SubjectKey<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

impl From<SubjectId> for SubjectKey<'_> {
    fn from(id: SubjectId) -> Self {
        Self::Id(id)
    }
}

/// What to change about a subject; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SubjectChange {
    /// New name.
    pub name: Option<String>,
    /// New id in another system; `Some(None)` removes it.
    pub external_id: Option<Option<String>>,
    /// New facts in place of all old ones.
    pub metadata: Option<Metadata>,
}

/// Which faces to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaceListOptions<'a> {
    /// Only faces of this subject.
    pub subject: Option<SubjectKey<'a>>,
    /// So many are left out first.
    pub offset: usize,
    /// At most so many faces.
    pub limit: usize,
}

/// Part of a list of faces, in order of ids.
#[derive(Debug, Clone, PartialEq)]
pub struct FacePage {
    /// The faces, each with its subject's name.
    pub faces: Vec<(Face, String)>,
    /// How many there are without offset and limit.
    pub total: u64,
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
    pub fn show<'a>(
        &self,
        subject: impl Into<SubjectKey<'a>>,
    ) -> Result<SubjectDetails, GalleryError> {
        let key = subject.into();
        self.read(|reader| {
            let subject = known(reader, key)?;
            let faces = reader.faces_of(subject.id)?;
            Ok(SubjectDetails { subject, faces })
        })
    }

    /// Faces of all subjects or of one, page by page.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::Store`].
    pub fn list_faces(&self, options: FaceListOptions<'_>) -> Result<FacePage, GalleryError> {
        self.read(|reader| {
            let subject = options.subject.map(|key| known(reader, key)).transpose()?;
            let id = subject.map(|subject| subject.id);
            let mut names: BTreeMap<SubjectId, String> = BTreeMap::new();
            let mut faces = Vec::new();
            for face in reader.faces(id, options.offset, options.limit)? {
                let name = match names.get(&face.subject) {
                    Some(name) => name.clone(),
                    None => known(reader, face.subject.into())?.name,
                };
                names.insert(face.subject, name.clone());
                faces.push((face, name));
            }
            let total = match id {
                Some(id) => reader.faces_of(id)?.len() as u64,
                None => reader.counts()?.faces,
            };
            Ok(FacePage { faces, total })
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
    /// As [`Gallery::change`].
    pub fn rename<'a>(
        &self,
        subject: impl Into<SubjectKey<'a>>,
        new_name: &str,
    ) -> Result<SubjectId, GalleryError> {
        let change = SubjectChange {
            name: Some(new_name.to_owned()),
            ..SubjectChange::default()
        };
        self.change(subject, &change).map(|subject| subject.id)
    }

    /// Changes a subject's name, external id or metadata; gives back the subject as it is then.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::NameTaken`],
    /// [`GalleryError::InvalidName`], [`GalleryError::Store`].
    pub fn change<'a>(
        &self,
        subject: impl Into<SubjectKey<'a>>,
        change: &SubjectChange,
    ) -> Result<Subject, GalleryError> {
        let key = subject.into();
        if let Some(name) = &change.name {
            checked(name)?;
        }
        self.write(|writer| {
            let old = known(writer, key)?;
            let new = Subject {
                name: change.name.clone().unwrap_or_else(|| old.name.clone()),
                external_id: change.external_id.clone().unwrap_or(old.external_id),
                metadata: change.metadata.clone().unwrap_or(old.metadata),
                ..old
            };
            if new.name != old.name && writer.subject_named(&new.name)?.is_some() {
                return Err(GalleryError::NameTaken { name: new.name });
            }
            let external_id = new.external_id.as_deref();
            writer.update_subject(new.id, &new.name, external_id, &new.metadata)?;
            Ok(new)
        })
    }

    /// Gives all faces of `from` to `into` and deletes `from`.
    ///
    /// `into` keeps its name, id and facts, and gets those facts of `from` that it lacks.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::MergeWithItself`],
    /// [`GalleryError::Store`].
    pub fn merge<'a>(
        &self,
        from: impl Into<SubjectKey<'a>>,
        into: impl Into<SubjectKey<'a>>,
    ) -> Result<MergeReport, GalleryError> {
        let (from, into) = (from.into(), into.into());
        self.write(|writer| {
            let (source, target) = (known(writer, from)?, known(writer, into)?);
            if source.id == target.id {
                return Err(GalleryError::MergeWithItself { name: target.name });
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
            let name = &target.name;
            writer.update_subject(target.id, name, external_id.as_deref(), &metadata)?;
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
    pub fn delete_subject<'a>(
        &self,
        subject: impl Into<SubjectKey<'a>>,
    ) -> Result<u64, GalleryError> {
        self.delete_subjects(&[subject.into()])
    }

    /// Deletes several subjects with all their faces, all or none; gives back how many faces those
    /// were.
    ///
    /// # Errors
    /// As [`Gallery::delete_subject`].
    pub fn delete_subjects(&self, subjects: &[SubjectKey<'_>]) -> Result<u64, GalleryError> {
        self.write(|writer| {
            let mut n_faces = 0;
            for key in subjects {
                let subject = known(writer, *key)?;
                n_faces += writer.faces_of(subject.id)?.len() as u64;
                writer.delete_subject(subject.id)?;
            }
            Ok(n_faces)
        })
    }

    /// Deletes all subjects with all their faces; gives back how many of each those were.
    ///
    /// # Errors
    /// [`GalleryError::Store`].
    pub fn clear(&self) -> Result<GalleryCounts, GalleryError> {
        self.write(|writer| {
            let counts = writer.counts()?;
            let mut ids = Vec::new();
            writer.each_name(&mut |id, _| {
                ids.push(id);
                Ok(())
            })?;
            for id in ids {
                writer.delete_subject(id)?;
            }
            Ok(counts)
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

    /// Deletes several faces in one transaction; their subjects stay. Gives back those that were
    /// there, each with its subject's name.
    ///
    /// # Errors
    /// [`GalleryError::Store`].
    pub fn delete_faces(&self, ids: &[FaceId]) -> Result<Vec<(Face, String)>, GalleryError> {
        self.write(|writer| {
            let mut deleted = Vec::new();
            for id in ids {
                if let Some(face) = writer.face(*id)? {
                    let name = known(writer, face.subject.into())?.name;
                    writer.delete_face(*id)?;
                    deleted.push((face, name));
                }
            }
            Ok(deleted)
        })
    }
}

/// The subject that is meant, or an error with the name that was probably meant.
pub(super) fn known(
    reader: &(impl Reader + ?Sized),
    key: SubjectKey<'_>,
) -> Result<Subject, GalleryError> {
    let name = match key {
        SubjectKey::Id(id) => {
            let subject = reader.subject(id)?;
            return subject.ok_or(GalleryError::UnknownSubjectId { id });
        }
        SubjectKey::Name(name) => name,
    };
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
