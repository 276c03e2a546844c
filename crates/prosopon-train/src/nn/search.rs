//! Random search (Bergstra & Bengio 2012): networks like a given one, with other filters, units and learning rates.

use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::checkpoint::{CheckpointError, fingerprint, read_sealed, write_sealed};
use super::fit::{EpochFigures, FitError, FitOptions, History, Labelled, fit};
use super::layer::mixed_seed;
use super::layer_spec::{LayerSpec, Units};
use super::network::Network;

/// First bytes of the file of a trial; the last one is the version.
const MAGIC: [u8; 8] = *b"PROSTRL\x01";

/// What is drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSpace {
    /// Filters of each convolution.
    pub filters: Vec<usize>,
    /// Units of each dense layer with a number of its own.
    pub units: Vec<usize>,
    /// Least and largest learning rate; between them every order of magnitude is as likely.
    pub learning_rate: (f32, f32),
}

impl Default for SearchSpace {
    fn default() -> Self {
        Self {
            filters: vec![16, 32, 48, 64, 96, 128],
            units: vec![32, 64, 128, 256],
            learning_rate: (2e-4, 3e-3),
        }
    }
}

/// One network of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Counted from 1, in the order in which they were drawn.
    pub number: usize,
    /// Filters of the convolutions, first to last.
    pub filters: Vec<usize>,
    /// Units of the dense layers with a number of their own, first to last.
    pub units: Vec<usize>,
    /// Size of the steps.
    pub learning_rate: f32,
    /// Numbers that are learnt.
    pub n_parameters: usize,
    /// How it went.
    pub history: History,
}

impl Trial {
    /// The epoch whose weights count.
    pub fn best(&self) -> Option<&EpochFigures> {
        self.history
            .epochs
            .get(self.history.best_epoch.checked_sub(1)?)
    }

    /// Validation loss of the epoch that counts; infinite for one that diverged.
    pub fn loss(&self) -> f64 {
        let loss = self.best().and_then(|epoch| epoch.validation_loss);
        loss.unwrap_or(f64::INFINITY)
    }
}

/// `loss 0.4321, accuracy 85.0 %  filters 32 64, units 128, learning rate 0.0010`.
impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.best() {
            Some(epoch) => write!(
                f,
                "validation loss {:.4}, accuracy {:.2} %",
                self.loss(),
                100.0 * epoch.validation_accuracy.unwrap_or_default()
            )?,
            None => f.write_str("diverged")?,
        }
        let joined = |numbers: &[usize]| {
            let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
            numbers.join(" ")
        };
        write!(
            f,
            "  filters {}, units {}, learning rate {:.2e}, {} parameters",
            joined(&self.filters),
            joined(&self.units),
            self.learning_rate,
            self.n_parameters
        )
    }
}

/// What a search gave.
#[derive(Debug, Clone)]
pub struct SearchResult {
    /// All trials, lowest validation loss first.
    pub trials: Vec<Trial>,
    /// The network of the first.
    pub network: Network,
}

