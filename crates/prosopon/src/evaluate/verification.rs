//! What is reported of comparisons one to one.

use serde::Serialize;

use super::gate::{Measured, Metric, key, threshold_point};
use super::rate::{Interval, Rate};
use super::scores::{Estimate, Scores, UNDETECTED};

/// False match rates at which FNMR is reported, unless others are asked for.
pub const FMRS: [f64; 4] = [1e-1, 1e-2, 1e-3, 1e-4];

/// False matches that must have been seen for a rate to be vouched for (Doddington et al. 2000, the
/// "rule of 30").
const ENOUGH_FALSE_MATCHES: f64 = 30.0;

/// Error rates of comparisons one to one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerificationReport {
    /// Genuine comparisons.
    pub genuine: u64,
    /// Impostor comparisons.
    pub impostor: u64,
    /// Identities with a genuine comparison.
    pub genuine_identities: usize,
    /// Identities with an impostor comparison.
    pub impostor_identities: usize,
    /// Genuine comparisons in which a face was not found: each is an error.
    pub undetected_genuine: u64,
    /// Impostor comparisons in which a face was not found: each is a rejection.
    pub undetected_impostor: u64,
    /// Where FMR and FNMR are equal.
    pub eer: f64,
    /// 95 % interval of the same, by resampling identities.
    pub eer_interval: Interval,
    /// Area under the ROC.
    pub auc: f64,
    /// 95 % interval of the same.
    pub auc_interval: Interval,
    /// Distance of the means in root-mean-square standard deviations; null where it has no value.
    pub d_prime: Option<f64>,
    /// FNMR at chosen false match rates, from high to low.
    pub fnmr_at_fmr: Vec<FnmrAtFmr>,
    /// Both rates at chosen thresholds, from low to high.
    pub at_threshold: Vec<AtThreshold>,
}

/// FNMR at the lowest threshold that keeps to a false match rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FnmrAtFmr {
    /// The false match rate.
    pub fmr: f64,
    /// The lowest threshold that keeps to it in these data.
    pub threshold: f32,
    /// The false non-match rate there. Its interval includes that the threshold is chosen anew in each
    /// resampling.
    pub fnmr: Rate,
    /// Whether the impostor comparisons can vouch for that false match rate: at least 30 of them lie
    /// above the threshold.
    pub supported: bool,
}

/// What a threshold does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtThreshold {
    /// Least similarity of a match.
    pub threshold: f32,
    /// False match rate.
    pub fmr: Rate,
    /// False non-match rate.
    pub fnmr: Rate,
}

impl VerificationReport {
    /// Reports FNMR at `fmrs` and both rates at `thresholds`.
    pub fn new(scores: &Scores, fmrs: &[f64], thresholds: &[f32]) -> Self {
        let mut fmrs = fmrs.to_vec();
        fmrs.sort_unstable_by(|a, b| b.total_cmp(a));
        fmrs.dedup();
        let mut thresholds = thresholds.to_vec();
        thresholds.sort_unstable_by(f32::total_cmp);
        thresholds.dedup();

        let rates = scores.rates(&fmrs, &thresholds);
        let (genuine, impostor) = (scores.genuine().len(), scores.impostor().len());
        let (genuine_identities, impostor_identities) =
            (scores.genuine_identities(), scores.impostor_identities());
        let fnmr = |threshold: f32, estimate: &Estimate| {
            let rejected = genuine as u64 - scores.accepted(threshold).0;
            Rate::new(
                rejected,
                genuine as u64,
                estimate.interval,
                genuine_identities,
            )
        };
        let fmr = |threshold: f32, estimate: &Estimate| {
            let accepted = scores.accepted(threshold).1;
            Rate::new(
                accepted,
                impostor as u64,
                estimate.interval,
                impostor_identities,
            )
        };
        let d_prime = scores.d_prime();
        Self {
            genuine: genuine as u64,
            impostor: impostor as u64,
            genuine_identities,
            impostor_identities,
            undetected_genuine: undetected(scores.genuine().iter().map(|g| g.similarity)),
            undetected_impostor: undetected(scores.impostor().iter().map(|i| i.similarity)),
            eer: rates.eer.value,
            eer_interval: rates.eer.interval,
            auc: rates.auc.value,
            auc_interval: rates.auc.interval,
            d_prime: d_prime.is_finite().then_some(d_prime),
            fnmr_at_fmr: fmrs
                .iter()
                .zip(&rates.fnmr_at_fmr)
                .map(|(&fmr, estimate)| {
                    let threshold = scores.threshold_at_fmr(fmr);
                    FnmrAtFmr {
                        fmr,
                        threshold,
                        fnmr: fnmr(threshold, estimate),
                        supported: fmr * impostor as f64 >= ENOUGH_FALSE_MATCHES,
                    }
                })
                .collect(),
            at_threshold: thresholds
                .iter()
                .zip(rates.fmr_at_threshold.iter().zip(&rates.fnmr_at_threshold))
                .map(|(&threshold, (fmr_estimate, fnmr_estimate))| AtThreshold {
                    threshold,
                    fmr: fmr(threshold, fmr_estimate),
                    fnmr: fnmr(threshold, fnmr_estimate),
                })
                .collect(),
        }
    }
}

