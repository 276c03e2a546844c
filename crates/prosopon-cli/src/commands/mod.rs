//! One file for each subcommand: its arguments, what it does, how its answer reads.

pub(crate) mod album;
pub(crate) mod audit;
pub(crate) mod before_after;
pub(crate) mod calibrate;
pub(crate) mod classifiers;
pub(crate) mod cluster;
pub(crate) mod consistency;
pub(crate) mod dedupe;
pub(crate) mod detect;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod embed;
pub(crate) mod enrol;
pub(crate) mod evaluate;
pub(crate) mod events;
pub(crate) mod explore;
pub(crate) mod fetch;
pub(crate) mod gradients;
pub(crate) mod identify;
pub(crate) mod keys;
pub(crate) mod matrix;
pub(crate) mod models;
pub(crate) mod people;
pub(crate) mod predict;
pub(crate) mod prepare;
pub(crate) mod quickstart;
pub(crate) mod recogniser;
pub(crate) mod serve;
pub(crate) mod signature;
pub(crate) mod split;
pub(crate) mod train;
pub(crate) mod verify;
pub(crate) mod watch;

use crate::args::Command;
use crate::failure::{Exit, Failure};

/// Runs a subcommand; the status says what its answer was.
pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Quickstart(args) => quickstart::run(&args),
        Command::Detect(args) => detect::run(&args),
        Command::Embed(args) => embed::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Enrol(args) => enrol::run(&args),
        Command::Identify(args) => identify::run(&args),
        Command::People(args) => people::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Fetch(args) => fetch::run(&args),
        Command::Prepare(args) => prepare::run(&args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Signature(args) => signature::run(&args),
        Command::Consistency(args) => consistency::run(&args),
        Command::Explore(args) => explore::run(&args),
        Command::Dedupe(args) => dedupe::run(&args),
        Command::Split(args) => split::run(&args),
        Command::BeforeAfter(args) => before_after::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Gradients(args) => gradients::run(&args),
        Command::Cluster(args) => cluster::run(&args),
        Command::Album(args) => album::run(&args),
        Command::Recogniser(args) => recogniser::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Classifiers(args) => classifiers::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    }
}
