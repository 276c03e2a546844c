//! Groups faces by person, without any names.
//!
//! Agglomeration: the most similar two groups are joined as long as their similarity reaches the
//! threshold. With the mean vectors `a` and `b` of two groups it is
//!
//! > `a·b / √(|a| |b|)`
//!
//! which lies half-way between two usual measures, as their geometric mean: the mean similarity of all
//! pairs (average linkage, Sokal and Michener 1958), which is `a·b` and parts people with many different
//! pictures, and the cosine of the means (centroid linkage), which is `a·b / (|a| |b|)` and joins strangers once
//! groups are large. For two faces all three are the cosine. `ARCHITECTURE.md` has the comparison. As a
//! product of two scaled vectors it is computed in one step, however large the groups are, and no matrix
//! of all pairs is kept.
//!
//! | Module | Does |
//! |---|---|
//! | `neighbours` | finds the pairs at or above the threshold, in blocks, on all threads |
//! | `agglomerate` | joins groups, best pair first, and keeps to the constraints |
//! | `units` | what belongs together from the start, and what must stay apart |
//!
//! The answer keeps three promises, whatever the data: no constraint is broken; no two groups are
//! left that could be joined; and the same input gives the same answer, on any number of threads.

mod agglomerate;
mod neighbours;
#[cfg(test)]
mod tests;
mod units;

use crate::compare::{Calibration, Threshold};
use crate::embed::{Embedding, ModelId};

use self::agglomerate::Agglomeration;
use self::units::Units;

/// What is known about faces beside their similarity. Faces go by their place in the list that is
/// grouped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Constraints {
    /// Pairs of one person: they end up in one group.
    pub same: Vec<(usize, usize)>,
    /// Pairs of two people: they never do.
    pub apart: Vec<(usize, usize)>,
    /// For each face a number of the person that it is known to show, if that is known; or empty.
    /// Faces with one number end up in one group, faces with two never do.
    pub known: Vec<Option<usize>>,
    /// For each face a number of the picture that it is from, or empty if that does not matter. Faces
    /// of one picture are of different people, unless `same`, `known` or a start says otherwise.
    pub pictures: Vec<usize>,
}

/// Neighbours that are kept of each face, at most. A person with more pictures is found in parts,
/// which the next pass joins; so this bounds memory (0.5 KB a face), not the size of groups.
const MOST_NEIGHBOURS: usize = 64;

/// How to group.
///
/// # Examples
/// ```
/// use prosopon::cluster::Clustering;
/// use prosopon::{Embedding, ModelId, Threshold};
///
/// let model = ModelId::new("example@00000000");
/// let face = |x, y| Embedding::from_values(model.clone(), vec![x, y]);
/// let faces = [face(1.0, 0.0)?, face(0.0, 1.0)?, face(0.9, 0.1)?];
/// let threshold = Threshold::from_similarity(model, 0.5, None);
///
/// assert_eq!(Clustering::new(&threshold).run(&faces)?, [0, 1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Clustering<'a> {
    threshold: &'a Threshold,
    constraints: Option<&'a Constraints>,
    start: Option<&'a [usize]>,
    progress: Option<&'a (dyn Fn(f64) + Sync)>,
    most_neighbours: usize,
}

impl std::fmt::Debug for Clustering<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clustering")
            .field("threshold", self.threshold)
            .finish_non_exhaustive()
    }
}

impl<'a> Clustering<'a> {
    /// Joins groups whose similarity reaches `threshold`; [`threshold`] chooses a good one.
    pub fn new(threshold: &'a Threshold) -> Self {
        Self {
            threshold,
            constraints: None,
            start: None,
            progress: None,
            most_neighbours: MOST_NEIGHBOURS,
        }
    }

    /// Keeps to these.
    pub fn constraints(mut self, constraints: &'a Constraints) -> Self {
        self.constraints = Some(constraints);
        self
    }

    /// Starts from groups that were found before: faces with one number here stay together.
    pub fn start(mut self, groups: &'a [usize]) -> Self {
        self.start = Some(groups);
        self
    }

    /// Tells how far it is, from 0 to 1, now and then and from any thread.
    pub fn progress(mut self, tell: &'a (dyn Fn(f64) + Sync)) -> Self {
        self.progress = Some(tell);
        self
    }