impl VerificationReport {
    /// The figures that gates can ask for.
    pub fn metrics() -> Vec<Metric> {
        vec![
            Metric::new("eer"),
            Metric::new("auc"),
            Metric::new("d_prime"),
            Metric::at("fnmr", "fmr"),
            Metric::at("tar", "far"),
            Metric::at("fmr", "threshold"),
            Metric::at("fnmr", "threshold"),
        ]
    }

    /// Their values.
    pub fn measured(&self) -> Vec<Measured> {
        let mut measured = vec![
            (key("eer", None), self.eer),
            (key("auc", None), self.auc),
            (key("d_prime", None), self.d_prime.unwrap_or(f64::NAN)),
        ];
        for at in &self.fnmr_at_fmr {
            let fnmr = at.fnmr.rate;
            measured.push((key("fnmr", Some(("fmr", at.fmr))), fnmr));
            measured.push((key("tar", Some(("far", at.fmr))), 1.0 - fnmr));
        }
        for at in &self.at_threshold {
            let point = Some(("threshold", threshold_point(at.threshold)));
            measured.push((key("fmr", point), at.fmr.rate));
            measured.push((key("fnmr", point), at.fnmr.rate));
        }
        measured
    }
}

/// How many similarities are those of comparisons without a face.
fn undetected(similarities: impl Iterator<Item = f32>) -> u64 {
    similarities.filter(|s| *s == UNDETECTED).count() as u64
}

/// Points of curves, few enough to be drawn and to be kept in a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curves {
    /// (FMR, FNMR) of falling threshold, thinned to where the drawn line would change.
    pub operating_points: Vec<(f64, f64)>,
    /// FMR, and the 95 % interval of FNMR there, by resampling identities.
    pub fnmr_band: Vec<(f64, Interval)>,
    /// Share of genuine comparisons in each bin of similarity.
    pub genuine_histogram: Histogram,
    /// Share of impostor comparisons in each bin.
    pub impostor_histogram: Histogram,
}

/// Shares of similarities in bins of one width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Lower edge of the first bin.
    pub start: f32,
    /// Width of each bin.
    pub width: f32,
    /// Share of all comparisons, those without a face included, in each bin.
    pub shares: Vec<f64>,
}

/// Width of the bins of histograms.
const BIN: f32 = 0.02;
/// False match rates in each decade at which the band is drawn.
const BAND_POINTS_A_DECADE: i32 = 4;
/// Steps of a rate's logarithm that a drawn line can show.
const STEPS_A_DECADE: f64 = 60.0;

impl Curves {
    /// The curves of `scores`.
    pub fn new(scores: &Scores) -> Self {
        let decades = (scores.impostor().len() as f64).log10().ceil() as i32;
        let mut fmrs: Vec<f64> = (0..=decades * BAND_POINTS_A_DECADE)
            .map(|i| 10f64.powf(-f64::from(i) / f64::from(BAND_POINTS_A_DECADE)))
            .filter(|fmr| *fmr < 0.6 && fmr * scores.impostor().len() as f64 >= 1.0)
            .collect();
        fmrs.reverse();
        let band = scores.rates(&fmrs, &[]).fnmr_at_fmr;
        Self {
            operating_points: thinned(&scores.operating_points()),
            fnmr_band: fmrs
                .into_iter()
                .zip(band.into_iter().map(|estimate| estimate.interval))
                .collect(),
            genuine_histogram: Histogram::new(scores.genuine().iter().map(|g| g.similarity)),
            impostor_histogram: Histogram::new(scores.impostor().iter().map(|i| i.similarity)),
        }
    }
}

impl Histogram {
    fn new(similarities: impl ExactSizeIterator<Item = f32>) -> Self {
        let n_bins = (2.0 / BIN).round() as usize;
        let n = similarities.len() as f64;
        let mut counts = vec![0u64; n_bins];
        for similarity in similarities.filter(|s| s.is_finite()) {
            let bin = ((similarity + 1.0) / BIN).max(0.0) as usize;
            counts[bin.min(n_bins - 1)] += 1;
        }
        Self {
            start: -1.0,
            width: BIN,
            shares: counts.into_iter().map(|count| count as f64 / n).collect(),
        }
    }
}

