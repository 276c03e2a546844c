//! Training of networks: validation, trials, the tried samples.

use std::io;

use super::{Event, TrainError, Tried, Work, named};
use crate::classifier::Model;
use crate::input::Values;
use crate::learn::argmax;
use crate::nn::{
    Architecture, EpochFigures, FitOptions, History, Labelled, Network, SearchEvent, SearchSpace,
    fit, random_search,
};
use crate::rows::{Chosen, Rows};
use crate::split::stratified_split;

/// Share of the training samples by which a network is stopped, and its trials are compared. The text that
/// proposes the network `hobbit` holds out a fifth.
const VALIDATION: f64 = 0.2;

/// A network of one's own, and how it is trained.
#[derive(Debug, Clone)]
pub struct NetworkPlan {
    /// Its layers.
    pub architecture: Architecture,
    /// How it is trained. Seed and checkpoint are those of the whole training.
    pub fit: FitOptions,
    /// Random variations that are tried first; the best is kept. 0 for none.
    pub trials: usize,
    /// Whether the network is trained once more, for as many epochs as were best, on the validation samples as
    /// well. With 200 photographs of five actors it is right 8 % more often for that (docs/training.md).
    pub learns_validation: bool,
    /// Whether classes with few samples weigh as much as those with many.
    pub balanced: bool,
}

impl Work<'_> {
    /// Trains a network; of several trials the best.
    pub(super) fn network(&mut self, plan: &NetworkPlan) -> Result<Model, TrainError> {
        self.check_input(&plan.architecture)?;
        let labels = self.data.labels();
        let n_classes = self.data.classes.len();
        let of = |places: &[usize]| places.iter().map(|i| labels[*i]).collect::<Vec<_>>();
        let training_labels = of(&self.sides.training);
        let groups: Vec<usize> = self
            .sides
            .training
            .iter()
            .map(|i| self.groups[*i])
            .collect();
        let split = stratified_split(
            &training_labels,
            Some(&groups),
            VALIDATION,
            self.options.seed,
        )
        .map_err(|error| named(error, self.data))?;
        let of_all = |places: &[usize]| -> Vec<usize> {
            places.iter().map(|i| self.sides.training[*i]).collect()
        };
        let (learnt, validation) = (of_all(&split.training), of_all(&split.held_out));
        let (learnt_labels, validation_labels) = (of(&learnt), of(&validation));
        let rows = |places| Chosen {
            all: &self.data.features,
            places,
        };
        let (learnt_rows, validation_rows) = (rows(learnt), rows(validation));
        let training = (&learnt_rows as &dyn Rows, &learnt_labels[..]);
        let validation = (&validation_rows as &dyn Rows, &validation_labels[..]);

        let options = FitOptions {
            seed: self.options.seed,
            class_weights: Some(weights(&learnt_labels, n_classes, plan.balanced)),
            checkpoint: self
                .options
                .work
                .as_ref()
                .map(|work| work.join("network.checkpoint")),
            ..plan.fit.clone()
        };
        let chosen = if plan.trials > 0 {
            (self.event)(Event::Stage("trying networks"));
            self.search(plan, &options, training, validation)?
        } else {
            (self.event)(Event::Stage("training"));
            let (network, history) =
                self.fit(&plan.architecture, training, validation, &options)?;
            Winner {
                learning_rate: options.optimiser.learning_rate(),
                network,
                history,
            }
        };
        self.figures.out_of_fold = tried(&chosen.network, &validation_rows, &validation_labels)?;
        self.figures.n_learnt = learnt_labels.len();
        let network = if plan.learns_validation {
            (self.event)(Event::Stage("training on all of these samples"));
            let all = rows(self.sides.training.clone());
            self.figures.n_learnt = training_labels.len();
            self.relearn(&chosen, (&all, &training_labels), plan, &options)?
        } else {
            chosen.network
        };
        self.figures.learner = format!("network {}", network.architecture().name);
        self.figures.summary = Some(network.summary().to_string());
        self.figures.history = Some(chosen.history);
        let held_out_rows = rows(self.sides.held_out.clone());
        let held_out_labels = of(&self.sides.held_out);
        self.figures.held_out = tried(&network, &held_out_rows, &held_out_labels)?;
        Ok(Model::Network(network))
    }

    fn fit(
        &mut self,
        architecture: &Architecture,
        training: Labelled<'_>,
        validation: Labelled<'_>,
        options: &FitOptions,
    ) -> Result<(Network, History), TrainError> {
        let total = options.epochs;
        let mut on_epoch = |figures: &EpochFigures| (self.event)(Event::Epoch { figures, total });
        Ok(fit(
            architecture,
            training,
            validation,
            options,
            &mut on_epoch,
            self.cancelled,
        )?)
    }

    /// The chosen network again, from new weights, on all samples.
    fn relearn(
        &mut self,
        chosen: &Winner,
        (rows, labels): Labelled<'_>,
        plan: &NetworkPlan,
        options: &FitOptions,
    ) -> Result<Network, TrainError> {
        let n_classes = self.data.classes.len();
        let options = FitOptions {
            epochs: chosen.history.best_epoch,
            patience: None,
            optimiser: options.optimiser.with_learning_rate(chosen.learning_rate),
            class_weights: Some(weights(labels, n_classes, plan.balanced)),
            checkpoint: self
                .options
                .work
                .as_ref()
                .map(|work| work.join("relearn.checkpoint")),
            ..options.clone()
        };
        let none = Chosen {
            all: &self.data.features,
            places: Vec::new(),
        };
        let architecture = chosen.network.architecture();
        let (network, _) = self.fit(architecture, (rows, labels), (&none, &[]), &options)?;
        Ok(network)
    }

    /// The best of several variations of a network.
    fn search(
        &mut self,
        plan: &NetworkPlan,
        options: &FitOptions,
        training: Labelled<'_>,
        validation: Labelled<'_>,
    ) -> Result<Winner, TrainError> {
        let (epochs, total) = (options.epochs, plan.trials);
        let mut on_event = |event: SearchEvent<'_>| match event {
            SearchEvent::Epoch(_, figures) => {
                (self.event)(Event::Epoch {
                    figures,
                    total: epochs,
                });
            }
            SearchEvent::Trial(trial) => (self.event)(Event::Trial { trial, total }),
        };
        let found = random_search(
            &plan.architecture,
            &SearchSpace::default(),
            plan.trials,
            training,
            validation,
            options,
            self.options.work.as_deref(),
            &mut on_event,
            self.cancelled,
        )?;
        let best = &found.trials[0];
        let winner = Winner {
            learning_rate: best.learning_rate,
            history: best.history.clone(),
            network: found.network,
        };
        self.figures.trials = found.trials;
        Ok(winner)
    }

    /// Whether the samples are such pictures as the network takes.
    fn check_input(&self, architecture: &Architecture) -> Result<(), TrainError> {
        let input = architecture.input;
        let wanted = Values::Levels {
            width: input.width as u32,
            height: input.height as u32,
            gray: input.channels == 1,
        };
        let is_given = matches!(self.data.input.values, Values::Given { length }
            if length == input.width * input.height * input.channels);
        if self.data.input.values == wanted || is_given {
            return Ok(());
        }
        Err(TrainError::Input {
            expected: wanted.describe(),
            found: self.data.input.values.describe(),
        })
    }
}

