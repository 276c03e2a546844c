//! Samples that seem to bear a wrong label.

use ndarray::ArrayView2;
use serde::Serialize;

/// A sample that looks like another class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LabelDoubt {
    /// Which sample.
    pub sample: usize,
    /// The class it is labelled with.
    pub label: usize,
    /// The class it looks like.
    pub likely: usize,
    /// Probability of the label.
    pub label_probability: f64,
    /// Probability of the other class.
    pub likely_probability: f64,
}

impl LabelDoubt {
    /// How much more probable the other class is, in [−1, 1].
    pub fn margin(&self) -> f64 {
        self.likely_probability - self.label_probability
    }
}

/// The samples whose label is doubtful, the most doubtful first, by confident learning (Northcutt, Jiang and Chuang 2021):
/// a sample looks like a class if its probability of it is at least the mean that samples labelled so have; among several
/// such classes it is the most probable one. `probabilities` must come from training without the sample
/// ([`crate::grid::out_of_fold`]), a row for each.
///
/// # Panics
/// If there are fewer rows than labels, or a label without a column.
pub fn label_doubts(probabilities: ArrayView2<'_, f64>, labels: &[usize]) -> Vec<LabelDoubt> {
    let mut sums = vec![(0.0, 0usize); probabilities.ncols()];
    for (row, label) in probabilities.rows().into_iter().zip(labels) {
        sums[*label].0 += row[*label];
        sums[*label].1 += 1;
    }
    // Nothing looks like a class without samples.
    let usual = |(sum, count): &(f64, usize)| if *count > 0 { sum / *count as f64 } else { 2.0 };
    let usual: Vec<f64> = sums.iter().map(usual).collect();
    let doubt = |(sample, label): (usize, &usize)| {
        let row = probabilities.row(sample);
        let alike = (0..row.len()).filter(|class| row[*class] >= usual[*class]);
        let likely =
            alike.reduce(|best, class| if row[class] > row[best] { class } else { best })?;
        let found = LabelDoubt {
            sample,
            label: *label,
            likely,
            label_probability: row[*label],
            likely_probability: row[likely],
        };
        (likely != *label && found.margin() > 0.0).then_some(found)
    };
    let mut doubts: Vec<LabelDoubt> = labels.iter().enumerate().filter_map(doubt).collect();
    doubts.sort_by(|a, b| b.margin().total_cmp(&a.margin()));
    doubts
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use ndarray::{Array2, array};

    use super::*;
    use crate::grid::out_of_fold;
    use crate::learn::Samples;
    use crate::split::stratified_folds;

    #[test]
    fn classes_that_are_hard_are_not_doubted_more() {
        // Samples of class 1 have 0.55 of it on average, so that 0.5 against 0.4 is no doubt.
        let probabilities = array![[0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.3, 0.7], [0.1, 0.9]];
        let found = label_doubts(probabilities.view(), &[0, 0, 1, 1, 0]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].sample, found[0].label, found[0].likely),
            (4, 0, 1)
        );
        assert!((found[0].margin() - 0.8).abs() < 1e-12);
    }

    #[test]
    fn planted_errors_are_found() {
        let mut random = fastrand::Rng::with_seed(2);
        let mut labels: Vec<usize> = (0..90).map(|i| i % 3).collect();
        let features = Array2::from_shape_fn((90, 4), |(i, j)| {
            let mean = if j == labels[i] { 2.5 } else { 0.0 };
            mean + random.f32() - random.f32()
        });
        let planted = [4usize, 30, 77];
        for i in planted {
            labels[i] = (labels[i] + 1) % 3;
        }
        let samples = Samples {
            features: features.view(),
            labels: &labels,
        };
        let folds = stratified_folds(&labels, None, 5, 0).unwrap();
        let pipeline = "scale+svc".parse().unwrap();
        let found =
            out_of_fold(&pipeline, &samples, 3, &folds, 0, &AtomicBool::new(false)).unwrap();
        let doubts = label_doubts(found.probabilities.view(), &labels);
        let mut first: Vec<usize> = doubts.iter().take(3).map(|doubt| doubt.sample).collect();
        first.sort_unstable();
        assert_eq!(first, planted, "{doubts:?}");
    }
}
