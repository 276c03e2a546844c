//! Verification accuracy by the protocol of Labeled Faces in the Wild (Huang et al. 2007): pairs
//! in folds, half of them genuine; each fold is judged with the threshold that is best on the
//! others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::rate::Interval;
use super::scores::{Genuine, Impostor, Scores, ScoresError, UNDETECTED};
use super::verification::{FMRS, VerificationReport};

/// Which pictures to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairList {
    /// Number of folds.
    pub folds: usize,
    /// All pairs, fold after fold.
    pub pairs: Vec<Pair>,
}

/// Two pictures and whether they show one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The first picture.
    pub probe: PictureName,
    /// The second picture.
    pub reference: PictureName,
    /// Same person.
    pub genuine: bool,
    /// From 0.
    pub fold: usize,
}

/// A picture of the data set: `NAME/NAME_0001.jpg`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureName {
    /// The person.
    pub identity: String,
    /// Which of the person's pictures, from 1.
    pub number: u32,
}

impl PictureName {
    /// Where the picture lies below the folder `images`.
    pub fn path(&self, images: &Path) -> PathBuf {
        let Self { identity, number } = self;
        images
            .join(identity)
            .join(format!("{identity}_{number:04}.jpg"))
    }
}

impl PairList {
    /// Reads the data set's own format: a line `FOLDS TAB PAIRS`, then for each fold that many
    /// genuine pairs `NAME TAB A TAB B` and as many impostor pairs `NAME TAB A TAB NAME TAB B`.
    /// A first line with one number means one fold.
    ///
    /// # Errors
    /// [`PairListError`] with the first line that does not fit.
    pub fn parse(text: &str) -> Result<Self, PairListError> {
        const HEADER: &str = "the number of folds and of pairs in each";
        let wrong = |line: usize, expected: &'static str| PairListError {
            line: line + 1,
            expected,
        };
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty());
        let (at, header) = lines.next().ok_or(wrong(0, HEADER))?;
        let counts = header
            .split_whitespace()
            .map(str::parse::<usize>)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong(at, HEADER))?;
        let (folds, per_fold) = match counts[..] {
            [folds, per_fold] => (folds, per_fold),
            [per_fold] => (1, per_fold),
            _ => return Err(wrong(at, HEADER)),
        };
        if folds == 0 || per_fold == 0 {
            return Err(wrong(at, HEADER));
        }
        let in_fold = per_fold.saturating_mul(2);
        let mut pairs = Vec::new();
        for (at, line) in lines {
            let picture = |identity: &str, number: &str| {
                let number = number
                    .trim()
                    .parse()
                    .map_err(|_| wrong(at, "a picture's number"))?;
                Ok(PictureName {
                    identity: identity.to_owned(),
                    number,
                })
            };
            let fields: Vec<&str> = line.split('\t').collect();
            let (probe, reference, genuine) = match fields[..] {
                [name, a, b] => (picture(name, a)?, picture(name, b)?, true),
                [name, a, other, b] => (picture(name, a)?, picture(other, b)?, false),
                _ => return Err(wrong(at, "3 or 4 fields between tabs")),
            };
            let fold = pairs.len() / in_fold;
            if fold >= folds {
                return Err(wrong(at, "no more pairs than the first line says"));
            }
            if genuine != (pairs.len() % in_fold < per_fold) {
                return Err(wrong(
                    at,
                    "in each fold genuine pairs first, then as many impostors",
                ));
            }
            pairs.push(Pair {
                probe,
                reference,
                genuine,
                fold,
            });
        }
        if pairs.len() != in_fold.saturating_mul(folds) {
            return Err(wrong(
                text.lines().count(),
                "as many pairs as the first line says",
            ));
        }
        Ok(Self { folds, pairs })
    }

    /// Each picture once, in order of name.
    pub fn pictures(&self) -> Vec<&PictureName> {
        let mut pictures: Vec<_> = self
            .pairs
            .iter()
            .flat_map(|pair| [&pair.probe, &pair.reference])
            .collect();
        pictures.sort_unstable();
        pictures.dedup();
        pictures
    }
}

/// A list of pairs that is not in the data set's format.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the list of pairs: expected {expected}")]
pub struct PairListError {
    /// From 1.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// The outcome of one comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Cosine similarity; none if a face was not detected, which counts as a rejection.
    pub similarity: Option<f32>,
    /// Same person.
    pub genuine: bool,
    /// From 0.
    pub fold: usize,
    /// The two people, numbered from 0; twice the same if `genuine`.
    pub identities: [u32; 2],
}

impl Comparison {
    /// The similarity, or one below all others.
    fn score(&self) -> f32 {
        self.similarity.unwrap_or(UNDETECTED)
    }
}

