//! The gallery in memory: names and index, kept in step with the store.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use prosopon::StoredCalibration;
use rayon::prelude::*;

use crate::error::GalleryError;
use crate::face::FaceId;
use crate::index::{ExactIndex, Index};
use crate::store::{Binding, Change, Changes, Counts, Reader, Revision};
use crate::subject::SubjectId;

/// How far an embedding's length may be from 1 before it counts as damaged; rounding to f32 makes
/// less than 1e-6.
const LENGTH_TOLERANCE: f32 = 1e-3;

/// What the store held at one moment.
#[derive(Default)]
pub(super) struct Snapshot {
    /// The store's watermark and revision then; `None` before the first reading.
    moment: Option<(i64, Revision)>,
    pub(super) binding: Option<Binding>,
    pub(super) calibration: Option<StoredCalibration>,
    pub(super) faces: ExactIndex,
    pub(super) names: HashMap<SubjectId, Arc<str>>,
    /// Mean templates, from the first search that asks for them.
    pub(super) means: Option<Means>,
}

impl Snapshot {
    /// Whether the store has not changed since.
    pub(super) fn is_at(&self, watermark: i64) -> bool {
        self.moment.is_some_and(|(seen, _)| seen == watermark)
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            subjects: self.names.len() as u64,
            faces: self.faces.len() as u64,
        }
    }

    /// Takes over what has changed. `watermark` must have been asked for before `reader` began, so
    /// that a change in between is at worst looked at twice.
    pub(super) fn catch_up(
        &mut self,
        reader: &dyn Reader,
        watermark: i64,
    ) -> Result<(), GalleryError> {
        let revision = reader.revision()?;
        let changes = match self.moment {
            Some((_, seen)) => reader.changes_since(seen)?,
            None => Changes::Forgotten,
        };
        self.binding = reader.binding()?;
        self.calibration = reader.calibration()?;
        match changes {
            Changes::Known(changes) => self.apply(reader, &changes)?,
            Changes::Forgotten => self.read_all(reader)?,
        }
        self.moment = Some((watermark, revision));
        Ok(())
    }

    fn dimension(&self) -> usize {
        self.binding.as_ref().map_or(0, |bound| bound.dimension)
    }

    fn read_all(&mut self, reader: &dyn Reader) -> Result<(), GalleryError> {
        self.means = None;
        self.names.clear();
        reader.each_name(&mut |id, name| {
            self.names.insert(id, Arc::from(name));
            Ok(())
        })?;
        let dimension = self.dimension();
        let n_faces = reader.counts()?.faces as usize;
        let (mut faces, mut subjects) = (Vec::with_capacity(n_faces), Vec::with_capacity(n_faces));
        let mut values = Vec::with_capacity(n_faces * dimension);
        let mut uneven = None;
        reader.each_template(&mut |face, subject, row| {
            faces.push(face);
            subjects.push(subject);
            values.extend(row);
            if values.len() != faces.len() * dimension {
                uneven.get_or_insert(face);
            }
            Ok(())
        })?;
        let damaged = uneven.or_else(|| {
            let rows = faces.par_iter().zip(values.par_chunks(dimension.max(1)));
            rows.filter(|(_, row)| !has_unit_length(row))
                .map(|(face, _)| *face)
                .min()
        });
        if let Some(face) = damaged {
            return Err(GalleryError::DamagedEmbedding { face, dimension });
        }
        self.faces = ExactIndex::from_rows(dimension, faces, subjects, values);
        Ok(())
    }

    fn apply(&mut self, reader: &dyn Reader, changes: &[Change]) -> Result<(), GalleryError> {
        let dimension = self.dimension();
        if self.faces.is_empty() && self.faces.dim() != dimension {
            self.faces = ExactIndex::new(dimension);
            self.means = None;
        }
        let mut touched = BTreeSet::new();
        for change in changes {
            match *change {
                Change::Subject(id) => match reader.subject(id)? {
                    Some(subject) => {
                        self.names.insert(id, Arc::from(subject.name));
                    }
                    None => {
                        self.names.remove(&id);
                    }
                },
                Change::Face(id) => {
                    touched.extend(self.faces.subject(id));
                    let face = reader.face(id)?.zip(reader.embedding(id)?);
                    if let Some((face, values)) = face {
                        if values.len() != dimension || !has_unit_length(&values) {
                            return Err(GalleryError::DamagedEmbedding {
                                face: id,
                                dimension,
                            });
                        }
                        self.faces.insert(id, face.subject, &values);
                        touched.insert(face.subject);
                    } else {
                        self.faces.remove(id);
                    }
                    if let Some(means) = &mut self.means {
                        means.place(id, self.faces.subject(id));
                    }
                }
            }
        }
        if let Some(means) = &mut self.means {
            for subject in touched {
                means.renew(subject, &self.faces);
            }
        }
        Ok(())
    }
}

