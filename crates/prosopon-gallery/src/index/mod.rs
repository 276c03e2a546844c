//! Search in memory: which enrolled faces are closest to a probe.
//!
//! An index is rebuilt from the store, so it may be as fast as it likes and need not be durable.

mod codes;
#[cfg(test)]
mod contract;
mod exact;
mod top;

pub use exact::ExactIndex;

use crate::face::FaceId;
use crate::subject::SubjectId;

/// A face that a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The face.
    pub face: FaceId,
    /// Whose face it is.
    pub subject: SubjectId,
    /// Cosine with the probe, in [−1, 1]: the very number that [`prosopon::similarity`] gives.
    pub similarity: f32,
}

/// What the rows of an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// Every face for itself.
    Faces,
    /// One row per subject: its face that is closest to the probe.
    Subjects,
}

/// Faces by their embeddings, searched by cosine similarity.
///
/// Answers are the same as comparing every face, on any number of threads, whatever the order in
/// which the rows came: the highest similarity first, and of equal ones the lowest [`FaceId`].
/// Rows are expected to be of unit length and finite.
pub trait Index: Send + Sync {
    /// Number of values in a row.
    fn dim(&self) -> usize;

    /// Number of faces.
    fn len(&self) -> usize;

    /// Whether there is no face.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a face, or replaces the one with the same id.
    ///
    /// # Panics
    /// If `values` has another length than [`Index::dim`].
    fn insert(&mut self, face: FaceId, subject: SubjectId, values: &[f32]);

    /// Removes a face; `false` if it was not there.
    fn remove(&mut self, face: FaceId) -> bool;

    /// The values of a face, as they were added.
    fn values(&self, face: FaceId) -> Option<&[f32]>;

    /// The best `k` rows for each probe, in the order of the probes.
    ///
    /// Runs on rayon's current pool.
    ///
    /// # Panics
    /// If a probe has another length than [`Index::dim`].
    fn search_batch(&self, probes: &[&[f32]], k: usize, grouping: Grouping) -> Vec<Vec<Hit>>;

    /// The best `k` rows for one probe.
    ///
    /// # Panics
    /// If `probe` has another length than [`Index::dim`].
    fn search(&self, probe: &[f32], k: usize, grouping: Grouping) -> Vec<Hit> {
        self.search_batch(&[probe], k, grouping)
            .pop()
            .unwrap_or_default()
    }
}

/// Cosine of two unit vectors: the same sum in the same order as [`prosopon::similarity`], so that
/// a search and a verification of the same faces never disagree.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let sum = a
        .iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum::<f64>();
    (sum as f32).clamp(-1.0, 1.0)
}
