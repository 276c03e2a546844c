//! Rows of the kernel matrix of some samples: from the whole matrix, or computed when needed.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::KernelRows;
use crate::learn::Products;

/// Values of rows that a [`Part`] keeps, in f32: 64 MiB, a third of LIBSVM's cache, as several pairs of classes are
/// solved at a time.
const MOST_KEPT: usize = 16 << 20;

/// Kernel values of all samples.
pub(super) struct KernelSource<'a> {
    features: ArrayView2<'a, f32>,
    gamma: Option<f64>,
    /// Squared length of each sample.
    squares: Vec<f64>,
    /// The value of each sample with each other, if there is room.
    matrix: Option<Array2<f32>>,
}

impl<'a> KernelSource<'a> {
    pub(super) fn new(
        features: ArrayView2<'a, f32>,
        gamma: Option<f64>,
        products: Option<&Products>,
    ) -> Self {
        let square = |i| match products {
            Some(products) => products.get(i, i),
            None => features.row(i).iter().map(|v| f64::from(*v).powi(2)).sum(),
        };
        let mut source = Self {
            features,
            gamma,
            squares: (0..features.nrows()).map(square).collect(),
            matrix: None,
        };
        source.matrix = products.map(|products| {
            let n = products.n_samples();
            let mut matrix = Array2::zeros((n, n));
            let rows: Vec<_> = matrix.axis_iter_mut(Axis(0)).collect();
            rows.into_par_iter().enumerate().for_each(|(i, mut row)| {
                for ((j, value), product) in row.iter_mut().enumerate().zip(products.row(i)) {
                    *value = source.value(i, j, *product);
                }
            });
            matrix
        });
        source
    }

    /// The kernel's value from the inner product of samples `i` and `j`.
    fn value(&self, i: usize, j: usize, product: f64) -> f32 {
        match self.gamma {
            None => product as f32,
            Some(_) if i == j => 1.0,
            Some(gamma) => {
                let distance = self.squares[i] + self.squares[j] - 2.0 * product;
                (-gamma * distance.max(0.0)).exp() as f32
            }
        }
    }

    /// The kernel's values of sample `i` with `others`.
    fn row(&self, i: usize, others: &[usize]) -> Box<[f32]> {
        if let Some(matrix) = &self.matrix {
            let row = matrix.row(i);
            others.iter().map(|j| row[*j]).collect()
        } else {
            let sample = self.features.row(i);
            let product = |j: &usize| f64::from(self.features.row(*j).dot(&sample));
            others
                .iter()
                .map(|j| self.value(i, *j, product(j)))
                .collect()
        }
    }
}

/// The kernel matrix of some samples, of which rows that were used last are kept.
pub(super) struct Part<'a, 's> {
    source: &'a KernelSource<'s>,
    rows: Vec<usize>,
    kept: Vec<Option<Box<[f32]>>>,
    /// When each row was used last.
    used: Vec<u64>,
    now: u64,
    n_kept: usize,
    most_kept: usize,
}

impl<'a, 's> Part<'a, 's> {
    /// That of the samples `rows`.
    pub(super) fn new(source: &'a KernelSource<'s>, rows: Vec<usize>) -> Self {
        let n = rows.len();
        Self {
            source,
            rows,
            kept: vec![None; n],
            used: vec![0; n],
            now: 0,
            n_kept: 0,
            most_kept: (MOST_KEPT / n.max(1)).max(2),
        }
    }

    /// The kernel's values of a sample that need not be one of them.
    pub(super) fn against(&self, sample: usize) -> Box<[f32]> {
        self.source.row(sample, &self.rows)
    }
}

impl KernelRows for Part<'_, '_> {
    fn load(&mut self, i: usize) {
        self.now += 1;
        self.used[i] = self.now;
        if self.kept[i].is_some() {
            return;
        }
        if self.n_kept == self.most_kept {
            let kept = (0..self.kept.len()).filter(|j| self.kept[*j].is_some());
            if let Some(oldest) = kept.min_by_key(|j| self.used[*j]) {
                self.kept[oldest] = None;
                self.n_kept -= 1;
            }
        }
        self.kept[i] = Some(self.source.row(self.rows[i], &self.rows));
        self.n_kept += 1;
    }

    fn loaded(&self, i: usize) -> &[f32] {
        self.kept[i].as_deref().unwrap_or_default()
    }

    fn diagonal(&self, i: usize) -> f64 {
        if self.source.gamma.is_some() {
            1.0
        } else {
            self.source.squares[self.rows[i]]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_with_and_without_the_matrix() {
        let mut random = fastrand::Rng::with_seed(2);
        let features = Array2::from_shape_simple_fn((12, 5), || random.f32());
        let products = Products::new(features.view()).unwrap();
        for gamma in [None, Some(0.7)] {
            let with = KernelSource::new(features.view(), gamma, Some(&products));
            let without = KernelSource::new(features.view(), gamma, None);
            let rows = vec![3, 5, 11, 0];
            let mut a = Part::new(&with, rows.clone());
            let mut b = Part::new(&without, rows);
            // Room for two rows alone, so that old ones are thrown away and computed again.
            b.most_kept = 2;
            for i in [0, 1, 2, 3, 0, 1] {
                a.load(i);
                b.load(i);
                assert_eq!((a.loaded(i).len(), b.loaded(i).len()), (4, 4));
                let mut pairs = a.loaded(i).iter().zip(b.loaded(i));
                assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-6), "{gamma:?} {i}");
                assert!((f64::from(a.loaded(i)[i]) - a.diagonal(i)).abs() < 1e-6);
            }
            assert_eq!(b.kept.iter().filter(|row| row.is_some()).count(), 2);
        }
    }
}
