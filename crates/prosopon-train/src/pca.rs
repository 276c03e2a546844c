//! Principal components: the directions in which samples differ most.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::learn::LearnError;
use crate::scale::mean;

/// How many components are kept; scikit-learn's `n_components`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Components {
    /// As many as there are: the smaller number of samples and features.
    All,
    /// So many, from 1.
    Count(usize),
    /// As few as hold more than this share of the variance, above 0 and below 1.
    Share(f64),
}

/// A projection onto principal components; scikit-learn's `PCA`, with its choice of signs: the largest value
/// of each component is positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pca {
    projection: Projection,
    /// The share of the variance that each component holds.
    shares: Vec<f64>,
}

impl Pca {
    /// Finds the components of `features`, a row for each of at least two samples.
    ///
    /// The time grows with the cube of the smaller number of samples and features: 0.2 s for 500, some 20 s
    /// for 2,000.
    ///
    /// # Errors
    /// [`LearnError::Components`].
    pub fn fit(features: ArrayView2<'_, f32>, components: Components) -> Result<Self, LearnError> {
        let most = features.nrows().min(features.ncols());
        let mean = mean(features);
        let mut centred = features.mapv(f64::from);
        for mut row in centred.rows_mut() {
            row.iter_mut()
                .zip(&mean)
                .for_each(|(value, mean)| *value -= mean);
        }
        let Axes { variances, rows } = principal_axes(&centred);
        let total: f64 = variances.iter().sum();
        let shares: Vec<f64> = variances
            .iter()
            .map(|variance| if total > 0.0 { variance / total } else { 0.0 })
            .collect();
        let count = match components {
            Components::All => most,
            Components::Count(count) => count,
            Components::Share(share) => {
                let mut sum = 0.0;
                let within = shares.iter().take_while(|one| {
                    sum += **one;
                    sum <= share
                });
                (within.count() + 1).min(most)
            }
        };
        if count == 0 || count > most {
            return Err(LearnError::Components {
                step: "pca",
                most,
                found: count,
            });
        }
        let (kept, _) = rows.view().split_at(Axis(0), count);
        Ok(Self {
            projection: Projection::new(mean, kept.to_owned()),
            shares: shares[..count].to_vec(),
        })
    }

    /// The share of the variance that each component holds, the largest first.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The projection itself.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }
}

/// A linear map of samples onto fewer values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// Taken away first.
    mean: Vec<f64>,
    /// A row for each value that is wanted.
    rows: Array2<f64>,
}

impl Projection {
    /// The map whose rows are `rows`; each turned so that its largest value is positive.
    pub(crate) fn new(mean: Vec<f64>, mut rows: Array2<f64>) -> Self {
        for mut row in rows.rows_mut() {
            let largest = crate::learn::argmax(row.iter().map(|value| value.abs()));
            if row.get(largest).is_some_and(|value| *value < 0.0) {
                row.mapv_inplace(|value| -value);
            }
        }
        Self { mean, rows }
    }

    /// Values of a sample before.
    pub fn n_features(&self) -> usize {
        self.mean.len()
    }

    /// Values of a sample after.
    pub fn n_components(&self) -> usize {
        self.rows.nrows()
    }

    /// The samples, a row each, projected.
    pub fn apply(&self, samples: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut centred = samples.mapv(f64::from);
        for mut row in centred.rows_mut() {
            let pairs = row.iter_mut().zip(&self.mean);
            pairs.for_each(|(value, mean)| *value -= mean);
        }
        centred.dot(&self.rows.t()).mapv(|value| value as f32)
    }

    /// Whether all parts of a value that came from a file fit together.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), String> {
        let (mean, columns) = (self.mean.len(), self.rows.ncols());
        if mean != columns {
            return Err(format!(
                "projection: expected {mean} features, found {columns}"
            ));
        }
        let values = self.mean.iter().chain(&self.rows);
        if values.clone().all(|value| value.is_finite()) {
            Ok(())
        } else {
            Err("projection: expected finite values".to_owned())
        }
    }
}

/// Directions and the sum of squares along each, the largest first.
pub(crate) struct Axes {
    pub(crate) variances: Vec<f64>,
    /// Unit vectors, a row each: as many as the smaller side of the samples. Those of no variance need not be
    /// of any length.
    pub(crate) rows: Array2<f64>,
}

/// The right singular vectors of `samples` and its squared singular values, from the eigenvectors of the
/// smaller one of its two products with itself.
pub(crate) fn principal_axes(samples: &Array2<f64>) -> Axes {
    let is_wide = samples.ncols() > samples.nrows();
    let product = if is_wide {
        samples.dot(&samples.t())
    } else {
        samples.t().dot(samples)
    };
    let n = product.nrows();
    let eigen = SymmetricEigen::new(DMatrix::from_fn(n, n, |i, j| product[(i, j)]));
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let variances: Vec<f64> = order
        .iter()
        .map(|i| eigen.eigenvalues[*i].max(0.0))
        .collect();
    let vectors = Array2::from_shape_fn((n, n), |(i, j)| eigen.eigenvectors[(j, order[i])]);
    let rows = if is_wide {
        let mut rows = vectors.dot(samples);
        for mut row in rows.rows_mut() {
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row /= length.max(f64::MIN_POSITIVE);
        }
        rows
    } else {
        vectors
    };
    Axes { variances, rows }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// `PCA(n_components=2).fit(x)`, scikit-learn 1.9.
    #[test]
    fn components_are_those_of_scikit_learn() {
        let x = array![
            [2.0f32, 0.5, 1.0],
            [0.0, 1.5, -1.0],
            [1.0, -2.0, 3.0],
            [4.0, 0.0, 0.5],
            [-1.0, 1.0, 2.0]
        ];
        let pca = Pca::fit(x.view(), Components::Count(2)).unwrap();
        let expected = (
            [
                [0.868_248_94, -0.454_058_95, 0.199_935_47],
                [-0.429_675_19, -0.486_715_23, 0.760_583_76],
            ],
            [0.514_537_69, 0.447_521_27],
            [0.538_387_9, -0.565_813_06],
        );
        for (found, expected) in pca.projection.rows.iter().zip(expected.0.iter().flatten()) {
            assert!((found - expected).abs() < 1e-6, "{:?}", pca.projection.rows);
        }
        for (found, expected) in pca.shares.iter().zip(expected.1) {
            assert!((found - expected).abs() < 1e-6, "{:?}", pca.shares);
        }
        let found = pca.projection.apply(x.view());
        for (found, expected) in found.row(0).iter().zip(expected.2) {
            assert!((found - expected).abs() < 1e-5, "{found}");
        }
        // More features than samples: the other product, the same components.
        let wide = Array2::from_shape_fn((5, 6), |(i, j)| x[(i, j % 3)]);
        let wide = Pca::fit(wide.view(), Components::Count(2)).unwrap();
        for (found, expected) in wide.shares.iter().zip(expected.1) {
            assert!((found - expected).abs() < 1e-6, "{:?}", wide.shares);
        }
    }

    #[test]
    fn a_share_of_the_variance_takes_as_few_as_hold_more() {
        let x = array![[3.0f32, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
        // Shares 0.9 and 0.1.
        let count = |share| {
            let pca = Pca::fit(x.view(), Components::Share(share)).unwrap();
            pca.projection.n_components()
        };
        assert_eq!((count(0.89), count(0.91), count(0.999)), (1, 2, 2));
        let error = Pca::fit(x.view(), Components::Count(3)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "pca: expected at most 2 components for these samples, found 3"
        );
    }
}
