//! From frames to tracks to events.
//!
//! | File | Holds |
//! |---|---|
//! | `mod.rs` | the watcher, and the way of a frame through it |
//! | `options.rs` | how to watch |
//! | `search.rs` | from a frame to tracks: finding, embedding and linking faces |
//! | `assess.rs` | what is kept of a sight: quality, attributes, crops |
//! | `decide.rs` | who a track is, whether it lives, and when it is divided |
//! | `tell.rs` | events about tracks |
//! | `view.rs` | tracks as they are shown, drawn on a frame |
//! | `summary.rs` | what a source showed so far |
//! | `error.rs` | why a frame could not be looked at |

mod assess;
mod decide;
mod error;
mod options;
mod search;
mod summary;
mod tell;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use prosopon::{AttributeNetworks, FaceEngine};
use prosopon_gallery::SubjectId;

use crate::event::Event;
use crate::frame::Frame;
use crate::presence::{FaceCrop, Presence};
use crate::track::{CutDetector, Tracker, TrackerOptions};
use crate::who::Who;
use summary::Counts;

pub use error::WatchError;
pub use options::WatchOptions;
pub use summary::{StageSeconds, Summary};
pub use view::{TrackView, draw};

/// What a frame showed.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Faces that are there.
    pub tracks: &'a [TrackView],
    /// What happened.
    pub events: Vec<Event>,
    /// Whether faces were searched for, or only followed.
    pub searched: bool,
}

/// Watches one source.
pub struct Watcher {
    camera: String,
    engine: Arc<FaceEngine>,
    who: Option<Arc<dyn Who>>,
    options: WatchOptions,
    attributes: Option<Arc<AttributeNetworks>>,
    cuts: CutDetector,
    tracker: Tracker,
    /// When each person was last seen, for the cooldown.
    recent: BTreeMap<SubjectId, Timestamp>,
    presence: Presence,
    views: Vec<TrackView>,
    since_search: Option<usize>,
    clock: Clock,
    counts: Counts,
    seconds: StageSeconds,
}

/// The last frame's place in the source, its time and its size.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    position: Duration,
    at: Timestamp,
    size: (u32, u32),
}

impl Clock {
    /// The time of an earlier place of the source.
    fn time_of(&self, position: Duration) -> Timestamp {
        let ago = self.position.saturating_sub(position);
        SignedDuration::try_from(ago)
            .ok()
            .and_then(|ago| self.at.checked_sub(ago).ok())
            .unwrap_or(self.at)
    }
}

impl Watcher {
    /// Watches the source named `camera`. Without `who` nobody is named, and nobody is called unknown.
    pub fn new(
        camera: &str,
        engine: Arc<FaceEngine>,
        who: Option<Arc<dyn Who>>,
        options: WatchOptions,
    ) -> Self {
        let tracker = TrackerOptions {
            high_confidence: engine.options().detector.min_confidence,
            ..options.tracker
        };
        Self {
            camera: camera.to_owned(),
            engine,
            who,
            tracker: Tracker::new(tracker, options.evidence),
            options,
            attributes: None,
            cuts: CutDetector::default(),
            recent: BTreeMap::new(),
            presence: Presence::default(),
            views: Vec::new(),
            since_search: None,
            clock: Clock::default(),
            counts: Counts::default(),
            seconds: StageSeconds::default(),
        }
    }

    /// Estimates what `networks` can tell of the faces, and with the network of liveness gathers evidence of it.
    #[must_use]
    pub fn with_attributes(self, networks: Arc<AttributeNetworks>) -> Self {
        Self {
            attributes: Some(networks),
            ..self
        }
    }

    /// Takes over who was seen lately from events of an earlier run, so that a restart does not announce everybody
    /// again.
    pub fn remember(&mut self, recent: &[Event]) {
        for event in recent {
            if let Some(subject) = &event.subject {
                self.saw(subject.id, event.at);
            }
        }
    }

    /// Looks at the next frame.
    ///
    /// # Errors
    /// [`WatchError`] if a network fails; the frame is lost then, and the next may be looked at. A gallery that cannot be
    /// asked is no error: it is asked again later, and [`Summary::failed_looks`] counts.
    pub fn look(&mut self, frame: &Frame) -> Result<Seen<'_>, WatchError> {
        let size = (frame.image.width(), frame.image.height());
        let resized = self.counts.frames > 0 && size != self.clock.size;
        self.clock = Clock {
            position: frame.position,
            at: frame.at,
            size,
        };
        self.counts.frames += 1;
        let started = Instant::now();
        let is_cut = self.cuts.is_cut(&frame.image) || resized;
        self.seconds.cut += started.elapsed().as_secs_f64();
        if is_cut {
            self.counts.cuts += 1;
            self.tracker.cut();
        }
        let searched = is_cut
            || self
                .since_search
                .is_none_or(|since| since + 1 >= self.options.every.max(1));
        let mut events = Vec::new();
        if searched {
            self.search(frame, &mut events)?;
            self.since_search = Some(0);
        } else {
            self.since_search = self.since_search.map(|since| since + 1);
            self.tracker.predict(frame.position);
        }
        self.views = self.visible();
        Ok(Seen {
            tracks: &self.views,
            events,
            searched,
        })
    }

    /// The source was interrupted: faces are where they were only by chance.
    pub fn gap(&mut self) {
        self.tracker.cut();
        self.cuts = CutDetector::default();
        self.since_search = None;
    }

    /// Ends all tracks: the source is over.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for ended in self.tracker.finish() {
            self.end(&ended, &mut events);
        }
        self.views.clear();
        events
    }

    /// The best crops of a track that is there, best first; each from another moment.
    pub fn crops(&self, track: u64) -> &[FaceCrop] {
        let tracks = self.tracker.tracks().iter();
        tracks
            .filter(|candidate| candidate.id() == track && track > 0)
            .map(|track| track.notes.crops())
            .next()
            .unwrap_or_default()
    }
}
