//! `prosopon events show`.

use std::path::PathBuf;

use prosopon_video::{EventId, EventStore, StoredEvent};

use super::moment::local;
use super::place::EventsArgs;
use super::table;
use crate::failure::{Exit, Failure};
use crate::output::{Format, print_value, write_file};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its number, or its id
    #[arg(value_name = "NUMBER|ID")]
    event: String,
    /// Write its picture to this file (JPEG)
    #[arg(long, value_name = "FILE")]
    crop: Option<PathBuf>,
}

pub(super) fn run(args: &Args, events: &EventsArgs, format: Format) -> Result<Exit, Failure> {
    let store = events.open(false, None)?;
    let stored = find(&store, &args.event)?.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "unknown_event",
            "no event of this number or id",
        )
        .at(&args.event)
        .with_hint("`prosopon events list` shows numbers; it may have been purged")
    })?;
    if let Some(path) = &args.crop {
        let crop = store.crop(&stored.event.id)?.ok_or_else(|| {
            Failure::new(Exit::BadInput, "no_crop", "the event has no picture").at(&args.event)
        })?;
        write_file(path, &crop)?;
    }
    print_value(format, &stored, || describe(&stored))?;
    Ok(Exit::Success)
}

fn find(store: &EventStore, text: &str) -> Result<Option<StoredEvent>, Failure> {
    // Digits alone may be either; ids have 32.
    Ok(match (EventId::from_hex(text), text.parse()) {
        (Some(id), _) => store.event(&id)?,
        (None, Ok(number)) => store.event_number(number)?,
        (None, Err(_)) => None,
    })
}

fn describe(stored: &StoredEvent) -> String {
    let event = &stored.event;
    let mut rows = vec![
        ("number", stored.sequence.to_string()),
        ("id", event.id.to_string()),
        ("what", table::kind(event.kind)),
        ("camera", event.camera.clone()),
        ("when", local(event.at)),
        (
            "track",
            format!("{}, since {}", event.track, local(event.since)),
        ),
    ];
    if let Some(subject) = &event.subject {
        rows.push(("who", subject.name.clone()));
        let metadata = &subject.metadata;
        rows.extend((!metadata.is_empty()).then(|| {
            let json = serde_json::Value::Object(metadata.clone());
            ("metadata", json.to_string())
        }));
    }
    let number = |value: f32| format!("{value:.3}");
    if let Some(similarity) = event.similarity {
        let threshold = event.threshold.map(number).unwrap_or_default();
        let rate = event.fmr.map(|fmr| format!(", FMR {fmr:.0e}"));
        rows.push((
            "similarity",
            format!(
                "{similarity:.3} (threshold {threshold}{})",
                rate.unwrap_or_default()
            ),
        ));
    }
    rows.extend(event.quality.map(|quality| ("quality", number(quality))));
    rows.extend(
        event
            .liveness
            .map(|liveness| ("liveness", number(liveness))),
    );
    rows.extend((!event.attributes.is_empty()).then(|| {
        let json = serde_json::Value::Object(event.attributes.clone());
        ("attributes", json.to_string())
    }));
    let area = event.bounding_box;
    rows.push((
        "face",
        format!(
            "{:.0} × {:.0} px at {:.0}, {:.0} of {} × {}",
            area.right - area.left,
            area.bottom - area.top,
            area.left,
            area.top,
            event.frame_size.0,
            event.frame_size.1
        ),
    ));
    rows.push((
        "picture",
        if stored.has_crop {
            "yes; `--crop FILE` writes it"
        } else {
            "none"
        }
        .to_owned(),
    ));
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name:11}{value}"))
        .collect();
    lines.join("\n")
}
