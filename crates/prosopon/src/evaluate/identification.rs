//! Searches one to many: does the right person come first, and are strangers turned away?
//!
//! The words are those of ISO/IEC 19795-1 and of NIST's evaluations (Grother, Ngan and Hanaoka 2019,
//! NISTIR 8271). A *mated* probe shows somebody who is enrolled, a *non-mated* one does not.
//!
//! - Closed set: the share of mated probes whose person is among the best *k* candidates (cumulative
//!   match characteristic, CMC). A tie counts against the person.
//! - Open set, at a threshold *t*: FPIR(*t*), the share of non-mated probes with a candidate of at
//!   least *t*; FNIR(*t*), the share of mated probes whose person is not the best candidate, or is
//!   below *t*.
//!
//! A mated probe without a face, or whose person has no face enrolled, is missed at every rank and
//! threshold; a non-mated one without a face is turned away.

mod search;

use serde::Serialize;

pub use search::{Candidate, Search, Template, closest_face, leave_one_out, search};

use super::gate::{Measured, Metric, key, threshold_point};
use super::rate::Rate;
use super::scores::{FIXED, Genuine, Impostor, Scores, UNDETECTED};

/// False positive identification rates at which FNIR is reported, unless others are asked for.
pub const FPIRS: [f64; 3] = [1e-1, 1e-2, 1e-3];

/// The last rank of the CMC that is kept for drawing.
const MAX_RANK: usize = 50;

/// False positives that must be expected for a rate to be vouched for (the "rule of 30").
const ENOUGH_FALSE_POSITIVES: f64 = 30.0;

/// What searches of a gallery came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdentificationReport {
    /// People in the gallery.
    pub gallery_identities: usize,
    /// Probes of people in the gallery.
    pub mated: usize,
    /// Probes of others.
    pub non_mated: usize,
    /// Mated probes without a face; each is a miss.
    pub undetected_mated: usize,
    /// Non-mated probes without a face; each is turned away.
    pub undetected_non_mated: usize,
    /// Closed set: the share of mated probes whose person is among the best `rank`.
    pub ranks: Vec<AtRank>,
    /// The same share at ranks 1, 2, 3 …, up to 50 or the size of the gallery.
    pub cmc: Vec<f64>,
    /// Open set: FNIR at chosen false positive identification rates, from high to low; empty
    /// without mated or non-mated probes.
    pub fnir_at_fpir: Vec<FnirAtFpir>,
    /// Open set: rates at chosen thresholds, from low to high.
    pub at_threshold: Vec<AtThreshold>,
}

/// Closed set, at one rank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtRank {
    /// From 1.
    pub rank: usize,
    /// Share of mated probes whose person is among so many candidates.
    pub identified: Rate,
}

/// FNIR at the lowest threshold that keeps to an FPIR.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FnirAtFpir {
    /// The false positive identification rate.
    pub fpir: f64,
    /// The lowest threshold that keeps to it in these data.
    pub threshold: f32,
    /// The false negative identification rate there.
    pub fnir: Rate,
    /// Whether the non-mated probes can vouch for that FPIR: at least 30 of them lie above the
    /// threshold.
    pub supported: bool,
}

/// What a threshold does to searches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtThreshold {
    /// Least similarity of a match.
    pub threshold: f32,
    /// Share of non-mated probes for whom somebody is found; none without such probes.
    pub fpir: Option<Rate>,
    /// Share of mated probes whose person is not found; none without such probes.
    pub fnir: Option<Rate>,
    /// Share of mated probes that lie below the threshold with their own person's template, whoever
    /// else may be closer: FNMR of a probe against a template.
    pub fnmr: Option<Rate>,
}

/// What to report of searches.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    /// Ranks of the closed set.
    pub ranks: &'a [usize],
    /// False positive identification rates.
    pub fpirs: &'a [f64],
    /// Thresholds.
    pub thresholds: &'a [f32],
}

