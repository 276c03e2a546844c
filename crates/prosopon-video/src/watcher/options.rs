//! How to watch.

use std::time::Duration;

use crate::evidence::EvidenceOptions;
use crate::track::TrackerOptions;

/// How to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchOptions {
    /// Faces are searched for in each n-th frame, and followed between. At least 1.
    pub every: usize,
    /// Somebody who comes back within this time after they were last seen makes no second `recognised`.
    pub cooldown: Duration,
    /// How detections become tracks.
    pub tracker: TrackerOptions,
    /// When the evidence is enough.
    pub evidence: EvidenceOptions,
    /// Nobody is `recognised` before the face looks live; see [`WatchOptions::live_from`]. Needs
    /// [`Watcher::with_attributes`](super::Watcher::with_attributes) with the networks of
    /// [`ATTRIBUTES`](crate::liveness::ATTRIBUTES).
    pub require_live: bool,
    /// From this score of liveness on a face is taken for a living one.
    pub live_from: f32,
    /// Below this score `spoof_suspected` is told.
    pub spoof_below: f32,
    /// Whether it is kept who was there when, with the best crop of each, for
    /// [`Watcher::summary`](super::Watcher::summary): some 300 KB for a person at most, for as long as the watcher lives.
    /// Without, the summary has those who are there now.
    pub keep_record: bool,
}

impl Default for WatchOptions {
    /// Each third frame: at 25 frames a second a face moves by a fraction of its size between.
    fn default() -> Self {
        Self {
            every: 3,
            cooldown: Duration::from_mins(1),
            tracker: TrackerOptions::default(),
            evidence: EvidenceOptions::default(),
            require_live: false,
            live_from: 0.5,
            spoof_below: 0.3,
            keep_record: true,
        }
    }
}
