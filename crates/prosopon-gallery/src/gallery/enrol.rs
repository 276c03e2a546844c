//! Adding faces.

use serde::{Deserialize, Serialize};

use super::people::known;
use super::{Gallery, SubjectKey, bind, binding_of, now_millis};
use crate::error::GalleryError;
use crate::face::{Face, FaceId, NewFace, PictureHash};
use crate::store::{Reader, Writer};
use crate::subject::{NewSubject, SubjectId, check_name};

/// A face to enrol, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrolmentRequest {
    /// Name of the subject; a new one is added.
    pub subject: String,
    /// The face.
    pub face: NewFace,
}

/// What became of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Enrolment {
    /// It is in the gallery, on disk.
    Added {
        /// The new face.
        face: FaceId,
        /// Its subject.
        subject: SubjectId,
        /// Whether the subject is new, too.
        is_new_subject: bool,
    },
    /// The subject has this face of this picture already; nothing was changed.
    Duplicate {
        /// The face that is there.
        face: FaceId,
        /// Its subject.
        subject: SubjectId,
    },
}

impl Enrolment {
    /// The face that is now in the gallery.
    pub fn face(&self) -> FaceId {
        match *self {
            Self::Added { face, .. } | Self::Duplicate { face, .. } => face,
        }
    }

    /// Its subject.
    pub fn subject(&self) -> SubjectId {
        match *self {
            Self::Added { subject, .. } | Self::Duplicate { subject, .. } => subject,
        }
    }
}

impl Gallery {
    /// Adds a subject that has no face yet.
    ///
    /// # Errors
    /// [`GalleryError::InvalidName`], [`GalleryError::NameTaken`], [`GalleryError::Store`].
    pub fn add_subject(&self, subject: &NewSubject) -> Result<SubjectId, GalleryError> {
        checked(&subject.name)?;
        self.write(|writer| {
            if writer.subject_named(&subject.name)?.is_some() {
                return Err(GalleryError::NameTaken {
                    name: subject.name.clone(),
                });
            }
            Ok(writer.add_subject(subject, now_millis())?)
        })
    }

    /// Adds a face to the subject of this name, who is added if new. On disk when this returns.
    ///
    /// The same face of the same picture (by SHA-256 and place) is noticed and not added again.
    /// The first enrolment binds the gallery to the embedding's model.
    ///
    /// # Errors
    /// [`GalleryError::InvalidName`]; [`GalleryError::Store`], with
    /// [`StoreError::ModelMismatch`](crate::StoreError::ModelMismatch) for another model's
    /// embedding.
    pub fn enrol(&self, subject: &str, face: NewFace) -> Result<Enrolment, GalleryError> {
        let subject = subject.to_owned();
        let outcomes = self.enrol_batch(&[EnrolmentRequest { subject, face }])?;
        outcomes
            .first()
            .copied()
            .map_or_else(|| unreachable!("one outcome per request"), Ok)
    }

    /// Adds several faces in one transaction: one sync to disk for all. Outcomes are in the order
    /// of the requests.
    ///
    /// # Errors
    /// As [`Gallery::enrol`]; then none of the faces is added.
    pub fn enrol_batch(
        &self,
        requests: &[EnrolmentRequest],
    ) -> Result<Vec<Enrolment>, GalleryError> {
        for request in requests {
            checked(&request.subject)?;
        }
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let now = now_millis();
        self.write(|writer| {
            requests
                .iter()
                .map(|request| enrol_one(writer, request, now))
                .collect()
        })
    }

    /// Adds faces to a subject who is there, in one transaction; outcomes are in the order of the faces. Nobody is added:
    /// whoever is deleted while faces are looked for stays deleted.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], [`GalleryError::UnknownSubjectId`], and as [`Gallery::enrol`]; then none of the
    /// faces is added.
    pub fn add_faces<'a>(
        &self,
        subject: impl Into<SubjectKey<'a>>,
        faces: &[NewFace],
    ) -> Result<Vec<Enrolment>, GalleryError> {
        let (key, now) = (subject.into(), now_millis());
        self.write(|writer| {
            let subject = known(writer, key)?;
            faces
                .iter()
                .map(|face| add_face(writer, (subject.id, false), face, now))
                .collect()
        })
    }

    /// The faces that came from this picture, in order of ids: to skip a picture before detecting
    /// faces in it.
    ///
    /// # Errors
    /// [`GalleryError::Store`].
    pub fn faces_of_picture(&self, picture: &PictureHash) -> Result<Vec<Face>, GalleryError> {
        self.read(|reader| Ok(reader.faces_of_picture(picture)?))
    }
}

fn enrol_one(
    writer: &mut dyn Writer,
    request: &EnrolmentRequest,
    now: i64,
) -> Result<Enrolment, GalleryError> {
    let EnrolmentRequest {
        subject: name,
        face,
    } = request;
    let subject = match writer.subject_named(name)? {
        Some(subject) => (subject.id, false),
        None => (writer.add_subject(&NewSubject::named(name), now)?, true),
    };
    add_face(writer, subject, face, now)
}

fn add_face(
    writer: &mut dyn Writer,
    (subject, is_new_subject): (SubjectId, bool),
    face: &NewFace,
    now: i64,
) -> Result<Enrolment, GalleryError> {
    bind(writer, &binding_of(&face.embedding))?;
    if let Some(face) = twin(writer, subject, face)? {
        return Ok(Enrolment::Duplicate { face, subject });
    }
    Ok(Enrolment::Added {
        face: writer.add_face(subject, face, now)?,
        subject,
        is_new_subject,
    })
}

/// The subject's face that comes from the same place of the same picture.
pub(crate) fn twin(
    reader: &(impl Reader + ?Sized),
    subject: SubjectId,
    face: &NewFace,
) -> Result<Option<FaceId>, GalleryError> {
    let Some(source) = &face.source else {
        return Ok(None);
    };
    let twin = reader
        .faces_of_picture(&source.sha256)?
        .into_iter()
        .find(|old| old.subject == subject && old.is_same_as(face));
    Ok(twin.map(|face| face.id))
}

/// Refuses what cannot be a name.
pub(crate) fn checked(name: &str) -> Result<(), GalleryError> {
    check_name(name).map_err(|expected| GalleryError::InvalidName {
        name: name.to_owned(),
        expected,
    })
}
