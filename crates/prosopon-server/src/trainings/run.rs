//! The training itself, on a thread of its own.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prosopon_fetch::Moment;
use prosopon_train::data::{DataSet, DataSetBuilder, Listed, SkipReason, Skipped};
use prosopon_train::registry::NewFile;
use prosopon_train::train::{Event, Origin, TrainError, TrainOptions, train};

use super::{CellJson, EpochJson, Kept, TrainedJson, Training, TrainingStage};
use crate::error::{ApiError, ApiResult, with_causes};
use crate::jobs::Job as _;
use crate::state::{App, State};

/// Share of wrong answers among those that are not rejected.
const ACCEPTED_ERRORS: f64 = 0.01;

/// Begins to learn from the pictures that were gathered.
///
/// # Errors
/// `training_state`, `training_under_way`; those of starting a thread.
pub(crate) fn start(app: &App, training: &Arc<Training>, from: TrainingStage) -> ApiResult<()> {
    let learning = Arc::clone(&app.trainings.learning);
    if learning.swap(true, Ordering::Relaxed) {
        return Err(ApiError::new("training_under_way", "a training is under way").retry_after(10));
    }
    let learning = Learning(learning);
    let pictures = training.complete(from)?;
    let (state, of) = (Arc::clone(app), Arc::clone(training));
    let work = move || {
        let result = catch_unwind(AssertUnwindSafe(|| learn(&state, &of, pictures)));
        let result = result.unwrap_or_else(|_| Err(ApiError::internal("a panic while training")));
        match &result {
            Ok(trained) => {
                let (name, version) = (&of.wanted.name, trained.version);
                tracing::info!(classifier = name, version, "trained");
            }
            Err(error) => tracing::info!(cause = %error.message, "no classifier"),
        }
        drop(learning);
        of.end(result);
    };
    let thread = std::thread::Builder::new().name("train".to_owned());
    thread.spawn(work).map_err(ApiError::internal)?;
    Ok(())
}

/// Set as long as it lives.
struct Learning(Arc<AtomicBool>);

impl Drop for Learning {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn learn(
    app: &State,
    training: &Training,
    pictures: BTreeMap<String, Kept>,
) -> ApiResult<TrainedJson> {
    let wanted = &training.wanted;
    let data = data_set(training, pictures)?;
    let options = TrainOptions {
        plan: wanted.plan.clone(),
        held_out: wanted.held_out,
        folds: wanted.folds,
        seed: wanted.seed,
        refit: true,
        accepted_errors: ACCEPTED_ERRORS,
        origin: Origin {
            name: wanted.name.clone(),
            created: Moment::now().to_string(),
            program: concat!("prosopon ", env!("CARGO_PKG_VERSION")).to_owned(),
            source: training.folder.as_ref().map_or_else(
                || "pictures sent to the server".to_owned(),
                |folder| format!("folder `{folder}` of the server"),
            ),
            command: format!("POST /v1/trainings, {}", wanted.description),
        },
        work: None,
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(app))
        .thread_name(|i| format!("train-{i}"))
        .build()
        .map_err(ApiError::internal)?;
    let event = |event: Event<'_>| note(training, event);
    let outcome = pool.install(|| train(&data, &options, &event, &training.cancelled));
    let outcome = outcome.map_err(failed)?;
    note(training, Event::Stage("writing the report"));
    let files = outcome.files(&data).map_err(ApiError::internal)?;
    let files: Vec<NewFile<'_>> = files
        .iter()
        .map(|(name, bytes)| NewFile { name, bytes })
        .collect();
    if training.is_cancelled() {
        return Err(failed(TrainError::Cancelled));
    }
    let version = app.classifiers.registry.add(&wanted.name, &files)?;
    let card = serde_json::to_value(&outcome.classifier.card).map_err(ApiError::internal)?;
    Ok(TrainedJson { version, card })
}

/// Threads that a training may use: recognition has the others.
pub(crate) fn threads(app: &State) -> usize {
    let all = app.compute.models().map_or(1, |models| models.threads);
    (all / 2).max(1)
}

/// The pictures as samples, in order of name.
fn data_set(training: &Training, pictures: BTreeMap<String, Kept>) -> ApiResult<DataSet> {
    let (classes, unusable) = {
        let progress = training.progress();
        let classes: Vec<String> = progress.classes.keys().cloned().collect();
        (classes, progress.unusable.listed.clone())
    };
    let mut builder = DataSetBuilder::in_memory(classes.clone(), training.wanted.input.clone());
    for (name, kept) in pictures {
        let listed = Listed {
            path: name.clone().into(),
            class: classes.binary_search(&kept.class).unwrap_or_default(),
            side: kept.side,
            group: None,
            name,
        };
        builder
            .add(&listed, kept.seen)
            .map_err(ApiError::internal)?;
    }
    for one in unusable {
        builder.skip(Skipped {
            name: one.name,
            reason: match one.reason.as_str() {
                "face_not_found" => SkipReason::NoFace,
                "missing_class" => SkipReason::NoClass,
                "unusable_face" => SkipReason::Unusable,
                _ => SkipReason::Unreadable,
            },
            message: one.message,
        });
    }
    builder.finish().map_err(ApiError::internal)
}

/// Notes what happens, for whoever asks.
fn note(training: &Training, event: Event<'_>) {
    let mut progress = training.progress();
    match event {
        Event::Stage(doing) => {
            progress.doing = doing;
            progress.steps = None;
        }
        Event::Cell { cell, done, total } => {
            progress.steps = Some((done, total));
            progress.cells.push(CellJson {
                name: cell.name.clone(),
                mean: cell.mean,
                deviation: cell.deviation,
            });
        }
        Event::Fold { done, total } => progress.steps = Some((done, total)),
        Event::Trial { trial, total } => progress.steps = Some((trial.number, total)),
        Event::Epoch { figures, total } => {
            progress.steps = Some((figures.epoch, total));
            progress.epochs.push(EpochJson {
                epoch: figures.epoch,
                loss: figures.loss,
                accuracy: figures.accuracy,
                validation_loss: figures.validation_loss,
                validation_accuracy: figures.validation_accuracy,
                seconds: figures.seconds,
            });
        }
    }
}

/// What is wrong with the pictures is said; what is wrong with the server goes to the log.
fn failed(error: TrainError) -> ApiError {
    match error {
        TrainError::Read(error) => ApiError::internal(error),
        TrainError::Cancelled => ApiError::new("cancelled", "the training was stopped"),
        error => {
            let answer = ApiError::new("untrainable", with_causes(&error));
            answer.with_hint("several classes, each with several pictures, are needed")
        }
    }
}
