//! `prosopon events`: what cameras saw.

pub(crate) mod delivery;
mod export;
mod filter;
mod moment;
pub(crate) mod place;
mod purge;
mod show;
pub(crate) mod table;
mod targets;

use clap::Subcommand;
use serde_json::json;

use self::delivery::DeliveryArgs;
use self::filter::FilterArgs;
use self::place::EventsArgs;
use crate::args::OutputArgs;
use crate::failure::{Exit, Failure};
use crate::output::{Format, print_json, print_json_line, print_line};

/// List, follow, export, deliver and remove what cameras saw
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon events list                                 the newest 50
  prosopon events list --camera door --kind recognised --since 2h
  prosopon events list --subject Anna --since yesterday --json
  prosopon events show 1234 --crop anna.jpg            one event, with its picture
  prosopon events follow                               as they happen; Ctrl-C ends it
  prosopon events follow --after 1234 --json           all after 1234, one a line, then new ones
  prosopon events export --since 7d --out week.csv --crops faces/
  prosopon events purge --older-than 30d
  prosopon events targets                              what waits for which webhook or broker
  prosopon events deliver --webhook https://example.org/faces

Times: `90s`, `15m`, `2h`, `3d`, `1w` ago; `today`, `yesterday`; `2026-11-22`, `2026-11-22 14:30` \
by the clock of this machine; `2026-11-22T14:30:00Z`.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    events: EventsArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List events, oldest first
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// Only the newest so many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show one event
    Show(show::Args),
    /// Print events as they happen
    Follow {
        #[command(flatten)]
        filter: FilterArgs,
        /// Begin with those after this number
        #[arg(long, value_name = "N", conflicts_with = "last")]
        after: Option<u64>,
        /// Begin with the newest so many
        #[arg(long, value_name = "N", default_value_t = 10)]
        last: usize,
    },
    /// Write events as JSON lines or CSV, with their pictures
    Export(export::Args),
    /// Remove events and their pictures for good
    Purge(purge::Args),
    /// Say what waits for which webhook or broker
    Targets(targets::Args),
    /// Deliver what waits, without a camera
    Deliver {
        #[command(flatten)]
        delivery: DeliveryArgs,
        #[command(flatten)]
        patience: targets::PatienceArgs,
    },
}

impl Args {
    /// How results and errors are printed.
    pub(crate) fn format(&self) -> Format {
        self.output.format()
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let format = args.format();
    match &args.action {
        Action::List { filter, limit } => list(args, filter, *limit),
        Action::Show(show) => show::run(show, &args.events, format),
        Action::Follow {
            filter,
            after,
            last,
        } => follow(args, filter, *after, *last),
        Action::Export(export) => export::run(export, &args.events, format),
        Action::Purge(purge) => purge::run(purge, &args.events, format),
        Action::Targets(targets) => targets::run(targets, &args.events, format),
        Action::Deliver { delivery, patience } => {
            targets::deliver(delivery, patience, &args.events, format)
        }
    }
}

fn list(args: &Args, filter: &FilterArgs, limit: usize) -> Result<Exit, Failure> {
    let store = args.events.open(false, None)?;
    let mut filter = filter.filter()?;
    let n_all = store.count(&filter)?;
    filter.limit = (limit > 0).then_some(limit);
    let events = store.list(&filter)?;
    match args.format() {
        Format::JsonLines => events.iter().try_for_each(print_json_line)?,
        Format::Json => print_json(&json!({ "events": events, "n_all": n_all }))?,
        Format::Text if events.is_empty() => print_line("no events")?,
        Format::Text => {
            print_line(&table::of(&events))?;
            if n_all > events.len() as u64 {
                print_line(&format!(
                    "the newest {} of {n_all}; `--limit 0` shows all",
                    events.len()
                ))?;
            }
        }
    }
    Ok(Exit::Success)
}

fn follow(
    args: &Args,
    filter: &FilterArgs,
    after: Option<u64>,
    last: usize,
) -> Result<Exit, Failure> {
    // The camera may start later.
    let store = args.events.open(true, None)?;
    let mut filter = filter.filter()?;
    filter.after_sequence = Some(match after {
        Some(after) => after,
        None => start_of_last(&store, &filter, last)?,
    });
    let mut follow = store.subscribe(filter)?;
    loop {
        let Some(stored) = follow.next(std::time::Duration::from_mins(1))? else {
            continue;
        };
        match args.format() {
            Format::Text => print_line(&table::line(&stored))?,
            Format::Json | Format::JsonLines => print_json_line(&stored)?,
        }
    }
}

/// The number after which the newest `last` events come.
fn start_of_last(
    store: &prosopon_video::EventStore,
    filter: &prosopon_video::Filter,
    last: usize,
) -> Result<u64, Failure> {
    let newest = prosopon_video::Filter {
        limit: Some(last),
        ..filter.clone()
    };
    let end = store.last_sequence()?;
    let first = if last == 0 {
        None
    } else {
        store.list(&newest)?.first().map(|stored| stored.sequence)
    };
    Ok(first.map_or(end, |first| first - 1))
}
