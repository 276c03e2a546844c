//! Training a network.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use fastrand::Rng;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

use super::architecture::{Architecture, ArchitectureError};
use super::augment::Augmentation;
use super::checkpoint::{Checkpoint, CheckpointError, fingerprint};
use super::engine::{Engine, Statistics};
use super::layer::mixed_seed;
use super::loss::Loss;
use super::network::Network;
use super::optimiser::Optimiser;
use super::plan::Plan;
use crate::rows::Rows;

/// How a network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Most passes over the training samples.
    pub epochs: usize,
    /// Samples in a step.
    pub batch_size: usize,
    /// How a gradient changes the weights.
    pub optimiser: Optimiser,
    /// What is made small.
    pub loss: Loss,
    /// How training pictures are changed, anew in each epoch.
    pub augmentation: Option<Augmentation>,
    /// Early stopping: after so many epochs without a lower validation loss training ends, and the weights
    /// of the best epoch count. None trains all epochs, and the last weights count.
    pub patience: Option<usize>,
    /// Everything random comes from it.
    pub seed: u64,
    /// What the loss of a sample of each class is multiplied by; the sum is divided by the number of samples,
    /// as in Keras. 1 for all if nothing is said.
    pub class_weights: Option<Vec<f32>>,
    /// Threads; 0 for one on each processor. They do not change the result.
    pub threads: usize,
    /// Where the state is kept after each epoch. A training that finds its own state there goes on from it,
    /// to the same weights that it would have come to without a break; the file stays at the end.
    #[serde(skip)]
    pub checkpoint: Option<PathBuf>,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 32,
            optimiser: Optimiser::default(),
            loss: Loss::default(),
            augmentation: None,
            patience: Some(10),
            seed: 0,
            class_weights: None,
            threads: 0,
            checkpoint: None,
        }
    }
}

/// What an epoch gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochFigures {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean loss of the training samples, each before the step that it was part of; with weights of classes and
    /// dropout.
    pub loss: f64,
    /// Share of them that was right, likewise.
    pub accuracy: f64,
    /// Mean loss of the validation samples after the epoch, without weights; none if there are none.
    pub validation_loss: Option<f64>,
    /// Share of them that is right.
    pub validation_accuracy: Option<f64>,
    /// How long the epoch took.
    pub seconds: f64,
}

/// How a training went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// One for each epoch.
    pub epochs: Vec<EpochFigures>,
    /// The epoch whose weights count, from 1; 0 if there was none.
    pub best_epoch: usize,
    /// Whether it ended before the last epoch, since nothing got better.
    pub stopped_early: bool,
}

/// Why a network could not be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The network does not fit together.
    #[error(transparent)]
    Architecture(#[from] ArchitectureError),
    /// Samples and network do not fit.
    #[error("{what}: expected {expected}, found {found}")]
    Mismatch {
        /// What does not fit.
        what: &'static str,
        /// What the network or the other part needs.
        expected: String,
        /// What there is.
        found: String,
    },
    /// An option is out of its range.
    #[error("{0}")]
    Options(String),
    /// A sample could not be read.
    #[error("sample {index} could not be read: {source}")]
    Read {
        /// Its place.
        index: usize,
        /// Why.
        source: io::Error,
    },
    /// The loss is not a number any more.
    #[error(
        "the loss is not a number in epoch {epoch}: the steps are too long (learning rate {learning_rate}) or the input has values that are no numbers"
    )]
    Diverged {
        /// Which epoch.
        epoch: usize,
        /// What the steps were multiplied by.
        learning_rate: f32,
    },
    /// The checkpoint could not be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Threads could not be started.
    #[error("threads could not be started: {0}")]
    Threads(String),
    /// It was cancelled; what the last whole epoch gave is in the checkpoint, if there is one.
    #[error("training was cancelled")]
    Cancelled,
}

/// Samples with the number of each one's class.
pub type Labelled<'a> = (&'a dyn Rows, &'a [usize]);

