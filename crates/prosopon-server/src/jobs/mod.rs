//! Work that takes pictures in several requests, or a folder of them, and then goes on by itself: evaluations, trainings.
//!
//! Each has a number. It is asked for until it is old; nothing of it is written to disk.

pub(crate) mod folder;
mod reading;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::state::{App, State};

pub(crate) use folder::File;
pub(crate) use reading::read_files;

/// Pictures of one job.
pub(crate) const MAX_PICTURES: usize = 10_000;

/// Jobs of a kind that are kept; the oldest that have ended go first.
pub(crate) const MAX_KEPT: usize = 10;

/// How long one waits for further pictures.
pub(crate) const MAX_IDLE: Duration = Duration::from_mins(10);

/// How often old ones are looked for.
pub(crate) const SWEEP: Duration = Duration::from_secs(30);

/// Pictures that could not be used and are listed; the others are counted.
const MAX_LISTED: usize = 100;

/// How far a job is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It takes pictures.
    Collecting,
    /// It goes on by itself. Work is never thrown away for taking long.
    Working,
    /// For better or worse.
    Ended,
}

/// Work with a number.
pub(crate) trait Job: Send + Sync + 'static {
    /// How long it is kept after it has ended.
    const MAX_AGE: Duration;

    /// All of the kind.
    fn all(app: &State) -> &Jobs<Self>
    where
        Self: Sized;

    /// The error for a number that there is not, or no longer.
    fn unknown(id: i64) -> ApiError;

    /// How far it is, and when it last changed.
    fn phase(&self) -> (Phase, Instant);

    /// Set when nobody wants it any more.
    fn cancelled(&self) -> &AtomicBool;

    /// Whether nobody wants it any more.
    fn is_cancelled(&self) -> bool {
        self.cancelled().load(Ordering::Relaxed)
    }

    /// Whether it has not ended.
    fn is_unfinished(&self) -> bool {
        self.phase().0 != Phase::Ended
    }

    /// Whether it is to be forgotten.
    fn is_old(&self) -> bool {
        let (phase, changed) = self.phase();
        match phase {
            Phase::Collecting => changed.elapsed() > MAX_IDLE,
            Phase::Working => false,
            Phase::Ended => changed.elapsed() > Self::MAX_AGE,
        }
    }
}

/// All jobs of a kind that are kept.
pub(crate) struct Jobs<J> {
    kept: Mutex<Kept<J>>,
}

struct Kept<J> {
    last: i64,
    by_id: BTreeMap<i64, Arc<J>>,
}

impl<J> Default for Jobs<J> {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept {
                last: 0,
                by_id: BTreeMap::new(),
            }),
        }
    }
}

impl<J: Job> Jobs<J> {
    fn kept(&self) -> MutexGuard<'_, Kept<J>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_id.retain(|_, job| !job.is_old());
        kept
    }

    /// Begins one, unless `refused` says why not; it is told how many have not ended.
    ///
    /// # Errors
    /// Those of `refused`.
    pub(crate) fn begin(
        app: &App,
        refused: impl FnOnce(usize) -> ApiResult<()>,
        new: impl FnOnce(i64) -> J,
    ) -> ApiResult<Arc<J>> {
        let mut kept = J::all(app).kept();
        refused(
            kept.by_id
                .values()
                .filter(|job| job.is_unfinished())
                .count(),
        )?;
        while kept.by_id.len() >= MAX_KEPT {
            let ended = kept.by_id.iter().find(|(_, job)| !job.is_unfinished());
            match ended.map(|(id, _)| *id) {
                Some(id) => drop(kept.by_id.remove(&id)),
                None => break,
            }
        }
        kept.last += 1;
        let id = kept.last;
        let job = Arc::new(new(id));
        kept.by_id.insert(id, Arc::clone(&job));
        drop(kept);
        // What waits for hours must not keep the server from ending.
        tokio::spawn(forget_in_time::<J>(Arc::downgrade(app), id));
        Ok(job)
    }

    /// The one with this number.
    ///
    /// # Errors
    /// [`Job::unknown`].
    pub(crate) fn get(&self, id: i64) -> ApiResult<Arc<J>> {
        let found = self.kept().by_id.get(&id).cloned();
        found.ok_or_else(|| J::unknown(id))
    }

    /// All, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<J>> {
        self.kept().by_id.values().cloned().collect()
    }

    /// Stops one if it runs, and forgets it.
    ///
    /// # Errors
    /// [`Job::unknown`].
    pub(crate) fn remove(&self, id: i64) -> ApiResult<()> {
        let removed = self.kept().by_id.remove(&id);
        let job = removed.ok_or_else(|| J::unknown(id))?;
        job.cancelled().store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Looks now and then whether the job has become old, until it is gone.
async fn forget_in_time<J: Job>(app: Weak<State>, id: i64) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(app) = app.upgrade() else { return };
        if J::all(&app).get(id).is_err() {
            return;
        }
    }
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

impl Unusable {
    pub(crate) fn new(name: &str, error: &ApiError) -> Self {
        Self {
            name: name.to_owned(),
            reason: error.code.to_owned(),
            message: error.message.clone(),
        }
    }
}

/// Pictures that could not be used: the first hundred, and how many.
#[derive(Debug, Default)]
pub(crate) struct Unusables {
    pub(crate) listed: Vec<Unusable>,
    pub(crate) n: usize,
}

impl Unusables {
    pub(crate) fn push(&mut self, one: Unusable) {
        self.n += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(one);
        }
    }
}
