//! `prosopon evaluate`: how accurate is all this, on data with known answers?

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use prosopon::evaluate::pairs::{Comparison, PairList, PairsReport, PictureName};
use prosopon::{Embedding, similarity};
use serde::Serialize;

use super::detect::exit_of;
use crate::args::{EngineArgs, OutputArgs};
use crate::faces::{self, ReadPicture, ReadPictures};
use crate::failure::{Exit, Failure};
use crate::output::{About, Format, print_value};
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
    let read = faces::of_inputs(&inputs, &session.engine, &args.engine)?;
    let unusable_pictures = read.failed.clone();
    let embeddings = central_embeddings(read);
    let of = |name: &PictureName| embeddings.get(&name.path(&args.images));
    let comparisons = list
        .pairs
        .iter()
        .map(|pair| {
            let similarity = match (of(&pair.probe), of(&pair.reference)) {
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
    let exit = exit_of(unusable_pictures.len());
    let document = Document {
        report: PairsReport::new(&comparisons),
        pictures: inputs.len(),
        unusable_pictures,
        about: session.about,
    };
    print_value(args.output.format(), &document, || describe(&document))?;
    Ok(exit)
}

/// The embedding of the central face of each picture, by its path.
fn central_embeddings(read: ReadPictures) -> BTreeMap<PathBuf, Embedding> {
    let central = |picture: ReadPicture| {
        let face = faces::central_face(picture.size, picture.faces)?;
        Some((picture.path, face.embedding))
    };
    read.pictures.into_iter().filter_map(central).collect()
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
