//! Training a network whose outputs are embeddings.

use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::loss::MetricLoss;
use crate::nn::internals::{
    Engine, Plan, Statistics, at_sample, check_samples, mismatch, mixed_seed, pool, read_error,
};
use crate::nn::{Architecture, FitError, Labelled, LayerSpec, Network, Optimiser};

/// How an embedding network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricOptions {
    /// What is made small.
    pub loss: MetricLoss,
    /// How a gradient changes the weights.
    pub optimiser: Optimiser,
    /// Most epochs, each of as many batches as it takes to draw as many samples as there are.
    pub epochs: usize,
    /// Training ends after so many epochs in which the validation loss did not fall. The best epoch's weights
    /// count, or those from before the first if none was better.
    pub patience: usize,
    /// People in a batch.
    pub people: usize,
    /// Samples of each; people with fewer give what they have.
    pub samples: usize,
    /// Everything random comes from it.
    pub seed: u64,
    /// Threads; 0 for one on each processor. They do not change the result.
    pub threads: usize,
}

impl Default for MetricOptions {
    fn default() -> Self {
        Self {
            loss: MetricLoss::default(),
            optimiser: Optimiser::adam(),
            epochs: 50,
            patience: 5,
            people: 16,
            samples: 4,
            seed: 0,
            threads: 0,
        }
    }
}

/// What an epoch gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricEpoch {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean loss of the batches.
    pub loss: f64,
    /// Loss of the validation samples, all in batches that are the same in every epoch.
    pub validation_loss: f64,
}

/// How a training went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricHistory {
    /// Validation loss before the first epoch.
    pub first_loss: f64,
    /// One for each epoch.
    pub epochs: Vec<MetricEpoch>,
    /// The epoch whose weights count, from 1; 0 if nothing was better than the start.
    pub best_epoch: usize,
}

/// Trains a network that ends in `l2_normalise` so that samples of one person come to lie together.
///
/// `training` and `validation` hold samples of different people, whose numbers are the labels. `weights`, if given,
/// are those to begin with, in the order of [`Network::parameters`].
///
/// # Errors
/// [`FitError`]: options, samples or network do not fit; nobody has two samples, or there is one person only.
pub fn fit_embedder(
    architecture: &Architecture,
    training: Labelled,
    validation: Labelled,
    options: &MetricOptions,
    weights: Option<&[f32]>,
    on_epoch: &mut dyn FnMut(&MetricEpoch),
    cancelled: &AtomicBool,
) -> Result<(Network, MetricHistory), FitError> {
    let plan = architecture.build(2)?;
    check(architecture, &plan, training, validation, options)?;
    let (mut parameters, mut statistics) = plan.initial(options.seed);
    if let Some(weights) = weights {
        if weights.len() != parameters.len() {
            return Err(FitError::Mismatch {
                what: "weights to begin with",
                expected: parameters.len().to_string(),
                found: weights.len().to_string(),
            });
        }
        parameters.copy_from_slice(weights);
    }
    let people = [People::new(training.1)?, People::new(validation.1)?];
    let batch_size = options.people * options.samples;
    let pool = pool(options.threads)?;
    let mut trainer = Trainer {
        engine: Engine::new(&plan, batch_size, true),
        architecture,
        options,
        n_layers: plan.layers.len(),
        width: plan.n_outputs(),
        gradient: Vec::new(),
        values: Vec::new(),
    };
    let mut state = Optimiser::start(parameters.len());
    let validate = |trainer: &mut Trainer, parameters: &[f32], statistics: &[f32]| {
        let mut rng = Rng::with_seed(mixed_seed(options.seed, u64::MAX));
        let batches = people[1].batches(options, &mut rng);
        let mut sum = 0.0;
        for batch in &batches {
            let statistics = Statistics::Use(statistics);
            sum += trainer.forward(validation, batch, parameters, statistics, 0)?;
        }
        Ok::<f64, FitError>(sum / batches.len() as f64)
    };
    let first_loss = pool.install(|| validate(&mut trainer, &parameters, &statistics))?;
    let mut best = (first_loss, parameters.clone(), statistics.clone());
    let mut history = MetricHistory {
        first_loss,
        ..MetricHistory::default()
    };
    for epoch in 1..=options.epochs {
        let seed = mixed_seed(options.seed, epoch as u64);
        let (loss, validation_loss) = pool.install(|| {
            let batches = people[0].batches(options, &mut Rng::with_seed(seed));
            let mut sum = 0.0;
            for (step, batch) in batches.iter().enumerate() {
                if cancelled.load(Ordering::Relaxed) {
                    return Err(FitError::Cancelled);
                }
                let seed = mixed_seed(!seed, step as u64);
                let follow = Statistics::Follow(&mut statistics);
                sum += trainer.forward(training, batch, &parameters, follow, seed)?;
                trainer.engine.backward(&parameters, trainer.n_layers);
                let gradients = trainer.engine.gradients();
                options
                    .optimiser
                    .step(&mut state, &mut parameters, &gradients);
            }
            let loss = sum / batches.len() as f64;
            Ok((loss, validate(&mut trainer, &parameters, &statistics)?))
        })?;
        if !(loss + validation_loss).is_finite() {
            return Err(FitError::Diverged {
                epoch,
                learning_rate: options.optimiser.learning_rate(),
            });
        }
        let figures = MetricEpoch {
            epoch,
            loss,
            validation_loss,
        };
        on_epoch(&figures);
        history.epochs.push(figures);
        if validation_loss < best.0 {
            best = (validation_loss, parameters.clone(), statistics.clone());
            history.best_epoch = epoch;
        } else if epoch - history.best_epoch >= options.patience.max(1) {
            break;
        }
    }
    drop(trainer);
    let (_, parameters, statistics) = best;
    let network = Network::new(architecture.clone(), 2, plan, parameters, statistics);
    Ok((network.map_err(FitError::Options)?, history))
}

