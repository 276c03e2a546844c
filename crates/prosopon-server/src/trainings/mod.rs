//! Trainings: pictures of several classes, and a new version of a classifier that tells them apart.
//!
//! Of each picture the values of its face are kept, and a thumbnail for the report, until the training ends; nothing
//! is written to disk before the new version. One training runs at a time, on a thread of its own with half of the
//! cores, so that recognition goes on.

mod ask;
mod gather;
mod run;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prosopon_train::data::{Seen, Side};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::jobs::{Job, Jobs, Phase, Unusables};
use crate::state::{App, State};

pub(crate) use ask::{Choices, NewTraining, Wanted};
pub(crate) use gather::{Judged, judge, read_folder};
pub(crate) use run::{start, threads};

/// Bytes of values and thumbnails of one training: in the end all of them are in memory twice for a moment.
const MAX_BYTES: usize = 256 << 20;

/// Classes of one training: each is compared with all others.
pub(crate) const MAX_CLASSES: usize = 1000;

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrainingStage {
    /// It takes pictures.
    Collecting,
    /// It reads a folder.
    Reading,
    /// All pictures are there; it learns.
    Training,
    /// The classifier is there.
    Done,
    /// There is none, and `error` says why.
    Failed,
}

/// What remains of a picture.
pub(crate) struct Kept {
    pub(crate) class: String,
    side: Side,
    seen: Seen,
    bytes: usize,
}

/// What learnt how well, of several.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CellJson {
    /// Steps and learner, such as `scale+svc:C=10`.
    name: String,
    /// Mean share of right answers over the folds.
    mean: f64,
    /// Standard deviation over the folds.
    deviation: f64,
}

/// A pass of a network over all pictures.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EpochJson {
    /// From 1.
    epoch: usize,
    loss: f64,
    accuracy: f64,
    /// On pictures that it does not learn from.
    validation_loss: Option<f64>,
    validation_accuracy: Option<f64>,
    seconds: f64,
}

/// The version that came of a training.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TrainedJson {
    version: u32,
    /// What is to be known about it, as `GET /v1/classifiers/{name}` has it.
    #[schema(value_type = Object)]
    card: Value,
}

/// One training.
pub(crate) struct Training {
    pub(crate) id: i64,
    pub(crate) wanted: Wanted,
    /// The folder that was named; none if pictures are sent.
    pub(crate) folder: Option<String>,
    cancelled: AtomicBool,
    progress: Mutex<Progress>,
}

pub(crate) struct Progress {
    pub(crate) stage: TrainingStage,
    changed: Instant,
    /// Pictures of the folder.
    pub(crate) total: Option<usize>,
    /// By name, so that a picture that is sent twice counts once.
    pictures: BTreeMap<String, Kept>,
    bytes: usize,
    /// Pictures of each class.
    pub(crate) classes: BTreeMap<String, usize>,
    pub(crate) n_pictures: usize,
    pub(crate) unusable: Unusables,
    /// What is being done, in words.
    pub(crate) doing: &'static str,
    /// How many steps of it are done, of how many.
    pub(crate) steps: Option<(usize, usize)>,
    pub(crate) cells: Vec<CellJson>,
    pub(crate) epochs: Vec<EpochJson>,
    pub(crate) result: Option<TrainedJson>,
    pub(crate) error: Option<ApiError>,
}

impl Training {
    fn new(id: i64, wanted: Wanted, folder: Option<String>) -> Self {
        Self {
            id,
            cancelled: AtomicBool::new(false),
            progress: Mutex::new(Progress {
                stage: if folder.is_some() {
                    TrainingStage::Reading
                } else {
                    TrainingStage::Collecting
                },
                changed: Instant::now(),
                total: None,
                pictures: BTreeMap::new(),
                bytes: 0,
                classes: BTreeMap::new(),
                n_pictures: 0,
                unusable: Unusables::default(),
                doing: "looking at pictures",
                steps: None,
                cells: Vec::new(),
                epochs: Vec::new(),
                result: None,
                error: None,
            }),
            wanted,
            folder,
        }
    }