/// What a search tells while it runs.
#[derive(Debug)]
pub enum SearchEvent<'a> {
    /// An epoch of the trial with this number ended.
    Epoch(usize, &'a EpochFigures),
    /// A trial ended, or was read from its file.
    Trial(&'a Trial),
}

/// What is kept of a trial. A network that diverged is not.
#[derive(Serialize, Deserialize)]
struct Kept {
    fingerprint: [u8; 32],
    trial: Trial,
    network: Option<Network>,
}

/// Trains `n_trials` networks like `architecture`; the lowest validation loss wins.
///
/// The first trial is `architecture` as it is with the options' own learning rate, so that searching cannot
/// make things worse on the validation samples. With `folder` every trial is kept in a file there, and
/// so is the state of the one that runs: a search that is begun again with equal samples and options goes on where
/// it was, also for more trials. `options.checkpoint` is not used. Networks that fit no memory or diverge lose.
///
/// # Errors
/// [`FitError`], as [`fit`]; early stopping is needed, since it decides which weights of a trial count.
#[allow(clippy::too_many_arguments)] // Those of `fit`, and three.
pub fn random_search(
    architecture: &Architecture,
    space: &SearchSpace,
    n_trials: usize,
    training: Labelled,
    validation: Labelled,
    options: &FitOptions,
    folder: Option<&Path>,
    on_event: &mut dyn FnMut(SearchEvent),
    cancelled: &AtomicBool,
) -> Result<SearchResult, FitError> {
    space.check()?;
    if options.patience.is_none() || validation.1.is_empty() {
        return Err(FitError::Options(
            "a search compares validation losses: it needs validation samples and early stopping"
                .to_owned(),
        ));
    }
    let mut trials: Vec<Trial> = Vec::new();
    let mut best: Option<(f64, Network)> = None;
    for number in 1..=n_trials.max(1) {
        let (candidate, rate) = space.draw(architecture, options, number);
        let state = folder.map(|folder| folder.join(format!("trial-{number}.state")));
        let path = folder.map(|folder| folder.join(format!("trial-{number}.bin")));
        let options = FitOptions {
            optimiser: options.optimiser.with_learning_rate(rate),
            seed: mixed_seed(options.seed, number as u64),
            checkpoint: state.clone(),
            ..options.clone()
        };
        // With a larger number of epochs a finished trial would go on, so that it is part of what must be equal.
        let mut print = fingerprint(&candidate, training, validation, &options)
            .map_err(|(index, source)| FitError::Read { index, source })?;
        for (byte, epochs) in print.iter_mut().zip(options.epochs.to_le_bytes()) {
            *byte ^= epochs;
        }
        let kept: Option<Kept> = match &path {
            Some(path) => read_sealed(MAGIC, path)?,
            None => None,
        };
        if let (Some(Kept { fingerprint, .. }), Some(path)) = (&kept, &path)
            && *fingerprint != print
        {
            return Err(CheckpointError::Other { path: path.clone() }.into());
        }
        let Kept { trial, network, .. } = if let Some(kept) = kept {
            kept
        } else {
            let mut on_epoch = |figures: &EpochFigures| {
                on_event(SearchEvent::Epoch(number, figures));
            };
            let run = fit(
                &candidate,
                training,
                validation,
                &options,
                &mut on_epoch,
                cancelled,
            );
            let (network, history) = match run {
                Ok((network, history)) => (Some(network), history),
                Err(FitError::Diverged { .. }) => (None, History::default()),
                Err(error) => return Err(error),
            };
            let n_parameters = network.as_ref().map_or(0, |n| n.parameters().len());
            let kept = Kept {
                fingerprint: print,
                trial: Trial::new(number, &candidate, rate, n_parameters, history),
                network,
            };
            if let (Some(path), Some(state)) = (&path, &state) {
                write_sealed(MAGIC, path, &kept)?;
                std::fs::remove_file(state).ok(); // Not there if the first epoch diverged.
            }
            kept
        };
        on_event(SearchEvent::Trial(&trial));
        if let Some(network) = network
            && best.as_ref().is_none_or(|(loss, _)| trial.loss() < *loss)
        {
            best = Some((trial.loss(), network));
        }
        trials.push(trial);
    }
    trials.sort_by(|a, b| a.loss().total_cmp(&b.loss()));
    match best {
        Some((_, network)) => Ok(SearchResult { trials, network }),
        None => Err(FitError::Diverged {
            epoch: 1,
            learning_rate: options.optimiser.learning_rate(),
        }),
    }
}

impl SearchSpace {
    fn check(&self) -> Result<(), FitError> {
        let (low, high) = self.learning_rate;
        let is_range = low > 0.0 && low <= high && high.is_finite();
        if self.filters.is_empty() || self.units.is_empty() || !is_range {
            return Err(FitError::Options(format!(
                "nothing to search in: filters {:?}, units {:?}, learning rates {low} to {high}",
                self.filters, self.units
            )));
        }
        Ok(())
    }

    /// The network and learning rate of trial `number`, from the options' seed; the first is as it was given.
    /// Networks that do not fit together or get too large are drawn anew.
    fn draw(
        &self,
        architecture: &Architecture,
        options: &FitOptions,
        number: usize,
    ) -> (Architecture, f32) {
        const ATTEMPTS: usize = 20;
        let given = (architecture.clone(), options.optimiser.learning_rate());
        if number <= 1 {
            return given;
        }
        let mut rng = Rng::with_seed(mixed_seed(!options.seed, number as u64));
        for _ in 0..ATTEMPTS {
            let mut candidate = architecture.clone();
            for layer in &mut candidate.layers {
                match layer {
                    LayerSpec::Conv2d { filters, .. } => {
                        *filters = self.filters[rng.usize(0..self.filters.len())];
                    }
                    LayerSpec::Dense {
                        units: Units::Number(units),
                        ..
                    } if *units > 1 => *units = self.units[rng.usize(0..self.units.len())],
                    _ => {}
                }
            }
            let (low, high) = (self.learning_rate.0.ln(), self.learning_rate.1.ln());
            let rate = (low + (high - low) * rng.f32()).exp();
            if candidate.build(2).is_ok() {
                return (candidate, rate);
            }
        }
        given
    }
}

impl Trial {
    fn new(
        number: usize,
        architecture: &Architecture,
        learning_rate: f32,
        n_parameters: usize,
        history: History,
    ) -> Self {
        let layers = architecture.layers.iter();
        let filters = layers.clone().filter_map(|layer| match layer {
            LayerSpec::Conv2d { filters, .. } => Some(*filters),
            _ => None,
        });
        let units = layers.filter_map(|layer| match layer {
            LayerSpec::Dense {
                units: Units::Number(units),
                ..
            } => Some(*units),
            _ => None,
        });
        Self {
            number,
            filters: filters.collect(),
            units: units.collect(),
            learning_rate,
            n_parameters,
            history,
        }
    }
}
