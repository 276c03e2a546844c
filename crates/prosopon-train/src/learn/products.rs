//! Inner products of all pairs of samples, which kernels are made of.

use ndarray::{Array2, ArrayView2, Axis, Zip};
use rayon::prelude::*;

/// Products that are kept, in f64: 512 MiB, those of 8,192 samples.
const MOST_KEPT: usize = 64 << 20;
/// Rows that one thread computes at a time.
const BLOCK: usize = 64;

/// The inner products of each sample with each other.
#[derive(Debug, Clone)]
pub(crate) struct Products(Array2<f64>);

impl Products {
    /// Those of `features`, a row for each sample; none if there are too many to be kept.
    pub(crate) fn new(features: ArrayView2<'_, f32>) -> Option<Self> {
        let n = features.nrows();
        if n.saturating_mul(n) > MOST_KEPT {
            return None;
        }
        let features = features.mapv(f64::from);
        let mut all = Array2::zeros((n, n));
        // The upper triangle by blocks of rows, then its mirror image.
        let blocks: Vec<_> = all.axis_chunks_iter_mut(Axis(0), BLOCK).collect();
        blocks
            .into_par_iter()
            .enumerate()
            .for_each(|(i, mut block)| {
                let (_, rest) = features.view().split_at(Axis(0), i * BLOCK);
                let (rows, _) = rest.split_at(Axis(0), block.nrows());
                let (_, mut upper) = block.view_mut().split_at(Axis(1), i * BLOCK);
                upper.assign(&rows.dot(&rest.t()));
            });
        let upper = all.clone();
        Zip::indexed(&mut all).for_each(|(i, j), value| {
            if j < i {
                *value = upper[(j, i)];
            }
        });
        Some(Self(all))
    }

    /// The products of sample `i` with all.
    pub(super) fn row(&self, i: usize) -> ndarray::ArrayView1<'_, f64> {
        self.0.row(i)
    }

    pub(super) fn get(&self, i: usize, j: usize) -> f64 {
        self.0[(i, j)]
    }

    pub(super) fn n_samples(&self) -> usize {
        self.0.nrows()
    }

    /// L and rows p such that L·Lᵀ are the products and L's rows p, in that order, a lower triangle: Cholesky's
    /// decomposition with the largest pivot first, as far as pivots are above rounding errors. The samples
    /// then are L·Q with an orthonormal Q, so that what depends on inner products alone can be computed with
    /// the rows of L, which are as long as there are samples at most.
    pub(super) fn cholesky(&self) -> (Array2<f64>, Vec<usize>) {
        /// Pivots below this share of the largest are rounding errors of products of f32.
        const NEGLIGIBLE: f64 = 1e-12;
        let n = self.n_samples();
        let mut left: Vec<f64> = (0..n).map(|i| self.0[(i, i)]).collect();
        let largest = left.iter().copied().fold(0.0, f64::max);
        // Columns of L, each a contiguous row here.
        let mut columns: Vec<Vec<f64>> = Vec::new();
        let mut pivots = Vec::new();
        while pivots.len() < n {
            let pivot = super::argmax(&left);
            if left[pivot] <= NEGLIGIBLE * largest {
                break;
            }
            let root = left[pivot].sqrt();
            let mut column = self.row(pivot).to_vec();
            for earlier in &columns {
                let factor = earlier[pivot];
                for (value, earlier) in column.iter_mut().zip(earlier) {
                    *value -= factor * earlier;
                }
            }
            for (i, value) in column.iter_mut().enumerate() {
                *value /= root;
                left[i] -= *value * *value;
            }
            for done in pivots.iter().copied() {
                column[done] = 0.0;
            }
            column[pivot] = root;
            left[pivot] = f64::NEG_INFINITY;
            pivots.push(pivot);
            columns.push(column);
        }
        let lower = Array2::from_shape_fn((n, columns.len()), |(i, j)| columns[j][i]);
        (lower, pivots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(n: usize, d: usize) -> Array2<f32> {
        let mut random = fastrand::Rng::with_seed(1);
        Array2::from_shape_simple_fn((n, d), || random.f32() - 0.5)
    }

    #[test]
    fn products_are_those_of_all_pairs() {
        let features = features(150, 7);
        let products = Products::new(features.view()).unwrap();
        for (i, j) in [(0, 0), (3, 140), (140, 3), (149, 149), (70, 64)] {
            let expected: f64 = (0..7)
                .map(|k| f64::from(features[(i, k)]) * f64::from(features[(j, k)]))
                .sum();
            assert!((products.get(i, j) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_decomposition_gives_the_products_again() {
        for (n, d) in [(20, 50), (30, 5)] {
            let products = Products::new(features(n, d).view()).unwrap();
            let (lower, pivots) = products.cholesky();
            assert_eq!((lower.ncols(), pivots.len()), (n.min(d), n.min(d)));
            let again = lower.dot(&lower.t());
            assert!(
                again
                    .iter()
                    .zip(&products.0)
                    .all(|(a, b)| (a - b).abs() < 1e-9)
            );
            for (column, pivot) in pivots.iter().enumerate() {
                for later in column + 1..pivots.len() {
                    assert_eq!(lower[(*pivot, later)], 0.0);
                }
            }
        }
    }
}
