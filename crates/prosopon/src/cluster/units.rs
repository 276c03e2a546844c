//! What is grouped: single faces, or faces that belong together from the start.

use super::{ClusterError, Constraints};
use crate::embed::Embedding;

/// Vectors one after another, all equally long.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) dim: usize,
    pub(super) values: Vec<f32>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.values.len() / self.dim.max(1)
    }

    pub(super) fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    pub(super) fn row_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.values[i * self.dim..(i + 1) * self.dim]
    }
}

/// Turns a mean into a template; gives the mean's length.
pub(super) fn scale_mean(mean: &mut [f32]) -> f32 {
    let length = dot(mean, mean).sqrt();
    // Faces that cancel each other out are like nobody.
    let scale = if length > f32::MIN_POSITIVE {
        length.sqrt().recip()
    } else {
        0.0
    };
    for value in mean.iter_mut() {
        *value *= scale;
    }
    length
}

/// Sixteen sums side by side, which the compiler turns into vector instructions.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a_chunks, a_rest) = a.as_chunks::<16>();
    let (b_chunks, b_rest) = b.as_chunks::<16>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Faces that stay together, with all that grouping needs to know of them.
pub(super) struct Units {
    /// For each unit the mean of its embeddings over the square root of the mean's length, so that the
    /// product of two is the similarity of the units.
    pub(super) templates: Rows,
    /// The length of each mean: 1 for a single face, less the more different the faces are.
    pub(super) lengths: Vec<f32>,
    /// How many faces each unit has.
    pub(super) sizes: Vec<u32>,
    /// The pictures that each unit has faces in, in order.
    pub(super) pictures: Vec<Vec<u32>>,
    /// The person that each unit is known to show; units of two people must not be joined.
    pub(super) known: Vec<Option<usize>>,
    /// Units that each unit must not be joined with.
    pub(super) apart: Vec<Vec<u32>>,
    /// The unit of each face.
    pub(super) unit_of_face: Vec<usize>,
}

impl Units {
    pub(super) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Puts together what `start` and the constraints say, and checks that they can be kept.
    pub(super) fn new(
        embeddings: &[Embedding],
        constraints: &Constraints,
        start: Option<&[usize]>,
    ) -> Result<Self, ClusterError> {
        let n = embeddings.len();
        let check_length = |what, found| {
            if found == n {
                return Ok(());
            }
            Err(ClusterError::Length {
                what,
                expected: n,
                found,
            })
        };
        let has_pictures = !constraints.pictures.is_empty();
        if has_pictures {
            check_length("pictures", constraints.pictures.len())?;
        }
        let has_known = !constraints.known.is_empty();
        if has_known {
            check_length("known people", constraints.known.len())?;
        }
        for &(a, b) in constraints.same.iter().chain(&constraints.apart) {
            let face = a.max(b);
            if face >= n {
                return Err(ClusterError::UnknownFace { face, n_faces: n });
            }
        }
        let mut forest = Forest::new(n);
        for &(a, b) in &constraints.same {
            forest.join(a, b);
        }
        if let Some(start) = start {
            check_length("groups to start from", start.len())?;
            forest.join_equal(n, |face| Some(start[face]));
        }
        if has_known {
            forest.join_equal(n, |face| constraints.known[face]);
        }
        let (unit_of_face, n_units) = forest.numbered();
        let dim = embeddings.first().map_or(0, Embedding::dim);
        let mut units = Self {
            templates: Rows {
                dim,
                values: vec![0.0; n_units * dim],
            },
            lengths: vec![1.0; n_units],
            sizes: vec![0; n_units],
            pictures: vec![Vec::new(); n_units],
            known: vec![None; n_units],
            apart: vec![Vec::new(); n_units],
            unit_of_face,
        };
        units.add_faces(embeddings);
        units.add_known(&constraints.known)?;
        if has_pictures {
            units.add_pictures(&constraints.pictures);
        }
        for &(a, b) in &constraints.apart {
            let (unit_a, unit_b) = (units.unit_of_face[a], units.unit_of_face[b]);
            if unit_a == unit_b {
                return Err(ClusterError::Contradiction { a, b });
            }
            units.apart[unit_a].push(unit_b as u32);
            units.apart[unit_b].push(unit_a as u32);
        }
        Ok(units)
    }

    fn add_faces(&mut self, embeddings: &[Embedding]) {
        for (embedding, &unit) in embeddings.iter().zip(&self.unit_of_face) {
            self.sizes[unit] += 1;
            let sum = self.templates.row_mut(unit).iter_mut();
            for (sum, value) in sum.zip(embedding.values()) {
                *sum += value;
            }
        }
        for (unit, &size) in self.sizes.iter().enumerate() {
            if size > 1 {
                let row = self.templates.row_mut(unit);
                for value in row.iter_mut() {
                    *value /= size as f32;
                }
                self.lengths[unit] = scale_mean(row);
            }
        }
    }

    fn add_known(&mut self, known: &[Option<usize>]) -> Result<(), ClusterError> {
        let mut first_face = vec![0; self.len()];
        for (b, &person) in known.iter().enumerate() {
            let unit = self.unit_of_face[b];
            match self.known[unit] {
                None if person.is_some() => (self.known[unit], first_face[unit]) = (person, b),
                other if other != person && person.is_some() => {
                    let a = first_face[unit];
                    return Err(ClusterError::Contradiction { a, b });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_pictures(&mut self, pictures: &[usize]) {
        // Numbers from 0, so that they take half the room.
        let mut numbers = pictures.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        for (&picture, &unit) in pictures.iter().zip(&self.unit_of_face) {
            let number = numbers.partition_point(|&other| other < picture);
            self.pictures[unit].push(number as u32);
        }
        for pictures in &mut self.pictures {
            pictures.sort_unstable();
            pictures.dedup();
        }
    }
}

/// Which items belong together: a tree for each set (Tarjan 1975).
pub(super) struct Forest {
    parent: Vec<u32>,
}

impl Forest {
    pub(super) fn new(n: usize) -> Self {
        Self {
            parent: (0..n as u32).collect(),
        }
    }

    /// The item that stands for the set of `item`.
    pub(super) fn root(&mut self, item: usize) -> usize {
        let mut at = item as u32;
        while self.parent[at as usize] != at {
            let above = self.parent[at as usize];
            self.parent[at as usize] = self.parent[above as usize];
            at = above;
        }
        at as usize
    }

    /// Joins the items from 0 to `n` that have an equal key; those without one stay as they are.
    fn join_equal(&mut self, n: usize, key: impl Fn(usize) -> Option<usize>) {
        let mut items: Vec<usize> = (0..n).filter(|&item| key(item).is_some()).collect();
        items.sort_by_key(|&item| key(item));
        for pair in items.windows(2) {
            if key(pair[0]) == key(pair[1]) {
                self.join(pair[0], pair[1]);
            }
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.attach(a.max(b), a.min(b));
    }

    /// Puts the set of root `child` into that of root `root`.
    pub(super) fn attach(&mut self, child: usize, root: usize) {
        self.parent[child] = root as u32;
    }

    /// The number of each item's set, from 0 in order of first items, and how many there are.
    pub(super) fn numbered(mut self) -> (Vec<usize>, usize) {
        let n = self.parent.len();
        let mut numbers = vec![usize::MAX; n];
        let mut next = 0;
        let of_item = (0..n)
            .map(|item| {
                let root = self.root(item);
                if numbers[root] == usize::MAX {
                    numbers[root] = next;
                    next += 1;
                }
                numbers[root]
            })
            .collect();
        (of_item, next)
    }
}