fn has_unit_length(values: &[f32]) -> bool {
    let mut sums = [0.0_f32; 16];
    for values in values.chunks(16) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value * value;
        }
    }
    // Also false for a sum that is not a number.
    (sums.iter().sum::<f32>().sqrt() - 1.0).abs() < LENGTH_TOLERANCE
}

/// One template per subject: the mean of its faces' embeddings, scaled to unit length.
pub(super) struct Means {
    /// Rows by subject; the face ids in it are the subjects' numbers.
    index: ExactIndex,
    faces_of: HashMap<SubjectId, BTreeSet<FaceId>>,
    subject_of: HashMap<FaceId, SubjectId>,
}

impl Means {
    /// The means of all subjects.
    pub(super) fn new(faces: &ExactIndex) -> Self {
        let mut means = Self {
            index: ExactIndex::new(faces.dim()),
            faces_of: HashMap::new(),
            subject_of: HashMap::new(),
        };
        for (face, subject, _) in faces.iter() {
            means.place(face, Some(subject));
        }
        let mut subjects: Vec<SubjectId> = means.faces_of.keys().copied().collect();
        subjects.sort_unstable();
        let dim = faces.dim();
        let rows: Vec<(SubjectId, Vec<f32>)> = subjects
            .into_par_iter()
            .filter_map(|subject| Some((subject, means.mean(subject, faces)?)))
            .collect();
        let ids = rows.iter().map(|(subject, _)| FaceId(subject.0)).collect();
        let subjects = rows.iter().map(|(subject, _)| *subject).collect();
        let values = rows.into_iter().flat_map(|(_, values)| values).collect();
        means.index = ExactIndex::from_rows(dim, ids, subjects, values);
        means
    }

    /// The index of the means.
    pub(super) fn index(&self) -> &ExactIndex {
        &self.index
    }

    /// A subject's faces, in order of ids.
    pub(super) fn faces_of(&self, subject: SubjectId) -> impl Iterator<Item = FaceId> {
        self.faces_of.get(&subject).into_iter().flatten().copied()
    }

    /// Notes whose face it is now.
    fn place(&mut self, face: FaceId, subject: Option<SubjectId>) {
        if let Some(old) = self.subject_of.remove(&face)
            && let Some(faces) = self.faces_of.get_mut(&old)
        {
            faces.remove(&face);
            if faces.is_empty() {
                self.faces_of.remove(&old);
            }
        }
        if let Some(subject) = subject {
            self.subject_of.insert(face, subject);
            self.faces_of.entry(subject).or_default().insert(face);
        }
    }

    fn renew(&mut self, subject: SubjectId, faces: &ExactIndex) {
        match self.mean(subject, faces) {
            Some(mean) => self.index.insert(FaceId(subject.0), subject, &mean),
            None => {
                self.index.remove(FaceId(subject.0));
            }
        }
    }

    /// `None` without faces, or if they cancel each other out.
    fn mean(&self, subject: SubjectId, faces: &ExactIndex) -> Option<Vec<f32>> {
        let mut sum = vec![0.0_f64; faces.dim()];
        for values in self.faces_of(subject).filter_map(|face| faces.values(face)) {
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum += f64::from(*value);
            }
        }
        let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
        (length > 1e-6).then(|| sum.iter().map(|v| (v / length) as f32).collect())
    }
}
