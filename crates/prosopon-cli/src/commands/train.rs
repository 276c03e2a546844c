//! `prosopon train`: from a folder of pictures to a classifier.

mod describe;
mod gather;
mod head;
mod options;
mod progress;
mod results;
mod work;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use prosopon_models::Store;
use prosopon_train::data::{DataSet, Listing};
use prosopon_train::train::{Origin, Plan, TrainError, TrainOptions, train};

use self::gather::{Source, gather};
use self::options::{GroupArg, InputArgs, LearnerArgs};
use self::progress::Progress;
use self::results::Results;
use self::work::WorkFolder;
use super::prepare::options::FaceArgs;
use crate::args::{DetectArgs, InferenceArgs, ModelArgs, OutputArgs, command_line};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{eprint, print_value};
use crate::session::Load;
use crate::toolbox;

/// Train a classifier on a folder of pictures
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon train photos/                            who is it? a folder for each person
  prosopon train photos/ --grid                     try learners, keep the best
  prosopon train photos/ --feature pixels+wavelet --learner scale+svc:C=10 --detector haar
  prosopon train fer2013/ --faces as-is --cnn fer   train/ and test/ are kept apart
  prosopon train photos/ --cnn hobbit --augment --trials 10
  prosopon train list.csv --name mood               columns path,label[,split][,group]
  prosopon train photos/ --head triplet --out mine  an embedding of your own, for the option
                                                    `--head mine/head.prosopon` of other commands
  prosopon predict photos new.jpg                   what it says of a picture

A part of the pictures is held out: the figures are about those, and near-duplicates never stand \
on both sides. The classifier, a report (report.html) and class_dictionary.json are kept as a new \
version of NAME: `prosopon classifiers list`. A training that was cut short goes on when the same \
command is run again.")]
pub(crate) struct Args {
    /// Folder with a folder of pictures for each class, or with train/ and test/; a .csv; values of features
    /// (.npz, or a folder that --save-features made)
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// Name of the classifier [default: that of the folder or file]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    learner: LearnerArgs,
    #[command(flatten)]
    trial: TrialArgs,
    #[command(flatten)]
    results: results::ResultArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    face: FaceArgs,
    #[command(flatten)]
    detect: DetectArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    inference: InferenceArgs,
}

/// How it is measured.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "How it is measured")]
struct TrialArgs {
    /// Share of the pictures that is only tried, unless the layout says which; 0 for none
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = crate::args::number(0.0..=0.9))]
    held_out: f64,
    /// Parts of the cross-validation; 0 for none
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = folds)]
    folds: usize,
    /// Where random choices come from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Weigh classes with few pictures as much as those with many
    #[arg(long)]
    balanced: bool,
    /// Learn from all pictures in the end, after the figures were measured (not networks)
    #[arg(long)]
    refit: bool,
    /// Pictures that stay together, besides near-duplicates
    #[arg(long, value_enum, default_value_t = GroupArg::Nothing)]
    group_by: GroupArg,
    /// Share of wrong answers, of those that are not rejected, to which `predict --reject` is set
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = crate::args::number(0.0..=0.5))]
    accepted_errors: f64,
}