    /// The group of each face: numbers from 0, the largest group first, of equally large ones the
    /// one whose first face comes first.
    ///
    /// Every face is compared with every other one, in `n² d / 2` multiplications, and groups that have
    /// grown with all others; the memory that is needed grows with `n` only.
    ///
    /// # Errors
    /// [`ClusterError`] if embeddings and threshold are not of one model and length, or if the
    /// constraints contradict each other or name faces that are not there.
    pub fn run(self, embeddings: &[Embedding]) -> Result<Vec<usize>, ClusterError> {
        check_model(embeddings, &self.threshold.model)?;
        let none = Constraints::default();
        let constraints = self.constraints.unwrap_or(&none);
        let mut units = Units::new(embeddings, constraints, self.start)?;
        let tell = |share| self.progress.iter().for_each(|tell| tell(share));
        let least = self.threshold.similarity;
        let mut most = self.most_neighbours;
        // Units from here on were compared with each other before.
        let mut n_fresh = units.len();
        for pass in 0.. {
            let tell = |share| {
                // Further passes are short.
                if pass == 0 {
                    tell(share);
                }
            };
            let found = neighbours::neighbours(&units.templates, n_fresh, (least, most), &tell);
            let n_grown;
            (units, n_grown) = Agglomeration::new(units, least, &found.pairs).run();
            n_fresh = n_grown;
            if n_grown == 0 && found.crowded.is_empty() {
                break;
            }
            if !found.crowded.is_empty() {
                // What was left out is seen in the next pass, among fewer and larger groups; or among
                // more neighbours, if constraints forbid all that were kept.
                n_fresh = units.len();
                if n_grown == 0 {
                    most = most.saturating_mul(4);
                }
            }
        }
        Ok(by_size(&units.unit_of_face, units.len()))
    }
}

/// Most wrong neighbours that a face should have, on average, among all others: see [`fmr`].
const WRONG_NEIGHBOURS: f64 = 0.1;

/// The false match rates between which [`fmr`] chooses. The stricter one is the lowest that the
/// calibration of the default embedder can vouch for.
const FMRS: (f64, f64) = (1e-5, 1e-3);

/// The false match rate to group `n_faces` by.
///
/// Each face meets all others, so a rate that is low enough for one comparison is too high for
/// thousands: this one lets a face in ten have one stranger at or above the threshold, within bounds
/// of 1e-3 and 1e-5. Measured on 200 to 2,936 faces: ARCHITECTURE.md has the figures.
pub fn fmr(n_faces: usize) -> f64 {
    (WRONG_NEIGHBOURS / n_faces.max(1) as f64).clamp(FMRS.0, FMRS.1)
}

/// The threshold to group `n_faces` of `model` by: that of the rate [`fmr`].
pub fn threshold(calibration: &Calibration, model: ModelId, n_faces: usize) -> Threshold {
    calibration.threshold(model, fmr(n_faces))
}

/// Numbers groups anew, from 0, by falling size.
fn by_size(groups: &[usize], n_groups: usize) -> Vec<usize> {
    let mut first_and_size = vec![(usize::MAX, 0); n_groups];
    for (face, &group) in groups.iter().enumerate() {
        let (first, size) = &mut first_and_size[group];
        *first = face.min(*first);
        *size += 1;
    }
    let mut order: Vec<usize> = (0..n_groups).collect();
    order.sort_by_key(|&group| {
        let (first, size) = first_and_size[group];
        (std::cmp::Reverse(size), first)
    });
    let mut rank = vec![0; n_groups];
    for (i, group) in order.into_iter().enumerate() {
        rank[group] = i;
    }
    groups.iter().map(|&group| rank[group]).collect()
}

fn check_model(embeddings: &[Embedding], expected: &ModelId) -> Result<(), ClusterError> {
    let Some(first) = embeddings.first() else {
        return Ok(());
    };
    for (face, embedding) in embeddings.iter().enumerate() {
        if embedding.model() != expected {
            return Err(ClusterError::Model {
                face,
                expected: expected.clone(),
                found: embedding.model().clone(),
            });
        }
        if embedding.dim() != first.dim() {
            return Err(ClusterError::Dimension {
                face,
                expected: first.dim(),
                found: embedding.dim(),
            });
        }
    }
    Ok(())
}

/// Why faces could not be grouped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A face's embedding and the threshold share no space.
    #[error("expected embeddings of model `{expected}`, found one of `{found}`: face {face}")]
    Model {
        /// Place of the face.
        face: usize,
        /// Model of the threshold.
        expected: ModelId,
        /// Model of the embedding.
        found: ModelId,
    },
    /// Embeddings of one model but of two lengths.
    #[error("expected embeddings of {expected} values, found {found}: face {face}")]
    Dimension {
        /// Place of the face.
        face: usize,
        /// Values of the first face.
        expected: usize,
        /// Values of this face.
        found: usize,
    },
    /// A list with an entry for each face is too short or too long.
    #[error("expected {expected} entries, one for each face, found {found} in the list of {what}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Number of faces.
        expected: usize,
        /// Entries in the list.
        found: usize,
    },
    /// A constraint about a face that is not there.
    #[error("expected constraints about {n_faces} faces, found one about face {face}")]
    UnknownFace {
        /// The number that was given.
        face: usize,
        /// Number of faces.
        n_faces: usize,
    },
    /// Two faces that must be together must also be apart.
    #[error("faces {a} and {b} must be apart, but other constraints put them together")]
    Contradiction {
        /// One face.
        a: usize,
        /// The other.
        b: usize,
    },
}
