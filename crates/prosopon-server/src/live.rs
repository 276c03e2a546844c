//! Sessions of browsers that show their own camera: frames come one by one, and what was known of a face stays known,
//! so that names do not flicker. Nothing of a session is stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use prosopon::{Attributes, DecisionRequest, Detection, Image};
use prosopon_video::liveness::{Challenge, ChallengeOptions, ChallengeState};
use prosopon_video::{Event, EventKind, Frame, TrackView, WatchOptions, Watcher};

use crate::access::Caller;
use crate::access::keys::KeyId;
use crate::cameras::now::TrackJson;
use crate::cameras::track_json;
use crate::cameras::who::InServerGallery;
use crate::error::{ApiError, ApiResult, with_causes};
use crate::models::LoadedModels;
use crate::state::App;
use crate::telemetry::{hex, random};

/// Sessions at a time. Each remembers some faces: well below a megabyte.
const MAX_SESSIONS: usize = 64;

/// A session without a frame for this long is over.
const MAX_IDLE: Duration = Duration::from_secs(30);

/// All sessions.
#[derive(Default)]
pub(crate) struct LiveSessions {
    open: Mutex<HashMap<String, Arc<LiveSession>>>,
}

/// One browser's camera.
pub(crate) struct LiveSession {
    owner: Option<KeyId>,
    pub(crate) gallery: String,
    used: Mutex<Instant>,
    work: Mutex<Work>,
}

struct Work {
    watcher: Watcher,
    started: Instant,
    n_frames: u64,
    challenge: Option<Asked>,
}

/// A challenge, and the face that it began with.
struct Asked {
    challenge: Challenge,
    track: Option<u64>,
}

/// What a frame of a session showed.
pub(crate) struct Look {
    pub(crate) tracks: Vec<TrackJson>,
    pub(crate) challenge: Option<ChallengeState>,
    /// Who was recognised, and who turned out to be nobody, with this frame.
    pub(crate) decided: Vec<Event>,
}

impl LiveSessions {
    /// Opens a session; its name.
    ///
    /// # Errors
    /// `too_many_live_sessions`, `loading`, those of the gallery.
    pub(crate) fn open(
        &self,
        app: &App,
        caller: &Caller,
        gallery: String,
        asked: DecisionRequest,
    ) -> ApiResult<String> {
        let models = app.compute.models()?;
        let who = InServerGallery::new(app, &gallery, asked)?;
        // Frames of a browser are few: each is searched.
        let options = WatchOptions {
            every: 1,
            evidence: models.evidence(),
            keep_record: false,
            ..WatchOptions::default()
        };
        let watcher = Watcher::new(
            "live",
            Arc::clone(&models.engine),
            Some(Arc::new(who)),
            options,
        );
        let session = LiveSession {
            owner: caller.key,
            gallery,
            used: Mutex::new(Instant::now()),
            work: Mutex::new(Work {
                watcher,
                started: Instant::now(),
                n_frames: 0,
                challenge: None,
            }),
        };
        let mut open = lock(&self.open);
        open.retain(|_, session| lock(&session.used).elapsed() < MAX_IDLE);
        if open.len() >= MAX_SESSIONS {
            let message = format!("{MAX_SESSIONS} live sessions are open already");
            return Err(ApiError::new("too_many_live_sessions", message).retry_after(10));
        }
        let id = hex(&random::<16>());
        open.insert(id.clone(), Arc::new(session));
        Ok(id)
    }

