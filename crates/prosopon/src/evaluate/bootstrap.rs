//! Resampling identities, for intervals that hold for other people and not only for other pictures
//! of the same.
//!
//! Comparisons of one person depend on each other: who is hard to recognise is so in all of them.
//! Resampling comparisons one by one would give intervals that are too short (Bolle, Ratha and
//! Pankanti 2004). So identities are drawn with replacement. A genuine score counts as often as its
//! identity was drawn, an impostor score as often as the product of both (Poh, Martin and Bengio
//! 2007; for two-way dependence Owen 2007, "the pigeonhole bootstrap").

use rayon::prelude::*;

use super::Resampler;
use super::rate::Interval;

/// Number of resamplings: enough for 95 % intervals (Efron and Tibshirani 1993, section 13.3).
pub(super) const RESAMPLINGS: usize = 1_000;

/// Random draws of identities, the same in every run.
pub(super) struct Draws {
    identities: usize,
}

impl Draws {
    /// Draws of as many of `identities` as there are.
    pub(super) fn new(identities: usize) -> Self {
        Self { identities }
    }

    /// Gives `statistics` how often each identity was drawn, once for each resampling, and collects
    /// what it answers. Nothing without identities.
    pub(super) fn map(
        &self,
        statistics: impl Fn(&[u32]) -> Vec<f64> + Sync + Send,
    ) -> Vec<Vec<f64>> {
        if self.identities == 0 {
            return Vec::new();
        }
        let mut seeds = Resampler(0);
        let seeds: Vec<u64> = (0..RESAMPLINGS).map(|_| seeds.number()).collect();
        seeds
            .into_par_iter()
            .map(|seed| {
                let mut random = Resampler(seed);
                let mut weights = vec![0; self.identities];
                for _ in 0..self.identities {
                    weights[random.below(self.identities)] += 1;
                }
                statistics(&weights)
            })
            .collect()
    }
}

/// The 95 % interval of statistic `i`, from its percentiles. Resamplings in which it has no value,
/// since nothing was drawn that it needs, are left out; without any, all of [0, 1].
pub(super) fn percentiles(samples: &[Vec<f64>], i: usize) -> Interval {
    let mut values: Vec<f64> = samples
        .iter()
        .map(|sample| sample[i])
        .filter(|value| value.is_finite())
        .collect();
    if values.is_empty() {
        return [0.0, 1.0];
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
    [at(0.025), at(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_in_every_run_and_draw_everybody_alike() {
        let draw = || Draws::new(5).map(|weights| weights.iter().map(|w| f64::from(*w)).collect());
        let draws = draw();
        assert_eq!(draws, draw());
        assert_eq!(draws.len(), RESAMPLINGS);
        for weights in &draws {
            assert_eq!(weights.iter().sum::<f64>(), 5.0);
        }
        for i in 0..5 {
            let mean = draws.iter().map(|w| w[i]).sum::<f64>() / RESAMPLINGS as f64;
            assert!((mean - 1.0).abs() < 0.1, "{mean}");
        }
    }

    #[test]
    fn statistics_without_a_value_are_left_out() {
        let samples = vec![vec![f64::NAN], vec![0.25], vec![f64::INFINITY]];
        assert_eq!(percentiles(&samples, 0), [0.25, 0.25]);
        assert_eq!(percentiles(&[vec![f64::NAN]], 0), [0.0, 1.0]);
        assert!(Draws::new(0).map(|_| vec![1.0]).is_empty());
    }
}
