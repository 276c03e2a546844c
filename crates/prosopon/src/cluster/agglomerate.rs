//! Joining groups, the most similar two first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::neighbours::Pair;
use super::units::{Forest, Rows, Units, dot, scale_mean};

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
    /// `pairs` are the units with a similarity of at least `least`. Groups that have no such pair
    /// between them are not compared here; the next pass does that.
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

    /// Joins what can be joined; gives the groups as units, first those that have grown, and how many
    /// these are.
    pub(super) fn run(mut self) -> (Units, usize) {
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
        self.mix_templates(root, child);
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
            let similarity = dot(
                self.units.templates.row(root),
                self.units.templates.row(other),
            );
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

    /// The template of all faces of both groups, in the place of the first.
    fn mix_templates(&mut self, root: usize, child: usize) {
        let Units {
            templates,
            lengths,
            sizes,
            ..
        } = &mut self.units;
        // A template times the root of its mean's length is the mean again.
        let total = (sizes[root] + sizes[child]) as f32;
        let weight = |group: usize| lengths[group].sqrt() * sizes[group] as f32 / total;
        let (of_root, of_child) = (weight(root), weight(child));
        let dim = templates.dim;
        let (head, tail) = templates.values.split_at_mut(root.max(child) * dim);
        let low = &mut head[root.min(child) * dim..][..dim];
        let high = &mut tail[..dim];
        let (to, from) = if root < child {
            (low, high)
        } else {
            (high, low)
        };
        for (to, from) in to.iter_mut().zip(from) {
            *to = of_root * *to + of_child * *from;
        }
        lengths[root] = scale_mean(to);
    }

    fn into_units(mut self) -> (Units, usize) {
        let n = self.units.len();
        let is_root = |forest: &mut Forest, unit: usize| forest.root(unit) == unit;
        let mut roots: Vec<usize> = (0..n)
            .filter(|&unit| is_root(&mut self.forest, unit))
            .collect();
        roots.sort_by_key(|&root| self.grown[root] == 0);
        let n_grown = roots.partition_point(|&root| self.grown[root] > 0);
        let mut number = vec![0; n];
        for (i, &root) in roots.iter().enumerate() {
            number[root] = i;
        }
        let forest = &mut self.forest;
        let group_of: Vec<usize> = (0..n).map(|unit| number[forest.root(unit)]).collect();
        let old = &mut self.units;
        let dim = old.templates.dim;
        let mut values = Vec::with_capacity(roots.len() * dim);
        for &root in &roots {
            values.extend_from_slice(old.templates.row(root));
        }
        let groups = Units {
            templates: Rows { dim, values },
            lengths: roots.iter().map(|&root| old.lengths[root]).collect(),
            sizes: roots.iter().map(|&root| old.sizes[root]).collect(),
            known: roots.iter().map(|&root| old.known[root]).collect(),
            pictures: roots
                .iter()
                .map(|&root| std::mem::take(&mut old.pictures[root]))
                .collect(),
            apart: roots
                .iter()
                .map(|&root| {
                    old.apart[root]
                        .iter()
                        .map(|&unit| group_of[unit as usize] as u32)
                })
                .map(Iterator::collect)
                .collect(),
            unit_of_face: old
                .unit_of_face
                .iter()
                .map(|&unit| group_of[unit])
                .collect(),
        };
        (groups, n_grown)
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
