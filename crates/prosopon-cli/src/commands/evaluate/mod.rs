//! `prosopon evaluate`: how accurate is all this, on data with known answers?

mod clusters;
mod common;
mod detection;
mod folder;
mod identification;
mod liveness;
pub(super) mod pairs;
mod quality;
mod samples;
mod texts;

use clap::Subcommand;

use crate::failure::{Exit, Failure};
use crate::output::Format;

/// Measure accuracy on data with known answers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate pairs --pairs lfw/pairs.txt --images lfw/images --report lfw.html
  prosopon evaluate folder people/ --gate 'fnmr@fmr=1e-3<0.02'
  prosopon evaluate identification --gallery-dir enrolled/ --probes-dir probes/ --json")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Pairs(pairs::Args),
    Folder(folder::Args),
    Identification(identification::Args),
    Detection(detection::Args),
    Clusters(clusters::Args),
    Liveness(liveness::Args),
    Quality(quality::Args),
}

impl Args {
    pub(crate) fn format(&self) -> Format {
        match &self.what {
            What::Pairs(args) => args.common.output.format(),
            What::Folder(args) => args.common.output.format(),
            What::Identification(args) => args.common.output.format(),
            What::Detection(args) => args.output.format(),
            What::Clusters(args) => args.output.format(),
            What::Liveness(args) => args.output.format(),
            What::Quality(args) => args.output.format(),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.what {
        What::Pairs(args) => pairs::run(args),
        What::Folder(args) => folder::run(args),
        What::Identification(args) => identification::run(args),
        What::Detection(args) => detection::run(args),
        What::Clusters(args) => clusters::run(args),
        What::Liveness(args) => liveness::run(args),
        What::Quality(args) => quality::run(args),
    }
}
