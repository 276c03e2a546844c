//! A whole training: from samples to a classifier, and to figures that can be trusted.
//!
//! What is held out is never learnt from, not for the choice of a learner, not for the scaler. The threshold of
//! rejection is set on what the cross-validation says of samples that the answering classifier did not learn from;
//! unless the layout parts them, the held-out ones are among them. Near-duplicates and groups stand on one side.

mod files;
mod networks;
mod pipelines;
mod reporting;
mod sides;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::classifier::{Card, CardMetrics, Classifier};
use crate::data::DataSet;
use crate::grid::{GridCell, GridError};
use crate::learn::LearnError;
use crate::metrics::{ClassificationReport, Confusion, rejection};
use crate::nn::{EpochFigures, FitError, History, Trial};
use crate::pipeline::Pipeline;
use crate::split::SplitError;

pub use files::{CLASS_DICTIONARY_FILE, REPORT_FILE, REPORT_JSON_FILE};
pub use networks::NetworkPlan;
pub use sides::Sides;

/// How to train.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// What learns.
    pub plan: Plan,
    /// Share of the samples that is only tried, if the data set has no sides of its own; 0 for none.
    pub held_out: f64,
    /// Parts of a cross-validation; 0 for none. Networks have none.
    pub folds: usize,
    /// Where random choices come from.
    pub seed: u64,
    /// Whether the classifier learns from all samples in the end, held-out ones too, after its figures were
    /// measured. Networks never do; see [`NetworkPlan::learns_validation`].
    pub refit: bool,
    /// Share of wrong answers among those that are not rejected, to which the threshold is set.
    pub accepted_errors: f64,
    /// What the card says of where the classifier comes from.
    pub origin: Origin,
    /// Folder for what an interrupted training can go on from; none to begin anew each time.
    pub work: Option<PathBuf>,
}

/// Where a classifier comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Its name.
    pub name: String,
    /// When, as RFC 3339 writes it.
    pub created: String,
    /// Program and version.
    pub program: String,
    /// What was typed or asked for.
    pub command: String,
    /// Where the samples come from, for people.
    pub source: String,
}

/// What learns.
#[derive(Debug, Clone)]
pub enum Plan {
    /// One learner.
    Pipeline(Pipeline),
    /// The best of several, by cross-validation of the training samples.
    Grid(Vec<Pipeline>),
    /// A network of one's own.
    Network(Box<NetworkPlan>),
}

/// Something that happened on the way.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A part of the work begins.
    Stage(&'static str),
    /// A cell of the grid is done.
    Cell {
        /// The cell.
        cell: &'a GridCell,
        /// How many are done.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// A fold of the cross-validation is done.
    Fold {
        /// How many are done.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// A trial of the search is done.
    Trial {
        /// What was tried.
        trial: &'a Trial,
        /// How many there are.
        total: usize,
    },
    /// The network has seen all training samples once more.
    Epoch {
        /// Its figures.
        figures: &'a EpochFigures,
        /// How many there are at most.
        total: usize,
    },
}

/// What came of a training.
pub struct Outcome {
    /// The classifier.
    pub classifier: Classifier,
    /// All that was measured.
    pub figures: Figures,
}

/// What was measured on the way.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// What learnt.
    pub learner: String,
    /// Which samples were learnt from, and which only tried.
    pub sides: Sides,
    /// Samples that the classifier has learnt from in the end.
    pub n_learnt: usize,
    /// Answers about the samples that were held out.
    pub held_out: Vec<Tried>,
    /// Answers of the cross-validation about each sample that was not learnt from in its turn. Of a network:
    /// answers about the samples by which it was stopped.
    pub out_of_fold: Vec<Tried>,
    /// Share of right answers in each fold of the cross-validation.
    pub fold_accuracies: Vec<f64>,
    /// What was tried, best first; empty without a grid.
    pub grid: Vec<GridCell>,
    /// Networks that were tried, best first; empty without a search.
    pub trials: Vec<Trial>,
    /// How the network learnt.
    pub history: Option<History>,
    /// The network's layers, as a table.
    pub summary: Option<String>,
    /// How much each feature counts, if the learner says.
    pub importances: Option<Vec<f64>>,
    /// Whether the learner came to an end; false if it was stopped after its largest number of steps.
    pub is_converged: bool,
    /// Remarks for people.
    pub notes: Vec<String>,
    /// Where the samples come from, for people.
    pub source: String,
    /// Samples that are nearly the same as another.
    pub n_near_duplicates: usize,
    /// How long the training took, without the making of samples.
    pub seconds: f64,
}

/// An answer about a sample that was not learnt from.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// Its place in the data set.
    pub sample: usize,
    /// Its class.
    pub truth: usize,
    /// The class that it was taken for.
    pub predicted: usize,
    /// Probability of each class.
    pub probabilities: Vec<f64>,
}

