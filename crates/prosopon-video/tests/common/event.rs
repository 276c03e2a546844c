//! An event for tests that deliver to real receivers.

use jiff::Timestamp;
use prosopon::BoundingBox;
use prosopon_video::{Event, EventId, EventKind};

/// Somebody appeared just now, and nothing more is known.
pub(crate) fn appeared(camera: &str, track: u64) -> Event {
    let at = Timestamp::now();
    Event {
        id: EventId::random().expect("random numbers"),
        kind: EventKind::Appeared,
        camera: camera.to_owned(),
        track,
        at,
        position: 0.0,
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
            left: 0.0,
            top: 0.0,
            right: 9.0,
            bottom: 9.0,
        },
        frame_size: (640, 480),
        crop: None,
    }
}

/// The id in a line of a process that prints those of the events it appended.
pub(crate) fn acknowledged_id(line: &str) -> Option<String> {
    let id = line.strip_prefix("acknowledged ")?;
    (id.len() == 32).then(|| id.to_owned())
}
