//! The class whose mean is nearest.

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{Samples, by_row, expect, softmax, squared_distance};

/// The mean of each class; scikit-learn's `NearestCentroid`, with probabilities of our own.
///
/// The probability of a class is the softmax of −β·(squared distance to its mean). β is the most likely one
/// for the training samples, each seen from means that it is left out of: its own class is then no nearer
/// than that of a new sample would be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearestCentroid {
    /// A row for each class.
    means: Array2<f32>,
    /// Samples of each class; a class without any is never chosen.
    counts: Vec<usize>,
    beta: f64,
}

impl NearestCentroid {
    /// Means of the classes in `samples`.
    pub(super) fn fit(samples: &Samples, n_classes: usize) -> Self {
        let counts = samples.counts(n_classes);
        let mut sums = Array2::<f64>::zeros((n_classes, samples.features.ncols()));
        for (row, label) in samples.features.rows().into_iter().zip(samples.labels) {
            for (sum, value) in sums.row_mut(*label).iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        for (mut sum, count) in sums.rows_mut().into_iter().zip(&counts) {
            sum /= (*count).max(1) as f64;
        }
        let mut trained = Self {
            means: sums.mapv(|v| v as f32),
            counts,
            beta: 1.0,
        };
        trained.beta = trained.most_likely_beta(samples);
        trained
    }

    fn most_likely_beta(&self, samples: &Samples) -> f64 {
        let distances = by_row(samples.features, self.counts.len(), |row| {
            self.distances(row)
        });
        let mut known = Vec::new();
        for (row, label) in distances.rows().into_iter().zip(samples.labels) {
            let count = self.counts[*label] as f64;
            // A class of one sample has no mean without it.
            if count > 1.0 {
                let mut row = row.to_vec();
                // ‖x − mean without x‖ = ‖x − mean‖ · n / (n − 1).
                row[*label] *= (count / (count - 1.0)).powi(2);
                known.push((row, *label));
            }
        }
        let total: f64 = known.iter().map(|(row, label)| row[*label]).sum();
        let unit = known.len() as f64 / total;
        if !(unit.is_finite() && unit > 0.0) {
            return 1.0;
        }
        let loss = |log_beta: f64| -> f64 {
            let beta = unit * log_beta.exp();
            let of = |(row, label): &(Vec<f64>, usize)| {
                let scores: Vec<f64> = row.iter().map(|square| -beta * square).collect();
                -softmax(&scores)[*label].max(f64::MIN_POSITIVE).ln()
            };
            known.iter().map(of).sum()
        };
        unit * smallest(loss, -12.0, 12.0).exp()
    }

    fn distances(&self, sample: ArrayView1<'_, f32>) -> Vec<f64> {
        let means = self.means.rows().into_iter().zip(&self.counts);
        let distance = |(mean, count): (ArrayView1<'_, f32>, &usize)| {
            if *count == 0 {
                f64::INFINITY
            } else {
                squared_distance(mean, sample)
            }
        };
        means.map(distance).collect()
    }

    /// Probability of each class for each sample.
    pub(super) fn probabilities(&self, samples: ArrayView2<'_, f32>) -> Array2<f64> {
        by_row(samples, self.counts.len(), |sample| {
            let distances = self.distances(sample);
            let scores: Vec<f64> = distances.iter().map(|square| -self.beta * square).collect();
            softmax(&scores)
        })
    }

    pub(super) fn check(&self, n_features: usize, n_classes: usize) -> Result<(), String> {
        expect("features of means", self.means.ncols(), n_features)?;
        expect("means", self.means.nrows(), n_classes)?;
        expect("counts of samples", self.counts.len(), n_classes)?;
        if self.beta.is_finite() && self.beta > 0.0 && self.counts.iter().any(|count| *count > 0) {
            Ok(())
        } else {
            Err("expected means of classes with samples, found none".to_owned())
        }
    }
}

/// Where a function with one valley is smallest, by golden sections.
fn smallest(of: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    /// The golden section: 24 steps narrow the interval to a hundred-thousandth.
    const SECTION: f64 = 0.618_033_988_749_895;
    for _ in 0..24 {
        let width = (high - low) * SECTION;
        if of(high - width) <= of(low + width) {
            high = low + width;
        } else {
            low = high - width;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valley_is_found() {
        assert!((smallest(|x| (x - 2.5).powi(2), -12.0, 12.0) - 2.5).abs() < 1e-3);
    }
}
