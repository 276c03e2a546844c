//! How well living faces are told from pictures of them (ISO/IEC 30107-3): never one accuracy, but an error rate for each
//! kind of attack and one for living people.

use serde::Serialize;

use super::gate::{Measured, Metric};
use super::rate::Rate;

/// Scores of pictures of one kind, in [0, 1], higher for living faces; those without a face have none.
#[derive(Debug, Clone, PartialEq)]
pub struct LivenessScores {
    /// What the kind is called: a kind of attack, such as `print`.
    pub name: String,
    /// One for each picture.
    pub scores: Vec<Option<f32>>,
}

/// Errors on one kind of attack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttackReport {
    /// Its name.
    pub attack: String,
    /// Attack presentation classification error rate: the share of its pictures with a face that pass for living.
    pub apcer: Rate,
    /// Pictures in which no face was found, which are in no rate.
    pub without_face: usize,
}

/// Errors on living faces and on each kind of attack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LivenessReport {
    /// Least score of a face that passes for living.
    pub threshold: f32,
    /// Bona fide presentation classification error rate: the share of living faces that are refused.
    pub bpcer: Rate,
    /// Pictures of living people in which no face was found, which are in no rate.
    pub without_face: usize,
    /// Each kind of attack, by name.
    pub attacks: Vec<AttackReport>,
    /// The largest APCER: a system is as good as its worst attack. None without attacks.
    pub worst_apcer: Option<f64>,
    /// The mean of the largest APCER and BPCER. None where one of them has no trials.
    pub acer: Option<f64>,
    /// The share of pairs of a living face and a copy in which the living one has the higher score: 0.5 is chance. None
    /// without pairs.
    pub auc: Option<f64>,
}

impl LivenessReport {
    /// What `threshold` makes of the scores of living faces and of each kind of attack.
    pub fn new(real: &LivenessScores, attacks: &[LivenessScores], threshold: f32) -> Self {
        let bpcer = share(&real.scores, |score| score < threshold);
        let mut reports: Vec<AttackReport> = attacks
            .iter()
            .map(|attack| AttackReport {
                attack: attack.name.clone(),
                apcer: share(&attack.scores, |score| score >= threshold),
                without_face: n_without(&attack.scores),
            })
            .collect();
        reports.sort_by(|a, b| a.attack.cmp(&b.attack));
        let measured = reports.iter().filter(|report| report.apcer.trials > 0);
        let worst_apcer = measured.map(|report| report.apcer.rate).reduce(f64::max);
        let acer = worst_apcer
            .filter(|_| bpcer.trials > 0)
            .map(|apcer| f64::midpoint(apcer, bpcer.rate));
        Self {
            threshold,
            bpcer,
            without_face: n_without(&real.scores),
            attacks: reports,
            worst_apcer,
            acer,
            auc: auc(real, attacks),
        }
    }

    /// The figures that gates can ask for.
    pub fn metrics() -> Vec<Metric> {
        ["bpcer", "apcer", "acer", "auc"].map(Metric::new).into()
    }

    /// Their values, `apcer` of the worst attack; those that were not measured are not a number.
    pub fn measured(&self) -> Vec<Measured> {
        let bpcer = (self.bpcer.trials > 0).then_some(self.bpcer.rate);
        let values = [bpcer, self.worst_apcer, self.acer, self.auc];
        let names = Self::metrics().into_iter().map(|metric| metric.name);
        names
            .zip(values.map(|value| value.unwrap_or(f64::NAN)))
            .collect()
    }
}

/// Both errors over all thresholds: (APCER of the worst attack, BPCER), from the strictest threshold on.
pub fn error_curve(real: &LivenessScores, attacks: &[LivenessScores]) -> Vec<(f64, f64)> {
    let all = std::iter::once(real).chain(attacks);
    let mut thresholds: Vec<f32> = all
        .flat_map(|kind| kind.scores.iter().flatten())
        .copied()
        .collect();
    thresholds.push(f32::INFINITY);
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let rate = |kind: &LivenessScores, is_error: &dyn Fn(f32) -> bool| {
        let scores = kind.scores.iter().flatten();
        let n = scores.clone().count();
        (n > 0).then(|| scores.filter(|score| is_error(**score)).count() as f64 / n as f64)
    };
    thresholds
        .into_iter()
        .filter_map(|threshold| {
            let passed = attacks
                .iter()
                .filter_map(|attack| rate(attack, &|score| score >= threshold));
            Some((
                passed.reduce(f64::max)?,
                rate(real, &|score| score < threshold)?,
            ))
        })
        .collect()
}

