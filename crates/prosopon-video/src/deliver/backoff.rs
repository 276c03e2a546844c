//! How long to wait before the next attempt.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// At most: a target that comes back is reached within this time.
pub(super) const LONGEST: Duration = Duration::from_mins(5);

/// Doubles from a second to five minutes, and takes a random share between half and all of that ("equal jitter"),
/// so that targets that failed together are not asked together.
#[derive(Debug, Clone, Default)]
pub(super) struct Backoff {
    n_failures: u32,
}

impl Backoff {
    /// The pause after one more failure; `share` is between 0 and 1.
    pub(super) fn after_failure(&mut self, share: f64) -> Duration {
        let pause = FIRST
            .saturating_mul(1 << self.n_failures.min(16))
            .min(LONGEST);
        self.n_failures = self.n_failures.saturating_add(1);
        pause.mul_f64(0.5 + share.clamp(0.0, 1.0) / 2.0)
    }

    /// Begins anew after a success.
    pub(super) fn reset(&mut self) {
        self.n_failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let mut backoff = Backoff::default();
        let secs: Vec<u64> = (0..40)
            .map(|_| backoff.after_failure(1.0).as_secs())
            .collect();
        assert_eq!(secs[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(secs[39], 300);
        backoff.reset();
        assert_eq!(backoff.after_failure(0.0), Duration::from_millis(500));
        for _ in 0..1000 {
            let pause = backoff.after_failure(fastrand::f64());
            assert!(pause >= Duration::from_secs(1) && pause <= LONGEST);
        }
    }
}
