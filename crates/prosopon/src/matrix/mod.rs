//! The similarity of every face with every other: as numbers, in a telling order, as a picture.

mod heatmap;
mod order;

use rayon::prelude::*;

use crate::compare::{CompareError, similarity};
use crate::embed::Embedding;

pub use heatmap::heat_map;

/// Cosine similarities of all pairs of faces: symmetric, with ones on the diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarityMatrix {
    n: usize,
    /// Row by row.
    values: Vec<f32>,
}

impl SimilarityMatrix {
    /// Compares every two embeddings; row and column `i` belong to embedding `i`.
    ///
    /// Takes 4·n² bytes.
    ///
    /// # Errors
    /// [`CompareError::ModelMismatch`] if several models made them.
    pub fn new(embeddings: &[Embedding]) -> Result<Self, CompareError> {
        let n = embeddings.len();
        let rows = embeddings.par_iter().enumerate().map(|(i, a)| {
            let later = embeddings[i + 1..].iter();
            later.map(|b| Ok(similarity(a, b)?.value())).collect()
        });
        let rows = rows.collect::<Result<Vec<Vec<f32>>, CompareError>>()?;
        let mut matrix = Self {
            n,
            values: vec![1.0; n * n],
        };
        for (i, row) in rows.iter().enumerate() {
            for (j, value) in (i + 1..).zip(row) {
                matrix.values[i * n + j] = *value;
                matrix.values[j * n + i] = *value;
            }
        }
        Ok(matrix)
    }

    /// How many faces it compares.
    pub fn n_faces(&self) -> usize {
        self.n
    }

    /// The similarity of faces `i` and `j`, in [−1, 1].
    ///
    /// # Panics
    /// If a face is beyond the last.
    pub fn get(&self, i: usize, j: usize) -> f32 {
        self.values[i * self.n + j]
    }

    /// The similarities of each face with all, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        // Chunks of zero are not allowed, and without faces there are none.
        self.values.chunks_exact(self.n.max(1))
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The matrix of the faces in another order; `order` lists their present places.
    ///
    /// # Panics
    /// If a place is beyond the last face.
    #[must_use]
    pub fn reordered(&self, order: &[usize]) -> Self {
        let row = |i: &usize| order.iter().map(|&j| self.get(*i, j)).collect::<Vec<f32>>();
        Self {
            n: order.len(),
            values: order.iter().flat_map(row).collect(),
        }
    }

    /// An order in which faces of one person stand together: that of the tree which average linkage
    /// builds, its branches turned so that neighbours are alike.
    ///
    /// Takes time and memory in the square of the number of faces.
    pub fn cluster_order(&self) -> Vec<usize> {
        order::by_average_linkage(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::ModelId;

    fn embedding(values: [f32; 3]) -> Embedding {
        Embedding::from_values(ModelId::new("m"), values.to_vec()).unwrap()
    }

    /// Two people in three directions each, mixed, and a stranger.
    fn faces() -> Vec<Embedding> {
        vec![
            embedding([1.0, 0.0, 0.1]),
            embedding([0.0, 1.0, 0.0]),
            embedding([1.0, 0.1, 0.0]),
            embedding([0.0, 0.0, -1.0]),
            embedding([0.1, 1.0, 0.0]),
            embedding([1.0, 0.0, 0.0]),
            embedding([0.0, 1.0, 0.1]),
        ]
    }

    #[test]
    fn it_is_symmetric_with_ones_on_the_diagonal() {
        let faces = faces();
        let matrix = SimilarityMatrix::new(&faces).unwrap();
        assert_eq!(matrix.n_faces(), 7);
        assert_eq!(matrix.rows().count(), 7);
        for i in 0..7 {
            assert_eq!(matrix.get(i, i), 1.0);
            for j in 0..7 {
                assert_eq!(matrix.get(i, j), matrix.get(j, i));
                let expected = similarity(&faces[i], &faces[j]).unwrap().value();
                assert!((matrix.get(i, j) - expected).abs() < 1e-6);
            }
        }
        let empty = SimilarityMatrix::new(&[]).unwrap();
        assert_eq!((empty.rows().count(), empty.cluster_order().len()), (0, 0));
    }

    #[test]
    fn clusters_stand_together_in_the_order() {
        let matrix = SimilarityMatrix::new(&faces()).unwrap();
        let order = matrix.cluster_order();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6]);
        let place = |i: usize| order.iter().position(|&j| j == i).unwrap();
        for person in [[0, 2, 5], [1, 4, 6]] {
            let mut places = person.map(place);
            places.sort_unstable();
            assert_eq!(places[2] - places[0], 2, "{order:?}");
        }
        let reordered = matrix.reordered(&order);
        assert_eq!(reordered.get(0, 1), matrix.get(order[0], order[1]));
    }

    #[test]
    fn two_models_are_refused() {
        let other = Embedding::from_values(ModelId::new("n"), vec![1.0, 0.0, 0.0]).unwrap();
        assert!(SimilarityMatrix::new(&[embedding([1.0, 0.0, 0.0]), other]).is_err());
    }
}
