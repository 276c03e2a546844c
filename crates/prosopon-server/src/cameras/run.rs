//! The thread of a camera: frames in, tracks and events out, for as long as it is wanted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prosopon::{AttributeKind, DecisionRequest, Image};
use prosopon_video::source::{PushSource, open};
use prosopon_video::{
    Address, Event, Identity, Source, SourceOptions, SourceState, Stop, TrackView, WatchOptions,
    Watcher, draw,
};

use super::Running;
use super::now::{Now, Status, TrackJson};
use super::preview::Preview;
use super::settings::Configured;
use super::who::InServerGallery;
use crate::api::types::normalized;
use crate::compute::Turns;
use crate::error::{ApiError, ApiResult, with_causes};
use crate::models::Models;
use crate::state::App;

/// From one look for the models to the next.
const LOADING_STEP: Duration = Duration::from_millis(200);

/// Time until a camera that failed is tried again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(2));

/// Frames of a live source that are further apart were interrupted; sources are opened again after as long.
const INTERRUPTION: Duration = Duration::from_secs(5);

/// How the watching of a camera came to its end.
enum End {
    /// It was stopped.
    Stopped,
    /// A file has no more frames.
    Ended,
}

/// Starts the thread of a camera.
///
/// # Errors
/// `internal` if the operating system refuses a thread.
pub(super) fn start(app: &App, camera: &Configured) -> ApiResult<Arc<Running>> {
    let stop = Stop::new();
    let pushed = matches!(camera.target, Some(super::Target::Pushed));
    let (pusher, source) = if pushed {
        let (source, pusher) = PushSource::new(&camera.name, &stop);
        (Some(pusher), Some(source))
    } else {
        (None, None)
    };
    let running = Arc::new(Running {
        now: Now::default(),
        preview: Preview::default(),
        pusher,
        stop,
        thread: Mutex::new(None),
    });
    let work = Work {
        app: Arc::clone(app),
        camera: camera.clone(),
        running: Arc::clone(&running),
    };
    let thread = std::thread::Builder::new()
        .name(format!("camera-{}", camera.id))
        .spawn(move || work.run(source))
        .map_err(ApiError::internal)?;
    *super::lock(&running.thread) = Some(thread);
    Ok(running)
}

/// What the thread works with.
struct Work {
    app: App,
    camera: Configured,
    running: Arc<Running>,
}

impl Work {
    fn run(&self, mut pushed: Option<PushSource>) {
        let Some(models) = self.models() else { return };
        let mut wait = RETRY.0;
        loop {
            let watched = catch_unwind(AssertUnwindSafe(|| self.watch(&models, &mut pushed)));
            let now = &self.running.now;
            let error = match watched {
                Ok(Ok(End::Stopped)) => return,
                Ok(Ok(End::Ended)) => {
                    now.set(Status::Ended);
                    return;
                }
                Ok(Err(error)) => error,
                Err(_) => ApiError::internal("a panic"),
            };
            let camera = &*self.camera.name;
            let cause = error.cause.as_deref().unwrap_or(&error.message);
            tracing::warn!(camera, code = error.code, cause, "the camera does not run");
            now.set_because(Status::Failed, Some(error.message), error.hint);
            if self.running.stop.wait(wait) {
                return;
            }
            wait = (wait * 2).min(RETRY.1);
        }
    }

    /// The models, as soon as they are loaded; none if the camera is stopped before.
    fn models(&self) -> Option<Models> {
        loop {
            if let Ok(models) = self.app.compute.models() {
                return Some(Arc::clone(models));
            }
            if self.running.stop.wait(LOADING_STEP) {
                return None;
            }
        }
    }

    /// Watches until the source ends.
    fn watch(&self, models: &Models, pushed: &mut Option<PushSource>) -> ApiResult<End> {
        let camera = &self.camera;
        let mut watcher = self.watcher(models)?;
        watcher.remember(&self.app.events.store.last_of(&camera.name)?);
        let turns = self.app.compute.turns()?;
        let mut opened;
        let source: &mut dyn Source = if let Some(pushed) = pushed {
            pushed
        } else {
            opened = self.open()?;
            &mut *opened
        };
        let watched = self.frames(source, &mut watcher, &turns);
        for event in watcher.finish() {
            self.tell(&event);
        }
        watched
    }

