//! `prosopon calibrate`: which similarity stands for which false match rate, and who decides by it?

mod faces;
mod keep;
mod report;
mod show;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use prosopon::evaluate::calibrate::{CalibrateOptions, check_on_others, measure};
use prosopon::{CompareError, DEFAULT_FMR, Rates};

use self::keep::Keeper;
use self::report::Document;
use crate::args::{self, EngineArgs, GalleryArgs, OutputArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{Format, eprint, print_value};
use crate::progress;
use crate::session::{self, Load};

/// Measure thresholds for false match rates on pictures of known people, and decide by them
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  prosopon calibrate people/                   measure and print, nothing else
  prosopon calibrate people/ --for gallery     decide by it in the default gallery
  prosopon calibrate people/ --for gallery --gallery door.db --fmr 1e-4 --uncertain-fmr 1e-2
  prosopon calibrate people/ --for model       decide by it with this embedder, in all galleries
                                               that have none of their own
  prosopon calibrate --pairs lfw/pairs.txt --images lfw/images --check
  prosopon calibrate show
  prosopon calibrate clear --for gallery

Compares the central face of every picture with those of all other people (the folder, or the list of \
pairs, says who it is). For each false match rate from 1e-1 to 1e-6 that at least one false match \
stands behind, it says the threshold and, at 95 % confidence, the rates between which as many other \
people will lie. `--check` tries that out. Look at the most similar pairs: where one person has two \
names, the strictest thresholds are too high.

`--fmr` and `--uncertain-fmr` are stored with it as the rates to decide by where nobody asks for others. \
As text the answer is TOML for a network's description."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Folder with a folder of pictures for each person
    #[arg(
        value_name = "DIR",
        required_unless_present = "pairs",
        conflicts_with = "pairs"
    )]
    folder: Option<PathBuf>,
    /// List of pairs in the format of Labeled Faces in the Wild: says which pictures there are and who
    /// is on them; all of them are compared, not only the listed pairs
    #[arg(long, value_name = "FILE", requires = "images")]
    pairs: Option<PathBuf>,
    /// Folder of the list's pictures: `NAME/NAME_0001.jpg`
    #[arg(long, value_name = "DIR", requires = "pairs")]
    images: Option<PathBuf>,
    /// Folds of the list to take, from 1, with commas in between; all by default
    #[arg(long, value_name = "N,N", requires = "pairs", value_delimiter = ',')]
    folds: Vec<usize>,
    /// What the table says it was measured on
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Store the table, for the gallery or for the embedder, to decide by it from now on
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    store_for: Option<Target>,
    /// With `--for`: the false match rate to decide by
    #[arg(long, value_name = "RATE", requires = "store_for", value_parser = args::rate)]
    fmr: Option<f64>,
    /// With `--for`: the looser rate from which on an answer is uncertain; 0 for two answers only
    #[arg(long, value_name = "RATE", requires = "store_for", value_parser = args::rate_or_none)]
    uncertain_fmr: Option<f64>,
    /// How many of the most similar faces of different people to list
    #[arg(long, value_name = "N", default_value_t = 5)]
    worst: usize,
    /// Hold out each of N parts of the people in turn (a list's folds, else 3 parts), and say which
    /// rates they meet at the thresholds of the others
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    check: Option<usize>,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(show::ShowArgs),
    Clear(show::ClearArgs),
}

/// What a stored table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// The gallery of `--gallery`
    Gallery,
    /// The embedder
    Model,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.action {
        Some(Action::Show(show)) => show.run(&args.gallery, args.output.format()),
        Some(Action::Clear(clear)) => clear.run(&args.gallery, args.output.format()),
        None => calibrate(args),
    }
}

fn calibrate(args: &Args) -> Result<Exit, Failure> {
    // What cannot be stored is said before the work, not after it.
    let rates = Rates {
        fmr: args.fmr,
        uncertain_fmr: args.uncertain_fmr,
    };
    rates.check()?;
    let data = faces::data(args)?;
    let session = session::open_engine(&args.engine, Load::of(data.pictures.len()))?;
    let keeper = args
        .store_for
        .map(|target| Keeper::open(target, &args.gallery, &session.model))
        .transpose()?;
    let threads = args.engine.inference.options(0).thread_count();
    let found = faces::gather(args, &data, &session, threads)?;

    if found
        .faces
        .iter()
        .all(|face| face.identity == found.faces[0].identity)
    {
        let message = "expected faces of many people, found those of fewer than two";
        return Err(Failure::new(Exit::BadInput, "not_comparable", message).with_hint(NO_IMPOSTORS));
    }
    let part_of = args.check.map(|n| found.parts(n));
    // Each face is compared twice; where parts are held out, with all others but one part, and once
    // with its own.
    let rounds = 2 + part_of.as_ref().map_or(0, |part_of| {
        let parts = found.faces.iter().map(|face| part_of(face.identity));
        (2 * parts.collect::<BTreeSet<_>>().len()).saturating_sub(1)
    });
    let bar = progress::bar(rounds * found.faces.len(), "faces compared");
    let advance = |n: usize| bar.inc(n as u64);
    let options = CalibrateOptions {
        source: args.source.as_deref().unwrap_or(&data.source),
        threads,
        worst: args.worst,
        others: None,
        progress: &advance,
    };
    let measured = measure(&found.faces, &options).map_err(too_few)?;
    let check = part_of
        .map(|part_of| check_on_others(&found.faces, part_of, &options))
        .transpose()?;
    bar.finish_and_clear();

    let lowest = measured.calibration.lowest_supported_fmr();
    let stored = match keeper {
        None => None,
        Some(keeper) => Some(keeper.keep(&session.model, &measured.calibration, rates)?),
    };
    let failed = found.failed;
    let document = Document::new(measured, check, &found, stored, session.about);
    let format = args.output.format();
    print_value(format, &document, || document.describe())?;
    if format == Format::Text && document.stored.is_none() {
        eprint(
            "note: nothing was stored; with `--for gallery` or `--for model` Prosopon decides by it",
        );
    }
    let fmr = rates.fmr.unwrap_or(DEFAULT_FMR);
    if format == Format::Text && document.stored.is_some() && fmr < lowest {
        eprint(&format!(
            "note: it decides at false match rate {fmr:e} and can vouch for {lowest:.1e} at best: give pictures of more people, \
             or go back with `prosopon calibrate clear`",
        ));
    }
    Ok(exit_of(failed))
}

/// What to do where there is nobody to be mistaken for.
const NO_IMPOSTORS: &str = "give more people: rates come from comparing different ones, so name a folder that holds a folder of pictures for each";

/// Too little data is the user's to mend.
fn too_few(error: CompareError) -> Failure {
    let mut failure = Failure::from(error);
    if failure.exit == Exit::Setup {
        failure.exit = Exit::BadInput;
        failure = failure.with_hint(NO_IMPOSTORS);
    }
    failure
}
