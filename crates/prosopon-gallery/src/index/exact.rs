//! The exact scan: int8 codes narrow the rows down, f32 decides.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::codes::{self, Probe, Scale};
use super::top::{Rank, Top};
use super::{Grouping, Hit, Index, cosine};
use crate::face::FaceId;
use crate::subject::SubjectId;

/// Rows that one task scans; small enough to balance threads, large enough to be worth starting.
const ROWS_PER_TASK: usize = 4096;

/// Rows that are scanned for every probe of a batch before the next ones: their codes stay in the
/// second-level cache (64 KiB at 512 dimensions).
const ROWS_PER_BLOCK: usize = 128;

/// From this many wanted rows on, comparing everything is quicker than keeping a floor.
const MAX_SELECTIVE_K: usize = 512;

/// Every face compared with the probe, quickly.
///
/// A scan over int8 codes brackets each similarity; every row whose upper bound reaches the
/// `k`-th best lower bound is compared again in f32. The bounds are proven, so the answer
/// equals a plain f32 search.
///
/// Memory per face of dimension `d`: `5·d + 28` bytes (codes, f32 values, scale, two ids) and some
/// 30 for finding it by id; 2.6 KB at 512 dimensions, 0.52 GB for 200,000 faces.
#[derive(Default)]
pub struct ExactIndex {
    dim: usize,
    faces: Vec<FaceId>,
    subjects: Vec<SubjectId>,
    codes: Vec<i8>,
    scales: Vec<Scale>,
    values: Vec<f32>,
    rows: HashMap<FaceId, usize>,
}

/// Leaves the values out, so that biometric data never reaches a log.
impl std::fmt::Debug for ExactIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ExactIndex({} faces, dimension {})",
            self.len(),
            self.dim
        )
    }
}

impl ExactIndex {
    /// An empty index for vectors of `dim` values.
    pub fn new(dim: usize) -> Self {
        Self {
            dim,
            ..Self::default()
        }
    }

    /// An index of many faces at once, coded on all threads of rayon's current pool.
    ///
    /// `values` holds the rows one after another; a face that comes twice keeps its last row.
    ///
    /// # Panics
    /// If the lengths do not fit each other, or `dim` is zero while there are faces.
    pub fn from_rows(
        dim: usize,
        faces: Vec<FaceId>,
        subjects: Vec<SubjectId>,
        values: Vec<f32>,
    ) -> Self {
        assert!(faces.is_empty() || dim > 0, "rows have values");
        assert_eq!(faces.len(), subjects.len(), "one subject per face");
        assert_eq!(faces.len() * dim, values.len(), "one row per face");
        let mut rows = HashMap::with_capacity(faces.len());
        rows.extend(faces.iter().enumerate().map(|(row, face)| (*face, row)));
        if rows.len() < faces.len() {
            let mut index = Self::new(dim);
            for ((face, subject), row) in faces.iter().zip(subjects).zip(values.chunks(dim)) {
                index.insert(*face, subject, row);
            }
            return index;
        }
        let mut codes = vec![0; values.len()];
        let scales = if faces.is_empty() {
            Vec::new()
        } else {
            codes
                .par_chunks_mut(dim)
                .zip(values.par_chunks(dim))
                .with_min_len(ROWS_PER_BLOCK)
                .map(|(codes, values)| codes::quantise(values, codes))
                .collect()
        };
        Self {
            dim,
            faces,
            subjects,
            codes,
            scales,
            values,
            rows,
        }
    }

    /// Gives the face to another subject; `false` if it is not there.
    pub fn reassign(&mut self, face: FaceId, subject: SubjectId) -> bool {
        match self.rows.get(&face) {
            Some(&row) => {
                self.subjects[row] = subject;
                true
            }
            None => false,
        }
    }

    /// Whose face it is.
    pub fn subject(&self, face: FaceId) -> Option<SubjectId> {
        self.rows.get(&face).map(|&row| self.subjects[row])
    }

