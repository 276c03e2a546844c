//! From a frame to tracks: faces are found, embedded where that helps, and linked with those of earlier frames.

use std::sync::Arc;
use std::time::Instant;

use prosopon::{Detection, DetectorOptions, EmbedError, Embedding, FaceEngine, Image};

use super::{WatchError, Watcher};
use crate::event::{Event, EventKind};
use crate::frame::Frame;
use crate::track::TrackState;

/// Faint faces down to this share of the least confidence continue tracks.
const FAINT: f32 = 0.5;

impl Watcher {
    /// Searches the frame for faces, and goes with what it shows of each track through the stages that follow.
    pub(super) fn search(
        &mut self,
        frame: &Frame,
        events: &mut Vec<Event>,
    ) -> Result<(), WatchError> {
        let own = self.engine.options().detector;
        let options = DetectorOptions {
            min_confidence: own.min_confidence * FAINT,
            ..own
        };
        let started = Instant::now();
        let detections = self.engine.detect_with(&frame.image, &options)?;
        self.seconds.detect += started.elapsed().as_secs_f64();
        self.counts.searched += 1;
        let is_high = |d: &&Detection| d.confidence >= own.min_confidence;
        self.counts.detections += detections.iter().filter(is_high).count() as u64;

        let started = Instant::now();
        let mut embedding_seconds = 0.0;
        let engine = Arc::clone(&self.engine);
        let mut n_embedded = 0;
        let updated = self.tracker.update(frame.position, &detections, |asked| {
            let started = Instant::now();
            let embedded = embed(&engine, &frame.image, &detections, asked);
            embedding_seconds = started.elapsed().as_secs_f64();
            n_embedded = asked.len() as u64;
            embedded
        })?;
        self.seconds.embed += embedding_seconds;
        self.seconds.link += started.elapsed().as_secs_f64() - embedding_seconds;
        self.counts.embeddings += n_embedded;

        for ended in &updated.ended {
            self.end(ended, events);
        }
        for &(track, detection) in &updated.seen {
            let embedding = updated.embeddings[detection].clone();
            self.note(frame, track, &detections[detection], embedding)?;
        }
        for position in updated.confirmed {
            self.counts.tracks += 1;
            let track = &self.tracker.tracks()[position];
            events.extend(self.event(EventKind::Appeared, track));
        }
        for (position, _) in updated.seen {
            if self.tracker.tracks()[position].state() == TrackState::Confirmed {
                self.decide(position, events);
                self.judge_liveness(position, events);
            }
        }
        Ok(())
    }
}

/// The embeddings of the faces at these positions, none for one that cannot be aligned.
fn embed(
    engine: &FaceEngine,
    image: &Image,
    detections: &[Detection],
    asked: &[usize],
) -> Result<Vec<Option<Embedding>>, EmbedError> {
    let crops: Vec<_> = asked
        .iter()
        .map(|&i| engine.align(image, &detections[i]).ok())
        .collect();
    let whole: Vec<_> = crops.iter().flatten().cloned().collect();
    let mut embeddings = if whole.is_empty() {
        Vec::new()
    } else {
        engine.embed(&whole)?
    }
    .into_iter();
    Ok(crops
        .iter()
        .map(|crop| crop.as_ref().and_then(|_| embeddings.next()))
        .collect())
}
