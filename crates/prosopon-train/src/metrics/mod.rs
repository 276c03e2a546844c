//! How good predictions are: accuracy with its interval, precision, recall, F1, confusion, curves, calibration; which
//! ones to reject, and which labels to doubt.

mod calibration;
mod doubts;
mod rejection;
mod roc;

use serde::Serialize;

pub use calibration::{Bin, Calibration};
pub use doubts::{LabelDoubt, label_doubts};
pub use rejection::{Rejection, rejection};
pub use roc::{RocCurve, roc_curves};

/// Ends of the 95 % interval of a share (Wilson 1927, without correction for continuity): it lies within [0, 1], is not
/// empty at its ends, and covers well for few trials too. Trials are taken to be independent.
///
/// # Examples
/// ```
/// let [low, high] = prosopon_train::metrics::interval(50, 55);
/// assert!((low - 0.804).abs() < 1e-3 && (high - 0.961).abs() < 1e-3);
/// ```
pub fn interval(events: usize, trials: usize) -> [f64; 2] {
    /// The normal distribution's 97.5 % quantile.
    const Z: f64 = 1.959_963_984_540_054;
    if trials == 0 {
        return [0.0, 1.0];
    }
    let (n, square) = (trials as f64, Z * Z);
    let share = events as f64 / n;
    let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = Z / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    [(centre - half).max(0.0), (centre + half).min(1.0)]
}

/// What became of the samples of each class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// `counts[truth][predicted]`.
    pub counts: Vec<Vec<usize>>,
}

/// Figures of one class, or of an average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scores {
    /// Of the samples predicted as this class, the share that is; 0 if none was predicted.
    pub precision: f64,
    /// Of the samples of this class, the share that was predicted as such; 0 without samples.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Samples of this class.
    pub support: usize,
}

/// Figures of all classes; scikit-learn's `classification_report`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassificationReport {
    /// Share of the predictions that are right.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub accuracy_interval: [f64; 2],
    /// For each class, in order.
    pub classes: Vec<ClassScores>,
    /// Plain mean over the classes.
    pub macro_average: Scores,
    /// Mean weighted by support.
    pub weighted_average: Scores,
    /// What became of the samples of each class.
    pub confusion: Confusion,
}

/// Figures of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScores {
    /// Its name.
    pub class: String,
    /// Its figures.
    #[serde(flatten)]
    pub scores: Scores,
}

impl Confusion {
    /// Counts pairs of true and predicted classes.
    pub fn new(classes: &[String], pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = vec![vec![0; classes.len()]; classes.len()];
        for (truth, predicted) in pairs {
            counts[truth][predicted] += 1;
        }
        Self {
            classes: classes.to_vec(),
            counts,
        }
    }