    /// The session of this name, if it is the caller's.
    ///
    /// # Errors
    /// `unknown_live_session`.
    pub(crate) fn get(&self, caller: &Caller, id: &str) -> ApiResult<Arc<LiveSession>> {
        let open = lock(&self.open);
        let session = open.get(id).filter(|session| session.owner == caller.key);
        let session = session.filter(|session| lock(&session.used).elapsed() < MAX_IDLE);
        session.map(Arc::clone).ok_or_else(|| {
            ApiError::new(
                "unknown_live_session",
                "there is no such live session, or not any more",
            )
            .with_hint("`POST /v1/live` opens one; it is over after 30 s without a frame")
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// `unknown_live_session`.
    pub(crate) fn close(&self, caller: &Caller, id: &str) -> ApiResult<()> {
        self.get(caller, id)?;
        lock(&self.open).remove(id);
        Ok(())
    }
}

impl LiveSession {
    /// Looks at the next frame.
    ///
    /// # Errors
    /// `too_busy` while another frame of the session is looked at; what the networks report.
    pub(crate) fn look(&self, models: &LoadedModels, image: Image) -> ApiResult<Look> {
        let mut work = self.work()?;
        *lock(&self.used) = Instant::now();
        work.look(models, image)
    }

    /// Begins a challenge in place of the one that may be under way.
    ///
    /// # Errors
    /// `too_busy`, `tool_missing` without the networks for it.
    pub(crate) fn challenge(&self, models: &LoadedModels) -> ApiResult<ChallengeState> {
        models.challenge_networks()?;
        let challenge =
            Challenge::random(ChallengeOptions::default()).map_err(ApiError::internal)?;
        let state = challenge.state();
        self.work()?.challenge = Some(Asked {
            challenge,
            track: None,
        });
        *lock(&self.used) = Instant::now();
        Ok(state)
    }

    fn work(&self) -> ApiResult<MutexGuard<'_, Work>> {
        match self.work.try_lock() {
            Ok(work) => Ok(work),
            Err(TryLockError::Poisoned(work)) => Ok(work.into_inner()),
            // A thread that waited here would be missing elsewhere.
            Err(TryLockError::WouldBlock) => Err(ApiError::new(
                "too_busy",
                "another frame of this live session is being looked at",
            )
            .with_hint("send the next frame when the one before is answered")
            .retry_after(1)),
        }
    }
}

impl Work {
    fn look(&mut self, models: &LoadedModels, image: Image) -> ApiResult<Look> {
        let frame = Frame {
            image,
            index: self.n_frames,
            position: self.started.elapsed(),
            at: Timestamp::now(),
        };
        self.n_frames += 1;
        let seen = self
            .watcher
            .look(&frame)
            .map_err(|error| ApiError::internal(with_causes(&error)))?;
        let tracks: Vec<TrackView> = seen.tracks.to_vec();
        let is_decision =
            |event: &Event| matches!(event.kind, EventKind::Recognised | EventKind::Unknown);
        let decided = seen.events.into_iter().filter(is_decision).collect();
        Ok(Look {
            challenge: self.answer(models, &frame, &tracks)?,
            tracks: tracks
                .iter()
                .map(|track| track_json(track, &frame.image))
                .collect(),
            decided,
        })
    }

    /// Goes on with the challenge, if there is one under way.
    fn answer(
        &mut self,
        models: &LoadedModels,
        frame: &Frame,
        tracks: &[TrackView],
    ) -> ApiResult<Option<ChallengeState>> {
        let Some(asked) = &mut self.challenge else {
            return Ok(None);
        };
        if !matches!(asked.challenge.state(), ChallengeState::Waiting { .. }) {
            return Ok(Some(asked.challenge.state()));
        }
        let attributes = match tracks {
            [only] => {
                if *asked.track.get_or_insert(only.id) != only.id {
                    return Ok(Some(asked.challenge.other_person()));
                }
                attributes(models, &frame.image, only)?
            }
            _ => None,
        };
        Ok(Some(
            asked.challenge.observe(frame.position, attributes.as_ref()),
        ))
    }
}

/// What a challenge needs to know of a face.
fn attributes(
    models: &LoadedModels,
    image: &Image,
    track: &TrackView,
) -> ApiResult<Option<Attributes>> {
    let detection = Detection {
        bounding_box: track.bounding_box,
        landmarks: track.landmarks,
        confidence: 1.0,
    };
    let networks = models.challenge_networks()?;
    let found = networks
        .estimate(image, &[detection])
        .map_err(|error| ApiError::internal(with_causes(&error)))?;
    Ok(found.into_iter().next())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
