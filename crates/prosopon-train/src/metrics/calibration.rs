//! Whether confidence means what it says: of predictions made with 80 %, are 80 % right?

use serde::Serialize;

/// Intervals of confidence, as in Guo et al. 2017 ("On calibration of modern neural networks"), who take 15; with tens of
/// held-out pictures ten are already many.
const BINS: usize = 10;

/// Predictions of about the same confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Where the interval of confidence begins; it is 0.1 wide.
    pub from: f64,
    /// Predictions in it.
    pub count: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that is right.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
}

/// How confidence and accuracy go together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Intervals of confidence in which there are predictions, the lowest first.
    pub bins: Vec<Bin>,
    /// Expected calibration error: the mean distance of confidence from accuracy, weighted by predictions.
    pub expected_error: f64,
    /// The largest such distance.
    pub largest_error: f64,
    /// Mean confidence less accuracy: above 0 if the classifier thinks too well of itself.
    pub overconfidence: f64,
}

impl Calibration {
    /// From the confidence of each prediction, in [0, 1], and whether it is right.
    pub fn new(predictions: &[(f64, bool)]) -> Self {
        let bin_of = |confidence: f64| ((confidence * BINS as f64) as usize).min(BINS - 1);
        let total = predictions.len().max(1) as f64;
        let bins: Vec<Bin> = (0..BINS)
            .filter_map(|bin| {
                let of_bin = || predictions.iter().filter(move |(c, _)| bin_of(*c) == bin);
                let count = of_bin().count();
                let right = of_bin().filter(|(_, is_right)| *is_right).count();
                (count > 0).then(|| Bin {
                    from: bin as f64 / BINS as f64,
                    count,
                    confidence: of_bin().map(|(c, _)| c).sum::<f64>() / count as f64,
                    accuracy: right as f64 / count as f64,
                    interval: super::interval(right, count),
                })
            })
            .collect();
        let gap = |bin: &Bin| bin.confidence - bin.accuracy;
        let weighted = |of: &dyn Fn(&Bin) -> f64| {
            bins.iter()
                .map(|bin| of(bin) * bin.count as f64 / total)
                .sum()
        };
        Self {
            expected_error: weighted(&|bin| gap(bin).abs()),
            largest_error: bins.iter().map(|bin| gap(bin).abs()).fold(0.0, f64::max),
            overconfidence: weighted(&gap),
            bins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_compared_with_what_came_true() {
        let mut predictions = vec![(0.95, true); 9];
        predictions.push((0.95, false));
        predictions.extend([(0.62, true), (0.68, false), (1.0, true)]);
        let found = Calibration::new(&predictions);
        assert_eq!(found.bins.len(), 2);
        let [low, high] = [found.bins[0], found.bins[1]];
        assert_eq!((low.from, low.count, low.accuracy), (0.6, 2, 0.5));
        assert!((low.confidence - 0.65).abs() < 1e-12);
        assert_eq!((high.count, high.accuracy), (11, 10.0 / 11.0));
        // 0.15 · 2/13 + |10.5/11 − 10/11| · 11/13.
        assert!((found.expected_error - (0.3 + 0.5) / 13.0).abs() < 1e-12);
        assert!((found.largest_error - 0.15).abs() < 1e-12);
        assert!((found.overconfidence - 0.8 / 13.0).abs() < 1e-12);
        assert_eq!(Calibration::new(&[]).expected_error, 0.0);
    }
}