/// Genuine and impostor similarities of `comparisons`.
///
/// # Errors
/// As [`Scores::new`].
pub fn scores(comparisons: &[Comparison]) -> Result<Scores, ScoresError> {
    let (genuine, impostor): (Vec<&Comparison>, Vec<&Comparison>) =
        comparisons.iter().partition(|c| c.genuine);
    let genuine = genuine.into_iter().map(|c| Genuine {
        similarity: c.score(),
        identity: c.identities[0],
    });
    let impostor = impostor.into_iter().map(|c| Impostor {
        similarity: c.score(),
        identities: c.identities,
    });
    Scores::new(genuine.collect(), impostor.collect())
}

/// What the protocol says about a system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairsReport {
    /// Number of comparisons.
    pub pairs: usize,
    /// Comparisons in which a face was not detected; counted as rejections.
    pub undetected: usize,
    /// Mean over the folds of the share of right decisions.
    pub accuracy: f64,
    /// Standard deviation over the folds.
    pub accuracy_std: f64,
    /// Share of right decisions in each fold.
    pub accuracy_per_fold: Vec<f64>,
    /// For each fold the threshold that is best on the others.
    pub threshold_per_fold: Vec<f32>,
    /// Share of genuine pairs accepted at a threshold that accepts this share of impostors:
    /// 1 − FNMR of `verification`, by the name that the protocol's literature uses.
    pub tar_at_far: BTreeMap<String, f64>,
    /// 95 % interval of the same, by resampling identities.
    pub tar_at_far_interval: BTreeMap<String, Interval>,
    /// Error rates over all folds.
    #[serde(flatten)]
    pub verification: VerificationReport,
}

impl PairsReport {
    /// Judges `comparisons`, in which every fold from 0 has some; FNMR is reported at [`FMRS`] and
    /// `fmrs`, both rates at `thresholds`.
    ///
    /// # Errors
    /// [`ScoresError::Missing`] if there is no genuine or no impostor pair.
    pub fn new(
        comparisons: &[Comparison],
        fmrs: &[f64],
        thresholds: &[f32],
    ) -> Result<Self, ScoresError> {
        let scores = scores(comparisons)?;
        let folds = comparisons.iter().map(|c| c.fold + 1).max().unwrap_or(0);
        let (threshold_per_fold, accuracy_per_fold): (Vec<f32>, Vec<f64>) = (0..folds)
            .map(|fold| {
                let (test, others): (Vec<_>, Vec<_>) =
                    comparisons.iter().partition(|c| c.fold == fold);
                // A single fold has no others to choose a threshold by.
                let threshold = best_threshold(if folds > 1 { &others } else { &test });
                (threshold, accuracy(&test, threshold))
            })
            .unzip();
        let mean = accuracy_per_fold.iter().sum::<f64>() / folds as f64;
        let variance = accuracy_per_fold
            .iter()
            .map(|a| (a - mean).powi(2))
            .sum::<f64>()
            / folds as f64;

        let fmrs: Vec<f64> = FMRS.iter().chain(fmrs).copied().collect();
        let verification = VerificationReport::new(&scores, &fmrs, thresholds);
        let tars: Vec<(String, f64, Interval)> = verification
            .fnmr_at_fmr
            .iter()
            .map(|at| {
                let [low, high] = at.fnmr.interval;
                (
                    at.fmr.to_string(),
                    1.0 - at.fnmr.rate,
                    [1.0 - high, 1.0 - low],
                )
            })
            .collect();
        Ok(Self {
            pairs: comparisons.len(),
            undetected: comparisons
                .iter()
                .filter(|c| c.similarity.is_none())
                .count(),
            accuracy: mean,
            accuracy_std: variance.sqrt(),
            accuracy_per_fold,
            threshold_per_fold,
            tar_at_far: tars
                .iter()
                .map(|(far, tar, _)| (far.clone(), *tar))
                .collect(),
            tar_at_far_interval: tars.into_iter().map(|(far, _, i)| (far, i)).collect(),
            verification,
        })
    }
}

/// The share of `comparisons` decided rightly at `threshold`.
fn accuracy(comparisons: &[&Comparison], threshold: f32) -> f64 {
    let right = comparisons
        .iter()
        .filter(|c| (c.score() >= threshold) == c.genuine)
        .count();
    right as f64 / comparisons.len() as f64
}