/// Why there is no classifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// There is nothing to learn from.
    #[error("expected pictures of at least two classes, found none that can be used")]
    NoSamples,
    /// There is only one class.
    #[error("expected at least two classes, found only `{class}` with {samples} samples")]
    OneClass {
        /// Its name.
        class: String,
        /// How many samples it has.
        samples: usize,
    },
    /// Classes are too small to be held out in part.
    #[error("expected at least {least} samples of each class, found {found}")]
    TooFew {
        /// How many there must be.
        least: usize,
        /// Names and numbers.
        found: String,
    },
    /// Samples cannot be divided.
    #[error(transparent)]
    Split(SplitError),
    /// Samples of a class cannot stand on both sides.
    #[error(
        "expected at least {needed} samples of class `{class}` that are not alike, found {found} among {samples}"
    )]
    Alike {
        /// Its name.
        class: String,
        /// How many there must be.
        needed: usize,
        /// Groups of samples that are alike.
        found: usize,
        /// Samples that it has.
        samples: usize,
    },
    /// Nothing was learnt.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// No learner could be tried.
    #[error(transparent)]
    Grid(GridError),
    /// The network did not learn.
    #[error(transparent)]
    Fit(FitError),
    /// A network wants other values than the samples have.
    #[error("expected samples of {expected}, as the network wants them, found {found}")]
    Input {
        /// What the network wants.
        expected: String,
        /// What the samples are.
        found: String,
    },
    /// Samples cannot be read.
    #[error("could not read the samples: {0}")]
    Read(#[from] io::Error),
    /// Somebody stopped it.
    #[error("the training was stopped")]
    Cancelled,
}

/// Trains on `data` as `options` say; tells `event` what happens and ends early when `cancelled` is set.
///
/// # Errors
/// [`TrainError`].
pub fn train(
    data: &DataSet,
    options: &TrainOptions,
    event: &(dyn Fn(Event<'_>) + Sync),
    cancelled: &AtomicBool,
) -> Result<Outcome, TrainError> {
    let start = Instant::now();
    check(data, options)?;
    let groups = data.groups();
    let sides = Sides::of(data, &groups, options).map_err(|error| named(error, data))?;
    let mut work = Work {
        data,
        options,
        groups: &groups,
        event,
        cancelled,
        figures: Figures {
            is_converged: true,
            notes: sides.leaked(&groups),
            ..Figures::default()
        },
        sides: &sides,
    };
    let model = match &options.plan {
        Plan::Pipeline(pipeline) => work.pipelines(&[*pipeline])?,
        Plan::Grid(pipelines) => work.pipelines(pipelines)?,
        Plan::Network(plan) => work.network(plan)?,
    };
    let mut figures = work.figures;
    figures.sides = sides;
    figures.source.clone_from(&options.origin.source);
    figures.n_near_duplicates = near_duplicates(&groups);
    figures.seconds = start.elapsed().as_secs_f64();
    let card = card(data, options, &figures);
    Ok(Outcome {
        classifier: Classifier { card, model },
        figures,
    })
}

/// Samples that are grouped with an earlier one.
fn near_duplicates(groups: &[usize]) -> usize {
    (0..groups.len()).filter(|i| groups[*i] != *i).count()
}

/// A training under way.
struct Work<'a> {
    data: &'a DataSet,
    options: &'a TrainOptions,
    groups: &'a [usize],
    sides: &'a Sides,
    event: &'a (dyn Fn(Event<'_>) + Sync),
    cancelled: &'a AtomicBool,
    figures: Figures,
}

