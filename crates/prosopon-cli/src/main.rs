//! `prosopon`: face recognition on the command line.
//!
//! `args.rs` says what can be typed, `help.rs` how the overview of it reads, `commands/` has a file for each
//! subcommand. What they share: `session.rs` opens models and engine, `networks.rs` loads their files, `pictures.rs`
//! finds the pictures, `analysis.rs` runs them through the engine on several workers, `faces.rs` gathers the faces of
//! whole folders, `results.rs` says where files go, `made.rs` remembers what was put into a folder, `output.rs` prints.

mod albums;
mod analysis;
mod args;
mod assess;
mod commands;
mod faces;
mod failure;
mod help;
mod made;
mod networks;
mod output;
mod pictures;
mod progress;
mod results;
mod session;
mod threshold;
mod tiles;
mod toolbox;

use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};
use prosopon_gallery::spelling::closest;

use crate::args::{Args, quoted};
use crate::failure::{Exit, Failure};
use crate::output::Format;

fn main() -> ExitCode {
    let args = help::parser()
        .try_get_matches()
        .and_then(|matches| Args::from_arg_matches(&matches));
    let args = match args {
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
        let hint = meant(error);
        let hint = hint.unwrap_or_else(|| "`--help` shows what can be given".to_owned());
        let failure = Failure::new(Exit::Usage, "usage", message).with_hint(hint);
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
    if let Some(hint) = meant(error) {
        output::eprint(&format!("\nhint: {hint}"));
    }
    ExitCode::from(error.exit_code() as u8)
}

/// What was probably meant where the parser itself has no idea.
fn meant(error: &clap::Error) -> Option<String> {
    let ContextValue::String(wrong) = error.get(ContextKind::InvalidSubcommand)? else {
        return None;
    };
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return None;
    }
    // Not `args`, which panics at what is no Unicode.
    let first = std::env::args_os().nth(1)?;
    if first == "evaluate" && Path::new(wrong).exists() {
        let example = format!("prosopon evaluate folder {}", quoted(wrong));
        return Some(format!(
            "say what it holds: `{example}` for a folder with a folder for each person"
        ));
    }
    let program = Args::command();
    let mut commands = program.get_subcommands().map(clap::Command::get_name);
    let is_help = first == "help";
    let wanted = is_help.then(|| closest(wrong, &mut commands)).flatten()?;
    Some(format!("did you mean `prosopon help {wanted}`?"))
}