    /// Samples in all.
    pub fn total(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// Pairs of classes that are taken for each other, the most frequent first: the true class, the predicted one, how
    /// often.
    pub fn most_confused(&self) -> Vec<(usize, usize, usize)> {
        let rows = self.counts.iter().enumerate();
        let all = rows.flat_map(|(truth, row)| {
            let cells = row.iter().enumerate();
            cells.map(move |(predicted, count)| (truth, predicted, *count))
        });
        let mut wrong: Vec<_> = all.filter(|(a, b, count)| a != b && *count > 0).collect();
        wrong.sort_by_key(|(_, _, count)| usize::MAX - count);
        wrong
    }

    /// The counts as CSV: a row for each true class, a column for each predicted one, with names.
    ///
    /// # Errors
    /// What the writer of CSV reports; not seen for a vector.
    pub fn to_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let heads = self.classes.iter().map(String::as_str);
        writer.write_record(std::iter::once("true\\predicted").chain(heads))?;
        for (class, row) in self.classes.iter().zip(&self.counts) {
            let cells = row.iter().map(ToString::to_string);
            writer.write_record(std::iter::once(class.clone()).chain(cells))?;
        }
        let bytes = writer
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn scores(&self, class: usize) -> Scores {
        let right = self.counts[class][class] as f64;
        let support: usize = self.counts[class].iter().sum();
        let predicted: usize = self.counts.iter().map(|row| row[class]).sum();
        let share = |of: usize| if of > 0 { right / of as f64 } else { 0.0 };
        let (precision, recall) = (share(predicted), share(support));
        let sum = precision + recall;
        Scores {
            precision,
            recall,
            f1: if sum > 0.0 {
                2.0 * precision * recall / sum
            } else {
                0.0
            },
            support,
        }
    }
}

impl ClassificationReport {
    /// The figures that `confusion` gives.
    pub fn new(confusion: Confusion) -> Self {
        let scores: Vec<Scores> = (0..confusion.classes.len())
            .map(|c| confusion.scores(c))
            .collect();
        let total = confusion.total();
        let right: usize = (0..scores.len()).map(|c| confusion.counts[c][c]).sum();
        let average = |weight: &dyn Fn(&Scores) -> f64| {
            let sum = scores
                .iter()
                .map(weight)
                .sum::<f64>()
                .max(f64::MIN_POSITIVE);
            let mean = |of: fn(&Scores) -> f64| {
                scores.iter().map(|s| of(s) * weight(s)).sum::<f64>() / sum
            };
            Scores {
                precision: mean(|s| s.precision),
                recall: mean(|s| s.recall),
                f1: mean(|s| s.f1),
                support: total,
            }
        };
        Self {
            accuracy: right as f64 / total.max(1) as f64,
            accuracy_interval: interval(right, total),
            macro_average: average(&|_| 1.0),
            weighted_average: average(&|s| s.support as f64),
            classes: confusion
                .classes
                .iter()
                .zip(&scores)
                .map(|(class, scores)| ClassScores {
                    class: class.clone(),
                    scores: *scores,
                })
                .collect(),
            confusion,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_scikit_learn() {
        // classification_report([0, 0, 0, 1, 1, 2], [0, 1, 0, 1, 1, 0], zero_division=0), scikit-learn 1.9.
        let classes = ["a", "b", "c"].map(str::to_owned);
        let truth = [0, 0, 0, 1, 1, 2];
        let predicted = [0, 1, 0, 1, 1, 0];
        let pairs = truth.into_iter().zip(predicted);
        let report = ClassificationReport::new(Confusion::new(&classes, pairs));
        let close = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        };
        close(report.accuracy, 4.0 / 6.0);
        close(report.classes[0].scores.precision, 2.0 / 3.0);
        close(report.classes[0].scores.recall, 2.0 / 3.0);
        close(report.classes[1].scores.f1, 0.8);
        close(report.classes[2].scores.f1, 0.0);
        close(
            report.macro_average.precision,
            (2.0 / 3.0 + 2.0 / 3.0) / 3.0,
        );
        close(report.weighted_average.recall, 4.0 / 6.0);
        let confusion = &report.confusion;
        assert_eq!(confusion.counts, [[2, 1, 0], [0, 2, 0], [1, 0, 0]]);
        assert_eq!(confusion.most_confused(), [(0, 1, 1), (2, 0, 1)]);
        assert_eq!(
            confusion.to_csv().unwrap(),
            "true\\predicted,a,b,c\na,2,1,0\nb,0,2,0\nc,1,0,0\n"
        );
    }

    #[test]
    fn intervals_are_wilsons() {
        // statsmodels.stats.proportion.proportion_confint(k, n, method="wilson").
        for (events, trials, expected) in [
            (0, 10, [0.0, 0.277_533]),
            (10, 10, [0.722_467, 1.0]),
            (38, 55, [0.559_714, 0.797_177]),
        ] {
            let found = interval(events, trials);
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{events} of {trials}: {found}"
                );
            }
        }
        assert_eq!(interval(0, 0), [0.0, 1.0]);
    }

    #[test]
    fn nothing_predicted_is_no_division_by_zero() {
        let report = ClassificationReport::new(Confusion::new(&["a".to_owned()], []));
        assert_eq!(report.accuracy, 0.0);
        assert_eq!(report.macro_average.f1, 0.0);
    }
}
