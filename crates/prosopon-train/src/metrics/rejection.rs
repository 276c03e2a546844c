//! Which predictions to reject, so that what remains can be trusted.

use serde::Serialize;

/// What a bound on confidence does to held-out predictions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rejection {
    /// Predictions below this confidence are rejected; 0 rejects none.
    pub reject_below: f64,
    /// Predictions there were.
    pub n_predictions: usize,
    /// Predictions that are kept.
    pub n_kept: usize,
    /// Wrong ones among those that are kept.
    pub n_wrong: usize,
    /// 95 % interval of the share of wrong ones among those that are kept: with few held-out samples its end lies far above
    /// the share.
    pub wrong_interval: [f64; 2],
}

impl Rejection {
    /// The share of predictions that are kept.
    pub fn coverage(&self) -> f64 {
        self.n_kept as f64 / self.n_predictions.max(1) as f64
    }
}

/// The lowest confidence below which predictions must be rejected, so that of those that are kept at most the share
/// `most_wrong` is wrong. `predictions` are confidences (the probability of the predicted class) and whether the prediction is
/// right, about samples that were not trained on.
///
/// None if no bound does it, be it because the most confident prediction is wrong or because there are none.
///
/// # Examples
/// ```
/// use prosopon_train::metrics::rejection;
///
/// let predictions = [(0.9, true), (0.8, true), (0.6, false), (0.5, true), (0.3, false)];
/// let found = rejection(&predictions, 0.25).unwrap();
/// assert_eq!((found.n_kept, found.n_wrong), (4, 1));
/// assert_eq!(found.reject_below, 0.4);
/// ```
pub fn rejection(predictions: &[(f64, bool)], most_wrong: f64) -> Option<Rejection> {
    let mut sorted = predictions.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best = None;
    let (mut n_kept, mut n_wrong) = (0, 0);
    let mut levels = sorted.chunk_by(|a, b| a.0 == b.0).peekable();
    while let Some(level) = levels.next() {
        n_kept += level.len();
        n_wrong += level.iter().filter(|(_, is_right)| !is_right).count();
        if n_wrong as f64 <= most_wrong * n_kept as f64 {
            // Half-way to what is rejected.
            let below = levels
                .peek()
                .map(|next| f64::midpoint(level[0].0, next[0].0));
            best = Some(Rejection {
                reject_below: below.unwrap_or(0.0),
                n_predictions: predictions.len(),
                n_kept,
                n_wrong,
                wrong_interval: super::interval(n_wrong, n_kept),
            });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bound_that_holds_is_found() {
        // 100 predictions whose confidence is what it says.
        let mut random = fastrand::Rng::with_seed(6);
        let mut draw = || {
            let confidence = random.f64();
            (confidence, random.f64() < confidence)
        };
        let predictions: Vec<_> = (0..2000).map(|_| draw()).collect();
        for most_wrong in [0.02, 0.1, 0.3] {
            let found = rejection(&predictions, most_wrong).unwrap();
            let kept = || predictions.iter().filter(|(c, _)| *c >= found.reject_below);
            assert_eq!(kept().count(), found.n_kept);
            let wrong = kept().filter(|(_, is_right)| !is_right).count();
            assert_eq!(wrong, found.n_wrong);
            assert!(wrong as f64 <= most_wrong * found.n_kept as f64);
            // Of confidences above t, (1 − t) / 2 are wrong.
            assert!(
                (found.reject_below - (1.0 - 2.0 * most_wrong)).abs() < 0.08,
                "{found:?}"
            );
        }
        let all = rejection(&predictions, 1.0).unwrap();
        assert_eq!((all.reject_below, all.coverage()), (0.0, 1.0));
    }

    #[test]
    fn what_cannot_be_had_is_none() {
        assert_eq!(rejection(&[(0.9, false), (0.8, true)], 0.4), None);
        assert_eq!(rejection(&[], 0.5), None);
        // Equal confidences are kept or rejected together.
        assert_eq!(rejection(&[(0.9, true), (0.9, false)], 0.1), None);
    }
}
