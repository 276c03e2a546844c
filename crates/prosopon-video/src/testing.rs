//! Events for tests.

use jiff::Timestamp;
use prosopon::BoundingBox;
use prosopon_gallery::{Metadata, SubjectId};

use crate::{Event, EventId, EventKind, EventSubject};

/// An event of now, without a subject and without a crop.
pub(crate) fn event(camera: &str, track: u64, kind: EventKind) -> Event {
    let at = Timestamp::now();
    Event {
        id: EventId::random().expect("random numbers"),
        kind,
        camera: camera.to_owned(),
        track,
        at,
        position: 1.5,
        since: at,
        subject: None,
        similarity: None,
        threshold: None,
        fmr: None,
        model: None,
        liveness: None,
        quality: None,
        attributes: serde_json::Map::new(),
        bounding_box: BoundingBox {
            left: 10.0,
            top: 20.0,
            right: 60.0,
            bottom: 80.0,
        },
        frame_size: (640, 360),
        crop: None,
    }
}

/// Somebody was recognised, now.
pub(crate) fn recognised(camera: &str, track: u64, name: &str) -> Event {
    let mut metadata = Metadata::new();
    metadata.insert("door".to_owned(), true.into());
    Event {
        subject: Some(EventSubject {
            id: SubjectId(7),
            name: name.to_owned(),
            metadata,
        }),
        similarity: Some(0.61),
        threshold: Some(0.4),
        fmr: Some(1e-4),
        ..event(camera, track, EventKind::Recognised)
    }
}
