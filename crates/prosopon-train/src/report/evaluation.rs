//! Figures of predictions about samples that were not trained on.

use ndarray::ArrayView2;
use serde::Serialize;

use crate::metrics::{
    Calibration, ClassificationReport, Confusion, Rejection, RocCurve, rejection, roc_curves,
};

/// The share of wrong answers for which [`Evaluation::rejection`] is computed.
const MOST_WRONG: f64 = 0.01;

/// What was predicted about samples that were not trained on.
#[derive(Debug, Clone, Copy)]
pub struct Predictions<'a> {
    /// Names of the classes.
    pub classes: &'a [String],
    /// Numbers of the samples, for their thumbnails.
    pub samples: &'a [usize],
    /// Names of their pictures.
    pub pictures: &'a [String],
    /// Their true classes.
    pub labels: &'a [usize],
    /// What they are taken for.
    pub predicted: &'a [usize],
    /// Probability of each class (columns) for each sample.
    pub probabilities: ArrayView2<'a, f64>,
}

/// How good predictions are.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// What was held out and how: `25 % of the pictures, held out`.
    pub how: String,
    /// Accuracy, precision, recall, F1, confusion.
    #[serde(flatten)]
    pub report: ClassificationReport,
    /// Accuracy of each fold; empty if there were none.
    pub fold_accuracies: Vec<f64>,
    /// One class against all others.
    pub roc: Vec<RocCurve>,
    /// The mean area under these curves.
    pub mean_auc: Option<f64>,
    /// Whether confidence means what it says.
    pub calibration: Calibration,
    /// Mean −ln of the probability of the true class.
    pub log_loss: f64,
    /// Below which confidence predictions must be rejected for 99 % of the others to be right; none if no bound does it.
    pub rejection: Option<Rejection>,
    /// All wrong predictions, the most confident first.
    pub mistakes: Vec<Mistake>,
}

/// A wrong prediction.
#[derive(Debug, Clone, Serialize)]
pub struct Mistake {
    /// Number of the sample, for its thumbnail.
    pub sample: usize,
    /// Its name.
    pub picture: String,
    /// Its true class.
    pub label: String,
    /// What it is taken for.
    pub predicted: String,
    /// Probability of that.
    pub confidence: f64,
}

impl Evaluation {
    /// The figures of `predictions`; `how` says what was held out.
    ///
    /// # Panics
    /// If the parts of `predictions` differ in length, or a class has no name.
    pub fn new(how: &str, predictions: &Predictions, fold_accuracies: Vec<f64>) -> Self {
        let &Predictions {
            classes,
            samples,
            pictures,
            labels,
            predicted,
            probabilities,
        } = predictions;
        let pairs = labels.iter().copied().zip(predicted.iter().copied());
        let report = ClassificationReport::new(Confusion::new(classes, pairs));
        let outcomes = confidences(predictions);
        let roc = roc_curves(classes, probabilities, labels);
        let areas: Vec<f64> = roc.iter().filter_map(|curve| curve.auc).collect();
        let of_truth = labels
            .iter()
            .enumerate()
            .map(|(i, label)| probabilities[(i, *label)]);
        // As scikit-learn has it: nothing is more impossible than f64's resolution.
        let log_loss: f64 = of_truth.map(|p| -p.max(f64::EPSILON).ln()).sum();
        let mut mistakes: Vec<Mistake> = (0..labels.len())
            .filter(|i| !outcomes[*i].1)
            .map(|i| Mistake {
                sample: samples[i],
                picture: pictures[i].clone(),
                label: classes[labels[i]].clone(),
                predicted: classes[predicted[i]].clone(),
                confidence: outcomes[i].0,
            })
            .collect();
        mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        Self {
            how: how.to_owned(),
            report,
            fold_accuracies,
            mean_auc: (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64),
            roc,
            calibration: Calibration::new(&outcomes),
            log_loss: log_loss / labels.len().max(1) as f64,
            rejection: rejection(&outcomes, MOST_WRONG),
            mistakes,
        }
    }
}

/// The confidence of each prediction, which is the probability of the predicted class, and whether it is right: what
/// [`rejection`] takes.
fn confidences(predictions: &Predictions) -> Vec<(f64, bool)> {
    let pairs = predictions.labels.iter().zip(predictions.predicted);
    pairs
        .enumerate()
        .map(|(i, (label, class))| (predictions.probabilities[(i, *class)], label == class))
        .collect()
}

impl Predictions<'_> {
    /// The confidence of each prediction, which is the probability of the predicted class, and whether it is right: what
    /// [`rejection`] takes.
    pub fn confidences(&self) -> Vec<(f64, bool)> {
        confidences(self)
    }
}
