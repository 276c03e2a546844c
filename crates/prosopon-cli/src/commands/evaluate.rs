//! `prosopon evaluate`: how accurate is all this, on data with known answers?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use prosopon::evaluate::pairs::{Comparison, PairList, PairsReport, PictureName};
use prosopon::{Embedding, Face, similarity};
use serde::Serialize;

use super::detect::exit_of;
use crate::analysis::{StageTimes, analyze_all, size_of};
use crate::args::{EngineArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::output::{About, Format, eprint, print_value};
use crate::pictures::Input;
use crate::session::{self, Load};

/// Measure accuracy on data with known answers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Pairs(PairsArgs),
}

impl Args {
    pub(crate) fn format(&self) -> Format {
        let What::Pairs(args) = &self.what;
        args.output.format()
    }
}

/// Verification by the protocol of Labeled Faces in the Wild
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate pairs --pairs lfw/pairs.txt --images lfw/images
  prosopon evaluate pairs --pairs pairs.txt --images images --precision f32 --json

In each picture the face nearest to the centre counts, larger ones before smaller. A picture
without a face makes its pairs rejections. Each fold is judged with the threshold that is best on
the others; intervals are of 95 %, by resampling the pairs.")]
struct PairsArgs {
    /// List of pairs in the data set's own format
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// Folder of pictures: `NAME/NAME_0001.jpg`
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    report: PairsReport,
    pictures: usize,
    unusable_pictures: Vec<String>,
    #[serde(flatten)]
    about: About,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let What::Pairs(args) = &args.what;
    let text = std::fs::read_to_string(&args.pairs).map_err(|error| {
        let message = format!("could not read the list of pairs: {error}");
        Failure::new(Exit::BadInput, "unreadable_file", message).at(args.pairs.display())
    })?;
    let list = PairList::parse(&text).map_err(|error| {
        Failure::new(Exit::BadInput, "invalid_pairs", error).at(args.pairs.display())
    })?;
    let names = list.pictures();
    let inputs: Vec<Input> = names
        .iter()
        .map(|name| Input::File(name.path(&args.images)))
        .collect();
    if !inputs
        .iter()
        .any(|input| matches!(input, Input::File(path) if path.exists()))
    {
        return Err(crate::pictures::no_pictures(&args.images));
    }
    let session = session::open_engine(&args.engine, Load::Batch)?;
    let mut unusable = Vec::new();
    let embeddings = central_embeddings(args, &inputs, &session.engine, &mut unusable)?;
    let by_name: BTreeMap<&PictureName, Option<Embedding>> =
        names.into_iter().zip(embeddings).collect();
    let comparisons = list
        .pairs
        .iter()
        .map(|pair| {
            let similarity = match (&by_name[&pair.probe], &by_name[&pair.reference]) {
                (Some(a), Some(b)) => Some(similarity(a, b)?.value()),
                _ => None,
            };
            Ok(Comparison {
                similarity,
                genuine: pair.genuine,
                fold: pair.fold,
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let exit = exit_of(unusable.len());
    let document = Document {
        report: PairsReport::new(&comparisons),
        pictures: inputs.len(),
        unusable_pictures: unusable,
        about: session.about,
    };
    print_value(args.output.format(), &document, || describe(&document))?;
    Ok(exit)
}

/// The embedding of the central face of each picture.
fn central_embeddings(
    args: &PairsArgs,
    inputs: &[Input],
    engine: &prosopon::FaceEngine,
    unusable: &mut Vec<String>,
) -> Result<Vec<Option<Embedding>>, Failure> {
    let mut embeddings = Vec::with_capacity(inputs.len());
    analyze_all(
        inputs,
        engine,
        &args.engine.detect.limits(),
        args.engine.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture| size_of(&picture),
        |input, analysed| {
            embeddings.push(match analysed {
                Ok((size, faces)) => central_face(size, faces).map(|f| f.embedding),
                Err(failure) if failure.exit == Exit::BadInput => {
                    eprint(&failure.to_string());
                    unusable.push(input.to_string());
                    None
                }
                Err(failure) => return Err(failure),
            });
            Ok(())
        },
    )?;
    Ok(embeddings)
}

/// The face that the picture is of: large and near its centre.
///
/// The weight of two for the squared distance is the one that the InsightFace project uses to
/// choose a central face.
pub(crate) fn central_face((width, height): (u32, u32), faces: Vec<Face>) -> Option<Face> {
    let (x, y) = (width as f32 / 2.0, height as f32 / 2.0);
    let weight = |face: &Face| {
        let center = face.detection.bounding_box.center();
        let squared_distance = (center.x - x).powi(2) + (center.y - y).powi(2);
        face.detection.bounding_box.area() - 2.0 * squared_distance
    };
    faces
        .into_iter()
        .max_by(|a, b| weight(a).total_cmp(&weight(b)))
}

fn describe(document: &Document) -> String {
    let report = &document.report;
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let mut text = format!(
        "accuracy  {} ± {} over {} folds, {} pairs, {} undetected\nEER       {}",
        percent(report.accuracy),
        percent(report.accuracy_std),
        report.accuracy_per_fold.len(),
        report.pairs,
        report.undetected,
        percent(report.eer)
    );
    for (far, tar) in report.tar_at_far.iter().rev() {
        let [low, high] = report.tar_at_far_interval[far];
        text += &format!(
            "\nTAR       {} at FAR {far} (95 %: {} to {})",
            percent(*tar),
            percent(low),
            percent(high)
        );
    }
    let About {
        model,
        detector,
        backend,
    } = &document.about;
    text + &format!(
        "\nwith {detector}, {}, {backend}",
        model.as_deref().unwrap_or("no embedder")
    )
}

/// Name of the person a picture of a folder-per-person tree shows.
pub(crate) fn identity_of(path: &Path) -> String {
    path.parent()
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
