//! Genuine and impostor similarities, and the error rates that follow from them.
//!
//! The words are those of ISO/IEC 19795-1. A comparison is *genuine* (mated) if both samples are of
//! one person, else *impostor* (non-mated). At a threshold *t* a comparison is accepted if its
//! similarity is at least *t*:
//!
//! - FMR(*t*), the false match rate: the share of impostor comparisons that are accepted;
//! - FNMR(*t*), the false non-match rate: the share of genuine comparisons that are rejected.
//!
//! A comparison in which a face was not found has the similarity −∞ ([`UNDETECTED`]): it is rejected
//! at every threshold, which is an error if it is genuine. Strictly, that makes the rates those of
//! whole transactions (FAR and FRR), since a failure to acquire a sample is counted.

use rayon::slice::ParallelSliceMut;

use super::bootstrap::{Draws, percentiles};
use super::rate::Interval;
use super::tally::{Layout, Tally};

/// Similarity of a comparison in which a face was not found.
pub const UNDETECTED: f32 = f32::NEG_INFINITY;

/// Stands for the other identity of an impostor score that has none, such as the best of a search
/// through a fixed gallery: it is drawn once in every resampling.
pub const FIXED: u32 = u32::MAX;

/// The similarity of two samples of one person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Genuine {
    /// Cosine, or [`UNDETECTED`].
    pub similarity: f32,
    /// The person.
    pub identity: u32,
}

/// The similarity of samples of two people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impostor {
    /// Cosine, or [`UNDETECTED`].
    pub similarity: f32,
    /// The two people; the second may be [`FIXED`].
    pub identities: [u32; 2],
}

/// Both kinds of similarity, each from high to low, with the identities behind them.
///
/// Identities are numbers from 0 without great gaps: memory grows with the highest.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    genuine: Vec<Genuine>,
    impostor: Vec<Impostor>,
    /// One more than the highest number of an identity.
    n_identities: usize,
}

/// Similarities from which no rates follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoresError {
    /// A rate would have no trials.
    #[error(
        "expected genuine and impostor comparisons, found {genuine} genuine and {impostor} impostor"
    )]
    Missing {
        /// Genuine comparisons.
        genuine: usize,
        /// Impostor comparisons.
        impostor: usize,
    },
    /// A similarity that is in no order.
    #[error("expected similarities, found one that is not a number")]
    NotANumber,
}

impl Scores {
    /// Sorts the similarities.
    ///
    /// # Errors
    /// [`ScoresError::Missing`] if there are none of a kind, [`ScoresError::NotANumber`].
    pub fn new(
        mut genuine: Vec<Genuine>,
        mut impostor: Vec<Impostor>,
    ) -> Result<Self, ScoresError> {
        if genuine.is_empty() || impostor.is_empty() {
            return Err(ScoresError::Missing {
                genuine: genuine.len(),
                impostor: impostor.len(),
            });
        }
        if genuine.iter().any(|g| g.similarity.is_nan())
            || impostor.iter().any(|i| i.similarity.is_nan())
        {
            return Err(ScoresError::NotANumber);
        }
        // Zeros of both signs are one value; the total order would tell them apart.
        for g in &mut genuine {
            g.similarity += 0.0;
        }
        for i in &mut impostor {
            i.similarity += 0.0;
        }
        genuine.par_sort_unstable_by(|a, b| b.similarity.total_cmp(&a.similarity));
        impostor.par_sort_unstable_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let of_genuine = genuine.iter().map(|g| g.identity);
        let of_impostor = impostor.iter().flat_map(|i| i.identities);
        let n_identities = of_genuine
            .chain(of_impostor)
            .filter(|identity| *identity != FIXED)
            .max()
            .map_or(0, |highest| highest as usize + 1);
        Ok(Self {
            genuine,
            impostor,
            n_identities,
        })
    }

    /// Genuine similarities, from high to low.
    pub fn genuine(&self) -> &[Genuine] {
        &self.genuine
    }

    /// Impostor similarities, from high to low.
    pub fn impostor(&self) -> &[Impostor] {
        &self.impostor
    }

    /// Number of identities with a genuine comparison.
    pub fn genuine_identities(&self) -> usize {
        let mut seen = vec![false; self.n_identities];
        for g in &self.genuine {
            seen[g.identity as usize] = true;
        }
        seen.iter().filter(|s| **s).count()
    }

    /// Number of identities with an impostor comparison.
    pub fn impostor_identities(&self) -> usize {
        let mut seen = vec![false; self.n_identities];
        for identity in self.impostor.iter().flat_map(|i| i.identities) {
            if identity != FIXED {
                seen[identity as usize] = true;
            }
        }
        seen.iter().filter(|s| **s).count()
    }

    /// Genuine and impostor comparisons at or above `threshold`.
    pub fn accepted(&self, threshold: f32) -> (u64, u64) {
        let genuine = self.genuine.partition_point(|g| g.similarity >= threshold);
        let impostor = self.impostor.partition_point(|i| i.similarity >= threshold);
        (genuine as u64, impostor as u64)
    }

    /// The share of impostor comparisons accepted at `threshold`.
    pub fn fmr(&self, threshold: f32) -> f64 {
        self.accepted(threshold).1 as f64 / self.impostor.len() as f64
    }