/// The share of scores that are errors; each picture stands for itself.
fn share(scores: &[Option<f32>], is_error: impl Fn(f32) -> bool) -> Rate {
    let found = scores.iter().flatten().zip(0..);
    let outcomes: Vec<(u32, bool)> = found.map(|(score, i)| (i, is_error(*score))).collect();
    Rate::of(&outcomes)
}

fn n_without(scores: &[Option<f32>]) -> usize {
    scores.iter().filter(|score| score.is_none()).count()
}

fn auc(real: &LivenessScores, attacks: &[LivenessScores]) -> Option<f64> {
    let mut copies: Vec<f32> = attacks
        .iter()
        .flat_map(|attack| attack.scores.iter().flatten())
        .copied()
        .collect();
    copies.sort_by(f32::total_cmp);
    let real: Vec<f32> = real.scores.iter().flatten().copied().collect();
    let pairs = real.len() as f64 * copies.len() as f64;
    // Equal scores count half.
    let won = real.iter().map(|score| {
        let below = copies.partition_point(|copy| copy < score);
        let up_to = copies.partition_point(|copy| copy <= score);
        (below + up_to) as f64 / 2.0
    });
    (pairs > 0.0).then(|| won.sum::<f64>() / pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(name: &str, scores: &[f32]) -> LivenessScores {
        LivenessScores {
            name: name.to_owned(),
            scores: scores.iter().copied().map(Some).collect(),
        }
    }

    #[test]
    fn each_attack_has_its_own_rate_and_the_worst_counts() {
        let mut real = scores("real", &[0.9, 0.8, 0.7, 0.3]);
        real.scores.push(None);
        let attacks = [
            scores("screen", &[0.6, 0.9, 0.1, 0.2]),
            scores("print", &[0.1, 0.2, 0.5, 0.4]),
        ];
        let report = LivenessReport::new(&real, &attacks, 0.5);
        assert_eq!((report.bpcer.events, report.bpcer.trials), (1, 4));
        assert_eq!(report.without_face, 1);
        let apcers: Vec<_> = report
            .attacks
            .iter()
            .map(|attack| (&*attack.attack, attack.apcer.rate))
            .collect();
        assert_eq!(apcers, [("print", 0.25), ("screen", 0.5)]);
        assert_eq!(report.worst_apcer, Some(0.5));
        assert_eq!(report.acer, Some(0.375));
        // Of 32 pairs the living face wins 7.5 of 8, 7, 7 and 4.
        let won = 7.5 + 7.0 + 7.0 + 4.0;
        assert_eq!(report.auc, Some(won / 32.0));
        let measured = report.measured();
        assert_eq!(measured[1], ("apcer".to_owned(), 0.5));
    }

    #[test]
    fn without_trials_nothing_is_claimed() {
        let none = LivenessReport::new(&scores("real", &[]), &[], 0.5);
        assert_eq!((none.acer, none.auc, none.worst_apcer), (None, None, None));
        assert!(none.measured().iter().all(|(_, value)| value.is_nan()));
        assert!(error_curve(&scores("real", &[]), &[]).is_empty());
    }

    #[test]
    fn the_curve_goes_from_refusing_all_to_passing_all() {
        let real = scores("real", &[0.9, 0.4]);
        let attacks = [scores("print", &[0.5]), scores("screen", &[0.1, 0.2])];
        let curve = error_curve(&real, &attacks);
        assert_eq!(curve.first(), Some(&(0.0, 1.0)));
        assert_eq!(curve.last(), Some(&(1.0, 0.0)));
        assert!(
            curve.contains(&(1.0, 0.5)) && curve.contains(&(0.0, 0.5)),
            "{curve:?}"
        );
        assert!(
            curve
                .windows(2)
                .all(|w| w[0].0 <= w[1].0 && w[0].1 >= w[1].1)
        );
    }
}
