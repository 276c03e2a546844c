//! `prosopon predict`: what a trained classifier says of pictures.

use std::path::{Path, PathBuf};

use prosopon::Detection;
use prosopon_train::classifier::{Card, Classifier, ClassifierError, Prediction};
use prosopon_train::input::InputError;
use prosopon_train::registry::{CLASSIFIER_FILE, parse_reference};
use serde::Serialize;

use super::classifiers::RegistryArgs;
use crate::analysis::read_all;
use crate::args::{InferenceArgs, OutputArgs, PictureArgs, SourceArgs, number, quoted};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{Format, count, eprint, print_json, print_json_line, print_line};
use crate::pictures;
use crate::session::Load;
use crate::toolbox;

/// Say what a trained classifier takes the faces of pictures for
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon predict actors new.jpg
  prosopon predict actors@candidate holidays/ --json
  prosopon predict actors new.jpg --reject            unsure answers are given as unknown
  prosopon predict actors new.jpg --reject=0.9
  prosopon predict mood/classifier.prosopon face.png

`prosopon train` makes classifiers, `prosopon classifiers list` shows them. A classifier knows only its classes: \
whom it never saw, it takes for one of them, with a probability that need not be low. Where strangers \
come, use `identify`, or give a class of strangers, or `--reject`.")]
pub(crate) struct Args {
    /// `NAME`, `NAME@VERSION`, `NAME@candidate`, or a file
    #[arg(value_name = "NAME|FILE")]
    classifier: String,
    /// Pictures, folders, patterns, or `-` for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Answers less sure than this are `unknown`; without a number the classifier's own threshold counts,
    /// which was set on pictures that it did not learn from
    #[arg(long, value_name = "P", num_args = 0..=1, require_equals = true, default_missing_value = "calibrated", value_parser = reject)]
    reject: Option<Reject>,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    inference: InferenceArgs,
}

/// Less sure than this, an answer is more likely wrong than right even by the classifier's own account.
const EVEN: f64 = 0.5;

/// From where on an answer counts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reject {
    /// From the classifier's own threshold on.
    Calibrated,
    /// From this probability on.
    Below(f64),
}

fn reject(text: &str) -> Result<Reject, String> {
    if text == "calibrated" {
        return Ok(Reject::Calibrated);
    }
    number(0.0..=1.0)(text).map(Reject::Below)
}

#[derive(Serialize)]
struct Document {
    classifier: String,
    version: Option<u32>,
    classes: Vec<String>,
    /// Least probability of an answer that counts, if any is rejected.
    reject_below: Option<f64>,
    /// Less sure answers are `unsure`: the classifier's own threshold, and at least one half.
    unsure_below: f64,
    pictures: Vec<PictureJson>,
    failed: Vec<Failed>,
}

#[derive(Serialize)]
struct PictureJson {
    path: String,
    faces: Vec<FaceJson>,
}

