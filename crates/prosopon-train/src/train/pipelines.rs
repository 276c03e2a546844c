//! Training of steps and learners: grid, cross-validation, the tried samples.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::{Event, Plan, TrainError, Tried, Work, named};
use crate::classifier::Model;
use crate::grid::{GridCell, grid_search};
use crate::learn::Samples;
use crate::pipeline::{FittedPipeline, Pipeline};
use crate::split::{Split, most_folds, stratified_folds};

impl Work<'_> {
    /// Chooses among `candidates`, and trains the best one.
    pub(super) fn pipelines(&mut self, candidates: &[Pipeline]) -> Result<Model, TrainError> {
        let features = self.data.features.to_array()?;
        let labels = self.data.labels();
        let all = Learning {
            features,
            labels,
            n_classes: self.data.classes.len(),
            seed: self.options.seed,
        };
        let chosen = self.choose(candidates, &all)?;
        self.figures.learner = chosen.to_string();
        self.cross_validate(&chosen, &all)?;

        (self.event)(Event::Stage("training"));
        let fitted = all.fit(&chosen, &self.sides.training)?;
        go_on(self.cancelled)?;
        self.figures.held_out = all.tried(&fitted, &self.sides.held_out);
        let model = if self.options.refit && !self.sides.held_out.is_empty() {
            (self.event)(Event::Stage("training on all samples"));
            self.figures.n_learnt = all.labels.len();
            all.fit(&chosen, &(0..all.labels.len()).collect::<Vec<_>>())?
        } else {
            self.figures.n_learnt = self.sides.training.len();
            fitted
        };
        self.figures.importances = model.importances();
        self.figures.is_converged = model.is_converged();
        Ok(Model::Pipeline(model))
    }

    /// The only candidate, or the one that is best in a cross-validation of the training samples.
    fn choose(&mut self, candidates: &[Pipeline], all: &Learning) -> Result<Pipeline, TrainError> {
        if let (Plan::Pipeline(_), [only]) = (&self.options.plan, candidates) {
            return Ok(*only);
        }
        (self.event)(Event::Stage("trying learners"));
        let (features, labels) = all.part(&self.sides.training);
        let groups: Vec<usize> = self
            .sides
            .training
            .iter()
            .map(|i| self.groups[*i])
            .collect();
        let k = most_folds(&labels, Some(&groups))
            .min(self.options.folds)
            .max(2);
        let folds = stratified_folds(&labels, Some(&groups), k, all.seed)
            .map_err(|error| named(error, self.data))?;
        let samples = Samples {
            features: features.view(),
            labels: &labels,
        };
        let done = AtomicUsize::new(0);
        let each = |cell: &GridCell| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (self.event)(Event::Cell {
                cell,
                done,
                total: candidates.len(),
            });
        };
        let result = grid_search(
            &samples,
            all.n_classes,
            candidates,
            &folds,
            all.seed,
            &each,
            self.cancelled,
        )?;
        let best = result.best().pipeline;
        self.figures.grid = result.cells;
        Ok(best)
    }

    /// What `pipeline` says of each sample when it has learnt from the others: of all samples, or of those that
    /// are learnt from if the layout says which. Left out if a class has too few.
    fn cross_validate(&mut self, pipeline: &Pipeline, all: &Learning) -> Result<(), TrainError> {
        let places: Vec<usize> = if self.sides.are_given {
            self.sides.training.clone()
        } else {
            (0..all.labels.len()).collect()
        };
        let labels: Vec<usize> = places.iter().map(|i| all.labels[*i]).collect();
        let groups: Vec<usize> = places.iter().map(|i| self.groups[*i]).collect();
        if self.options.folds < 2 {
            return Ok(());
        }
        let k = most_folds(&labels, Some(&groups)).min(self.options.folds);
        if k < 2 {
            let note = "no cross-validation: a class has only samples that are alike";
            self.figures.notes.push(note.to_owned());
            return Ok(());
        }
        if k < self.options.folds {
            let wanted = self.options.folds;
            self.figures.notes.push(format!(
                "cross-validation in {k} parts instead of {wanted}: the smallest class has no more samples that are not alike"
            ));
        }
        let folds = stratified_folds(&labels, Some(&groups), k, all.seed)
            .map_err(|error| named(error, self.data))?;
        (self.event)(Event::Stage("cross-validation"));
        let done = AtomicUsize::new(0);
        let (event, cancelled) = (self.event, self.cancelled);
        let of_fold = |fold: &Split| -> Result<Vec<Tried>, TrainError> {
            go_on(cancelled)?;
            let of_all = |chosen: &[usize]| chosen.iter().map(|i| places[*i]).collect::<Vec<_>>();
            let fitted = all.fit(pipeline, &of_all(&fold.training))?;
            let tried = all.tried(&fitted, &of_all(&fold.held_out));
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            event(Event::Fold { done, total: k });
            Ok(tried)
        };
        let tried: Vec<Vec<Tried>> = folds.par_iter().map(of_fold).collect::<Result<_, _>>()?;
        self.figures.fold_accuracies = tried.iter().map(|fold| accuracy(fold)).collect();
        self.figures.out_of_fold = tried.into_iter().flatten().collect();
        Ok(())
    }
}

/// Samples and what is needed to learn from them.
struct Learning {
    features: Array2<f32>,
    labels: Vec<usize>,
    n_classes: usize,
    seed: u64,
}

impl Learning {
    fn part(&self, places: &[usize]) -> (Array2<f32>, Vec<usize>) {
        let labels = places.iter().map(|i| self.labels[*i]).collect();
        (self.features.select(Axis(0), places), labels)
    }

    fn fit(&self, pipeline: &Pipeline, places: &[usize]) -> Result<FittedPipeline, TrainError> {
        let (features, labels) = self.part(places);
        let samples = Samples {
            features: features.view(),
            labels: &labels,
        };
        Ok(pipeline.fit(&samples, self.n_classes, self.seed)?)
    }

    fn tried(&self, fitted: &FittedPipeline, places: &[usize]) -> Vec<Tried> {
        let (features, labels) = self.part(places);
        let predicted = fitted.predict_all(features.view());
        let probabilities = fitted.probabilities_all(features.view());
        let answers = predicted.into_iter().zip(probabilities.rows());
        places
            .iter()
            .zip(labels)
            .zip(answers)
            .map(|((sample, truth), (predicted, probabilities))| Tried {
                sample: *sample,
                truth,
                predicted,
                probabilities: probabilities.to_vec(),
            })
            .collect()
    }
}

/// Share of right answers; 0 of none.
fn accuracy(tried: &[Tried]) -> f64 {
    let right = tried.iter().filter(|tried| tried.predicted == tried.truth);
    right.count() as f64 / tried.len().max(1) as f64
}

/// Whether nobody stopped the work.
fn go_on(cancelled: &AtomicBool) -> Result<(), TrainError> {
    if cancelled.load(Ordering::Relaxed) {
        Err(TrainError::Cancelled)
    } else {
        Ok(())
    }
}
