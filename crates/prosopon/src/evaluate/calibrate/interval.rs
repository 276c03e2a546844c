//! How far a false match rate holds on other people.

use super::tally::OfPairs;

/// Normal quantile of a two-sided interval at 95 % confidence.
const Z: f64 = 1.959_963_984_540_054;

/// False matches at one threshold, and their variance over people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counts {
    /// Impostor comparisons that were accepted.
    pub(super) matches: u64,
    comparisons: u64,
    people: usize,
    /// Variance of the rate that comes from people: some resemble many others.
    of_people: f64,
    /// Variance of the rate that comes from pairs of people: some two resemble each other.
    of_pairs: f64,
    /// How many people's deviations the variance rests on; few if some stand out, or have most of the
    /// pictures.
    freedom: f64,
}

impl Counts {
    /// From each person's false matches and comparisons, and the sums over every two people.
    ///
    /// With m false matches in n comparisons of two people, and the rate θ = Σm / Σn, what the two
    /// deviate by is e = m − θ·n. The variance of Σm over people is the sum of e·e′ over all couples of
    /// pairs that share a person: (Σ of each person's (Σe)²) − Σe². The second term alone is the
    /// variance if pairs of people were independent.
    pub(super) fn new(
        of_each: impl Iterator<Item = (u64, u64)>,
        pairs: OfPairs,
        squared_comparisons: f64,
    ) -> Self {
        let of_each: Vec<(u64, u64)> = of_each.collect();
        // Each comparison is in the counts of two people.
        let matches = of_each.iter().map(|(m, _)| m).sum::<u64>() / 2;
        let comparisons = of_each.iter().map(|(_, n)| n).sum::<u64>() / 2;
        let people = of_each.len();
        let total = (comparisons as f64).max(1.0);
        let rate = matches as f64 / total;
        let deviation = |(m, n): &(u64, u64)| (*m as f64 - rate * *n as f64).powi(2);
        let by_person: f64 = of_each.iter().map(deviation).sum();
        let fourth: f64 = of_each.iter().map(|of| deviation(of).powi(2)).sum();
        let by_pair = (pairs.squared - 2.0 * rate * pairs.weighted
            + rate * rate * squared_comparisons)
            .max(0.0);
        // Each person's own share in the rate takes one degree of freedom.
        let small_sample = people as f64 / (people as f64 - 1.0).max(1.0);
        Self {
            matches,
            comparisons,
            people,
            of_people: ((by_person - 2.0 * by_pair) * small_sample).max(0.0) / total.powi(2),
            of_pairs: by_pair.max(matches as f64 * (1.0 - rate)) / total.powi(2),
            freedom: if fourth > 0.0 {
                by_person.powi(2) / fourth
            } else {
                people as f64
            },
        }
    }

    /// Where the rate lies, at 95 % confidence, that a group of `others` other people meets at the
    /// same threshold.
    ///
    /// Both the measured rate a and the one to be met, b, scatter around the truth. With v and w the
    /// variances of the two in units of the rate, b solves (a − b)² = z²(w·a + v·b): the joint-sampling
    /// prediction interval of Krishnamoorthy and Peng (2011) for counts, which for a group without end
    /// is the score interval (Wilson 1927). In place of the normal quantile z stands Student's, since the
    /// variance is an estimate, too; its degrees of freedom are Satterthwaite's (1946).
    pub(super) fn interval_of_others(&self, others: usize) -> [f64; 2] {
        if self.people < 3 || others < 2 {
            return [0.0, 1.0];
        }
        let a = self.matches as f64 / (self.comparisons as f64).max(1.0);
        // What comes from people falls with their number, what comes from pairs with its square.
        let smaller = self.people as f64 / others as f64;
        let (v, w) = if self.matches > 0 {
            let met = self.of_people * smaller + self.of_pairs * smaller.powi(2);
            ((self.of_people + self.of_pairs) / a, met / a)
        } else {
            // Nothing was seen to vary: only as many comparisons count as two people each can make
            // without anybody in two of them.
            (2.0 / self.people as f64, 2.0 / others as f64)
        };
        let z2 = student_quantile(self.freedom).powi(2);
        let middle = a + z2 * v / 2.0;
        let half = (z2 * a * (v + w) + (z2 * v / 2.0).powi(2)).sqrt();
        [(middle - half).max(0.0), (middle + half).min(1.0)]
    }
}

/// Student's quantile of a two-sided interval at 95 % confidence, by the expansion around the normal one
/// (Abramowitz and Stegun 1964, 26.7.5); below three degrees of freedom that of three.
fn student_quantile(freedom: f64) -> f64 {
    let v = freedom.max(3.0);
    let z2 = Z * Z;
    let first = Z * (z2 + 1.0) / 4.0;
    let second = Z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let third = Z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    Z + first / v + second / v.powi(2) + third / v.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `people` with one face each; every two of `matches` disjoint pairs are taken for one another.
    fn disjoint(people: u64, matches: u64) -> Counts {
        let of_each = (0..people).map(|i| (u64::from(i < 2 * matches), people - 1));
        let pairs = OfPairs {
            squared: matches as f64,
            weighted: matches as f64,
        };
        Counts::new(of_each, pairs, (people * (people - 1) / 2) as f64)
    }

    #[test]
    fn independent_pairs_give_the_score_interval() {
        let counts = disjoint(1000, 400);
        let n = 499_500.0;
        let rate: f64 = 400.0 / n;
        let [low, high] = counts.interval_of_others(1_000_000_000);
        // Wilson's interval, less terms of the order of rate².
        let middle = rate + Z * Z / (2.0 * n);
        let half = Z * (rate / n + Z * Z / (4.0 * n * n)).sqrt();
        assert!((low / (middle - half) - 1.0).abs() < 2e-3, "{low}");
        assert!((high / (middle + half) - 1.0).abs() < 2e-3, "{high}");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, expected) in [(3.0, 3.182), (5.0, 2.571), (10.0, 2.228), (60.0, 2.000)] {
            let found = student_quantile(freedom);
            assert!((found / expected - 1.0).abs() < 0.01, "{freedom}: {found}");
        }
        assert!((student_quantile(1e9) - Z).abs() < 1e-6);
    }

    #[test]
    fn smaller_groups_and_conspicuous_people_widen_it() {
        let width = |counts: &Counts, others| {
            let [low, high] = counts.interval_of_others(others);
            high - low
        };
        let even = disjoint(1000, 400);
        assert!(width(&even, 500) > 1.3 * width(&even, 1000));
        // The same number of false matches, all of one person.
        let of_each = (0..1000).map(|i| match i {
            0 => (400, 999),
            1..=400 => (1, 999),
            _ => (0, 999),
        });
        let pairs = OfPairs {
            squared: 400.0,
            weighted: 400.0,
        };
        let wolf = Counts::new(of_each, pairs, 499_500.0);
        assert_eq!(wolf.matches, even.matches);
        assert!(width(&wolf, 1000) > 5.0 * width(&even, 1000));
    }

    #[test]
    fn where_nothing_was_seen_the_rate_may_still_be_above_nothing() {
        let none = disjoint(100, 0);
        let [low, high] = none.interval_of_others(100);
        assert_eq!(low, 0.0);
        assert!(high > 0.01 && high < 0.1, "{high}");
        assert_eq!(disjoint(2, 0).interval_of_others(5), [0.0, 1.0]);
    }
}
