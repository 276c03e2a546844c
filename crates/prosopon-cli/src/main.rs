//! `prosopon`: face recognition on the command line.
//!
//! `args.rs` says what can be typed, `commands/` has a file for each subcommand. What they share:
//! `session.rs` opens models and engine, `pictures.rs` finds the pictures, `analysis.rs` runs them
//! through the engine on several workers, `output.rs` prints.

mod analysis;
mod args;
mod commands;
mod failure;
mod output;
mod pictures;
mod progress;
mod session;
mod threshold;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::failure::Exit;

fn main() -> ExitCode {
    let args = Args::parse();
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
