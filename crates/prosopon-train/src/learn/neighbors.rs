//! The classes of the nearest samples.

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{Samples, by_row, expect, normalized, squared_distance};

/// How neighbours are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighborsOptions {
    /// How many, from 1.
    pub n_neighbors: usize,
    /// What a vote counts.
    pub weights: NeighborWeights,
}

/// What a neighbour's vote counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeighborWeights {
    /// One.
    Uniform,
    /// 1 / distance. If there are neighbours at distance 0 they alone vote.
    Distance,
}

impl Default for NeighborsOptions {
    /// scikit-learn's.
    fn default() -> Self {
        Self {
            n_neighbors: 5,
            weights: NeighborWeights::Uniform,
        }
    }
}

/// k nearest neighbours by Euclidean distance; scikit-learn's `KNeighborsClassifier`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbors {
    options: NeighborsOptions,
    n_classes: usize,
    features: Array2<f32>,
    labels: Vec<usize>,
}

impl Neighbors {
    /// Remembers all samples.
    pub(super) fn fit(samples: &Samples, n_classes: usize, options: NeighborsOptions) -> Self {
        Self {
            options,
            n_classes,
            features: samples.features.as_standard_layout().into_owned(),
            labels: samples.labels.to_vec(),
        }
    }

    /// The share of votes of the nearest samples that each class has; of samples equally far those vote that
    /// came first.
    pub(super) fn probabilities(&self, samples: ArrayView2<'_, f32>) -> Array2<f64> {
        by_row(samples, self.n_classes, |sample| self.votes(sample))
    }

    fn votes(&self, sample: ArrayView1<'_, f32>) -> Vec<f64> {
        let rows = self.features.rows().into_iter();
        let distances = rows.map(|row| squared_distance(row, sample));
        let mut nearest: Vec<(f64, usize)> = distances.zip(self.labels.iter().copied()).collect();
        // Sorting by distance alone is stable: first come, first served.
        let k = self.options.n_neighbors.min(nearest.len());
        nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
        nearest.truncate(k);
        let is_same = nearest.first().is_some_and(|(square, _)| *square == 0.0);
        let mut votes = vec![0.0; self.n_classes];
        for (square, label) in nearest {
            votes[label] += match self.options.weights {
                NeighborWeights::Uniform => 1.0,
                NeighborWeights::Distance if is_same => f64::from(u8::from(square == 0.0)),
                NeighborWeights::Distance => 1.0 / square.sqrt(),
            };
        }
        normalized(votes)
    }

    pub(super) fn check(&self, n_features: usize, n_classes: usize) -> Result<(), String> {
        expect("features of neighbours", self.features.ncols(), n_features)?;
        expect("classes", self.n_classes, n_classes)?;
        expect(
            "labels of neighbours",
            self.labels.len(),
            self.features.nrows(),
        )?;
        if self.labels.is_empty() || self.options.n_neighbors == 0 {
            return Err("expected neighbours, found none".to_owned());
        }
        match self.labels.iter().find(|label| **label >= n_classes) {
            Some(label) => Err(format!("expected labels below {n_classes}, found {label}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn votes_count_as_asked() {
        let features = array![[0.0f32], [1.0], [3.0], [9.0]];
        let labels = [0, 1, 1, 2];
        let samples = Samples {
            features: features.view(),
            labels: &labels,
        };
        let votes = |weights, at: f32| {
            let options = NeighborsOptions {
                n_neighbors: 3,
                weights,
            };
            Neighbors::fit(&samples, 3, options).votes(array![at].view())
        };
        assert_eq!(
            votes(NeighborWeights::Uniform, 0.0),
            [1.0 / 3.0, 2.0 / 3.0, 0.0]
        );
        assert_eq!(votes(NeighborWeights::Distance, 0.0), [1.0, 0.0, 0.0]);
        // 1/0.5 + 1/2.5 for class 1 against 1/0.5.
        let found = votes(NeighborWeights::Distance, 0.5);
        assert!((found[0] - 2.0 / 4.4).abs() < 1e-12, "{found:?}");
    }
}