#[derive(Serialize)]
struct Failed {
    path: String,
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct FaceJson {
    /// Where it is; null if the whole picture is taken for the face.
    bounding_box: Option<prosopon::BoundingBox>,
    /// The likeliest class.
    class: String,
    /// Its probability.
    probability: f64,
    /// Whether it is too unsure to count.
    rejected: bool,
    /// Whether it is less sure than `unsure_below`, as answers about strangers often are.
    unsure: bool,
    /// Probability of each class, in the order of `classes`.
    probabilities: Vec<f64>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    if args.paths.is_empty() {
        return Err(no_pictures(&args.classifier));
    }
    let (mut classifier, version) = open(&args.classifier, &args.registry)?;
    let unsure_below = classifier.card.reject_below.unwrap_or_default().max(EVEN);
    let reject_below = match args.reject {
        None => None,
        Some(Reject::Below(least)) => Some(least),
        Some(Reject::Calibrated) => Some(calibrated(&classifier.card)?),
    };
    classifier.card.reject_below = reject_below;
    let inputs = pictures::collect(&args.paths)?;
    let load = Load::of(inputs.len());
    let mut input = classifier.card.input.clone();
    let tools = toolbox::open(&mut input, &args.source, &args.inference, load)?;
    let extractor = tools.extractor(input)?;
    let format = args.output.format();
    let mut document = Document {
        classifier: classifier.card.name.clone(),
        version,
        classes: classifier.card.classes.clone(),
        reject_below,
        unsure_below,
        pictures: Vec::new(),
        failed: Vec::new(),
    };
    let mut n_unsure = 0;
    read_all(
        &inputs,
        &args.pictures.limits(),
        args.inference.options(load.streams()).thread_count(),
        |picture| -> Result<Vec<(Option<Detection>, Prediction)>, Failure> {
            let faces = extractor.faces(&picture.image);
            let faces = faces.map_err(|error: InputError| toolbox::input_failure(error))?;
            let answers = faces.into_iter().map(|face| {
                let said = classifier.predict(&face.values);
                Ok((face.detection, said.map_err(|error| other_values(&error))?))
            });
            answers.collect()
        },
        |input, read| {
            let path = input.to_string();
            match read.and_then(|read| read.map_err(|failure| failure.at(&path))) {
                Ok(faces) => {
                    let faces = faces.into_iter();
                    let faces = faces.map(|(at, said)| FaceJson {
                        unsure: said.probability() < unsure_below,
                        ..face_json(&classifier.card, at, said)
                    });
                    let picture = PictureJson {
                        path,
                        faces: faces.collect(),
                    };
                    n_unsure += picture
                        .faces
                        .iter()
                        .filter(|f| f.unsure && !f.rejected)
                        .count();
                    match format {
                        Format::Text => print_line(&describe(&picture, &classifier.card))?,
                        Format::JsonLines => print_json_line(&picture)?,
                        Format::Json => document.pictures.push(picture),
                    }
                }
                Err(failure) if failure.exit == Exit::BadInput => {
                    eprint(&failure.to_string());
                    document.failed.push(Failed {
                        path,
                        code: failure.code,
                        message: failure.message,
                    });
                }
                Err(failure) => return Err(failure),
            }
            Ok(())
        },
    )?;
    if format == Format::Json {
        print_json(&document)?;
    }
    if n_unsure > 0 && format.is_text() {
        // Upwards, so that none of these is just above it.
        let least = (unsure_below * 1e3).ceil() / 1e3;
        eprint(&format!(
            "note: {} less sure than {:.1} %, as they often are about what no class was trained for; `--reject={least}` calls these unknown",
            count(n_unsure, "answer is", "answers are"),
            100.0 * least
        ));
    }
    Ok(exit_of(document.failed.len()))
}

fn face_json(card: &Card, detection: Option<Detection>, said: Prediction) -> FaceJson {
    FaceJson {
        bounding_box: detection.map(|detection| detection.bounding_box),
        class: card.classes[said.class].clone(),
        probability: said.probability(),
        rejected: said.is_rejected,
        unsure: false,
        probabilities: said.probabilities,
    }
}

/// The classes of each face, likeliest first.
fn describe(picture: &PictureJson, card: &Card) -> String {
    if picture.faces.is_empty() {
        return format!("{}: no face that is wanted", picture.path);
    }
    let width = card
        .classes
        .iter()
        .map(|class| class.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (i, face) in picture.faces.iter().enumerate() {
        let place = match face.bounding_box {
            Some(b) if picture.faces.len() > 1 => {
                format!(", face {} at {:.0},{:.0}", i + 1, b.left, b.top)
            }
            _ => String::new(),
        };
        let name = if face.rejected {
            "unknown"
        } else {
            &face.class
        };
        text += &format!(
            "{}{place}: {name} ({:.1} %{})\n",
            picture.path,
            100.0 * face.probability,
            if face.unsure { ", unsure" } else { "" }
        );
        let mut scores: Vec<_> = card.classes.iter().zip(&face.probabilities).collect();
        scores.sort_by(|a, b| b.1.total_cmp(a.1));
        for (class, probability) in scores {
            let bar = "█".repeat((probability * 20.0).round() as usize);
            text += &format!("  {class:<width$}  {:5.1} %  {bar}\n", 100.0 * probability);
        }
    }
    text.trim_end().to_owned()
}

/// The error for one argument, which may be either.
fn no_pictures(only: &str) -> Failure {
    let (found, example) = if pictures::has_picture_extension(Path::new(only)) {
        (
            "only a picture",
            format!("prosopon predict NAME {}", quoted(only)),
        )
    } else {
        (
            "no pictures",
            format!("prosopon predict {} new.jpg", quoted(only)),
        )
    };
    let message = format!("expected a classifier and pictures, found {found}");
    Failure::new(Exit::Usage, "usage", message).with_hint(format!(
        "`{example}`; `prosopon classifiers list` shows the names"
    ))
}

/// The classifier that `name` names, and its version if it is one of the registry.
fn open(name: &str, registry: &RegistryArgs) -> Result<(Classifier, Option<u32>), Failure> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok((load(path)?, None));
    }
    if path.join(CLASSIFIER_FILE).is_file() {
        return Ok((load(&path.join(CLASSIFIER_FILE))?, None));
    }
    let (name, which) = parse_reference(name)?;
    let (found, classifier) = registry
        .open()?
        .read(name, which.unwrap_or_default(), |found| {
            load(&found.classifier())
        })?;
    Ok((classifier, Some(found.version)))
}

fn load(path: &Path) -> Result<Classifier, Failure> {
    Classifier::load(path).map_err(|error| {
        let code = match error {
            ClassifierError::Read(_) => "unreadable_classifier",
            _ => "unusable_classifier",
        };
        Failure::new(Exit::Setup, code, error)
            .at(path.display())
            .with_hint("`prosopon train` makes classifiers, `prosopon classifiers list` shows them")
    })
}

fn calibrated(card: &Card) -> Result<f64, Failure> {
    card.reject_below.ok_or_else(|| {
        let message = "the classifier has no threshold of its own";
        Failure::new(Exit::Setup, "not_calibrated", message)
            .with_hint("say one: `--reject=0.9`; training with pictures held out sets it")
    })
}

fn other_values(error: &ClassifierError) -> Failure {
    Failure::new(Exit::Setup, "other_model", error)
        .with_hint("its features are made by another network now; train it again")
}
