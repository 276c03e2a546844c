//! What a camera does at the moment: written by its thread, read by whoever asks.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::keys::now_millis;
use crate::api::types::BoundingBox;

/// Over how long the rate of frames is taken.
const WINDOW: Duration = Duration::from_secs(5);

/// A camera that gave no frame for this long is waited for. Sources notice sooner and say why; nobody does for frames
/// that are pushed.
const SILENCE: Duration = Duration::from_secs(10);

/// How a camera is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It was stopped, or is not enabled.
    Stopped,
    /// It waits for the models, or for the first pushed frame.
    Waiting,
    /// It is being connected to.
    Connecting,
    /// Frames come.
    Running,
    /// No frames come any more; it is tried again by itself.
    Lost,
    /// A file came to its end.
    Ended,
    /// It cannot run as it is set; it is tried again from time to time.
    Failed,
}

/// A face that is being followed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TrackJson {
    /// Number, from 1, since the camera was started.
    pub(crate) id: u64,
    /// Where it is, as shares of the frame's sides.
    pub(crate) bounding_box_normalized: BoundingBox,
    /// `undecided`, `known` or `unknown`.
    pub(crate) identity: &'static str,
    /// Who it is, if that is known.
    pub(crate) subject: Option<String>,
    pub(crate) subject_id: Option<i64>,
    /// To the best candidate; null before there is any.
    pub(crate) similarity: Option<f32>,
    /// Quality of the best crop, from 0 to 1.
    pub(crate) quality: Option<f32>,
    /// How live the face looks, from 0 to 1; null if that is not looked at.
    pub(crate) liveness: Option<f32>,
}

/// The state of a camera.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct StateJson {
    pub(crate) status: Status,
    /// Why it is lost or failed; while it is connecting again, why the last attempt failed.
    pub(crate) reason: Option<String>,
    /// What to do about that.
    pub(crate) hint: Option<String>,
    /// Since when it has this status, in milliseconds since 1970-01-01 UTC.
    pub(crate) since_millis: i64,
    /// Seconds for which frames have come without a break; null unless it is running.
    pub(crate) uptime_secs: Option<f64>,
    /// Width and height of the frames in pixels.
    pub(crate) frame_size: Option<[u32; 2]>,
    /// Frames a second that were looked at, over the last five seconds.
    pub(crate) frames_per_second: f64,
    /// Frames a second that the camera says it gives.
    pub(crate) source_frames_per_second: Option<f64>,
    /// Frames that were looked at since it was started.
    pub(crate) n_frames: u64,
    /// Frames that came while an older one was being looked at, and were left out.
    pub(crate) n_dropped: u64,
    /// Times that the connection was lost.
    pub(crate) n_lost: u64,
    /// Events since it was started.
    pub(crate) n_events: u64,
    /// When the last frame came.
    pub(crate) last_frame_millis: Option<i64>,
    /// Viewers of the preview.
    pub(crate) n_viewers: usize,
    /// Faces that are being followed.
    pub(crate) tracks: Vec<TrackJson>,
}

/// [`StateJson`] as it changes.
pub(crate) struct Now {
    inner: Mutex<Inner>,
}

struct Inner {
    state: StateJson,
    running_since: Option<Instant>,
    recent_last: Option<Instant>,
    recent: VecDeque<Instant>,
}

impl StateJson {
    /// Of a camera that does not run.
    pub(crate) fn stopped() -> Self {
        Self {
            status: Status::Stopped,
            reason: None,
            hint: None,
            since_millis: now_millis(),
            uptime_secs: None,
            frame_size: None,
            frames_per_second: 0.0,
            source_frames_per_second: None,
            n_frames: 0,
            n_dropped: 0,
            n_lost: 0,
            n_events: 0,
            last_frame_millis: None,
            n_viewers: 0,
            tracks: Vec::new(),
        }
    }
}

impl Default for Now {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                state: StateJson {
                    status: Status::Waiting,
                    ..StateJson::stopped()
                },
                running_since: None,
                recent_last: None,
                recent: VecDeque::new(),
            }),
        }
    }
}

impl Now {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the status; nothing else is known of it than that.
    pub(crate) fn set(&self, status: Status) {
        self.set_because(status, None, None);
    }