/// The network that the validation samples speak for.
struct Winner {
    network: Network,
    history: History,
    learning_rate: f32,
}

/// What the network says of samples.
fn tried(network: &Network, rows: &Chosen<'_>, labels: &[usize]) -> io::Result<Vec<Tried>> {
    /// Samples that are in memory at a time.
    const AT_ONCE: usize = 256;
    let mut all = Vec::with_capacity(labels.len());
    let places: Vec<usize> = (0..labels.len()).collect();
    for places in places.chunks(AT_ONCE) {
        let mut samples = vec![vec![0.0; rows.width()]; places.len()];
        for (sample, place) in samples.iter_mut().zip(places) {
            rows.read(*place, sample)?;
        }
        let answers = network.probabilities_batch(&samples);
        all.extend(
            places
                .iter()
                .zip(answers)
                .map(|(place, probabilities)| Tried {
                    sample: rows.places[*place],
                    truth: labels[*place],
                    predicted: argmax(probabilities.iter().copied()),
                    probabilities,
                }),
        );
    }
    Ok(all)
}

/// The weight of each class: 1, or so that all weigh the same.
fn weights(labels: &[usize], n_classes: usize, balanced: bool) -> Vec<f32> {
    let count = |class| labels.iter().filter(|label| **label == class).count();
    let weight = |class| labels.len() as f32 / (n_classes * count(class).max(1)) as f32;
    (0..n_classes)
        .map(|class| if balanced { weight(class) } else { 1.0 })
        .collect()
}
