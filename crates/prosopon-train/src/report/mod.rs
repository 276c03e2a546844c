//! The report of a training: what was trained on what, how good it is, and where it errs; as a page for people and as
//! JSON with the same figures.
//!
//! Whoever trains fills a [`TrainingReport`]; [`Evaluation::new`] makes the figures from predictions about samples that were
//! not trained on.

mod charts;
mod confusion;
mod evaluation;
mod page;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use confusion::confusion_matrix;
pub use evaluation::{Evaluation, Mistake, Predictions};
pub use page::html;

use crate::grid::GridCell;
use crate::metrics::LabelDoubt;
use crate::nn::History;

/// All that is to be said of a training.
#[derive(Debug, Clone, Serialize)]
pub struct TrainingReport {
    /// Name of the classifier.
    pub name: String,
    /// When it was trained, as RFC 3339 writes it.
    pub created: String,
    /// Program and version that trained it.
    pub program: String,
    /// What was typed, or asked of the server.
    pub command: String,
    /// Where random numbers were drawn from.
    pub seed: u64,
    /// What the classifier sees of a picture: `embedding`, `pixels+wavelet` …
    pub feature: String,
    /// What was trained: a pipeline as text, or the name of an architecture.
    pub learner: String,
    /// Networks and cascades it depends on, by their ids.
    pub models: Vec<String>,
    /// How long all took.
    pub seconds: f64,
    /// What it was trained on.
    pub data: DataFacts,
    /// How good it is. The first counts; others may be of cross-validation, or of a network on the same samples.
    pub evaluations: Vec<Evaluation>,
    /// What was tried before, the best first; empty without a search.
    pub grid: Vec<GridCell>,
    /// Pictures whose label is doubtful, the most doubtful first.
    pub doubts: Vec<DoubtfulPicture>,
    /// How much each feature matters, the most first; known for forests.
    pub importances: Vec<Importance>,
    /// How the training of a network went.
    pub history: Option<History>,
    /// What should be known before the figures are believed: a learner that did not come to its end, classes with few
    /// pictures.
    pub warnings: Vec<String>,
    /// Whatever else is to be said: names and values.
    pub facts: Vec<(String, String)>,
}

/// What was trained on.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DataFacts {
    /// Where it came from.
    pub source: String,
    /// Pictures found.
    pub n_pictures: usize,
    /// Pictures left out, by reason.
    pub skipped: Vec<(String, usize)>,
    /// Pictures that are nearly the same as another; they stand on one side with it.
    pub n_near_duplicates: usize,
    /// The classes, in order.
    pub classes: Vec<ClassCounts>,
}

/// Pictures of a class.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ClassCounts {
    /// Its name.
    pub class: String,
    /// Those trained on.
    pub n_training: usize,
    /// Those held out.
    pub n_held_out: usize,
}

/// A picture whose label is doubtful.
#[derive(Debug, Clone, Serialize)]
pub struct DoubtfulPicture {
    /// Number of the sample, for its thumbnail.
    pub sample: usize,
    /// Its name.
    pub picture: String,
    /// The class it is labelled with.
    pub label: String,
    /// The class it looks like.
    pub likely: String,
    /// Probability of the label.
    pub label_probability: f64,
    /// Probability of the other class.
    pub likely_probability: f64,
}

impl DoubtfulPicture {
    /// `doubts` with names of classes and pictures. Doubts about others than these are left out.
    pub fn all(doubts: &[LabelDoubt], classes: &[String], pictures: &[String]) -> Vec<Self> {
        let named = |doubt: &LabelDoubt| {
            Some(Self {
                sample: doubt.sample,
                picture: pictures.get(doubt.sample)?.clone(),
                label: classes.get(doubt.label)?.clone(),
                likely: classes.get(doubt.likely)?.clone(),
                label_probability: doubt.label_probability,
                likely_probability: doubt.likely_probability,
            })
        };
        doubts.iter().filter_map(named).collect()
    }
}

/// How much a feature matters.
#[derive(Debug, Clone, Serialize)]
pub struct Importance {
    /// Its name, or what it is the value of: `wavelet 17`.
    pub feature: String,
    /// A share; those of all features sum up to 1.
    pub importance: f64,
}

impl Importance {
    /// The `most` most important of `importances`, named by `name` from their places.
    pub fn top(importances: &[f64], most: usize, name: impl Fn(usize) -> String) -> Vec<Self> {
        let mut order: Vec<usize> = (0..importances.len()).collect();
        order.sort_by(|a, b| importances[*b].total_cmp(&importances[*a]));
        let named = |i: &usize| Self {
            feature: name(*i),
            importance: importances[*i],
        };
        order.iter().take(most).map(named).collect()
    }
}
