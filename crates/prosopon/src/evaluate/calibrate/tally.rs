//! Comparing every two faces of different people, on all threads, without keeping the similarities.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{ImpostorPair, People};

/// Bins of the histogram over [−1, 1]; a threshold is known to the width of one, 0.0001.
const BINS: usize = 20_000;

/// Faces that are compared with one face while that is in the cache: 32 vectors of 512 values are
/// 64 KiB.
const BLOCK: usize = 32;

/// Takes in similarities; each thread has one.
pub(super) trait Tally: Send {
    /// The cosines of face `face` with the faces `others`, all of one person.
    fn row(&mut self, face: usize, others: Range<usize>, cosines: &[f32]);

    /// All rows of the people `a` and `b` have come.
    fn two_people(&mut self, _a: usize, _b: usize) {}

    /// Takes over what another thread has.
    fn merge(&mut self, other: Self);
}

/// Compares every two faces of different people.
pub(super) fn tally<T: Tally>(
    people: &People<'_>,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
    new: impl Fn() -> T + Sync,
) -> T {
    let blocks = blocks(people);
    // The last rows are the longest; beginning with them lets the threads end together.
    let next = AtomicUsize::new(blocks.len());
    let work = || {
        let mut tally = new();
        let mut cosines = Vec::new();
        loop {
            let before =
                next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            let Ok(before) = before else { return tally };
            let block = blocks[before - 1].clone();
            compare_block(people, block.clone(), &mut cosines, &mut tally);
            let faces = people.ranges[block].iter().map(ExactSizeIterator::len);
            progress(faces.sum());
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut total = work();
        for worker in workers {
            total.merge(worker.join().expect("counting does not panic"));
        }
        total
    })
}

/// Runs of people with together at least [`BLOCK`] faces.
fn blocks(people: &People<'_>) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let (mut start, mut n_faces) = (0, 0);
    for (person, faces) in people.ranges.iter().enumerate() {
        n_faces += faces.len();
        if n_faces >= BLOCK || person + 1 == people.len() {
            blocks.push(start..person + 1);
            (start, n_faces) = (person + 1, 0);
        }
    }
    blocks
}

/// Compares the people of a block with all before them.
fn compare_block(
    people: &People<'_>,
    block: Range<usize>,
    cosines: &mut Vec<f32>,
    tally: &mut impl Tally,
) {
    let values = |face: usize| people.faces[face].embedding.values();
    for b in 0..block.end {
        let others = &people.ranges[b];
        for a in block.clone().filter(|&a| a > b) {
            for face in people.ranges[a].clone() {
                cosines.clear();
                cosines.extend(others.clone().map(|other| dot(values(face), values(other))));
                tally.row(face, others.clone(), cosines);
            }
            tally.two_people(a, b);
        }
    }
}

/// The dot product in eight independent sums, which the compiler turns into vector instructions.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// How many comparisons fall into each bin.
pub(super) struct Histogram(Vec<u64>);

impl Histogram {
    pub(super) fn new() -> Self {
        Self(vec![0; BINS])
    }

    pub(super) fn comparisons(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Lower edge of the lowest bin from which on at most `allowed` comparisons lie.
    pub(super) fn smallest_similarity(&self, allowed: u64) -> f32 {
        let mut above = 0;
        for (bin, count) in self.0.iter().enumerate().rev() {
            above += count;
            if above > allowed {
                return (bin + 1) as f32 / BINS as f32 * 2.0 - 1.0;
            }
        }
        -1.0
    }
}

impl Tally for Histogram {
    fn row(&mut self, _: usize, _: Range<usize>, cosines: &[f32]) {
        for cosine in cosines {
            let bin = (cosine.midpoint(1.0) * BINS as f32) as usize;
            self.0[bin.min(BINS - 1)] += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(t, c)| *t += c);
    }
}

/// False matches of every two people at one threshold, in sums: with m of them in n comparisons.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OfPairs {
    /// Sum of m².
    pub(super) squared: f64,
    /// Sum of m · n.
    pub(super) weighted: f64,
}

