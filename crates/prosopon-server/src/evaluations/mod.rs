//! Evaluations: pictures of known people, and how often the server is wrong about them.
//!
//! Pictures are worked on as they come and then forgotten; of each remain the embedding and the aligned face,
//! until the figures are there. Nothing is written to disk.

pub(crate) mod folder;
pub(crate) mod report;
mod work;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use prosopon::Embedding;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::state::{App, State};

pub(crate) use folder::File;
pub(crate) use work::{Judged, compute, judge, read_folder};

/// Pictures of one evaluation. Each takes some six kilobytes until the figures are there.
pub(crate) const MAX_PICTURES: usize = 10_000;

/// Evaluations that may be under way at a time.
const MAX_UNFINISHED: usize = 2;

/// Evaluations that are kept; the oldest finished ones go first.
const MAX_KEPT: usize = 10;

/// How long one is kept after its last change.
const MAX_AGE: Duration = Duration::from_hours(1);

/// How long one waits for further pictures.
const MAX_IDLE: Duration = Duration::from_mins(10);

/// How often old ones are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// Pictures that could not be used and are listed; the others are counted.
const MAX_LISTED: usize = 100;

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

/// A picture that could not be used.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Unusable {
    /// `person/picture.jpg`, or what was given instead.
    pub(crate) name: String,
    /// Code of the error.
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// What remains of a picture.
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
    pub(crate) unusable: Vec<Unusable>,
    pub(crate) n_unusable: usize,
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
                unusable: Vec::new(),
                n_unusable: 0,
                outcome: None,
                error: None,
            }),
        }
    }

    /// Where it is. Nothing that takes time is done while this is held.
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody wants it any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
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
            Err(unusable) => {
                progress.n_unusable += 1;
                if progress.unusable.len() < MAX_LISTED {
                    progress.unusable.push(unusable);
                }
            }
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

    fn is_unfinished(&self) -> bool {
        !matches!(self.progress().stage, Stage::Done | Stage::Failed)
    }

    fn is_old(&self) -> bool {
        let progress = self.progress();
        let age = progress.changed.elapsed();
        match progress.stage {
            Stage::Collecting => age > MAX_IDLE,
            // Work is never thrown away for taking long.
            Stage::Reading | Stage::Computing => false,
            Stage::Done | Stage::Failed => age > MAX_AGE,
        }
    }
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

/// All evaluations that are kept, by number.
#[derive(Default)]
pub(crate) struct Evaluations {
    kept: Mutex<(i64, BTreeMap<i64, Arc<Evaluation>>)>,
}

impl Evaluations {
    fn kept(&self) -> MutexGuard<'_, (i64, BTreeMap<i64, Arc<Evaluation>>)> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one.
    ///
    /// # Errors
    /// `too_many_evaluations` if as many as may be are under way.
    pub(crate) fn begin(app: &App, folder: Option<String>) -> ApiResult<Arc<Evaluation>> {
        let mut kept = app.evaluations.kept();
        let (last, all) = &mut *kept;
        all.retain(|_, evaluation| !evaluation.is_old());
        let unfinished = all.values().filter(|e| e.is_unfinished()).count();
        if unfinished >= MAX_UNFINISHED {
            let message = format!("{unfinished} evaluations are under way, which is the most");
            return Err(ApiError::new("too_many_evaluations", message)
                .with_hint("wait for one of them, or delete it")
                .retry_after(10));
        }
        while all.len() >= MAX_KEPT {
            let oldest = all.values().find(|e| !e.is_unfinished()).map(|e| e.id);
            match oldest {
                Some(id) => drop(all.remove(&id)),
                None => break,
            }
        }
        *last += 1;
        let evaluation = Arc::new(Evaluation::new(*last, folder));
        all.insert(*last, Arc::clone(&evaluation));
        drop(kept);
        // What waits for an hour must not keep the server from ending.
        tokio::spawn(forget_in_time(Arc::downgrade(app), evaluation.id));
        Ok(evaluation)
    }

    /// The one with this number.
    ///
    /// # Errors
    /// `unknown_evaluation`.
    pub(crate) fn get(&self, id: i64) -> ApiResult<Arc<Evaluation>> {
        let mut kept = self.kept();
        kept.1.retain(|_, evaluation| !evaluation.is_old());
        kept.1.get(&id).cloned().ok_or_else(|| unknown(id))
    }

    /// All, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Evaluation>> {
        let mut kept = self.kept();
        kept.1.retain(|_, evaluation| !evaluation.is_old());
        kept.1.values().cloned().collect()
    }

    /// Stops one if it runs, and forgets it.
    ///
    /// # Errors
    /// `unknown_evaluation`.
    pub(crate) fn remove(&self, id: i64) -> ApiResult<()> {
        let evaluation = self.kept().1.remove(&id).ok_or_else(|| unknown(id))?;
        evaluation.cancelled.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn unknown(id: i64) -> ApiError {
    ApiError::new("unknown_evaluation", format!("unknown evaluation {id}"))
        .with_hint("evaluations are kept for an hour, and end with the server")
}

/// Looks now and then whether the evaluation has become old, until it is gone.
async fn forget_in_time(app: Weak<State>, id: i64) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(app) = app.upgrade() else { return };
        if app.evaluations.get(id).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
