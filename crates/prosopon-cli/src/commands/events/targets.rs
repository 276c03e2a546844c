//! `prosopon events targets` and `deliver`: who was told, and who still waits.

use std::time::Duration;

use prosopon_video::TargetId;
use prosopon_video::deliver::TargetState;
use prosopon_video::store::OutboxState;
use serde_json::{Value, json};

use super::delivery::{self, DeliveryArgs};
use super::moment::local;
use super::place::EventsArgs;
use crate::failure::{Exit, Failure};
use crate::output::{Format, print_json_line, print_value};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Forget this target with all that waits for it
    #[arg(long, value_name = "TARGET")]
    forget: Option<String>,
}

/// How long to go on.
#[derive(Debug, clap::Args)]
pub(super) struct PatienceArgs {
    /// Give up after so many seconds; what is left waits for the next time
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        conflicts_with = "follow"
    )]
    patience: u64,
    /// Go on for ever: for a service beside cameras that only write
    #[arg(long)]
    follow: bool,
}

pub(super) fn run(args: &Args, events: &EventsArgs, format: Format) -> Result<Exit, Failure> {
    let store = events.open(false, None)?;
    let mut targets = store.targets()?;
    if let Some(name) = &args.forget {
        let known = targets.iter().position(|(id, _)| id.as_str() == name);
        let Some(known) = known else {
            return Err(
                Failure::new(Exit::Storage, "unknown_target", "unknown target")
                    .at(name)
                    .with_hint("`prosopon events targets` shows all"),
            );
        };
        let (id, _) = targets.remove(known);
        store.forget_target(&id)?;
    }
    if format == Format::JsonLines {
        targets
            .iter()
            .try_for_each(|target| print_json_line(&json(target)))?;
    } else {
        let value = json!({ "targets": targets.iter().map(json).collect::<Vec<_>>() });
        print_value(format, &value, || {
            if targets.is_empty() {
                return "no targets; `--webhook` or `--mqtt` of `prosopon watch` make some".into();
            }
            let lines: Vec<String> = targets
                .iter()
                .map(|(id, state)| describe(id.as_str(), state))
                .collect();
            lines.join("\n")
        })?;
    }
    Ok(Exit::Success)
}

/// Delivers what waits; the status says whether all of it was.
pub(super) fn deliver(
    args: &DeliveryArgs,
    patience: &PatienceArgs,
    events: &EventsArgs,
    format: Format,
) -> Result<Exit, Failure> {
    let targets = args.targets()?;
    if targets.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "usage",
            "expected a target to deliver to, found none",
        )
        .with_hint("for example `--webhook https://example.org/faces`"));
    }
    let store = events.open(patience.follow, Some(args.keep_days))?;
    let delivery = delivery::start(&store, targets)?;
    if patience.follow {
        loop {
            std::thread::park();
        }
    }
    let states = delivery.stop(Duration::from_secs(patience.patience))?;
    let is_done = states
        .iter()
        .all(|state| state.outbox.pending == 0 && !state.outbox.is_gone);
    print_value(format, &json!({ "targets": states }), || {
        let lines: Vec<String> = states
            .iter()
            .map(|state| describe(&state.target, &state.outbox))
            .collect();
        lines.join("\n")
    })?;
    Ok(if is_done { Exit::Success } else { Exit::No })
}

fn json((id, state): &(TargetId, OutboxState)) -> Value {
    json!(TargetState {
        id: id.clone(),
        target: id.to_string(),
        outbox: state.clone(),
    })
}

fn describe(name: &str, state: &OutboxState) -> String {
    let mut text = format!(
        "{name}: {} delivered, {} waiting, {} dropped",
        state.delivered, state.pending, state.dropped
    );
    if state.is_gone {
        text += "; wants no more events";
    }
    if let Some(error) = &state.last_error {
        text += &format!("; last error: {error}");
    }
    if let Some(next) = state.next_attempt {
        text += &format!("; next attempt {}", local(next));
    }
    text
}
