//! From what was measured to the report.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::{Figures, Outcome, Tried};
use crate::data::{DataSet, SkipReason};
use crate::input::{Faces, Values};
use crate::metrics::{LabelDoubt, label_doubts};
use crate::report::{
    ClassCounts, DataFacts, DoubtfulPicture, Evaluation, Importance, Predictions, TrainingReport,
};

/// Features of a forest that the report names.
const MOST_IMPORTANCES: usize = 20;

impl Figures {
    /// Samples whose label the others contradict, the most doubtful first; none without a cross-validation.
    pub fn doubts(&self, n_classes: usize) -> Vec<LabelDoubt> {
        if self.fold_accuracies.is_empty() {
            return Vec::new();
        }
        let labels: Vec<usize> = self.out_of_fold.iter().map(|tried| tried.truth).collect();
        let mut doubts = label_doubts(probabilities(&self.out_of_fold, n_classes).view(), &labels);
        for doubt in &mut doubts {
            doubt.sample = self.out_of_fold[doubt.sample].sample;
        }
        doubts
    }
}

fn probabilities(tried: &[Tried], n_classes: usize) -> Array2<f64> {
    Array2::from_shape_fn((tried.len(), n_classes), |(i, class)| {
        tried[i].probabilities[class]
    })
}

impl Outcome {
    /// All there is to say about the training.
    pub fn report(&self, data: &DataSet) -> TrainingReport {
        let (card, figures) = (&self.classifier.card, &self.figures);
        let pictures: Vec<String> = data.samples.iter().map(|s| s.name.clone()).collect();
        let evaluate = |how: &str, tried: &[Tried], folds: Vec<f64>| {
            let places: Vec<usize> = tried.iter().map(|tried| tried.sample).collect();
            let of_tried: Vec<String> = places.iter().map(|i| pictures[*i].clone()).collect();
            let labels: Vec<usize> = tried.iter().map(|tried| tried.truth).collect();
            let predicted: Vec<usize> = tried.iter().map(|tried| tried.predicted).collect();
            let probabilities = probabilities(tried, data.classes.len());
            let predictions = Predictions {
                classes: &data.classes,
                samples: &places,
                pictures: &of_tried,
                labels: &labels,
                predicted: &predicted,
                probabilities: probabilities.view(),
            };
            Evaluation::new(how, &predictions, folds)
        };
        let mut evaluations = Vec::new();
        if !figures.held_out.is_empty() {
            let how = if figures.sides.are_given {
                "the pictures that the data set holds out"
            } else {
                "pictures that were held out"
            };
            evaluations.push(evaluate(how, &figures.held_out, Vec::new()));
        }
        if !figures.fold_accuracies.is_empty() {
            let how = format!(
                "cross-validation in {} parts",
                figures.fold_accuracies.len()
            );
            let folds = figures.fold_accuracies.clone();
            evaluations.push(evaluate(&how, &figures.out_of_fold, folds));
        } else if !figures.out_of_fold.is_empty() {
            let how = "pictures by which the network was stopped";
            evaluations.push(evaluate(how, &figures.out_of_fold, Vec::new()));
        }
        let names = figures.importances.as_deref().map(|importances| {
            Importance::top(importances, MOST_IMPORTANCES, |i| {
                feature_name(&card.input.values, i)
            })
        });
        let doubts = figures.doubts(data.classes.len());
        TrainingReport {
            name: card.name.clone(),
            created: card.created.clone(),
            program: card.program.clone(),
            command: card.command.clone(),
            seed: card.seed,
            feature: card.input.values.describe(),
            learner: card.learner.clone(),
            models: models(data),
            seconds: figures.seconds,
            data: facts(data, figures),
            evaluations,
            grid: figures.grid.clone(),
            doubts: DoubtfulPicture::all(&doubts, &data.classes, &pictures),
            importances: names.unwrap_or_default(),
            history: figures.history.clone(),
            warnings: warnings(figures),
            facts: Vec::new(),
        }
    }
}

/// What should be known before the figures are believed.
fn warnings(figures: &Figures) -> Vec<String> {
    let mut warnings = figures.notes.clone();
    if !figures.is_converged {
        warnings.push("the learner was stopped after its largest number of steps".to_owned());
    }
    warnings
}

fn facts(data: &DataSet, figures: &Figures) -> DataFacts {
    let mut skipped: BTreeMap<SkipReason, usize> = BTreeMap::new();
    for picture in &data.skipped {
        *skipped.entry(picture.reason).or_default() += 1;
    }
    let words = |reason| match reason {
        SkipReason::Unreadable => "unreadable",
        SkipReason::NoFace => "without a face that is wanted",
        SkipReason::Unusable => "unusable",
        SkipReason::NoClass => "without a class",
    };
    let of_class = |places: &[usize], class| {
        places
            .iter()
            .filter(|i| data.samples[**i].class == class)
            .count()
    };
    let classes = data.classes.iter().enumerate();
    DataFacts {
        source: figures.source.clone(),
        n_pictures: data.samples.len() + data.skipped.len(),
        skipped: skipped
            .into_iter()
            .map(|(reason, count)| (words(reason).to_owned(), count))
            .collect(),
        n_near_duplicates: figures.n_near_duplicates,
        classes: classes
            .map(|(class, name)| ClassCounts {
                class: name.clone(),
                n_training: of_class(&figures.sides.training, class),
                n_held_out: of_class(&figures.sides.held_out, class),
            })
            .collect(),
    }
}

/// Ids of the models that samples were made with.
fn models(data: &DataSet) -> Vec<String> {
    let mut models = Vec::new();
    if let Faces::Found(search) = &data.input.faces {
        models.push(search.model.clone());
        models.extend(
            search
                .require_eyes
                .map(|n| format!("haar:eye, {n} eyes at least")),
        );
    }
    if let Values::Features {
        embedder: Some(id), ..
    } = &data.input.values
    {
        models.push(id.clone());
    }
    models
}

/// What a feature is the value of.
fn feature_name(values: &Values, place: usize) -> String {
    match values {
        Values::Features { names, .. } if !names.contains('+') => format!("{names} {place}"),
        _ => format!("value {place}"),
    }
}
