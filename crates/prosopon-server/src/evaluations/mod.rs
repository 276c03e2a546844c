//! Evaluations: pictures of known people, and how often the server is wrong about them.
//!
//! Pictures are worked on as they come and then forgotten; of each remain the embedding and the aligned face,
//! until the figures are there. Nothing is written to disk.

pub(crate) mod report;
mod work;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use prosopon::Embedding;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::jobs::{Job, Jobs, Phase, Unusables};
use crate::state::{App, State};

pub(crate) use work::{Judged, compute, judge, read_folder};

/// Evaluations that may be under way at a time.
const MAX_UNFINISHED: usize = 2;

/// How far an evaluation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// It takes pictures.
    Collecting,
    /// It reads a folder.
    Reading,
    /// All pictures are there; the figures are being worked out.
    Computing,
    /// The figures are there.
    Done,
    /// There are none, and `error` says why.
    Failed,
}

/// What remains of a picture: some six kilobytes.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) person: String,
    /// The face that it is of; none if none was found.
    pub(crate) face: Option<KeptFace>,
}

/// What remains of a face.
#[derive(Clone)]
pub(crate) struct KeptFace {
    pub(crate) embedding: Embedding,
    /// The aligned face as a JPEG.
    pub(crate) crop: Vec<u8>,
}

/// What an evaluation comes to.
pub(crate) struct Outcome {
    pub(crate) figures: Value,
    pub(crate) html: Bytes,
}

/// One evaluation.
pub(crate) struct Evaluation {
    pub(crate) id: i64,
    /// The folder that was named; none if pictures are sent.
    pub(crate) folder: Option<String>,
    cancelled: AtomicBool,
    progress: Mutex<Progress>,
}

pub(crate) struct Progress {
    pub(crate) stage: Stage,
    changed: Instant,
    /// Pictures of the folder.
    pub(crate) total: Option<usize>,
    /// By name, so that a picture that is sent twice counts once.
    pub(crate) pictures: BTreeMap<String, Kept>,
    /// How many there are, also when they are gone.
    pub(crate) n_pictures: usize,
    /// Those without a face.
    pub(crate) without_face: usize,
    pub(crate) unusable: Unusables,
    pub(crate) outcome: Option<Arc<Outcome>>,
    pub(crate) error: Option<ApiError>,
}

impl Evaluation {
    fn new(id: i64, folder: Option<String>) -> Self {
        let stage = if folder.is_some() {
            Stage::Reading
        } else {
            Stage::Collecting
        };
        Self {
            id,
            folder,
            cancelled: AtomicBool::new(false),
            progress: Mutex::new(Progress {
                stage,
                changed: Instant::now(),
                total: None,
                pictures: BTreeMap::new(),
                n_pictures: 0,
                without_face: 0,
                unusable: Unusables::default(),
                outcome: None,
                error: None,
            }),
        }
    }

    /// Where it is. Nothing that takes time is done while this is held.
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what came of a picture. What comes after the pictures are complete is left out.
    pub(crate) fn add(&self, name: String, judged: Judged) {
        let mut progress = self.progress();
        if !matches!(progress.stage, Stage::Collecting | Stage::Reading) {
            return;
        }
        progress.changed = Instant::now();
        match judged {
            Ok(kept) => {
                progress.without_face += usize::from(kept.face.is_none());
                if let Some(before) = progress.pictures.insert(name, kept) {
                    progress.without_face -= usize::from(before.face.is_none());
                }
                progress.n_pictures = progress.pictures.len();
            }
            Err(unusable) => progress.unusable.push(unusable),
        }
    }

    /// Takes the pictures: from here on there are no more.
    ///
    /// # Errors
    /// `evaluation_state` if they were taken before.
    pub(crate) fn complete(&self, from: Stage) -> ApiResult<BTreeMap<String, Kept>> {
        let mut progress = self.progress();
        if progress.stage != from {
            return Err(not_collecting(progress.stage));
        }
        progress.stage = Stage::Computing;
        progress.changed = Instant::now();
        Ok(std::mem::take(&mut progress.pictures))
    }

    /// Notes how it ended.
    pub(crate) fn end(&self, result: ApiResult<Outcome>) {
        let mut progress = self.progress();
        progress.changed = Instant::now();
        progress.pictures.clear();
        match result {
            Ok(outcome) => {
                progress.stage = Stage::Done;
                progress.outcome = Some(Arc::new(outcome));
            }
            Err(error) => {
                progress.stage = Stage::Failed;
                progress.error = Some(error);
            }
        }
    }
}

impl Job for Evaluation {
    const MAX_AGE: Duration = Duration::from_hours(1);

    fn all(app: &State) -> &Jobs<Self> {
        &app.evaluations
    }

    fn unknown(id: i64) -> ApiError {
        ApiError::new("unknown_evaluation", format!("unknown evaluation {id}"))
            .with_hint("evaluations are kept for an hour, and end with the server")
    }

    fn phase(&self) -> (Phase, Instant) {
        let progress = self.progress();
        let phase = match progress.stage {
            Stage::Collecting => Phase::Collecting,
            Stage::Reading | Stage::Computing => Phase::Working,
            Stage::Done | Stage::Failed => Phase::Ended,
        };
        (phase, progress.changed)
    }

    fn cancelled(&self) -> &AtomicBool {
        &self.cancelled
    }
}

/// Begins an evaluation.
///
/// # Errors
/// `too_many_evaluations` if as many as may be are under way.
pub(crate) fn begin(app: &App, folder: Option<String>) -> ApiResult<Arc<Evaluation>> {
    let refused = |unfinished| {
        if unfinished < MAX_UNFINISHED {
            return Ok(());
        }
        let message = format!("{unfinished} evaluations are under way, which is the most");
        Err(ApiError::new("too_many_evaluations", message)
            .with_hint("wait for one of them, or delete it")
            .retry_after(10))
    };
    Jobs::begin(app, refused, |id| Evaluation::new(id, folder))
}

/// The error of an evaluation that takes no pictures.
pub(crate) fn not_collecting(stage: Stage) -> ApiError {
    let stage = serde_json::to_value(stage).unwrap_or_default();
    let message = format!(
        "expected an evaluation in stage `collecting`, found `{}`",
        stage.as_str().unwrap_or_default()
    );
    ApiError::new("evaluation_state", message).with_hint("begin a new evaluation")
}

#[cfg(test)]
mod tests;
