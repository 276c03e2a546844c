//! Events about tracks.

use super::Watcher;
use super::summary::attendance;
use crate::event::{Event, EventId, EventKind};
use crate::track::{Ended, Track};

/// Quality of crops in events.
const CROP_JPEG: u8 = 90;

impl Watcher {
    /// Records who was there when, and tells that they left.
    pub(super) fn end(&mut self, ended: &Ended, events: &mut Vec<Event>) {
        let track = &ended.track;
        if self.options.keep_record {
            let gap = self.gap_of_record();
            self.presence
                .add(&attendance(track), self.options.evidence.same, gap);
        }
        let left = self.event(EventKind::Left, track).map(|event| Event {
            at: self.clock.time_of(track.last_seen()),
            position: track.last_seen().as_secs_f64(),
            ..event
        });
        events.extend(left);
    }

    /// An event about a track now; none only if the system has no random numbers.
    pub(super) fn event(&self, kind: EventKind, track: &Track) -> Option<Event> {
        let evidence = track.evidence();
        let answer = evidence.answer();
        let best = track.notes.crops().first();
        let id = EventId::random()
            .inspect_err(|error| tracing::error!(%error, "an event was lost"))
            .ok()?;
        Some(Event {
            id,
            kind,
            camera: self.camera.clone(),
            track: track.id(),
            at: self.clock.at,
            position: self.clock.position.as_secs_f64(),
            since: self.clock.time_of(track.first_seen()),
            subject: evidence.subject().cloned(),
            similarity: answer.and_then(|answer| Some(answer.best.as_ref()?.similarity)),
            threshold: answer.map(|answer| answer.threshold),
            fmr: answer.and_then(|answer| answer.fmr),
            model: answer.and_then(|_| Some(evidence.mean()?.model().clone())),
            liveness: track.notes.liveness().map(|live| live.score),
            quality: best.map(|best| best.quality),
            attributes: track.notes.attributes(),
            bounding_box: track.detection().bounding_box,
            frame_size: self.clock.size,
            crop: best.and_then(|best| best.image.encode_jpeg(CROP_JPEG).ok()),
        })
    }
}