    /// Every face with its subject and values; in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (FaceId, SubjectId, &[f32])> {
        (0..self.len()).map(|row| (self.faces[row], self.subjects[row], self.row(row)))
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dim..(row + 1) * self.dim]
    }

    fn group(&self, row: usize, grouping: Grouping) -> i64 {
        match grouping {
            Grouping::Faces => self.faces[row].0,
            Grouping::Subjects => self.subjects[row].0,
        }
    }

    fn rank(&self, row: usize, probe: &[f32]) -> Rank {
        Rank {
            similarity: cosine(probe, self.row(row)),
            face: self.faces[row],
        }
    }

    /// Scans the rows of one task for every probe; appends to `found` what may belong to the answer.
    fn scan(&self, task: std::ops::Range<usize>, searches: &[Search], found: &mut [Vec<Maybe>]) {
        let mut tops: Vec<Top> = searches.iter().map(|s| Top::new(s.k)).collect();
        for start in task.clone().step_by(ROWS_PER_BLOCK) {
            let block = start..(start + ROWS_PER_BLOCK).min(task.end);
            for ((search, top), found) in searches.iter().zip(&mut tops).zip(&mut *found) {
                self.scan_block(block.clone(), search, top, found);
            }
        }
    }

    fn scan_block(
        &self,
        block: std::ops::Range<usize>,
        search: &Search,
        top: &mut Top,
        found: &mut Vec<Maybe>,
    ) {
        let mut floor = search.floor.value();
        let codes = &self.codes[block.start * self.dim..block.end * self.dim];
        let scales = &self.scales[block.clone()];
        for (row, (codes, scale)) in block.zip(codes.chunks_exact(self.dim).zip(scales)) {
            let (estimate, error) = search.probe.bracket(codes, *scale);
            if estimate + error < floor {
                continue;
            }
            found.push(Maybe {
                row,
                upper: estimate + error,
            });
            // Similarities are clamped to 1, so a lower bound above 1 would promise too much.
            let lower = (estimate - error).min(1.0);
            if lower >= floor {
                let rank = Rank {
                    similarity: lower,
                    face: self.faces[row],
                };
                top.offer(self.group(row, search.grouping), rank);
                floor = floor.max(top.floor());
            }
        }
        search.floor.raise(floor);
    }

    /// Compares what the scan found in f32, most promising first, until no other row can enter.
    fn decide(&self, values: &[f32], search: &Search, mut found: Vec<Maybe>) -> Vec<Hit> {
        let floor = search.floor.value();
        found.retain(|maybe| maybe.upper >= floor);
        found.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper));
        let mut top = Top::new(search.k);
        for maybe in found {
            if maybe.upper < top.floor() {
                break;
            }
            top.offer(
                self.group(maybe.row, search.grouping),
                self.rank(maybe.row, values),
            );
        }
        self.hits(top.into_sorted().into_iter().map(|(_, rank)| rank))
    }

    fn hits(&self, ranks: impl Iterator<Item = Rank>) -> Vec<Hit> {
        ranks
            .map(|rank| Hit {
                face: rank.face,
                subject: self.subjects[self.rows[&rank.face]],
                similarity: rank.similarity,
            })
            .collect()
    }

    /// Compares every row in f32 and sorts them all: for large `k`.
    fn search_everything(&self, values: &[f32], k: usize, grouping: Grouping) -> Vec<Hit> {
        let mut ranks: Vec<(i64, Rank)> = (0..self.len())
            .into_par_iter()
            .with_min_len(ROWS_PER_BLOCK)
            .map(|row| (self.group(row, grouping), self.rank(row, values)))
            .collect();
        ranks.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.order(&b.1)));
        ranks.dedup_by_key(|(group, _)| *group);
        ranks.par_sort_unstable_by(|a, b| a.1.order(&b.1));
        self.hits(ranks.into_iter().take(k).map(|(_, rank)| rank))
    }
}

