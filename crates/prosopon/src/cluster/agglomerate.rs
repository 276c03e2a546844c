//! Joining groups, the most similar two first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::neighbours::Pair;
use super::units::{Forest, Rows, Units, dot};

/// Two groups that may be joined, as they were when it was found.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    similarity: f32,
    a: u32,
    b: u32,
    /// How often each had grown by then: it is out of date once one has grown again.
    grown: (u32, u32),
}

impl Ord for Candidate {
    /// By similarity; of equal ones, those of the first groups are greater.
    fn cmp(&self, other: &Self) -> Ordering {
        self.similarity
            .total_cmp(&other.similarity)
            .then((other.a, other.b).cmp(&(self.a, self.b)))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// Groups on their way. A group goes by the number of one of its units; its records are there.
pub(super) struct Agglomeration {
    units: Units,
    least: f32,
    forest: Forest,
    /// How often each group has grown.
    grown: Vec<u32>,
    /// Groups that may be joined with each group, by a number that they had once.
    neighbours: Vec<Vec<u32>>,
    queue: BinaryHeap<Candidate>,
}

impl Agglomeration {
    /// `pairs` are the units with a similarity of at least `least`.
    ///
    /// Two groups whose mean similarity reaches the limit have a pair that does. So no others need to
    /// be looked at, and a neighbour that falls below need not be kept: it comes back with the pair
    /// that lifts the mean again.
    pub(super) fn new(units: Units, least: f32, pairs: &[Pair]) -> Self {
        let n = units.len();
        let mut agglomeration = Self {
            least,
            forest: Forest::new(n),
            grown: vec![0; n],
            neighbours: vec![Vec::new(); n],
            queue: BinaryHeap::with_capacity(pairs.len()),
            units,
        };
        for pair in pairs {
            let Pair { similarity, a, b } = *pair;
            if agglomeration.may_join(a as usize, b as usize) {
                agglomeration.neighbours[a as usize].push(b);
                agglomeration.neighbours[b as usize].push(a);
                agglomeration.queue.push(Candidate {
                    similarity,
                    a,
                    b,
                    grown: (0, 0),
                });
            }
        }
        agglomeration
    }

    /// Joins what can be joined; gives back the groups as units.
    pub(super) fn run(mut self) -> Units {
        while let Some(candidate) = self.queue.pop() {
            let (a, b) = (candidate.a as usize, candidate.b as usize);
            // A group that was joined into another has grown too.
            if (self.grown[a], self.grown[b]) == candidate.grown {
                self.join(a, b);
            }
        }
        self.into_units()
    }

    fn join(&mut self, a: usize, b: usize) {
        // The larger one stays, so that fewer records move.
        let is_a_larger = (self.units.sizes[a], b) >= (self.units.sizes[b], a);
        let (root, child) = if is_a_larger { (a, b) } else { (b, a) };
        self.forest.attach(child, root);
        self.grown[root] += 1;
        self.grown[child] += 1;
        let size = self.units.sizes[root] + self.units.sizes[child];
        let weight = self.units.sizes[child] as f32 / size as f32;
        mix(&mut self.units.means, root, child, weight);
        self.units.sizes[root] = size;
        self.units.known[root] = self.units.known[root].or(self.units.known[child]);
        merge_into(&mut self.units.pictures, root, child);
        merge_into(&mut self.units.apart, root, child);
        self.meet_neighbours(root, child);
    }

    /// Looks at the neighbours of both groups again, now that they are one.
    fn meet_neighbours(&mut self, root: usize, child: usize) {
        let mut others = std::mem::take(&mut self.neighbours[root]);
        others.append(&mut self.neighbours[child]);
        for other in &mut others {
            *other = self.forest.root(*other as usize) as u32;
        }
        others.sort_unstable();
        others.dedup();
        others.retain(|&other| {
            let other = other as usize;
            if other == root {
                return false;
            }
            let similarity = dot(self.units.means.row(root), self.units.means.row(other));
            let is_candidate = similarity >= self.least && self.may_join(root, other);
            if is_candidate {
                let (a, b) = (root.min(other), root.max(other));
                self.queue.push(Candidate {
                    similarity,
                    a: a as u32,
                    b: b as u32,
                    grown: (self.grown[a], self.grown[b]),
                });
            }
            is_candidate
        });
        self.neighbours[root] = others;
    }

    /// Whether no constraint keeps the groups apart.
    fn may_join(&mut self, a: usize, b: usize) -> bool {
        if self.units.known[a].is_some() && self.units.known[b].is_some() {
            return false;
        }
        let [few, many] = shorter_first(&self.units.pictures, a, b);
        if few
            .iter()
            .any(|picture| many.binary_search(picture).is_ok())
        {
            return false;
        }
        // Each of the two lists has the other group, if one has.
        let (group, other) = if self.units.apart[a].len() <= self.units.apart[b].len() {
            (a, b)
        } else {
            (b, a)
        };
        let forest = &mut self.forest;
        !self.units.apart[group]
            .iter()
            .any(|&unit| forest.root(unit as usize) == other)
    }

    fn into_units(self) -> Units {
        let Self {
            units, mut forest, ..
        } = self;
        let roots: Vec<usize> = (0..units.len()).map(|unit| forest.root(unit)).collect();
        let (group_of_unit, n_groups) = forest.numbered();
        let dim = units.means.dim;
        let mut groups = Units {
            means: Rows {
                dim,
                values: Vec::with_capacity(n_groups * dim),
            },
            sizes: Vec::with_capacity(n_groups),
            pictures: Vec::with_capacity(n_groups),
            known: Vec::with_capacity(n_groups),
            apart: Vec::with_capacity(n_groups),
            unit_of_face: units
                .unit_of_face
                .iter()
                .map(|&unit| group_of_unit[unit])
                .collect(),
        };
        let (mut pictures, mut apart) = (units.pictures, units.apart);
        for (unit, &root) in roots.iter().enumerate() {
            // Groups are numbered in the order of their first units.
            if group_of_unit[unit] == groups.sizes.len() {
                groups.means.values.extend_from_slice(units.means.row(root));
                groups.sizes.push(units.sizes[root]);
                groups.known.push(units.known[root]);
                groups.pictures.push(std::mem::take(&mut pictures[root]));
                let mut others = std::mem::take(&mut apart[root]);
                for other in &mut others {
                    *other = group_of_unit[*other as usize] as u32;
                }
                groups.apart.push(others);
            }
        }
        groups
    }
}

/// Moves the mean in row `to` towards that in row `from` by the `share`.
fn mix(means: &mut Rows, to: usize, from: usize, share: f32) {
    let dim = means.dim;
    let (head, tail) = means.values.split_at_mut(to.max(from) * dim);
    let low = &mut head[to.min(from) * dim..][..dim];
    let high = &mut tail[..dim];
    let (to, from) = if to < from { (low, high) } else { (high, low) };
    for (to, from) in to.iter_mut().zip(from) {
        *to += share * (*from - *to);
    }
}

/// Moves the sorted list `from` into the list `to`.
fn merge_into(lists: &mut [Vec<u32>], to: usize, from: usize) {
    let moved = std::mem::take(&mut lists[from]);
    if !moved.is_empty() {
        lists[to].extend(moved);
        lists[to].sort_unstable();
        lists[to].dedup();
    }
}

fn shorter_first(lists: &[Vec<u32>], a: usize, b: usize) -> [&[u32]; 2] {
    let (a, b) = (&lists[a][..], &lists[b][..]);
    if a.len() <= b.len() { [a, b] } else { [b, a] }
}
