//! `prosopon`: face recognition on the command line.
//!
//! `args.rs` says what can be typed, `commands/` has a file for each subcommand. What they share:
//! `session.rs` opens models and engine, `pictures.rs` finds the pictures, `analysis.rs` runs them
//! through the engine on several workers, `faces.rs` gathers the faces of whole folders, `results.rs` says where
//! files go, `made.rs` remembers what was put into a folder, `output.rs` prints.

mod albums;
mod analysis;
mod args;
mod assess;
mod commands;
mod faces;
mod failure;
mod made;
mod output;
mod pictures;
mod progress;
mod results;
mod session;
mod threshold;
mod tiles;
mod toolbox;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::Args;
use crate::failure::{Exit, Failure};
use crate::output::Format;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return print_usage(&error),
    };
    let format = args.command.format();
    match commands::run(args.command) {
        Ok(exit) => exit.into(),
        Err(failure) if failure.is_closed_pipe() => Exit::Success.into(),
        Err(failure) => {
            output::print_failure(&failure, format);
            failure.exit.into()
        }
    }
}

/// Prints help, version, or what is wrong with the command line: as JSON too where that was asked
/// for.
fn print_usage(error: &clap::Error) -> ExitCode {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if error.use_stderr() && !is_help {
        let asked = |flag: &str| std::env::args_os().any(|argument| argument == flag);
        let text = error.to_string();
        // Usage and a pointer to the help follow after an empty line.
        let message = text.lines().take_while(|line| !line.is_empty());
        let words: Vec<&str> = message.flat_map(str::split_whitespace).collect();
        let message = words.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        let failure = Failure::new(Exit::Usage, "usage", message)
            .with_hint("`--help` shows what can be given");
        output::print_failure_document(
            &failure,
            match (asked("--json"), asked("--jsonl")) {
                (true, _) => Format::Json,
                (_, true) => Format::JsonLines,
                _ => Format::Text,
            },
        );
    }
    // Nobody is left to tell if this fails.
    let _ = error.print();
    ExitCode::from(error.exit_code() as u8)
}
