//! Tracks as they are shown.

use prosopon::annotate::{UNKNOWN_COLOR, annotate, subject_color};
use prosopon::{Annotation, BoundingBox, Detection, Image, Landmarks};
use serde::Serialize;

use super::Watcher;
use crate::event::EventSubject;
use crate::evidence::Identity;
use crate::track::Track;

/// A track as it is to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackView {
    /// Its number, from 1 within one run of the source.
    pub id: u64,
    /// Where the face is, in pixels of the frame; predicted in frames that were not searched.
    pub bounding_box: BoundingBox,
    /// Five points of the last detection, moved along with the box; none from detectors that give only boxes.
    pub landmarks: Option<Landmarks>,
    /// Who it is, if that is known.
    pub name: Option<EventSubject>,
    /// What is known about who it is.
    pub state: Identity,
    /// How close the mean embedding is to the best candidate.
    pub similarity: Option<f32>,
    /// Quality of the best crop, in [0, 1].
    pub quality: Option<f32>,
    /// How live the face looks over the track, in [0, 1]; none if it was not looked at.
    pub liveness: Option<f32>,
}

impl Watcher {
    /// The tracks whose faces are in sight at the moment.
    pub(super) fn visible(&self) -> Vec<TrackView> {
        let tracks = self.tracker.tracks().iter();
        tracks
            .filter(|track| self.tracker.is_visible(track, self.clock.position))
            .map(view)
            .collect()
    }
}

fn view(track: &Track) -> TrackView {
    let evidence = track.evidence();
    let shape = track.bounding_box();
    TrackView {
        id: track.id(),
        bounding_box: shape,
        landmarks: moved(track.detection(), &shape),
        name: evidence.subject().cloned(),
        state: evidence.identity(),
        similarity: evidence
            .answer()
            .and_then(|answer| Some(answer.best.as_ref()?.similarity)),
        quality: track.notes.crops().first().map(|crop| crop.quality),
        liveness: track.notes.liveness().map(|live| live.score),
    }
}

/// The detection's landmarks where they are when its box has become `shape`.
fn moved(detection: &Detection, shape: &BoundingBox) -> Option<Landmarks> {
    let old = detection.bounding_box;
    let scale = |new: f32, old: f32| if old > 0.0 { new / old } else { 1.0 };
    let (sx, sy) = (
        scale(shape.width(), old.width()),
        scale(shape.height(), old.height()),
    );
    let points = detection.landmarks?.to_array().map(|point| {
        prosopon::Point::new(
            shape.left + (point.x - old.left) * sx,
            shape.top + (point.y - old.top) * sy,
        )
    });
    Some(Landmarks::from_array(points))
}

/// A copy of the frame with a box and a name around each face. The colour belongs to the person.
pub fn draw(image: &Image, tracks: &[TrackView]) -> Image {
    let annotations: Vec<Annotation> = tracks
        .iter()
        .map(|track| Annotation {
            bounding_box: track.bounding_box,
            landmarks: None,
            label: match (&track.name, track.state) {
                (Some(subject), _) => Some(subject.name.clone()),
                (None, Identity::Unknown) => Some("unknown".to_owned()),
                (None, _) => None,
            },
            color: track.name.as_ref().map_or(UNKNOWN_COLOR, |subject| {
                subject_color(subject.id.0.unsigned_abs() as usize)
            }),
        })
        .collect();
    annotate(image, &annotations)
}
