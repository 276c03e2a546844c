//! Do faces that should be of one person agree? Mean and spread of each face's similarities with the
//! others, and the threshold that follows.

mod draw;

use serde::Serialize;

use crate::matrix::SimilarityMatrix;

pub use draw::bar_chart;

/// From the median absolute deviation to the standard deviation of a normal distribution.
const SIGMA_FROM_MAD: f64 = 1.4826;

/// The same from the mean absolute deviation, √(π/2). It stands in where more than half of the faces
/// agree equally well, copies for example, so that the median deviation is 0 (Iglewicz and Hoaglin
/// 1993).
const SIGMA_FROM_MEAN_DEVIATION: f64 = 1.253_314;

/// How well one face agrees with all others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FaceConsistency {
    /// Mean of its similarities with the others.
    pub mean: f64,
    /// Their standard deviation σ (of the population, as NumPy's default).
    pub std: f64,
    /// `mean − k·σ`: a similarity below would be unlike all those of this face.
    pub low: f64,
    /// Whether its mean lies below [`Consistency::threshold`].
    pub outlier: bool,
    /// Whether its mean lies below [`Consistency::robust_threshold`].
    pub robust_outlier: bool,
}

/// How well faces agree with each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Consistency {
    /// How many standard deviations below the mean are still taken for the same person.
    pub k: f64,
    /// Mean of the faces' means.
    pub mean: f64,
    /// Standard deviation of the faces' means.
    pub std: f64,
    /// `mean − k·σ` of the faces' means. With `n` faces none can lie below it unless
    /// `k < (n − 1)/√n`, since a stranger pulls mean and σ along.
    pub threshold: f64,
    /// Median of the faces' means.
    pub median: f64,
    /// `median − k·1.4826·MAD` of the faces' means, on which strangers have little influence as long
    /// as they are fewer than half. If the MAD is 0, `median − k·1.2533·(mean absolute deviation)`.
    pub robust_threshold: f64,
    /// Each face, in order.
    pub faces: Vec<FaceConsistency>,
}

impl Consistency {
    /// Judges every face by its similarities with all others; `None` for fewer than three faces,
    /// of which none can be the odd one.
    pub fn new(matrix: &SimilarityMatrix, k: f64) -> Option<Self> {
        if matrix.n_faces() < 3 {
            return None;
        }
        let spreads: Vec<(f64, f64)> = matrix
            .rows()
            .enumerate()
            .map(|(i, row)| {
                let others = row.iter().enumerate().filter(|(j, _)| *j != i);
                let others: Vec<f64> = others.map(|(_, v)| f64::from(*v)).collect();
                mean_and_std(&others)
            })
            .collect();
        let means: Vec<f64> = spreads.iter().map(|(mean, _)| *mean).collect();
        let (mean, std) = mean_and_std(&means);
        let median = median(&means);
        let deviations: Vec<f64> = means.iter().map(|m| (m - median).abs()).collect();
        let threshold = mean - k * std;
        let robust_threshold = median - k * robust_sigma(&deviations);
        let face = |(mean, std)| FaceConsistency {
            mean,
            std,
            low: mean - k * std,
            outlier: mean < threshold,
            robust_outlier: mean < robust_threshold,
        };
        Some(Self {
            k,
            mean,
            std,
            threshold,
            median,
            robust_threshold,
            faces: spreads.into_iter().map(face).collect(),
        })
    }

    /// Places of the faces that do not belong, by either threshold.
    pub fn outliers(&self) -> impl Iterator<Item = usize> {
        let faces = self.faces.iter().enumerate();
        faces
            .filter(|(_, f)| f.outlier || f.robust_outlier)
            .map(|(i, _)| i)
    }
}

/// The standard deviation of a normal distribution with these absolute deviations from its median.
fn robust_sigma(deviations: &[f64]) -> f64 {
    let mad = median(deviations);
    if mad > 0.0 {
        SIGMA_FROM_MAD * mad
    } else {
        SIGMA_FROM_MEAN_DEVIATION * mean_and_std(deviations).0
    }
}

fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{Embedding, ModelId};

    /// `n` faces that lie around one direction, and one across.
    fn faces(n: usize) -> SimilarityMatrix {
        let around = (0..n).map(|i| {
            let angle = i as f32 * 2.4;
            vec![1.0, 0.3 * angle.cos(), 0.3 * angle.sin(), 0.0]
        });
        let embeddings: Vec<Embedding> = around
            .chain([vec![0.0, 0.0, 0.1, 1.0]])
            .map(|values| Embedding::from_values(ModelId::new("m"), values).unwrap())
            .collect();
        SimilarityMatrix::new(&embeddings).unwrap()
    }

    #[test]
    fn values_are_those_of_the_definition() {
        let matrix = faces(2);
        let found = Consistency::new(&matrix, 2.0).unwrap();
        let (a, b) = (f64::from(matrix.get(0, 1)), f64::from(matrix.get(0, 2)));
        let first = found.faces[0];
        assert!((first.mean - f64::midpoint(a, b)).abs() < 1e-9);
        assert!((first.std - (a - b).abs() / 2.0).abs() < 1e-9);
        assert!((first.low - (first.mean - 2.0 * first.std)).abs() < 1e-9);
    }

    #[test]
    fn a_stranger_is_found_by_the_robust_threshold_and_by_the_other_among_many() {
        let few = Consistency::new(&faces(8), 5.0).unwrap();
        assert!(!few.faces[8].outlier, "no face of nine can be 5 σ away");
        assert_eq!(few.outliers().collect::<Vec<_>>(), [8]);
        let many = Consistency::new(&faces(40), 5.0).unwrap();
        assert!(many.faces[40].outlier && many.faces[40].robust_outlier);
        assert_eq!(many.outliers().collect::<Vec<_>>(), [40]);
    }

    #[test]
    fn copies_make_nobody_a_stranger() {
        let face = |y| Embedding::from_values(ModelId::new("m"), vec![1.0, y]).unwrap();
        let copies = [face(0.0), face(0.0), face(0.0), face(0.4), face(0.4)];
        let found = Consistency::new(&SimilarityMatrix::new(&copies).unwrap(), 5.0).unwrap();
        assert_eq!(found.outliers().count(), 0, "{found:?}");
    }

    #[test]
    fn two_faces_cannot_be_judged() {
        assert_eq!(Consistency::new(&faces(1), 5.0), None);
    }
}
