//! `prosopon recogniser`: face recognition from before networks.

mod faces;
mod predict;
mod show;
mod train;

use std::path::Path;

use clap::Subcommand;
use prosopon::classic::recogniser::{FileError, Recogniser, RecogniserError, RecogniserMethod};

use crate::args::OutputArgs;
use crate::failure::{Exit, Failure};

/// Recognise faces as before networks: LBPH, Eigenfaces, Fisherfaces
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon recogniser train orl/ --method lbph --out orl.rec --hold-out 5
  prosopon recogniser predict orl.rec new/*.png
  prosopon recogniser update orl.rec more/           LBPH only: learns new faces and people
  prosopon recogniser show orl.rec --out pictures/   mean face and directions
  prosopon recogniser train photos/ --detect --method fisher --out us.rec

A folder holds a folder of pictures for each person. Pictures are taken for faces that are cropped alike, \
which matters much here; `--detect` finds the largest face of each and turns it upright, and must then be \
given to all commands. Every face gets the name of the nearest one unless `--max-distance` is given; \
distances have another scale for each method and each folder. The networks (`enrol`, `identify`) are far \
more accurate; this is to compare with, to teach, and for small devices.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Learn the faces of a folder that holds a folder for each person
    Train(train::TrainArgs),
    /// Say whose face is nearest
    Predict(predict::PredictArgs),
    /// Learn more faces (LBPH only)
    Update(train::UpdateArgs),
    /// Write what was learnt as pictures
    Show(show::ShowArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum MethodArg {
    /// Histograms of local binary patterns: bears changes of light
    Lbph,
    /// The directions in which pictures vary most
    Eigen,
    /// The directions that part people best: two pictures of each at least
    Fisher,
}

impl MethodArg {
    fn method(self) -> RecogniserMethod {
        match self {
            Self::Lbph => RecogniserMethod::Lbph,
            Self::Eigen => RecogniserMethod::Eigen,
            Self::Fisher => RecogniserMethod::Fisher,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let format = args.output.format();
    match &args.action {
        Action::Train(args) => train::train(args, format),
        Action::Predict(args) => predict::predict(args, format),
        Action::Update(args) => train::update(args, format),
        Action::Show(args) => show::show(args, format),
    }
}

fn load(path: &Path) -> Result<Recogniser, Failure> {
    Recogniser::load(path).map_err(|error| {
        let (code, message) = match &error {
            FileError::Read(cause) => ("unreadable_recogniser", format!("{error}: {cause}")),
            _ => ("unusable_recogniser", error.to_string()),
        };
        Failure::new(Exit::Setup, code, message)
            .at(path.display())
            .with_hint("`prosopon recogniser train DIR --out FILE` makes one")
    })
}

fn save(recogniser: &Recogniser, path: &Path) -> Result<(), Failure> {
    recogniser
        .save(path)
        .map_err(|error| Failure::write(path.display(), &error))
}

fn failure_of(error: &RecogniserError) -> Failure {
    let (exit, code, hint) = match error {
        RecogniserError::Empty | RecogniserError::TooFew { .. } => (
            Exit::BadInput,
            "too_few_pictures",
            "Fisherfaces need two people, and two pictures of one of them; `--method lbph` needs one picture",
        ),
        RecogniserError::TooMany { .. } => (
            Exit::Usage,
            "too_many_pictures",
            "take a smaller `--size`, fewer pictures, or `--method lbph`",
        ),
        RecogniserError::NoUpdate { .. } => {
            (Exit::Usage, "no_update", "train it anew with all pictures")
        }
        _ => (
            Exit::Usage,
            "invalid_size",
            "for example `--size 100x100`; patterns need a pixel for each cell of `--grid` and a border of `--radius`",
        ),
    };
    Failure::new(exit, code, error).with_hint(hint)
}
