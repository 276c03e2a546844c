//! Training of networks: validation, trials, the tried samples.

use std::io;

use super::{Event, TrainError, Tried, Work, named};
use crate::classifier::Model;
use crate::input::Values;
use crate::learn::argmax;
use crate::nn::{
    Architecture, FitOptions, History, Labelled, Network, SearchEvent, SearchSpace, fit,
    random_search,
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
        let chosen = |places: &[usize]| -> Vec<usize> {
            places.iter().map(|i| self.sides.training[*i]).collect()
        };
        let (learnt, validation) = (chosen(&split.training), chosen(&split.held_out));
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
        let total = options.epochs;
        let (network, history) = if plan.trials > 0 {
            (self.event)(Event::Stage("trying networks"));
            self.search(plan, &options, training, validation)?
        } else {
            (self.event)(Event::Stage("training"));
            fit(
                &plan.architecture,
                training,
                validation,
                &options,
                &mut |figures| (self.event)(Event::Epoch { figures, total }),
                self.cancelled,
            )?
        };
        self.figures.n_learnt = learnt_labels.len();
        self.figures.learner = format!("network {}", network.architecture().name);
        self.figures.summary = Some(network.summary().to_string());
        self.figures.history = Some(history);
        let held_out_rows = rows(self.sides.held_out.clone());
        let held_out_labels = of(&self.sides.held_out);
        self.figures.held_out = tried(&network, &held_out_rows, &held_out_labels)?;
        self.figures.out_of_fold = tried(&network, &validation_rows, &validation_labels)?;
        Ok(Model::Network(network))
    }

    /// The best of several variations of a network.
    fn search(
        &mut self,
        plan: &NetworkPlan,
        options: &FitOptions,
        training: Labelled<'_>,
        validation: Labelled<'_>,
    ) -> Result<(Network, History), TrainError> {
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
        let history = found.trials[0].history.clone();
        self.figures.trials = found.trials;
        Ok((found.network, history))
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