/// Trains the network of `architecture` on `training`.
///
/// Rows are levels of 0 to 255 of a picture, row by row, channels innermost; labels count from 0, and there
/// are as many classes as the largest label of both sets says, at least two, or as there are weights of classes.
/// `validation` may be empty, if there is no early stopping. `on_epoch` hears of each epoch as it ends; of
/// those in a checkpoint again.
///
/// # Errors
/// [`FitError`]; nothing is trained if options, samples or network do not fit.
pub fn fit(
    architecture: &Architecture,
    training: Labelled,
    validation: Labelled,
    options: &FitOptions,
    on_epoch: &mut dyn FnMut(&EpochFigures),
    cancelled: &AtomicBool,
) -> Result<(Network, History), FitError> {
    let n_classes = count_classes(training.1, validation.1, options);
    let plan = architecture.plan(n_classes)?;
    check(architecture, &plan, training, validation, options)?;
    let n_backward = plan.layers.len() - 1; // The last activation and the loss are one.
    let print = fingerprint(architecture, training, validation, options)
        .map_err(|(index, source)| FitError::Read { index, source })?;
    let mut state = match &options.checkpoint {
        Some(path) => Checkpoint::read(path, &plan, &print)?,
        None => None,
    }
    .unwrap_or_else(|| Checkpoint::start(&plan, options.seed, print));
    let pool = pool(options.threads)?;
    let mut trainer = Trainer {
        engine: Engine::new(&plan, options.batch_size.min(training.1.len()), true),
        validator: Engine::new(&plan, VALIDATION_BATCH.min(validation.1.len()), false),
        architecture,
        options,
        n_backward,
        cancelled,
    };
    for figures in &state.history.epochs {
        on_epoch(figures);
    }
    while state.history.epochs.len() < options.epochs && !state.history.stopped_early {
        let start = Instant::now();
        let epoch = state.history.epochs.len() + 1;
        let (loss, accuracy) = pool.install(|| trainer.train(&mut state, training, epoch))?;
        let validated = match validation.1.len() {
            0 => None,
            _ => Some(pool.install(|| trainer.validate(&state, validation))?),
        };
        if !(loss + validated.map_or(0.0, |(loss, _)| loss)).is_finite() {
            return Err(FitError::Diverged {
                epoch,
                learning_rate: options.optimiser.learning_rate(),
            });
        }
        let figures = EpochFigures {
            epoch,
            loss,
            accuracy,
            validation_loss: validated.map(|(loss, _)| loss),
            validation_accuracy: validated.map(|(_, accuracy)| accuracy),
            seconds: start.elapsed().as_secs_f64(),
        };
        state.finish(figures, options.patience);
        if let Some(path) = &options.checkpoint {
            state.write(path)?;
        }
        if let Some(figures) = state.history.epochs.last() {
            on_epoch(figures);
        }
    }
    let (parameters, statistics, history) = state.outcome();
    let network = Network::new(
        architecture.clone(),
        n_classes,
        plan,
        parameters,
        statistics,
    );
    Ok((network.map_err(FitError::Options)?, history))
}

/// Validation samples that are worked on at a time.
const VALIDATION_BATCH: usize = 256;

fn count_classes(training: &[usize], validation: &[usize], options: &FitOptions) -> usize {
    let largest = training.iter().chain(validation).max();
    let named = options.class_weights.as_ref().map_or(0, Vec::len);
    largest
        .map_or(0, |label| label.saturating_add(1))
        .max(named)
        .max(2)
}

/// A pool of so many threads; 0 is one on each processor.
pub(crate) fn pool(threads: usize) -> Result<ThreadPool, FitError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| FitError::Threads(error.to_string()))
}

/// That samples and labels are as many, and samples as large as the network wants them.
pub(crate) fn check_samples(
    architecture: &Architecture,
    plan: &Plan,
    training: Labelled,
    validation: Labelled,
) -> Result<(), FitError> {
    for (what, (rows, labels)) in [
        ("labels of the training samples", training),
        ("labels of the validation samples", validation),
    ] {
        if rows.len() != labels.len() {
            return mismatch(what, rows.len().to_string(), labels.len().to_string());
        }
        if !labels.is_empty() && rows.width() != plan.input.size() {
            let input = architecture.input;
            let expected = format!(
                "{} ({} × {} × {})",
                plan.input.size(),
                input.width,
                input.height,
                input.channels
            );
            return mismatch("values of a sample", expected, rows.width().to_string());
        }
    }
    Ok(())
}

pub(crate) fn mismatch<T>(
    what: &'static str,
    expected: String,
    found: String,
) -> Result<T, FitError> {
    Err(FitError::Mismatch {
        what,
        expected,
        found,
    })
}

fn check(
    architecture: &Architecture,
    plan: &Plan,
    training: Labelled,
    validation: Labelled,
    options: &FitOptions,
) -> Result<(), FitError> {
    check_samples(architecture, plan, training, validation)?;
    if training.1.is_empty() {
        return mismatch("training samples", "some".to_owned(), "none".to_owned());
    }
    let wanted = options.loss.activation();
    if architecture.last_activation() != Some(wanted) {
        let expected = format!("{wanted:?} for {}", options.loss.name()).to_lowercase();
        let found = match architecture.last_activation() {
            Some(found) => format!("{found:?}").to_lowercase(),
            None => architecture
                .layers
                .last()
                .map_or("nothing", |l| l.kind())
                .to_owned(),
        };
        return mismatch("end of the network", expected, found);
    }
    if options.batch_size == 0 || options.batch_size > MAX_BATCH {
        return Err(FitError::Options(format!(
            "batches of {} samples; 1 to {MAX_BATCH} is allowed",
            options.batch_size
        )));
    }
    if options.patience.is_some() && validation.1.is_empty() {
        return Err(FitError::Options(
            "early stopping needs validation samples, and there are none".to_owned(),
        ));
    }
    if let Some(weights) = &options.class_weights {
        if let Some(bad) = weights.iter().find(|w| !w.is_finite() || **w < 0.0) {
            return Err(FitError::Options(format!("weight of a class: {bad}")));
        }
        let n_classes = count_classes(training.1, validation.1, options);
        if weights.len() != n_classes {
            let expected = n_classes.to_string();
            return mismatch("weights of classes", expected, weights.len().to_string());
        }
    }
    let augmentation = options.augmentation.unwrap_or_default().check();
    options
        .optimiser
        .check()
        .and(augmentation)
        .map_err(FitError::Options)
}

