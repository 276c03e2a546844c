//! Which detection may continue which track, and how well it would.
//!
//! Between two frames a face moves little, so that overlap with the predicted box says all there is to say as long as one
//! detection overlaps one track. Where people cross, where somebody was hidden, and after a cut, the embedding decides; it
//! is only computed there, and where a track needs a sample.

use std::time::Duration;

use prosopon::{BoundingBox, Detection, Embedding};

use super::assign::{FORBIDDEN, assign};
use super::tracker::Track;
use crate::evidence::EvidenceOptions;

/// Least overlap (intersection over union) of a pair that needs no embedding: half of what two successive boxes of a
/// walking person have at ten frames a second.
const CLEAR: f32 = 0.4;

/// From this overlap on a track and a detection compete with others for each other.
const COMPETES: f32 = 0.15;

/// Least overlap of a pair without embeddings.
const OVERLAPS: f32 = 0.2;

/// Least overlap with a faint detection, as faint ones are often wrong.
const FAINT_OVERLAPS: f32 = 0.3;

/// For so long after it was last seen a face is where it was going; or for this number of detection intervals.
const FRESH: (Duration, u32) = (Duration::from_millis(500), 3);

/// For so long its place says something.
const STALE: Duration = Duration::from_millis(1500);

/// How long a track may have been unseen at this distance of detections.
fn is_fresh(track: &Track, at: Duration, interval: Duration) -> bool {
    let unseen = at.saturating_sub(track.last_seen());
    track.is_anchored() && unseen <= FRESH.0.max(interval * FRESH.1)
}

/// The overlaps of all tracks (rows) with all detections (columns).
pub(super) struct Overlaps {
    values: Vec<f32>,
    columns: usize,
}

impl Overlaps {
    pub(super) fn new(tracks: &[Track], detections: &[&Detection]) -> Self {
        let of = |track: &Track| {
            let shape = track.is_anchored().then(|| track.bounding_box());
            detections
                .iter()
                .map(move |d| shape.map_or(0.0, |shape| shape.iou(&d.bounding_box)))
                .collect::<Vec<_>>()
        };
        Self {
            values: tracks.iter().flat_map(of).collect(),
            columns: detections.len(),
        }
    }

    fn at(&self, track: usize, detection: usize) -> f32 {
        self.values[track * self.columns + detection]
    }

    fn rows(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// Whether another track wants the detection, or another detection the track.
    fn is_contested(&self, track: usize, detection: usize) -> bool {
        (0..self.rows()).any(|other| other != track && self.at(other, detection) >= COMPETES)
            || (0..self.columns)
                .any(|other| other != detection && self.at(track, other) >= COMPETES)
    }

    /// The track that a detection continues beyond doubt, if there is one.
    pub(super) fn clear(
        &self,
        tracks: &[Track],
        detection: usize,
        (at, interval): (Duration, Duration),
    ) -> Option<usize> {
        (0..self.rows()).find(|&track| {
            self.at(track, detection) >= CLEAR
                && is_fresh(&tracks[track], at, interval)
                && !self.is_contested(track, detection)
        })
    }
}

/// What is known of a detection when tracks are chosen.
pub(super) struct Choice<'a> {
    pub(super) detections: &'a [&'a Detection],
    /// Where they were computed.
    pub(super) embeddings: &'a [Option<Embedding>],
    pub(super) at: Duration,
    /// Between detections.
    pub(super) interval: Duration,
    pub(super) options: &'a EvidenceOptions,
}

/// A track, its detection, and whether there is doubt that it is the same face.
pub(super) struct Pair {
    pub(super) track: usize,
    pub(super) detection: usize,
    pub(super) is_smooth: bool,
}

/// The best assignment of confident detections.
pub(super) fn confident(tracks: &[Track], overlaps: &Overlaps, choice: &Choice<'_>) -> Vec<Pair> {
    let columns = choice.detections.len();
    let cost: Vec<f64> = (0..tracks.len())
        .flat_map(|t| (0..columns).map(move |d| (t, d)))
        .map(|(t, d)| choice.cost(&tracks[t], (overlaps, t, d)))
        .collect();
    pairs(&assign(&cost, columns))
        .map(|(track, detection)| Pair {
            track,
            detection,
            is_smooth: overlaps
                .clear(tracks, detection, (choice.at, choice.interval))
                .is_some_and(|clear| clear == track),
        })
        .collect()
}

/// The best assignment of faint detections: they only continue tracks that were seen just now, by overlap.
pub(super) fn faint(tracks: &[Track], free: &[usize], choice: &Choice<'_>) -> Vec<Pair> {
    let columns = choice.detections.len();
    let cost: Vec<f64> = free
        .iter()
        .flat_map(|&t| choice.detections.iter().map(move |d| (t, d)))
        .map(|(t, detection)| {
            let overlap = tracks[t].bounding_box().iou(&detection.bounding_box);
            let may = overlap >= FAINT_OVERLAPS && is_fresh(&tracks[t], choice.at, choice.interval);
            if may {
                f64::from(1.0 - overlap)
            } else {
                FORBIDDEN
            }
        })
        .collect();
    pairs(&assign(&cost, columns))
        .map(|(row, detection)| Pair {
            track: free[row],
            detection,
            is_smooth: false,
        })
        .collect()
}

fn pairs(assigned: &[Option<usize>]) -> impl Iterator<Item = (usize, usize)> {
    assigned
        .iter()
        .enumerate()
        .filter_map(|(row, column)| Some((row, (*column)?)))
}

impl Choice<'_> {
    /// In [0, 1], or [`FORBIDDEN`].
    fn cost(&self, track: &Track, (overlaps, t, d): (&Overlaps, usize, usize)) -> f64 {
        let overlap = overlaps.at(t, d);
        let is_fresh = is_fresh(track, self.at, self.interval);
        let embedding = self.embeddings[d].as_ref();
        let like = embedding.and_then(|embedding| track.evidence().likeness(embedding));
        let Some(like) = like else {
            let may = is_fresh && overlap >= OVERLAPS;
            // As if they were a little alike, so that pairs with and without embeddings compare.
            return if may {
                1.0 - 0.75 * f64::from(overlap)
            } else {
                FORBIDDEN
            };
        };
        let (same, different) = (self.options.same, self.options.different);
        let unseen = self.at.saturating_sub(track.last_seen());
        let may = if is_fresh {
            let near = overlap >= COMPETES || is_near(&track.bounding_box(), self.detections[d]);
            // A head that turns becomes unlike itself, and stays where it is.
            let stays = overlap >= CLEAR && !overlaps.is_contested(t, d);
            stays || like >= same || (near && like >= different)
        } else if track.is_anchored() && unseen <= STALE && overlap >= OVERLAPS {
            like >= f32::midpoint(same, different)
        } else {
            like >= same
        };
        if may {
            f64::from(1.0 - 0.5 * overlap - 0.5 * like.clamp(0.0, 1.0))
        } else {
            FORBIDDEN
        }
    }
}

/// Whether the detection's centre is within one height of the box's.
fn is_near(shape: &BoundingBox, detection: &Detection) -> bool {
    let (a, b) = (shape.center(), detection.bounding_box.center());
    (a.x - b.x).hypot(a.y - b.y) <= shape.height().max(detection.bounding_box.height())
}