    /// Changes the status and says why.
    pub(crate) fn set_because(&self, status: Status, reason: Option<String>, hint: Option<String>) {
        let mut inner = self.lock();
        if inner.state.status != status {
            inner.state.since_millis = now_millis();
            if status == Status::Lost {
                inner.state.n_lost += 1;
            }
        }
        if status != Status::Running {
            inner.running_since = None;
            inner.state.tracks.clear();
        } else if inner.running_since.is_none() {
            inner.running_since = Some(Instant::now());
        }
        inner.state.status = status;
        inner.state.reason = reason;
        inner.state.hint = hint;
    }

    /// Notes another attempt: why the last one failed is said until one succeeds.
    pub(crate) fn connecting_again(&self) {
        let (reason, hint) = {
            let inner = self.lock();
            (inner.state.reason.clone(), inner.state.hint.clone())
        };
        self.set_because(Status::Connecting, reason, hint);
    }

    /// Notes what the source says of its frames.
    pub(crate) fn connected(&self, frames_per_second: Option<f64>) {
        self.set(Status::Running);
        self.lock().state.source_frames_per_second = frames_per_second;
    }

    /// Notes a frame that was looked at.
    pub(crate) fn looked(
        &self,
        size: (u32, u32),
        n_dropped: u64,
        n_events: u64,
        tracks: Vec<TrackJson>,
    ) {
        self.set(Status::Running);
        let now = Instant::now();
        let mut inner = self.lock();
        inner.recent.push_back(now);
        inner.recent_last = Some(now);
        forget_old(&mut inner.recent, now);
        let state = &mut inner.state;
        state.frame_size = Some([size.0, size.1]);
        state.n_frames += 1;
        state.n_dropped = n_dropped;
        state.n_events += n_events;
        state.last_frame_millis = Some(now_millis());
        state.tracks = tracks;
    }

    /// As it is now.
    pub(crate) fn state(&self, n_viewers: usize) -> StateJson {
        let now = Instant::now();
        let mut inner = self.lock();
        forget_old(&mut inner.recent, now);
        let per_second = match (inner.recent.front(), inner.recent.back()) {
            (Some(first), Some(last)) if last > first => {
                (inner.recent.len() - 1) as f64 / (*last - *first).as_secs_f64()
            }
            _ => 0.0,
        };
        let last = inner.recent_last;
        let is_silent = inner.state.status == Status::Running
            && last.is_some_and(|at| now.duration_since(at) > SILENCE);
        if is_silent {
            inner.state.status = Status::Waiting;
            inner.state.since_millis = now_millis();
            inner.state.tracks.clear();
            inner.running_since = None;
        }
        StateJson {
            frames_per_second: (per_second * 10.0).round() / 10.0,
            uptime_secs: inner
                .running_since
                .map(|since| since.elapsed().as_secs_f64().floor()),
            n_viewers,
            ..inner.state.clone()
        }
    }
}

fn forget_old(recent: &mut VecDeque<Instant>, now: Instant) {
    while recent
        .front()
        .is_some_and(|at| now.duration_since(*at) > WINDOW)
    {
        recent.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_lost_says_so_and_counts() {
        let now = Now::default();
        assert_eq!(now.state(0).status, Status::Waiting);
        now.connected(Some(25.0));
        now.looked((640, 480), 2, 1, Vec::new());
        std::thread::sleep(Duration::from_millis(20));
        now.looked((640, 480), 3, 0, Vec::new());
        let state = now.state(1);
        assert_eq!(
            (
                state.status,
                state.n_frames,
                state.n_dropped,
                state.n_events
            ),
            (Status::Running, 2, 3, 1)
        );
        assert!(state.frames_per_second > 1.0 && state.uptime_secs.is_some());
        for _ in 0..2 {
            now.set_because(Status::Lost, Some("no frames for 5 s".into()), None);
        }
        let state = now.state(0);
        assert_eq!((state.n_lost, state.uptime_secs), (1, None));
        assert_eq!(state.reason.as_deref(), Some("no frames for 5 s"));
        now.connecting_again();
        let state = now.state(0);
        assert_eq!(
            (state.status, state.reason.as_deref()),
            (Status::Connecting, Some("no frames for 5 s"))
        );
        now.set(Status::Running);
        assert_eq!(now.state(0).reason, None);
    }
}