/// Comparisons that are accepted at each of some thresholds, by person.
pub(super) struct FalseMatches {
    /// Rising.
    thresholds: Vec<f32>,
    /// For each person the false matches at each threshold.
    of_people: Vec<u64>,
    of_pairs: Vec<OfPairs>,
    comparisons: u64,
    /// Of the two people at hand.
    matches: Vec<u64>,
    n: u64,
    best: ImpostorPair,
    worst: Worst,
    /// Index of each face in what was given.
    given: Vec<usize>,
}

const NONE: ImpostorPair = ImpostorPair {
    face: 0,
    other: 0,
    similarity: f32::NEG_INFINITY,
};

impl FalseMatches {
    pub(super) fn new(people: &People<'_>, thresholds: &[f32], n_worst: usize) -> Self {
        Self {
            thresholds: thresholds.to_vec(),
            of_people: vec![0; people.len() * thresholds.len()],
            of_pairs: vec![OfPairs::default(); thresholds.len()],
            comparisons: 0,
            matches: vec![0; thresholds.len()],
            n: 0,
            best: NONE,
            worst: Worst {
                pairs: Vec::new(),
                limit: n_worst,
            },
            given: people.given.clone(),
        }
    }

    /// Comparisons that were made.
    pub(super) fn comparisons(&self) -> u64 {
        self.comparisons
    }

    /// The false matches of each person at threshold `i`.
    pub(super) fn of_person(&self, i: usize) -> impl Iterator<Item = u64> {
        self.of_people
            .iter()
            .copied()
            .skip(i)
            .step_by(self.thresholds.len())
    }

    pub(super) fn of_pairs(&self, i: usize) -> OfPairs {
        self.of_pairs[i]
    }

    /// The most similar faces of different people.
    pub(super) fn worst(mut self) -> Vec<ImpostorPair> {
        self.worst.shorten();
        self.worst.pairs
    }
}

impl Tally for FalseMatches {
    fn row(&mut self, face: usize, others: Range<usize>, cosines: &[f32]) {
        self.n += cosines.len() as u64;
        let lowest = self.thresholds.first().copied().unwrap_or(f32::INFINITY);
        for (other, &cosine) in others.zip(cosines) {
            if cosine >= lowest {
                for (count, threshold) in self.matches.iter_mut().zip(&self.thresholds) {
                    *count += u64::from(cosine >= *threshold);
                }
            }
            if cosine > self.best.similarity {
                self.best = ImpostorPair {
                    face,
                    other,
                    similarity: cosine,
                };
            }
        }
    }

    fn two_people(&mut self, a: usize, b: usize) {
        let n_thresholds = self.thresholds.len();
        if self.matches.first().is_some_and(|&m| m > 0) {
            for i in 0..n_thresholds {
                let m = self.matches[i];
                self.of_people[a * n_thresholds + i] += m;
                self.of_people[b * n_thresholds + i] += m;
                self.of_pairs[i].squared += (m * m) as f64;
                self.of_pairs[i].weighted += (m * self.n) as f64;
            }
            self.matches.fill(0);
        }
        let ImpostorPair { face, other, .. } = self.best;
        self.worst.take(ImpostorPair {
            face: self.given[face],
            other: self.given[other],
            ..self.best
        });
        self.best = NONE;
        self.comparisons += self.n;
        self.n = 0;
    }

    fn merge(&mut self, other: Self) {
        let people = self.of_people.iter_mut().zip(other.of_people);
        people.for_each(|(sum, more)| *sum += more);
        for (sum, more) in self.of_pairs.iter_mut().zip(other.of_pairs) {
            sum.squared += more.squared;
            sum.weighted += more.weighted;
        }
        self.comparisons += other.comparisons;
        other
            .worst
            .pairs
            .into_iter()
            .for_each(|pair| self.worst.take(pair));
    }
}

/// The most similar pairs, at most `limit` of them once shortened.
struct Worst {
    pairs: Vec<ImpostorPair>,
    limit: usize,
}

impl Worst {
    fn take(&mut self, pair: ImpostorPair) {
        if self.limit == 0 {
            return;
        }
        self.pairs.push(pair);
        // Sorting now and then costs less than keeping order always.
        if self.pairs.len() >= 2 * self.limit + 1024 {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        self.pairs.sort_by(|a, b| {
            let places = (a.face, a.other).cmp(&(b.face, b.other));
            b.similarity.total_cmp(&a.similarity).then(places)
        });
        self.pairs.truncate(self.limit);
    }
}