impl IdentificationReport {
    /// Judges `mated` and `non_mated` searches in a gallery of so many people.
    pub fn new(
        gallery_identities: usize,
        mated: &[Search],
        non_mated: &[Search],
        points: Points<'_>,
    ) -> Self {
        let within = |search: &Search, rank: usize| search.rank.is_some_and(|r| r <= rank);
        let cmc = (1..=MAX_RANK.min(gallery_identities)).map(|rank| {
            let hits = mated.iter().filter(|s| within(s, rank)).count();
            hits as f64 / mated.len() as f64
        });
        let ranks = sorted(points.ranks, usize::cmp);
        Self {
            gallery_identities,
            mated: mated.len(),
            non_mated: non_mated.len(),
            undetected_mated: mated.iter().filter(|s| !s.detected).count(),
            undetected_non_mated: non_mated.iter().filter(|s| !s.detected).count(),
            ranks: ranks
                .into_iter()
                .filter_map(|rank| {
                    let identified = rate(mated, |s| within(s, rank))?;
                    Some(AtRank { rank, identified })
                })
                .collect(),
            cmc: if mated.is_empty() {
                Vec::new()
            } else {
                cmc.collect()
            },
            fnir_at_fpir: scores(mated, non_mated)
                .map(|scores| fnir_at_fpirs(&scores, points.fpirs))
                .unwrap_or_default(),
            at_threshold: sorted(points.thresholds, f32::total_cmp)
                .into_iter()
                .map(|threshold| AtThreshold {
                    threshold,
                    fpir: rate(non_mated, |s| s.best_other() >= threshold),
                    fnir: rate(mated, |s| s.found() < threshold),
                    fnmr: rate(mated, |s| s.own < threshold),
                })
                .collect(),
        }
    }
}

impl IdentificationReport {
    /// The figures that gates can ask for, with the ranks that are reported.
    pub fn metrics(ranks: &[usize]) -> Vec<Metric> {
        let ranks = ranks.iter().map(|rank| Metric::new(format!("rank{rank}")));
        let rates = [
            Metric::at("fnir", "fpir"),
            Metric::at("fpir", "threshold"),
            Metric::at("fnir", "threshold"),
        ];
        ranks.chain(rates).collect()
    }

    /// Their values.
    pub fn measured(&self) -> Vec<Measured> {
        let mut measured: Vec<Measured> = self
            .ranks
            .iter()
            .map(|at| (format!("rank{}", at.rank), at.identified.rate))
            .collect();
        for at in &self.fnir_at_fpir {
            measured.push((key("fnir", Some(("fpir", at.fpir))), at.fnir.rate));
        }
        for at in &self.at_threshold {
            let point = Some(("threshold", threshold_point(at.threshold)));
            let value = |rate: Option<Rate>| rate.map_or(f64::NAN, |rate| rate.rate);
            measured.push((key("fpir", point), value(at.fpir)));
            measured.push((key("fnir", point), value(at.fnir)));
        }
        measured
    }
}

/// Similarities that decide open-set searches: those at which each mated probe finds its person, and
/// those at which each non-mated one finds somebody. FNIR and FPIR are their FNMR and FMR. `None`
/// without probes of a kind.
pub fn scores(mated: &[Search], non_mated: &[Search]) -> Option<Scores> {
    let genuine = mated.iter().map(|search| Genuine {
        similarity: search.found(),
        identity: search.identity,
    });
    let impostor = non_mated.iter().map(|search| Impostor {
        similarity: search.best_other(),
        // The gallery stays as it is: only the probes' people are drawn.
        identities: [search.identity, FIXED],
    });
    Scores::new(genuine.collect(), impostor.collect()).ok()
}

fn fnir_at_fpirs(scores: &Scores, fpirs: &[f64]) -> Vec<FnirAtFpir> {
    let mut fpirs = sorted(fpirs, f64::total_cmp);
    fpirs.reverse();
    let estimates = scores.rates(&fpirs, &[]).fnmr_at_fmr;
    let (mated, non_mated) = (
        scores.genuine().len() as u64,
        scores.impostor().len() as f64,
    );
    let identities = scores.genuine_identities();
    fpirs
        .into_iter()
        .zip(estimates)
        .map(|(fpir, estimate)| {
            let threshold = scores.threshold_at_fmr(fpir);
            let missed = mated - scores.accepted(threshold).0;
            FnirAtFpir {
                fpir,
                threshold,
                fnir: Rate::new(missed, mated, estimate.interval, identities),
                supported: fpir * non_mated >= ENOUGH_FALSE_POSITIVES,
            }
        })
        .collect()
}

/// The share of `searches` of which `event` holds; none without searches.
fn rate(searches: &[Search], event: impl Fn(&Search) -> bool) -> Option<Rate> {
    let outcomes: Vec<(u32, bool)> = searches.iter().map(|s| (s.identity, event(s))).collect();
    (!outcomes.is_empty()).then(|| Rate::of(&outcomes))
}

fn sorted<T: Copy + PartialEq>(
    values: &[T],
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort_by(order);
    values.dedup();
    values
}

impl Search {
    /// The similarity up to which a mated search finds its person: none unless it comes first.
    fn found(&self) -> f32 {
        if self.rank == Some(1) {
            self.own
        } else {
            UNDETECTED
        }
    }

    /// The similarity of the most similar other person.
    fn best_other(&self) -> f32 {
        self.other.map_or(UNDETECTED, |other| other.similarity)
    }
}

#[cfg(test)]
mod tests;
