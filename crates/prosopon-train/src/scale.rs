//! Standardisation: every feature with mean 0 and variance 1.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Means and standard deviations of features; scikit-learn's `StandardScaler`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandardScaler {
    mean: Vec<f64>,
    /// 1 for features that do not vary.
    scale: Vec<f64>,
}

impl StandardScaler {
    /// Measures `features`, a row for each of at least one sample.
    pub fn fit(features: ArrayView2<'_, f32>) -> Self {
        let n = features.nrows() as f64;
        let mean = mean(features);
        let mut variance = vec![0.0; mean.len()];
        for row in features.rows() {
            for ((sum, value), mean) in variance.iter_mut().zip(row).zip(&mean) {
                *sum += (f64::from(*value) - mean).powi(2) / n;
            }
        }
        let deviation = |(variance, mean): (&f64, &f64)| {
            // What rounding alone makes of a constant, as scikit-learn has it.
            let rounding = n * f64::EPSILON * variance + (n * mean * f64::EPSILON).powi(2);
            if *variance <= rounding {
                1.0
            } else {
                variance.sqrt()
            }
        };
        let scale = variance.iter().zip(&mean).map(deviation).collect();
        Self { mean, scale }
    }

    /// How many features it measured.
    pub fn n_features(&self) -> usize {
        self.mean.len()
    }

    /// The samples, a row each, on the scale of the training samples.
    pub fn apply(&self, samples: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut scaled = samples.to_owned();
        for mut row in scaled.rows_mut() {
            for (value, (mean, scale)) in row.iter_mut().zip(self.mean.iter().zip(&self.scale)) {
                *value = ((f64::from(*value) - mean) / scale) as f32;
            }
        }
        scaled
    }

    /// Whether all parts of a value that came from a file fit together.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), String> {
        let is_sound = self.mean.len() == self.scale.len()
            && self.mean.iter().all(|mean| mean.is_finite())
            && self
                .scale
                .iter()
                .all(|scale| scale.is_finite() && *scale > 0.0);
        if is_sound {
            Ok(())
        } else {
            Err("scale: expected finite means and positive deviations of all features".to_owned())
        }
    }
}

/// Mean of each column.
pub(crate) fn mean(features: ArrayView2<'_, f32>) -> Vec<f64> {
    let mut mean = vec![0.0; features.ncols()];
    for row in features.rows() {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
    }
    let n = features.nrows() as f64;
    for sum in &mut mean {
        *sum /= n;
    }
    mean
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn features_have_mean_zero_and_variance_one() {
        let features = array![[1.0f32, 7.0, -3.0], [3.0, 7.0, 0.0], [5.0, 7.0, 9.0]];
        let scaler = StandardScaler::fit(features.view());
        let scaled = scaler.apply(features.view());
        // sklearn.preprocessing.StandardScaler().fit_transform, scikit-learn 1.9.
        let third = 1.224_744_9;
        assert_eq!(scaled.column(0).to_vec(), [-third, 0.0, third]);
        assert_eq!(scaled.column(1).to_vec(), [0.0; 3]);
        let sum: f32 = scaled.column(2).sum();
        assert!(sum.abs() < 1e-6);
        assert!(scaler.check().is_ok());
    }

    #[test]
    fn a_constant_is_not_blown_up() {
        // The mean of ten times 0.1 is not 0.1 in floating point.
        let features = Array2::from_elem((10, 1), 0.1f32);
        let scaler = StandardScaler::fit(features.view());
        assert_eq!(scaler.scale, [1.0]);
    }
}