impl Index for ExactIndex {
    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        self.faces.len()
    }

    fn insert(&mut self, face: FaceId, subject: SubjectId, values: &[f32]) {
        assert_eq!(values.len(), self.dim, "a row has the index's dimension");
        self.remove(face);
        let start = self.codes.len();
        self.codes.resize(start + self.dim, 0);
        let scale = codes::quantise(values, &mut self.codes[start..]);
        self.scales.push(scale);
        self.values.extend_from_slice(values);
        self.subjects.push(subject);
        self.rows.insert(face, self.faces.len());
        self.faces.push(face);
    }

    fn remove(&mut self, face: FaceId) -> bool {
        let Some(row) = self.rows.remove(&face) else {
            return false;
        };
        // The last row takes the place of the one that goes.
        let last = self.len() - 1;
        if row != last {
            let (from, to) = (last * self.dim..(last + 1) * self.dim, row * self.dim);
            self.codes.copy_within(from.clone(), to);
            self.values.copy_within(from, to);
            self.rows.insert(self.faces[last], row);
        }
        self.faces.swap_remove(row);
        self.subjects.swap_remove(row);
        self.scales.swap_remove(row);
        self.codes.truncate(last * self.dim);
        self.values.truncate(last * self.dim);
        true
    }

    fn values(&self, face: FaceId) -> Option<&[f32]> {
        self.rows.get(&face).map(|&row| self.row(row))
    }

    fn search_batch(&self, probes: &[&[f32]], k: usize, grouping: Grouping) -> Vec<Vec<Hit>> {
        for probe in probes {
            assert_eq!(probe.len(), self.dim, "a probe has the index's dimension");
        }
        if k == 0 || self.is_empty() {
            return vec![Vec::new(); probes.len()];
        }
        if k >= MAX_SELECTIVE_K {
            return probes
                .iter()
                .map(|probe| self.search_everything(probe, k, grouping))
                .collect();
        }
        let searches: Vec<Search> = probes
            .iter()
            .map(|probe| Search::new(probe, k, grouping))
            .collect();
        let nothing = || vec![Vec::new(); probes.len()];
        let found = (0..self.len().div_ceil(ROWS_PER_TASK))
            .into_par_iter()
            .fold(nothing, |mut found, task| {
                let start = task * ROWS_PER_TASK;
                let end = (start + ROWS_PER_TASK).min(self.len());
                self.scan(start..end, &searches, &mut found);
                found
            })
            .reduce(nothing, |mut all, more| {
                for (all, more) in all.iter_mut().zip(more) {
                    all.extend(more);
                }
                all
            });
        probes
            .par_iter()
            .zip(&searches)
            .zip(found)
            .map(|((probe, search), found)| self.decide(probe, search, found))
            .collect()
    }
}

/// A row that may belong to the answer.
#[derive(Debug, Clone, Copy)]
struct Maybe {
    row: usize,
    /// Its similarity is at most this.
    upper: f32,
}

/// One probe of a batch.
struct Search {
    probe: Probe,
    k: usize,
    grouping: Grouping,
    floor: Floor,
}

impl Search {
    fn new(values: &[f32], k: usize, grouping: Grouping) -> Self {
        Self {
            probe: Probe::new(values),
            k,
            grouping,
            floor: Floor::new(),
        }
    }
}

/// A similarity that `k` rows are known to reach; all threads raise it, none waits for another.
///
/// Holds the bits of an f32 in an order that integers share.
struct Floor(AtomicU32);

impl Floor {
    fn new() -> Self {
        Self(AtomicU32::new(ordered_bits(f32::NEG_INFINITY)))
    }

    fn value(&self) -> f32 {
        let bits = self.0.load(Ordering::Relaxed);
        f32::from_bits(if bits >> 31 == 1 {
            bits & 0x7fff_ffff
        } else {
            !bits
        })
    }

    fn raise(&self, value: f32) {
        self.0.fetch_max(ordered_bits(value), Ordering::Relaxed);
    }
}

fn ordered_bits(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 0x8000_0000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::contract;

    #[test]
    fn keeps_the_contract() {
        contract::run(&|dim| Box::new(ExactIndex::new(dim)));
    }

    #[test]
    fn built_at_once_equals_built_one_by_one() {
        let dim = 24;
        let values = crate::synthetic::random(5, 300, dim);
        let faces: Vec<FaceId> = (0..300).map(|i| FaceId(i % 290)).collect();
        let subjects: Vec<SubjectId> = (0..300).map(|i| SubjectId(i / 3)).collect();
        let mut one_by_one = ExactIndex::new(dim);
        for ((face, subject), row) in faces.iter().zip(&subjects).zip(values.chunks(dim)) {
            one_by_one.insert(*face, *subject, row);
        }
        let probe = &values[..dim];
        let at_once = ExactIndex::from_rows(dim, faces, subjects, values.clone());
        for grouping in [Grouping::Faces, Grouping::Subjects] {
            assert_eq!(
                at_once.search(probe, 20, grouping),
                one_by_one.search(probe, 20, grouping)
            );
        }
        assert_eq!(at_once.len(), 290);
    }

    #[test]
    fn floors_keep_the_order_of_floats() {
        let floor = Floor::new();
        assert_eq!(floor.value(), f32::NEG_INFINITY);
        for (raise, expected) in [(-0.5, -0.5), (-0.7, -0.5), (0.0, 0.0), (0.25, 0.25)] {
            floor.raise(raise);
            assert_eq!(floor.value(), expected);
        }
    }
}