fn folds(text: &str) -> Result<usize, String> {
    let folds = text
        .parse()
        .ok()
        .filter(|folds| (0..=100).contains(folds) && *folds != 1);
    folds.ok_or_else(|| "expected 0 or a number from 2 to 100".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    args.face.check()?;
    let plan = args.learner.plan(&args.input, args.trial.balanced)?;
    let results = Results::open(&args.results, args.name.as_deref(), &args.data)?;
    let mut work = None;
    let mut data = match Source::open(&args.data, args.trial.group_by.into())? {
        Source::Values(data) => data,
        Source::Pictures(listing) => args.samples(listing, &plan, &mut work)?,
    };
    let (seed, out) = (args.trial.seed, args.results.out());
    let embedding = match (args.learner.head, args.learner.metric) {
        (Some(loss), _) => Some(head::train(&data, loss, seed, out)?),
        (_, Some(loss)) => Some(head::train_network(&data, &plan, loss, seed, out)?),
        _ => None,
    };
    if let Some(document) = embedding {
        if let Some(work) = work {
            work.remove();
        }
        print_value(args.output.format(), &document, || document.describe())?;
        return Ok(exit_of(data.skipped.len()));
    }
    let dropped = data.drop_empty_classes();
    for class in &dropped {
        eprint(&format!(
            "left out: no picture of class `{class}` can be used"
        ));
    }
    let options = TrainOptions {
        plan,
        held_out: args.trial.held_out,
        folds: args.trial.folds,
        seed: args.trial.seed,
        refit: args.trial.refit,
        accepted_errors: args.trial.accepted_errors,
        origin: Origin {
            name: results.name().to_owned(),
            created: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            program: format!("prosopon {}", env!("CARGO_PKG_VERSION")),
            command: command_line(),
            source: args.data.display().to_string(),
        },
        work: work
            .as_ref()
            .map(|work: &WorkFolder| work.path().to_owned()),
    };
    let progress = Progress::new();
    let trained = train(
        &data,
        &options,
        &|event| progress.tell(event),
        &AtomicBool::new(false),
    );
    progress.finish();
    let outcome = trained.map_err(|error| failure_of(&error).at(args.data.display()))?;
    let saved = results.save(&outcome, &data)?;
    if let Some(work) = work {
        work.remove();
    }
    describe::print(&outcome, &data, &saved, args.output.format())?;
    Ok(exit_of(data.skipped.len()))
}

impl Args {
    /// The samples of pictures: those of an interrupted training, or new ones.
    fn samples(
        &self,
        mut listing: Listing,
        plan: &Plan,
        work: &mut Option<WorkFolder>,
    ) -> Result<DataSet, Failure> {
        self.check(&listing)?;
        for class in std::mem::take(&mut listing.empty_classes) {
            eprint(&format!(
                "left out: the folder of class `{class}` holds no picture"
            ));
        }
        let mut input = self.input.input(
            plan,
            &self.face,
            (&self.models, &self.detect),
            self.learner.metric.is_some(),
        );
        let load = Load::of(listing.pictures.len());
        let tools = toolbox::open(&mut input, &self.models.source, &self.inference, load)?;
        // The plan holds what a file of layers says, not just its name.
        let options = format!("{plan:?} {:?}", self.trial);
        let folder = WorkFolder::open(Store::open()?.home(), &listing, &input, &options)?;
        let place = match &self.results.save_features {
            Some(place) => place.clone(),
            None => folder.samples(),
        };
        *work = Some(folder);
        // Only what this very training gathered: a folder that the user named may hold other samples.
        if self.results.save_features.is_none() && DataSet::is_saved_in(&place) {
            eprint("going on with the samples of an interrupted training");
            return DataSet::load(&place).map_err(gather::failure);
        }
        let extractor = tools.extractor(input)?;
        let workers = self.inference.options(0).thread_count();
        gather(listing, &extractor, &place, &self.detect.limits(), workers)
    }

    /// Says at once what would come to nothing in the end.
    fn check(&self, listing: &Listing) -> Result<(), Failure> {
        let hint = "expected is a folder that holds a folder of pictures for each class, or a .csv";
        let failure = |code, message: String| {
            Err(Failure::new(Exit::BadInput, code, message)
                .at(self.data.display())
                .with_hint(hint))
        };
        match &listing.classes[..] {
            [] if listing.pictures.is_empty() && listing.without_class.is_empty() => {
                failure("no_pictures", "expected pictures, found none".to_owned())
            }
            [] => failure(
                "one_class",
                "expected folders of classes with pictures, found pictures beside each other"
                    .to_owned(),
            ),
            [only] => failure(
                "one_class",
                format!("expected pictures of at least two classes, found only `{only}`"),
            ),
            _ => Ok(()),
        }
    }
}

fn failure_of(error: &TrainError) -> Failure {
    let (exit, code, hint) = match error {
        TrainError::NoSamples => (
            Exit::BadInput,
            "no_faces",
            Some("look at what was left out; `--faces as-is` takes each picture for a face"),
        ),
        TrainError::OneClass { .. } => (
            Exit::BadInput,
            "one_class",
            Some("a folder holds a folder of pictures for each class"),
        ),
        TrainError::TooFew { .. } => (
            Exit::BadInput,
            "too_few_pictures",
            Some(
                "add pictures or take the class away; `--held-out 0 --folds 0` trains without figures",
            ),
        ),
        TrainError::Split(_) => (
            Exit::BadInput,
            "too_few_pictures",
            Some("near-duplicates count as one; `--held-out 0 --folds 0` trains without figures"),
        ),
        TrainError::Input { .. } => (Exit::Usage, "other_input", None),
        TrainError::Read(_) => (Exit::Storage, "unusable_samples", None),
        TrainError::Fit(_) | TrainError::Learn(_) => (Exit::BadInput, "nothing_learnt", None),
        _ => (Exit::BadInput, "not_trained", None),
    };
    let failure = Failure::new(exit, code, error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