/// Most samples in a step: each has memory for its values between the layers.
const MAX_BATCH: usize = 4096;

/// What stays the same from epoch to epoch.
struct Trainer<'a> {
    engine: Engine<'a>,
    validator: Engine<'a>,
    architecture: &'a Architecture,
    options: &'a FitOptions,
    n_backward: usize,
    cancelled: &'a AtomicBool,
}

impl Trainer<'_> {
    /// One pass over all samples in an order of its own: mean loss, and share that was right.
    fn train(
        &mut self,
        state: &mut Checkpoint,
        (rows, labels): Labelled,
        epoch: usize,
    ) -> Result<(f64, f64), FitError> {
        let options = self.options;
        let seed = mixed_seed(options.seed, epoch as u64);
        let mut order: Vec<usize> = (0..labels.len()).collect();
        Rng::with_seed(seed).shuffle(&mut order);
        let shape = super::shape::Shape::picture(
            self.architecture.input.height,
            self.architecture.input.width,
            self.architecture.input.channels,
        );
        let augmentation = options.augmentation.filter(|a| !a.is_nothing());
        let (mut sum, mut n_right) = (0.0, 0);
        for (step, batch) in order.chunks(options.batch_size).enumerate() {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(FitError::Cancelled);
            }
            let load = |place: usize, values: &mut [f32], spare: &mut Vec<f32>| {
                let index = batch[place];
                rows.read(index, values)
                    .map_err(|error| at_sample(index, error))?;
                if let Some(augmentation) = &augmentation {
                    let mut rng = Rng::with_seed(mixed_seed(seed, index as u64));
                    augmentation.apply(values, shape, &mut rng, spare);
                }
                scale(values, self.architecture.scale);
                Ok(())
            };
            let statistics = Statistics::Follow(&mut state.statistics);
            let step_seed = mixed_seed(!seed, step as u64);
            self.engine
                .forward(&state.parameters, statistics, batch.len(), step_seed, &load)
                .map_err(read_error)?;
            for (place, index) in batch.iter().enumerate() {
                let label = labels[*index];
                let weight = options.class_weights.as_ref().map_or(1.0, |w| w[label]);
                let (outputs, gradient) = self.engine.gradient_at(place, self.n_backward);
                let share = weight / batch.len() as f32;
                let loss = options.loss.fused(outputs, label, share, gradient);
                sum += loss * f64::from(weight);
                n_right += usize::from(winner(outputs) == label);
            }
            self.engine.backward(&state.parameters, self.n_backward);
            let gradients = self.engine.gradients();
            options
                .optimiser
                .step(&mut state.optimiser, &mut state.parameters, &gradients);
        }
        let n = labels.len() as f64;
        Ok((sum / n, n_right as f64 / n))
    }

    /// Mean loss, and share that is right.
    fn validate(
        &mut self,
        state: &Checkpoint,
        (rows, labels): Labelled,
    ) -> Result<(f64, f64), FitError> {
        let (mut sum, mut n_right) = (0.0, 0);
        for (batch, labels) in labels.chunks(VALIDATION_BATCH).enumerate() {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(FitError::Cancelled);
            }
            let load = |place: usize, values: &mut [f32], _: &mut Vec<f32>| {
                let index = batch * VALIDATION_BATCH + place;
                rows.read(index, values)
                    .map_err(|error| at_sample(index, error))?;
                scale(values, self.architecture.scale);
                Ok(())
            };
            let statistics = Statistics::Use(&state.statistics);
            self.validator
                .forward(&state.parameters, statistics, labels.len(), 0, &load)
                .map_err(read_error)?;
            for (place, label) in labels.iter().enumerate() {
                let outputs = self.validator.output(place);
                sum += self.options.loss.of(outputs, *label);
                n_right += usize::from(winner(outputs) == *label);
            }
        }
        let n = labels.len() as f64;
        Ok((sum / n, n_right as f64 / n))
    }
}

fn scale(values: &mut [f32], factor: f32) {
    for value in values {
        *value *= factor;
    }
}

/// The class that the outputs speak for; of equal ones the first.
fn winner(outputs: &[f32]) -> usize {
    if let [second] = outputs {
        return usize::from(*second > 0.5);
    }
    let mut best = 0;
    for (class, p) in outputs.iter().enumerate() {
        if *p > outputs[best] {
            best = class;
        }
    }
    best
}

/// Carries the number of a sample through `io::Error`.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
struct AtSample {
    index: usize,
    source: io::Error,
}

pub(crate) fn at_sample(index: usize, source: io::Error) -> io::Error {
    io::Error::new(source.kind(), AtSample { index, source })
}

pub(crate) fn read_error(error: io::Error) -> FitError {
    match error.downcast::<AtSample>() {
        Ok(AtSample { index, source }) => FitError::Read { index, source },
        Err(source) => FitError::Read { index: 0, source },
    }
}
