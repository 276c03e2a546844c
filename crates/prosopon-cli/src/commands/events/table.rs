//! Events for people.

use prosopon_video::{EventKind, StoredEvent};

use super::moment::local;

/// Width of the column with kinds: `spoof suspected`.
const KIND_WIDTH: usize = 15;

/// A table with a head.
pub(crate) fn of(events: &[StoredEvent]) -> String {
    let camera_width = events
        .iter()
        .map(|stored| stored.event.camera.chars().count())
        .chain([6])
        .max()
        .unwrap_or(0)
        .min(30);
    let number_width = events
        .last()
        .map_or(1, |stored| stored.sequence.to_string().len())
        .max(3);
    let mut lines = vec![format!(
        "{:>number_width$}  {:19}  {:camera_width$}  {:KIND_WIDTH$}  who",
        "no.", "when", "camera", "what"
    )];
    lines.extend(events.iter().map(|stored| {
        let event = &stored.event;
        format!(
            "{:>number_width$}  {}  {:camera_width$}  {:KIND_WIDTH$}  {}",
            stored.sequence,
            local(event.at),
            event.camera,
            kind(event.kind),
            who(stored)
        )
        .trim_end()
        .to_owned()
    }));
    lines.join("\n")
}

/// One line.
pub(crate) fn line(stored: &StoredEvent) -> String {
    let event = &stored.event;
    format!(
        "{}  {}  {:KIND_WIDTH$}  {}",
        local(event.at),
        event.camera,
        kind(event.kind),
        who(stored)
    )
    .trim_end()
    .to_owned()
}

/// The kind in words.
pub(crate) fn kind(kind: EventKind) -> String {
    kind.name().replace('_', " ")
}

/// Who it is, with what is known about that.
fn who(stored: &StoredEvent) -> String {
    let event = &stored.event;
    let mut parts = Vec::new();
    if let Some(subject) = &event.subject {
        parts.push(subject.name.clone());
    }
    parts.push(format!("track {}", event.track));
    if let (EventKind::Recognised, Some(similarity)) = (event.kind, event.similarity) {
        parts.push(format!("similarity {similarity:.2}"));
    }
    if let Some(liveness) = event.liveness {
        parts.push(format!("liveness {liveness:.2}"));
    }
    if event.kind == EventKind::Left {
        let secs = event.at.duration_since(event.since).as_secs_f64();
        parts.push(format!("{secs:.1} s"));
    }
    parts.join("  ")
}
