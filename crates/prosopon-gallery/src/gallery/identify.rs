//! Who is this?

use std::sync::{Arc, PoisonError, RwLockReadGuard};

use prosopon::{Embedding, Similarity};
use serde::{Deserialize, Serialize};

use super::snapshot::{Means, Snapshot};
use super::{Gallery, check_binding};
use crate::error::GalleryError;
use crate::face::FaceId;
use crate::index::{Grouping, Hit, Index, cosine};
use crate::subject::SubjectId;

/// What a subject is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateKind {
    /// The face that is closest to the probe. Each further face is one more chance for a stranger.
    Best,
    /// The mean of all faces' embeddings, scaled to unit length.
    #[default]
    Mean,
}

/// How to identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentifyOptions {
    /// At most so many candidates.
    pub max_candidates: usize,
    /// What a subject is compared by.
    pub template: TemplateKind,
}

impl Default for IdentifyOptions {
    /// Five candidates, by the mean of their faces: with five people of 35 pictures each it took
    /// 0.6 % of strangers for somebody where the best faces took 3.5 %, and found the people as
    /// often (`docs/accuracy.md`).
    fn default() -> Self {
        Self {
            max_candidates: 5,
            template: TemplateKind::default(),
        }
    }
}

/// A subject that the probe may show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The subject.
    pub subject: SubjectId,
    /// Its name.
    pub name: Arc<str>,
    /// How close the probe is to the subject's template; higher is closer.
    pub similarity: Similarity,
    /// The subject's face that is closest to the probe.
    pub face: FaceId,
}

impl Gallery {
    /// The subjects closest to `probe`, best first; equally close ones by face, or with
    /// [`TemplateKind::Mean`] by subject, lowest number first.
    ///
    /// One row per subject; subjects without a face have none. The answer is exact. It says
    /// nothing about who is close *enough*: compare the similarity with a threshold.
    ///
    /// # Errors
    /// [`GalleryError::Store`], with
    /// [`StoreError::ModelMismatch`](crate::StoreError::ModelMismatch) for another model's probe.
    pub fn identify(
        &self,
        probe: &Embedding,
        options: IdentifyOptions,
    ) -> Result<Vec<Candidate>, GalleryError> {
        let answers = self.identify_batch(std::slice::from_ref(probe), options)?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    /// [`Gallery::identify`] for several probes at once, which is quicker than one by one. Answers
    /// are in the order of the probes, and of one moment of the gallery.
    ///
    /// # Errors
    /// As [`Gallery::identify`].
    pub fn identify_batch(
        &self,
        probes: &[Embedding],
        options: IdentifyOptions,
    ) -> Result<Vec<Vec<Candidate>>, GalleryError> {
        let snapshot = match options.template {
            TemplateKind::Best => self.current()?,
            TemplateKind::Mean => self.current_with_means()?,
        };
        let rows = (options.max_candidates, Grouping::Subjects);
        self.search(&snapshot, probes, options.template, rows)
    }

    /// The enrolled faces closest to each probe, best first; equally close ones by lowest number.
    ///
    /// One row per face, so that a subject may be there several times.
    ///
    /// # Errors
    /// As [`Gallery::identify`].
    pub fn nearest_faces(
        &self,
        probes: &[Embedding],
        max_faces: usize,
    ) -> Result<Vec<Vec<Candidate>>, GalleryError> {
        let rows = (max_faces, Grouping::Faces);
        self.search(&*self.current()?, probes, TemplateKind::Best, rows)
    }

    fn search(
        &self,
        snapshot: &Snapshot,
        probes: &[Embedding],
        template: TemplateKind,
        (k, grouping): (usize, Grouping),
    ) -> Result<Vec<Vec<Candidate>>, GalleryError> {
        if let Some(bound) = &snapshot.binding {
            for probe in probes {
                check_binding(bound, probe.model(), probe.dim())?;
            }
        }
        if snapshot.faces.is_empty() {
            return Ok(vec![Vec::new(); probes.len()]);
        }
        let values: Vec<&[f32]> = probes.iter().map(Embedding::values).collect();
        let search = |index: &(dyn Index + '_)| index.search_batch(&values, k, grouping);
        let answers = match (template, &snapshot.means) {
            (TemplateKind::Mean, Some(means)) => self.on_pool(|| search(means.index())),
            _ => self.on_pool(|| search(&snapshot.faces)),
        };
        let candidates = |(probe, hits): (&&[f32], Vec<Hit>)| {
            hits.into_iter()
                .filter_map(|hit| snapshot.candidate(probe, hit, template))
                .collect()
        };
        Ok(values.iter().zip(answers).map(candidates).collect())
    }

    /// As `current`, with the mean templates.
    fn current_with_means(&self) -> Result<RwLockReadGuard<'_, Snapshot>, GalleryError> {
        loop {
            let snapshot = self.current()?;
            if snapshot.means.is_some() {
                return Ok(snapshot);
            }
            drop(snapshot);
            let mut snapshot = self
                .snapshot
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if snapshot.means.is_none() {
                let faces = &snapshot.faces;
                let means = self.on_pool(|| Means::new(faces));
                snapshot.means = Some(means);
            }
        }
    }
}

impl Snapshot {
    fn candidate(&self, probe: &[f32], hit: Hit, template: TemplateKind) -> Option<Candidate> {
        let face = match (template, &self.means) {
            (TemplateKind::Mean, Some(means)) => {
                means
                    .faces_of(hit.subject)
                    .filter_map(|face| Some((cosine(probe, self.faces.values(face)?), face)))
                    .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?
                    .1
            }
            _ => hit.face,
        };
        Some(Candidate {
            subject: hit.subject,
            name: self.names.get(&hit.subject)?.clone(),
            similarity: Similarity::new(hit.similarity),
            face,
        })
    }
}