    /// Where it is. Nothing that takes time is done while this is held.
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what came of a picture. What comes after the pictures are complete is left out.
    ///
    /// # Errors
    /// `training_too_large` beyond what a training takes.
    pub(crate) fn add(&self, name: String, judged: Judged) -> ApiResult<()> {
        let mut progress = self.progress();
        let progress = &mut *progress;
        if !matches!(
            progress.stage,
            TrainingStage::Collecting | TrainingStage::Reading
        ) {
            return Ok(());
        }
        progress.changed = Instant::now();
        let kept = match judged {
            Ok(kept) => kept,
            Err(unusable) => {
                progress.unusable.push(unusable);
                return Ok(());
            }
        };
        let class = progress.classes.get(&kept.class);
        if class.is_none() && progress.classes.len() == MAX_CLASSES {
            return Err(too_large(&format!("{MAX_CLASSES} classes")));
        }
        if progress.bytes + kept.bytes > MAX_BYTES {
            return Err(too_large(&format!("{} MiB of values", MAX_BYTES >> 20)));
        }
        progress.bytes += kept.bytes;
        *progress.classes.entry(kept.class.clone()).or_default() += 1;
        if let Some(before) = progress.pictures.insert(name, kept) {
            progress.bytes -= before.bytes;
            if let Some(count) = progress.classes.get_mut(&before.class) {
                *count -= 1;
            }
            progress.classes.retain(|_, count| *count > 0);
        }
        progress.n_pictures = progress.pictures.len();
        Ok(())
    }

    /// Takes the pictures: from here on there are no more.
    ///
    /// # Errors
    /// `training_state` if they were taken before.
    pub(crate) fn complete(&self, from: TrainingStage) -> ApiResult<BTreeMap<String, Kept>> {
        let mut progress = self.progress();
        if progress.stage != from {
            return Err(not_collecting(progress.stage));
        }
        progress.stage = TrainingStage::Training;
        progress.changed = Instant::now();
        Ok(std::mem::take(&mut progress.pictures))
    }

    /// Notes how it ended.
    pub(crate) fn end(&self, result: ApiResult<TrainedJson>) {
        let mut progress = self.progress();
        progress.changed = Instant::now();
        progress.pictures.clear();
        progress.steps = None;
        match result {
            Ok(trained) => {
                progress.stage = TrainingStage::Done;
                progress.doing = "done";
                progress.result = Some(trained);
            }
            Err(error) => {
                progress.stage = TrainingStage::Failed;
                progress.doing = "failed";
                progress.error = Some(error);
            }
        }
    }
}

impl Job for Training {
    /// Its classifier stays.
    const MAX_AGE: Duration = Duration::from_hours(24);

    fn all(app: &State) -> &Jobs<Self> {
        &app.trainings.jobs
    }

    fn unknown(id: i64) -> ApiError {
        ApiError::new("unknown_training", format!("unknown training {id}"))
            .with_hint("trainings are kept for a day, and end with the server; classifiers stay")
    }

    fn phase(&self) -> (Phase, Instant) {
        let progress = self.progress();
        let phase = match progress.stage {
            TrainingStage::Collecting => Phase::Collecting,
            TrainingStage::Reading | TrainingStage::Training => Phase::Working,
            TrainingStage::Done | TrainingStage::Failed => Phase::Ended,
        };
        (phase, progress.changed)
    }

    fn cancelled(&self) -> &AtomicBool {
        &self.cancelled
    }
}

fn too_large(most: &str) -> ApiError {
    let message = format!("expected a training of at most {most}, found more");
    ApiError::new("training_too_large", message)
        .with_hint("`prosopon train` takes any number, and keeps values on disk")
}

/// The error of a training that takes no pictures.
pub(crate) fn not_collecting(stage: TrainingStage) -> ApiError {
    let stage = serde_json::to_value(stage).unwrap_or_default();
    let message = format!(
        "expected a training in stage `collecting`, found `{}`",
        stage.as_str().unwrap_or_default()
    );
    ApiError::new("training_state", message).with_hint("begin a new training")
}

/// All trainings that are kept.
#[derive(Default)]
pub(crate) struct Trainings {
    pub(crate) jobs: Jobs<Training>,
    /// Whether a thread learns, also for a training that was cancelled and has not noticed yet.
    learning: Arc<AtomicBool>,
}

/// Begins a training.
///
/// # Errors
/// `training_under_way` if there is one.
pub(crate) fn begin(app: &App, wanted: Wanted, folder: Option<String>) -> ApiResult<Arc<Training>> {
    let is_learning = app.trainings.learning.load(Ordering::Relaxed);
    let refused = |unfinished| {
        if unfinished == 0 && !is_learning {
            return Ok(());
        }
        let message = "a training is under way, and one at a time is the most";
        Err(ApiError::new("training_under_way", message)
            .with_hint("wait for it, or delete it")
            .retry_after(10))
    };
    Jobs::begin(app, refused, |id| Training::new(id, wanted, folder))
}