/// The lowest of the similarities with which most `comparisons` are decided rightly.
fn best_threshold(comparisons: &[&Comparison]) -> f32 {
    let mut sorted = comparisons.to_vec();
    sorted.sort_by(|a, b| a.score().total_cmp(&b.score()));
    // Start below all: every pair is accepted, so the genuine ones are right.
    let mut right = sorted.iter().filter(|c| c.genuine).count();
    let (mut best, mut threshold) = (0, 0.0);
    for (i, comparison) in sorted.iter().enumerate() {
        let is_first_of_ties = i == 0 || sorted[i - 1].score() < comparison.score();
        if is_first_of_ties && right > best {
            (best, threshold) = (right, comparison.score());
        }
        if comparison.genuine {
            right -= 1;
        } else {
            right += 1;
        }
    }
    threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(similarity: f32, genuine: bool, fold: usize) -> Comparison {
        Comparison {
            similarity: Some(similarity),
            genuine,
            fold,
            identities: [0, u32::from(!genuine)],
        }
    }

    /// The same, of as many people as there are genuine and impostor pairs.
    fn numbered(mut comparisons: Vec<Comparison>) -> Vec<Comparison> {
        for (i, comparison) in (0..).zip(&mut comparisons) {
            comparison.identities = [i, if comparison.genuine { i } else { i + 1 }];
        }
        comparisons
    }

    #[test]
    fn the_format_of_the_data_set() {
        let text = "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t3\nBob\t1\t3\nCem\t1\tAnn\t2\n";
        let list = PairList::parse(text).unwrap();
        assert_eq!((list.folds, list.pairs.len()), (2, 4));
        assert_eq!(list.pairs[3].fold, 1);
        assert!(!list.pairs[3].genuine);
        assert_eq!(list.pictures().len(), 5);
        let path = list.pairs[1].reference.path(Path::new("images"));
        assert_eq!(path, Path::new("images/Bob/Bob_0003.jpg"));
    }

    #[test]
    fn lists_that_do_not_fit_name_the_line() {
        let line = |text: &str| PairList::parse(text).unwrap_err().line;
        assert_eq!(line(""), 1);
        assert_eq!(line("two\t1\n"), 1);
        assert_eq!(line("18446744073709551615\t18446744073709551615\n"), 2);
        assert_eq!(line("1\t1\nAnn\t1\tx\n"), 2);
        assert_eq!(line("1\t1\nAnn\t1\tBob\t2\n"), 2);
        assert_eq!(line("1\t1\nAnn 1 2\n"), 2);
        assert_eq!(line("1\t1\nAnn\t1\t2\n"), 3);
    }

    #[test]
    fn a_perfect_system() {
        let comparisons: Vec<_> = (0..2)
            .flat_map(|fold| {
                (0..50).flat_map(move |i| {
                    let shift = i as f32 / 1000.0;
                    [
                        comparison(0.8 + shift, true, fold),
                        comparison(0.1 + shift, false, fold),
                    ]
                })
            })
            .collect();
        let report = PairsReport::new(&numbered(comparisons), &[], &[]).unwrap();
        assert_eq!(
            (
                report.accuracy,
                report.accuracy_std,
                report.verification.eer
            ),
            (1.0, 0.0, 0.0)
        );
        assert_eq!(report.tar_at_far["0.001"], 1.0);
        // No error of a hundred people: three in a hundred may be wrong for all that is known.
        let [low, high] = report.tar_at_far_interval["0.001"];
        assert!((low - 0.97).abs() < 1e-3 && high == 1.0, "{low}");
        assert_eq!(report.threshold_per_fold, [0.8, 0.8]);
    }

    #[test]
    fn both_kinds_of_pair_are_needed() {
        let genuine = [comparison(0.5, true, 0)];
        assert!(PairsReport::new(&genuine, &[], &[]).is_err());
        assert!(PairsReport::new(&[], &[], &[]).is_err());
    }

    #[test]
    fn errors_are_counted_once_each() {
        // Of ten genuine pairs one lies below the impostors, and one has no face.
        let mut comparisons: Vec<_> = (0..8)
            .map(|i| comparison(0.6 + i as f32 / 100.0, true, 0))
            .collect();
        comparisons.push(comparison(0.0, true, 0));
        comparisons.push(Comparison {
            similarity: None,
            genuine: true,
            fold: 0,
            identities: [0, 0],
        });
        comparisons.extend((0..10).map(|i| comparison(0.1 + i as f32 / 100.0, false, 0)));
        let report = PairsReport::new(&numbered(comparisons), &[0.2], &[0.5]).unwrap();
        assert_eq!(report.undetected, 1);
        assert_eq!(report.accuracy, 18.0 / 20.0);
        assert_eq!(report.tar_at_far["0.1"], 0.8);
        assert_eq!(report.tar_at_far["0.2"], 0.8);
        assert_eq!(report.verification.undetected_genuine, 1);
        assert_eq!(report.verification.at_threshold[0].fnmr.events, 2);
    }
}