    fn frames(
        &self,
        source: &mut dyn Source,
        watcher: &mut Watcher,
        turns: &Turns,
    ) -> ApiResult<End> {
        let is_live = source.facts().is_live;
        let mut last = Duration::ZERO;
        while let Some(frame) = source.next().map_err(|error| source_error(&error))? {
            // After an interruption faces are where they were only by chance.
            if is_live && frame.position.saturating_sub(last) > INTERRUPTION {
                watcher.gap();
            }
            last = frame.position;
            let turn = turns.take()?;
            let seen = watcher
                .look(&frame)
                .map_err(|error| ApiError::internal(with_causes(&error)))?;
            drop(turn);
            for event in &seen.events {
                self.tell(event);
            }
            let n_dropped = source.dropped();
            self.app
                .metrics
                .watched(self.camera.id, n_dropped, seen.events.len());
            let tracks = seen
                .tracks
                .iter()
                .map(|track| track_json(track, &frame.image));
            let size = (frame.image.width(), frame.image.height());
            let n_events = seen.events.len() as u64;
            self.running
                .now
                .looked(size, n_dropped, n_events, tracks.collect());
            if self.running.preview.is_due() {
                let drawn = draw(&frame.image, seen.tracks);
                if let Err(error) = self.running.preview.show(&drawn) {
                    tracing::warn!(camera = self.camera.name, cause = %error, "could not draw a preview");
                }
            }
        }
        if self.running.stop.is_stopped() {
            return Ok(End::Stopped);
        }
        Ok(End::Ended)
    }

    /// Opens the source, if it may still be reached.
    fn open(&self) -> ApiResult<Box<dyn Source>> {
        let target = self.camera.target.as_ref().ok_or_else(|| {
            ApiError::new(
                "secret_unreadable",
                "the camera's address cannot be decrypted any more",
            )
            .with_hint("enter address and password again")
        })?;
        self.running.now.set(Status::Connecting);
        let text = self.app.cameras.targets.check(target)?.unwrap_or_default();
        let address: Address = text
            .parse()
            .map_err(|error| ApiError::new("invalid_address", format!("{error}")))?;
        let running = Arc::downgrade(&self.running);
        let on_state = Box::new(move |state: SourceState| {
            let Some(running) = running.upgrade() else {
                return;
            };
            match state {
                SourceState::Connecting => running.now.connecting_again(),
                SourceState::Running {
                    frames_per_second, ..
                } => running.now.connected(frames_per_second),
                SourceState::Lost { reason, .. } => {
                    running.now.set_because(Status::Lost, Some(reason), None);
                }
                SourceState::Ended => {}
            }
        });
        let options = SourceOptions {
            retry_first: true,
            max_pixels: self.app.limits.pixels,
            in_real_time: true,
            // A list leads to other addresses than the one that was checked.
            follow_playlists: false,
            ..SourceOptions::default()
        };
        open(&address, &options, &self.running.stop, on_state).map_err(|error| source_error(&error))
    }

    fn watcher(&self, models: &Models) -> ApiResult<Watcher> {
        let wanted = &self.camera.settings;
        let asked = DecisionRequest {
            fmr: wanted.fmr,
            ..DecisionRequest::default()
        };
        let who = InServerGallery::new(&self.app, &wanted.gallery, asked)?;
        let options = WatchOptions {
            every: wanted.every,
            cooldown: Duration::from_secs(wanted.cooldown_secs),
            require_live: wanted.require_live,
            evidence: models.evidence(),
            // A camera runs for months, and nobody asks for a summary.
            keep_record: false,
            ..WatchOptions::default()
        };
        let engine = Arc::clone(&models.engine);
        let watcher = Watcher::new(&self.camera.name, engine, Some(Arc::new(who)), options);
        let mut kinds: Vec<AttributeKind> = wanted
            .attributes
            .iter()
            .filter_map(|name| AttributeKind::from_name(name))
            .collect();
        if wanted.require_live {
            kinds.extend(prosopon_video::liveness::ATTRIBUTES);
        }
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() {
            return Ok(watcher);
        }
        let networks = models.attribute_networks(&kinds)?;
        Ok(watcher.with_attributes(Arc::new(networks)))
    }

    /// Stores an event. If that fails, the log has it and the camera goes on.
    fn tell(&self, event: &Event) {
        if let Err(error) = self.app.events.append(event) {
            let (camera, kind) = (&*self.camera.name, event.kind.name());
            tracing::error!(camera, kind, cause = %with_causes(&error), "an event could not be stored");
        }
    }
}

fn source_error(error: &prosopon_video::SourceError) -> ApiError {
    let answer = ApiError::new("camera_failed", with_causes(&error));
    match error.hint() {
        Some(hint) => answer.with_hint(hint),
        None => answer,
    }
}

/// A track as it is told.
pub(crate) fn track_json(track: &TrackView, image: &Image) -> TrackJson {
    TrackJson {
        id: track.id,
        bounding_box_normalized: normalized(&track.bounding_box, image),
        identity: match track.state {
            Identity::Undecided => "undecided",
            Identity::Known => "known",
            Identity::Unknown => "unknown",
        },
        subject: track.name.as_ref().map(|subject| subject.name.clone()),
        subject_id: track.name.as_ref().map(|subject| subject.id.0),
        similarity: track.similarity,
        quality: track.quality,
        liveness: track.liveness,
    }
}