    /// The share of genuine comparisons rejected at `threshold`.
    pub fn fnmr(&self, threshold: f32) -> f64 {
        1.0 - self.accepted(threshold).0 as f64 / self.genuine.len() as f64
    }

    /// The lowest threshold whose false match rate is at most `fmr`: just above the impostor that
    /// would be one too many.
    pub fn threshold_at_fmr(&self, fmr: f64) -> f32 {
        let allowed = allowed(fmr, self.impostor.len() as f64) as usize;
        match self.impostor.get(allowed) {
            Some(one_too_many) if one_too_many.similarity >= -1.0 => {
                one_too_many.similarity.next_up()
            }
            _ => -1.0,
        }
    }

    /// The least FNMR of all thresholds whose FMR is at most `fmr`.
    pub fn fnmr_at_fmr(&self, fmr: f64) -> f64 {
        self.fnmr(self.threshold_at_fmr(fmr))
    }

    /// The rate at which FMR and FNMR are equal: where the line through the operating points of all
    /// thresholds crosses FMR = FNMR. Between two operating points that line is straight.
    pub fn eer(&self) -> f64 {
        Tally::of_counts(&self.layout(&[])).eer()
    }

    /// The area under the ROC: the chance that a genuine comparison is more similar than an
    /// impostor one, where a tie counts half (the Mann–Whitney statistic; Hanley and `McNeil` 1982).
    pub fn auc(&self) -> f64 {
        Tally::of_counts(&self.layout(&[])).auc()
    }

    /// How far the means of the two kinds lie apart, in root-mean-square standard deviations: d′ =
    /// (μ₁ − μ₀) / √((σ₁² + σ₀²) / 2). Comparisons without a face are left out; not a number if all
    /// similarities of both kinds are equal or there are none.
    pub fn d_prime(&self) -> f64 {
        let genuine = moments(self.genuine.iter().map(|g| g.similarity));
        let impostor = moments(self.impostor.iter().map(|i| i.similarity));
        (genuine.0 - impostor.0) / f64::midpoint(genuine.1, impostor.1).sqrt()
    }

    /// Operating points of falling threshold: (FMR, FNMR) where one of them changes, from (0, 1) on.
    /// Both the ROC (1 − FNMR against FMR) and the DET curve (FNMR against FMR) are drawn through
    /// them.
    pub fn operating_points(&self) -> Vec<(f64, f64)> {
        Tally::of_counts(&self.layout(&[])).operating_points()
    }

    /// Rates and their 95 % intervals; `fmrs` and `thresholds` say at which FNMR and which rates.
    pub fn rates(&self, fmrs: &[f64], thresholds: &[f32]) -> Rates {
        let layout = self.layout(thresholds);
        let cuts: Vec<usize> = thresholds.iter().map(|t| layout.cut(*t)).collect();
        let statistics = |tally: &Tally| {
            let mut values = vec![tally.eer(), tally.auc()];
            values.extend(fmrs.iter().map(|fmr| tally.fnmr_at_fmr(*fmr)));
            values.extend(cuts.iter().map(|cut| tally.fmr(*cut)));
            values.extend(cuts.iter().map(|cut| tally.fnmr(*cut)));
            values
        };
        let point = statistics(&Tally::of_counts(&layout));
        let samples = Draws::new(self.n_identities)
            .map(|weights| statistics(&self.weighted_tally(&layout, weights)));
        let estimates: Vec<Estimate> = (0..point.len())
            .map(|i| Estimate {
                value: point[i],
                interval: percentiles(&samples, i),
            })
            .collect();
        let (at_fmr, at_threshold) = estimates[2..].split_at(fmrs.len());
        let (fmr, fnmr) = at_threshold.split_at(thresholds.len());
        Rates {
            eer: estimates[0],
            auc: estimates[1],
            fnmr_at_fmr: at_fmr.to_vec(),
            fmr_at_threshold: fmr.to_vec(),
            fnmr_at_threshold: fnmr.to_vec(),
        }
    }

    fn layout(&self, thresholds: &[f32]) -> Layout {
        Layout::new(&self.genuine, &self.impostor, thresholds)
    }

    fn weighted_tally(&self, layout: &Layout, weights: &[u32]) -> Tally {
        Tally::of_weights(layout, &self.genuine, &self.impostor, weights)
    }
}

/// A figure and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// From all comparisons.
    pub value: f64,
    /// By resampling identities.
    pub interval: Interval,
}

/// What [`Scores::rates`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// Equal error rate.
    pub eer: Estimate,
    /// Area under the ROC.
    pub auc: Estimate,
    /// FNMR at each FMR that was asked for.
    pub fnmr_at_fmr: Vec<Estimate>,
    /// FMR at each threshold that was asked for.
    pub fmr_at_threshold: Vec<Estimate>,
    /// FNMR at each threshold that was asked for.
    pub fnmr_at_threshold: Vec<Estimate>,
}

/// How many impostors may be accepted; the margin keeps 0.1 of 90 at 9 in spite of rounding.
pub(super) fn allowed(fmr: f64, impostors: f64) -> f64 {
    fmr * impostors * (1.0 + 1e-12)
}

/// Mean and variance of those that are finite.
fn moments(values: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
    let values = values.filter(|v| v.is_finite()).map(f64::from);
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, values.map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

#[cfg(test)]
mod tests;
