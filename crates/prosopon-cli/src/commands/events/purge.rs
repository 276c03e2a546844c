//! `prosopon events purge`.

use jiff::{SignedDuration, Timestamp};
use prosopon_video::Filter;
use serde_json::json;

use super::moment::length;
use super::place::EventsArgs;
use crate::failure::{Exit, Failure};
use crate::output::{Format, count, print_value};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Remove what is older than this, such as `30d`
    #[arg(long, value_name = "LENGTH", value_parser = length, required_unless_present_any = ["all", "subject", "camera"])]
    older_than: Option<SignedDuration>,
    /// Remove all events of this person
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// Remove all events of this camera
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// Remove everything
    #[arg(long, conflicts_with_all = ["older_than", "subject", "camera"])]
    all: bool,
}

pub(super) fn run(args: &Args, events: &EventsArgs, format: Format) -> Result<Exit, Failure> {
    let store = events.open(false, None)?;
    let until = args
        .older_than
        .map(|length| {
            Timestamp::now()
                .checked_sub(length)
                .unwrap_or(Timestamp::MIN)
        })
        .filter(|_| !args.all);
    let n_removed = store.purge_matching(&Filter {
        until,
        subject: args.subject.clone(),
        camera: args.camera.clone(),
        ..Filter::default()
    })?;
    let n_left = store.count(&Filter::default())?;
    let value = json!({ "removed": n_removed, "left": n_left });
    print_value(format, &value, || {
        format!(
            "{} removed, {n_left} left",
            count(n_removed as usize, "event", "events")
        )
    })?;
    Ok(Exit::Success)
}