/// Leaves out points that a line on logarithmic axes would not show: those that lie in one small cell
/// with the one before and the one after.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    // Both ends of a rate are of interest, so that its odds are taken.
    let step = |rate: f64| ((rate / (1.0 - rate)).log10() * STEPS_A_DECADE).round();
    let cell = |point: &(f64, f64)| (step(point.0), step(point.1));
    (0..points.len())
        .filter(|&i| {
            let is_end = i == 0 || i + 1 == points.len();
            is_end
                || cell(&points[i]) != cell(&points[i - 1])
                || cell(&points[i]) != cell(&points[i + 1])
        })
        .map(|i| points[i])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::scores::{Genuine, Impostor};
    use super::*;

    /// 100 genuine scores from 0.5 on, 1,000 impostors below 0.6, of 10 identities.
    fn scores() -> Scores {
        let genuine = (0..100).map(|i| Genuine {
            similarity: 0.5 + i as f32 / 250.0,
            identity: i % 10,
        });
        let impostor = (0..1000).map(|i| Impostor {
            similarity: i as f32 / 1000.0 * 0.6 - 0.3,
            identities: [i % 10, (i % 10 + 1 + i / 10 % 9) % 10],
        });
        let mut genuine: Vec<_> = genuine.collect();
        genuine[0].similarity = UNDETECTED;
        genuine[1].similarity = 0.2;
        Scores::new(genuine, impostor.collect()).unwrap()
    }

    #[test]
    fn rates_come_with_counts_intervals_and_thresholds() {
        let report = VerificationReport::new(&scores(), &[1e-3, 1e-1], &[0.4, 0.1]);
        assert_eq!((report.genuine, report.impostor), (100, 1000));
        assert_eq!(
            (report.genuine_identities, report.impostor_identities),
            (10, 10)
        );
        assert_eq!(
            (report.undetected_genuine, report.undetected_impostor),
            (1, 0)
        );
        let [tenth, thousandth] = report.fnmr_at_fmr[..] else {
            panic!("two rates")
        };
        assert_eq!(
            (tenth.fmr, tenth.fnmr.events, tenth.supported),
            (1e-1, 2, true)
        );
        assert!((tenth.threshold - 0.2394).abs() < 1e-4, "{tenth:?}");
        assert_eq!((thousandth.fnmr.events, thousandth.supported), (2, false));
        let [low, high] = report.at_threshold[..] else {
            panic!("two thresholds")
        };
        assert_eq!((low.threshold, low.fnmr.events), (0.1, 1));
        assert!((low.fmr.rate - 0.333).abs() < 2e-3, "{low:?}");
        assert_eq!((high.fmr.events, high.fnmr.events), (0, 2));
        // None of ten identities was taken for another: up to a quarter of them might be.
        assert!(high.fmr.interval[1] > 0.25, "{high:?}");
        let [below, above] = report.eer_interval;
        assert!(below <= report.eer && report.eer <= above, "{report:?}");
    }

    #[test]
    fn every_metric_is_measured() {
        let report = VerificationReport::new(&scores(), &[1e-3], &[0.4]);
        let measured = report.measured();
        for metric in VerificationReport::metrics() {
            let name = metric.name.as_str();
            let point = match metric.at {
                Some("threshold") => Some(("threshold", 0.4)),
                at => at.map(|at| (at, 1e-3)),
            };
            let key = key(name, point);
            assert!(
                measured.iter().any(|(name, _)| *name == key),
                "{key}: {measured:?}"
            );
        }
    }

    #[test]
    fn curves_fall_and_histograms_sum_up() {
        let curves = Curves::new(&scores());
        for pair in curves.operating_points.windows(2) {
            assert!(pair[0].0 <= pair[1].0 && pair[0].1 >= pair[1].1);
        }
        assert_eq!(curves.operating_points[0], (0.0, 1.0));
        assert_eq!(curves.operating_points.last().unwrap().0, 1.0);
        assert!((curves.genuine_histogram.shares.iter().sum::<f64>() - 0.99).abs() < 1e-9);
        assert!((curves.impostor_histogram.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let (lowest, highest) = (curves.fnmr_band[0].0, curves.fnmr_band.last().unwrap().0);
        assert!(
            (lowest - 1e-3).abs() < 1e-9 && highest > 0.5,
            "{lowest} {highest}"
        );
    }

    #[test]
    fn thinning_keeps_what_a_line_shows() {
        let many: Vec<(f64, f64)> = (0..=100_000)
            .map(|i| (f64::from(i) / 1e5, 1.0 - f64::from(i) / 1e5))
            .collect();
        let few = thinned(&many);
        assert!(few.len() < 2_000, "{}", few.len());
        assert_eq!((few[0], few[few.len() - 1]), ((0.0, 1.0), (1.0, 0.0)));
    }
}