fn check(
    architecture: &Architecture,
    plan: &Plan,
    training: Labelled,
    validation: Labelled,
    options: &MetricOptions,
) -> Result<(), FitError> {
    if architecture.layers.last() != Some(&LayerSpec::L2Normalise) {
        let found = architecture.layers.last().map_or("nothing", |l| l.kind());
        let expected = "l2_normalise".to_owned();
        return mismatch("end of the network", expected, found.to_owned());
    }
    check_samples(architecture, plan, training, validation)?;
    let batch = options.people.saturating_mul(options.samples);
    if options.people < 2 || options.samples < 2 || batch > 4096 {
        return Err(FitError::Options(format!(
            "batches of {} people with {} samples each; at least 2 and 2, and 4096 samples in all, are allowed",
            options.people, options.samples
        )));
    }
    let optimiser = options.optimiser.check();
    optimiser
        .and(options.loss.check())
        .map_err(FitError::Options)
}

/// Samples by person.
struct People(Vec<Vec<usize>>);

impl People {
    fn new(labels: &[usize]) -> Result<Self, FitError> {
        let mut by_person = std::collections::BTreeMap::<usize, Vec<usize>>::new();
        for (sample, person) in labels.iter().enumerate() {
            by_person.entry(*person).or_default().push(sample);
        }
        let people: Vec<Vec<usize>> = by_person.into_values().collect();
        if people.len() < 2 || people.iter().all(|samples| samples.len() < 2) {
            return Err(FitError::Mismatch {
                what: "people to compare",
                expected: "two, one of them with two samples".to_owned(),
                found: format!("{} with {} samples", people.len(), labels.len()),
            });
        }
        Ok(Self(people))
    }

    /// Batches of some samples of some people: as many as it takes to draw as many samples as there are.
    ///
    /// People with one sample are there to be told apart from.
    fn batches(&self, options: &MetricOptions, rng: &mut Rng) -> Vec<Vec<usize>> {
        let n: usize = self.0.iter().map(Vec::len).sum();
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        let (mut batches, mut n_drawn) = (Vec::new(), 0);
        while n_drawn < n {
            rng.shuffle(&mut order);
            for people in order
                .chunks(options.people)
                .filter(|people| people.len() > 1)
            {
                let mut batch = Vec::new();
                for person in people {
                    let samples = &self.0[*person];
                    batch.extend(rng.choose_multiple(samples.iter().copied(), options.samples));
                }
                n_drawn += batch.len();
                batches.push(batch);
            }
        }
        batches
    }
}

struct Trainer<'a> {
    engine: Engine<'a>,
    architecture: &'a Architecture,
    options: &'a MetricOptions,
    n_layers: usize,
    width: usize,
    gradient: Vec<f32>,
    values: Vec<f32>,
}

impl Trainer<'_> {
    /// The loss of a batch; its gradient stands behind the last layer.
    fn forward(
        &mut self,
        (rows, labels): Labelled,
        batch: &[usize],
        parameters: &[f32],
        statistics: Statistics,
        seed: u64,
    ) -> Result<f64, FitError> {
        let scale = self.architecture.scale;
        let load = |place: usize, values: &mut [f32], _: &mut Vec<f32>| {
            let index = batch[place];
            rows.read(index, values)
                .map_err(|error| at_sample(index, error))?;
            for value in values {
                *value *= scale;
            }
            Ok(())
        };
        self.engine
            .forward(parameters, statistics, batch.len(), seed, &load)
            .map_err(read_error)?;
        self.values.clear();
        for place in 0..batch.len() {
            self.values.extend_from_slice(self.engine.output(place));
        }
        self.gradient.resize(self.values.len(), 0.0);
        let people: Vec<usize> = batch.iter().map(|sample| labels[*sample]).collect();
        let loss =
            self.options
                .loss
                .evaluate(&self.values, self.width, &people, &mut self.gradient);
        for (place, from) in self.gradient.chunks_exact(self.width).enumerate() {
            let (_, to) = self.engine.gradient_at(place, self.n_layers);
            to.copy_from_slice(from);
        }
        Ok(loss)
    }
}
