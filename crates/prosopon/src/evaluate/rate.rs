//! Error rates with the counts behind them and an interval.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bootstrap::{Draws, percentiles};

/// Ends of a 95 % interval.
pub type Interval = [f64; 2];

/// A share of trials that went wrong (or, where the name says so, right).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// `events / trials`, in [0, 1]; 0 without trials.
    pub rate: f64,
    /// 95 % interval of the rate, by resampling identities.
    pub interval: Interval,
    /// How often it happened.
    pub events: u64,
    /// How often it could have happened.
    pub trials: u64,
}

impl Rate {
    /// The rate of `outcomes`, each with the identity (or the picture) that it belongs to. All
    /// outcomes of one identity are drawn together, since they depend on each other.
    pub fn of(outcomes: &[(u32, bool)]) -> Self {
        // Events and trials of each identity.
        let mut counts: BTreeMap<u32, [u64; 2]> = BTreeMap::new();
        for &(identity, event) in outcomes {
            let count = counts.entry(identity).or_default();
            count[0] += u64::from(event);
            count[1] += 1;
        }
        let counts: Vec<[u64; 2]> = counts.into_values().collect();
        let (events, trials) = sums(counts.iter().map(|count| (1, count)));
        let samples = Draws::new(counts.len()).map(|weights| {
            let (events, trials) = sums(weights.iter().zip(&counts).map(|(w, c)| (*w, c)));
            vec![events as f64 / trials as f64]
        });
        let interval = percentiles(&samples, 0);
        Self::new(events, trials, interval, counts.len())
    }

    /// A rate whose resampled interval is known. An interval that resampling leaves at a point,
    /// because no event (or nothing else) was seen, is widened as [`widened`] says; `independent`
    /// is the number of identities behind the trials.
    pub(super) fn new(events: u64, trials: u64, interval: Interval, independent: usize) -> Self {
        Self {
            rate: if trials == 0 {
                0.0
            } else {
                events as f64 / trials as f64
            },
            interval: widened(interval, events, trials, independent),
            events,
            trials,
        }
    }
}

fn sums<'a>(counts: impl Iterator<Item = (u32, &'a [u64; 2])>) -> (u64, u64) {
    counts.fold((0, 0), |(events, trials), (weight, count)| {
        let weight = u64::from(weight);
        (events + weight * count[0], trials + weight * count[1])
    })
}

/// The interval of a rate of which nothing was seen: resampling zero events gives zero events, but
/// the rate need not be zero.
///
/// The far end is where no event among `independent` trials would have a chance of 5 %:
/// 1 − 0.05^(1/n), the "rule of three" (Hanley and Lippman-Hand 1983). Identities are counted, not
/// comparisons, which is cautious: comparisons of one identity depend on each other.
pub(super) fn widened(
    interval: Interval,
    events: u64,
    trials: u64,
    independent: usize,
) -> Interval {
    if trials == 0 || independent == 0 {
        return [0.0, 1.0];
    }
    let end = 1.0 - 0.05f64.powf(1.0 / independent as f64);
    if events == 0 {
        [0.0, end.max(interval[1])]
    } else if events == trials {
        [(1.0 - end).min(interval[0]), 1.0]
    } else {
        interval
    }
}

#[cfg(test)]
mod tests {
    use super::super::Resampler;
    use super::*;

    #[test]
    fn rates_are_shares_with_their_counts() {
        let outcomes: Vec<(u32, bool)> = (0..100).map(|i| (i, i % 4 == 0)).collect();
        let rate = Rate::of(&outcomes);
        assert_eq!((rate.rate, rate.events, rate.trials), (0.25, 25, 100));
        // The binomial standard error is 0.0433.
        assert!((rate.interval[0] - 0.165).abs() < 0.02, "{rate:?}");
        assert!((rate.interval[1] - 0.335).abs() < 0.02, "{rate:?}");
    }

    #[test]
    fn outcomes_of_one_identity_count_as_one() {
        // Twenty identities with ten equal outcomes each know no more than twenty outcomes.
        let of = |repeats: u32| {
            let outcomes: Vec<(u32, bool)> = (0..20)
                .flat_map(|id| (0..repeats).map(move |_| (id, id % 2 == 0)))
                .collect();
            Rate::of(&outcomes).interval
        };
        assert_eq!(of(1), of(10));
    }

    #[test]
    fn no_event_is_not_no_risk() {
        let rate = Rate::of(&(0..30).map(|i| (i, false)).collect::<Vec<_>>());
        assert_eq!(rate.rate, 0.0);
        assert!((rate.interval[1] - 0.0951).abs() < 1e-3, "{rate:?}");
        let all = Rate::of(&(0..30).map(|i| (i, true)).collect::<Vec<_>>());
        assert!((all.interval[0] - 0.9049).abs() < 1e-3, "{all:?}");
        let none = Rate::of(&[]);
        assert_eq!((none.rate, none.interval), (0.0, [0.0, 1.0]));
    }

    /// Each identity has its own rate, so that outcomes of one identity depend on each other.
    #[test]
    fn the_interval_covers_the_truth() {
        let mut random = Resampler(5);
        let covered = (0..200)
            .filter(|_| {
                let outcomes: Vec<(u32, bool)> = (0..60)
                    .flat_map(|id| {
                        // Rates spread evenly over [0, 0.4]: 0.2 on average.
                        let rate = random.below(400) as f64 / 1000.0;
                        (0..8)
                            .map(|_| (id, (random.below(1_000_000) as f64) < rate * 1e6))
                            .collect::<Vec<_>>()
                    })
                    .collect();
                let [low, high] = Rate::of(&outcomes).interval;
                (low..=high).contains(&0.1995)
            })
            .count();
        assert!(covered >= 180, "{covered} of 200");
    }
}
