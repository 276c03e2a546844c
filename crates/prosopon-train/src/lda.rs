//! Linear discriminants: the directions that part classes best.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::learn::{LearnError, Samples};
use crate::pca::{Projection, principal_axes};
use crate::scale::mean;

/// Singular values below this are taken for none; scikit-learn's `tol`.
const TOLERANCE: f64 = 1e-4;

/// A projection onto linear discriminants; scikit-learn's `LinearDiscriminantAnalysis` with its solver `svd`, up to
/// signs: here the largest value of each discriminant is positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lda {
    projection: Projection,
}

impl Lda {
    /// Finds the discriminants of `samples`, of which there are at least two classes: `n_components`, or as many as
    /// can be, which is one fewer than classes.
    ///
    /// # Errors
    /// [`LearnError::Components`] and [`LearnError::NoSpread`].
    pub fn fit(
        samples: &Samples,
        n_classes: usize,
        n_components: Option<usize>,
    ) -> Result<Self, LearnError> {
        let counts = samples.counts(n_classes);
        let present: Vec<usize> = (0..n_classes).filter(|class| counts[*class] > 0).collect();
        let (n, d) = samples.features.dim();
        let most = (present.len() - 1).min(d);
        let wanted = n_components.unwrap_or(most);
        if wanted == 0 || wanted > most {
            return Err(LearnError::Components {
                step: "lda",
                most,
                found: wanted,
            });
        }
        let mut means = Array2::<f64>::zeros((n_classes, d));
        for (row, label) in samples.features.rows().into_iter().zip(samples.labels) {
            let pairs = means.row_mut(*label).into_iter().zip(row);
            pairs.for_each(|(sum, value)| *sum += f64::from(*value) / counts[*label] as f64);
        }
        // Spread within classes, on a scale on which each feature spreads by 1.
        let mut within = samples.features.mapv(f64::from);
        for (mut row, label) in within.rows_mut().into_iter().zip(samples.labels) {
            row -= &means.row(*label);
        }
        let deviations = within.map_axis(Axis(0), |column| {
            let variance = column.iter().map(|v| v * v).sum::<f64>() / n as f64;
            if variance > 0.0 { variance.sqrt() } else { 1.0 }
        });
        let factor = (1.0 / n as f64).sqrt();
        within.rows_mut().into_iter().for_each(|mut row| {
            row /= &deviations;
            row *= factor;
        });
        // Coordinates in which samples of a class spread evenly.
        let mut axes = principal_axes(&within);
        let is_wide = |variance: &&f64| variance.sqrt() > TOLERANCE;
        let rank = axes.variances.iter().take_while(is_wide).count();
        if rank == 0 {
            return Err(LearnError::NoSpread);
        }
        for (mut row, variance) in axes.rows.rows_mut().into_iter().zip(&axes.variances) {
            row /= &deviations;
            row /= variance.sqrt().max(f64::MIN_POSITIVE);
        }
        let (whitening, _) = axes.rows.view().split_at(Axis(0), rank);
        // Directions in which the means differ most there.
        let centre = mean(samples.features);
        let mut between = means.select(Axis(0), &present);
        for (mut row, class) in between.rows_mut().into_iter().zip(&present) {
            let pairs = row.iter_mut().zip(&centre);
            let weight = (counts[*class] as f64 / (present.len() - 1) as f64).sqrt();
            pairs.for_each(|(value, centre)| *value = (*value - centre) * weight);
        }
        let axes = principal_axes(&between.dot(&whitening.t()));
        let rows = axes.rows.dot(&whitening);
        let widest = axes.variances.first().copied().unwrap_or_default();
        let parts = |variance: &&f64| variance.sqrt() > TOLERANCE * widest.sqrt();
        let wanted = wanted.min(axes.variances.iter().take_while(parts).count());
        if wanted == 0 {
            return Err(LearnError::NoSpread);
        }
        let (kept, _) = rows.view().split_at(Axis(0), wanted);
        Ok(Self {
            projection: Projection::new(centre, kept.to_owned()),
        })
    }

    /// The projection itself.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// LinearDiscriminantAnalysis().fit(x, y).transform(x[:3]), scikit-learn 1.9, with our signs.
    #[test]
    fn discriminants_are_those_of_scikit_learn() {
        let x = array![
            [2.0f32, 0.5, 1.0],
            [0.0, 1.5, -1.0],
            [1.0, -2.0, 3.0],
            [4.0, 0.0, 0.5],
            [-1.0, 1.0, 2.0],
            [3.0, 2.0, 1.0],
            [0.5, 0.5, 2.5]
        ];
        let labels = [0, 0, 1, 2, 1, 2, 1];
        let samples = Samples {
            features: x.view(),
            labels: &labels,
        };
        let expected = [
            [-2.716_021f32, 0.062_247],
            [-3.045_589, -3.234_227],
            [8.708_803, 0.500_605],
        ];
        let lda = Lda::fit(&samples, 3, None).unwrap();
        let found = lda.projection().apply(x.view());
        for (found, expected) in found.iter().zip(expected.iter().flatten()) {
            assert!(
                (found.abs() - f32::abs(*expected)).abs() < 1e-4,
                "{found} {expected}"
            );
        }
        assert_eq!(
            Lda::fit(&samples, 3, Some(1))
                .unwrap()
                .projection()
                .n_components(),
            1
        );
        let error = Lda::fit(&samples, 3, Some(3)).unwrap_err();
        assert!(matches!(error, LearnError::Components { most: 2, .. }));
        let same = array![[1.0f32], [1.0], [2.0]];
        let samples = Samples {
            features: same.view(),
            labels: &[0, 0, 1],
        };
        assert_eq!(Lda::fit(&samples, 2, None), Err(LearnError::NoSpread));
    }
}
