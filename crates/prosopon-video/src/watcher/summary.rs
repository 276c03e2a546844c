//! What a source showed so far: counts, seconds, and who was there when.

use std::time::Duration;

use serde::Serialize;

use super::Watcher;
use crate::presence::{Attendance, Person};
use crate::track::{Track, TrackState};

/// A gap in sight of up to this time is none in the record of who was there.
const GAP: Duration = Duration::from_millis(500);

/// Seconds that each stage took, summed over frames.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct StageSeconds {
    /// Comparing frames to find cuts.
    pub cut: f64,
    /// Searching for faces.
    pub detect: f64,
    /// Aligning and embedding faces.
    pub embed: f64,
    /// Quality, crops, attributes.
    pub assess: f64,
    /// Linking detections with tracks.
    pub link: f64,
    /// Comparing with the people enrolled.
    pub identify: f64,
}

/// What a source showed so far.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Frames that were looked at.
    pub frames: u64,
    /// Those of them in which faces were searched for.
    pub searched: u64,
    /// Faces found in them.
    pub detections: u64,
    /// Embeddings that were computed.
    pub embeddings: u64,
    /// Confirmed tracks.
    pub tracks: u64,
    /// Cuts between shots.
    pub cuts: u64,
    /// How often a track had to be divided, since its face had become another person's.
    pub identity_switches: u64,
    /// How often the people enrolled could not be asked.
    pub failed_looks: u64,
    /// Seconds from the start of the source to the last frame.
    pub seconds: f64,
    /// Seconds by stage.
    pub stage_seconds: StageSeconds,
    /// Who was there when: those with names first.
    pub people: Vec<Person>,
    /// Rows of people that were forgotten, since there were too many.
    pub forgotten: u64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) frames: u64,
    pub(super) searched: u64,
    pub(super) detections: u64,
    pub(super) embeddings: u64,
    pub(super) tracks: u64,
    pub(super) cuts: u64,
    pub(super) switches: u64,
    pub(super) failed_looks: u64,
}

impl Watcher {
    /// What the source showed so far, tracks that go on included.
    pub fn summary(&self) -> Summary {
        let mut presence = self.presence.clone();
        for track in self.tracker.tracks() {
            if track.state() != TrackState::Tentative {
                presence.add(
                    &attendance(track),
                    self.options.evidence.same,
                    self.gap_of_record(),
                );
            }
        }
        let counts = self.counts;
        Summary {
            frames: counts.frames,
            searched: counts.searched,
            detections: counts.detections,
            embeddings: counts.embeddings,
            tracks: counts.tracks,
            cuts: counts.cuts,
            identity_switches: counts.switches,
            failed_looks: counts.failed_looks,
            seconds: self.clock.position.as_secs_f64(),
            stage_seconds: self.seconds,
            people: presence.people(),
            forgotten: presence.n_forgotten(),
        }
    }

    pub(super) fn gap_of_record(&self) -> Duration {
        GAP.max(self.tracker.interval() * 2)
    }
}

pub(super) fn attendance(track: &Track) -> Attendance<'_> {
    let evidence = track.evidence();
    Attendance {
        track: track.id(),
        identity: evidence.identity(),
        subject: evidence.subject(),
        similarity: evidence
            .answer()
            .and_then(|answer| Some(answer.best.as_ref()?.similarity)),
        mean: evidence.mean(),
        intervals: track.notes.intervals(),
        crop: track.notes.crops().first(),
    }
}