/// The card of a classifier with these figures.
fn card(data: &DataSet, options: &TrainOptions, figures: &Figures) -> Card {
    let origin = &options.origin;
    let tried = figures.tried();
    let answers: Vec<(f64, bool)> = tried
        .iter()
        .map(|tried| {
            (
                tried.probabilities[tried.predicted],
                tried.predicted == tried.truth,
            )
        })
        .collect();
    Card {
        name: origin.name.clone(),
        created: origin.created.clone(),
        program: origin.program.clone(),
        command: origin.command.clone(),
        classes: data.classes.clone(),
        input: data.input.clone(),
        learner: figures.learner.clone(),
        reject_below: rejection(&answers, options.accepted_errors).map(|found| found.reject_below),
        n_training: figures.n_learnt,
        n_held_out: figures.sides.held_out.len(),
        seed: options.seed,
        metrics: figures.metrics(&data.classes),
        intended_use: INTENDED_USE.to_owned(),
    }
}

/// What every card says.
const INTENDED_USE: &str = "Tells the classes above apart on pictures like those that it was trained on. It knows no \
    others: what belongs to none of them gets one of them all the same. Its figures hold for pictures from the \
    same source. Recognition of people, and of what they feel, is limited by law in many places and for many \
    purposes.";

impl Figures {
    /// Answers about samples that were not learnt from: as many as there are. The threshold of rejection is
    /// set by them.
    pub fn tried(&self) -> &[Tried] {
        if self.out_of_fold.is_empty() {
            &self.held_out
        } else {
            &self.out_of_fold
        }
    }

    /// What became of the samples that were held out; none if there were none.
    pub fn held_out_report(&self, classes: &[String]) -> Option<ClassificationReport> {
        report(&self.held_out, classes)
    }

    /// What became of all samples of the cross-validation; none if there was none.
    pub fn out_of_fold_report(&self, classes: &[String]) -> Option<ClassificationReport> {
        report(&self.out_of_fold, classes)
    }

    fn metrics(&self, classes: &[String]) -> Option<CardMetrics> {
        let measured = self
            .held_out_report(classes)
            .or_else(|| self.out_of_fold_report(classes))?;
        let folds = &self.fold_accuracies;
        Some(CardMetrics {
            accuracy: measured.accuracy,
            accuracy_interval: measured.accuracy_interval.into(),
            macro_f1: measured.macro_average.f1,
            cross_validation: (!folds.is_empty())
                .then(|| folds.iter().sum::<f64>() / folds.len() as f64),
        })
    }
}

fn report(tried: &[Tried], classes: &[String]) -> Option<ClassificationReport> {
    if tried.is_empty() {
        return None;
    }
    let pairs = tried.iter().map(|tried| (tried.truth, tried.predicted));
    Some(ClassificationReport::new(Confusion::new(classes, pairs)))
}

/// The error with the class by its name.
fn named(error: SplitError, data: &DataSet) -> TrainError {
    match error {
        SplitError::TooFew {
            class,
            needed,
            found,
            n_samples,
        } => TrainError::Alike {
            class: data.classes[class].clone(),
            needed,
            found,
            samples: n_samples,
        },
        error => TrainError::Split(error),
    }
}

impl From<GridError> for TrainError {
    fn from(error: GridError) -> Self {
        match error {
            GridError::Cancelled => Self::Cancelled,
            GridError::Learn(error) => Self::Learn(error),
            error => Self::Grid(error),
        }
    }
}

impl From<FitError> for TrainError {
    fn from(error: FitError) -> Self {
        match error {
            FitError::Cancelled => Self::Cancelled,
            error => Self::Fit(error),
        }
    }
}

/// Whether something can be learnt from these samples.
fn check(data: &DataSet, options: &TrainOptions) -> Result<(), TrainError> {
    let counts = data.counts();
    let present: Vec<usize> = (0..counts.len())
        .filter(|class| counts[*class] > 0)
        .collect();
    match present[..] {
        [] => return Err(TrainError::NoSamples),
        [class] => {
            return Err(TrainError::OneClass {
                class: data.classes[class].clone(),
                samples: counts[class],
            });
        }
        _ => {}
    }
    let is_divided = !matches!(options.plan, Plan::Pipeline(_)) || options.held_out > 0.0;
    let least = if is_divided && !Sides::are_given(data) {
        2
    } else {
        1
    };
    let small = present.iter().filter(|class| counts[**class] < least);
    let small: Vec<String> = small
        .map(|class| format!("{} of `{}`", counts[*class], data.classes[*class]))
        .collect();
    if small.is_empty() {
        Ok(())
    } else {
        let found = small.join(", ");
        Err(TrainError::TooFew { least, found })
    }
}
