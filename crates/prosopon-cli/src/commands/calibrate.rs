//! `prosopon calibrate`: which similarity stands for which false match rate?

use std::collections::BTreeSet;
use std::path::PathBuf;

use prosopon::Calibration;
use prosopon::evaluate::calibrate::{LabelledFace, calibrate};
use serde::Serialize;

use super::detect::exit_of;
use crate::args::{EngineArgs, OutputArgs};
use crate::faces::{self, LabelledPicture};
use crate::failure::{Exit, Failure};
use crate::output::{About, count, print_value};
use crate::session::{self, Load};

/// Measure thresholds for false match rates on pictures of known people
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon calibrate lfw/images --source 'LFW, all impostor pairs'
  prosopon calibrate people/ --embedder my-arcface

Compares the central face of every picture with those of all other people (the folder says who it
is) and prints a table for the model's description or the catalogue.")]
pub(crate) struct Args {
    /// Folder with a folder of pictures for each person
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What the table says it was measured on
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Document {
    calibration: Calibration,
    lowest_supported_fmr: f64,
    people: usize,
    faces: usize,
    without_face: usize,
    failed: usize,
    #[serde(flatten)]
    about: About,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let session = session::open_engine(&args.engine, Load::Batch)?;
    let labelled = faces::labelled(&args.folder, &session.engine, &args.engine)?;
    let without_face = labelled
        .pictures
        .iter()
        .filter(|p| p.face.is_none())
        .count();
    let failed = labelled.failed.len();
    let label = |picture: LabelledPicture| {
        Some(LabelledFace {
            identity: picture.identity,
            embedding: picture.face?.embedding,
        })
    };
    let faces: Vec<_> = labelled.pictures.into_iter().filter_map(label).collect();
    let people: BTreeSet<usize> = faces.iter().map(|face| face.identity).collect();
    let threads = args.engine.inference.options(0).thread_count();
    let source = args
        .source
        .clone()
        .unwrap_or_else(|| args.folder.display().to_string());
    let calibration = calibrate(&faces, &source, threads).map_err(|error| {
        let mut failure = Failure::from(error).with_hint("give more people: rates need impostors");
        failure.exit = Exit::BadInput;
        failure
    })?;
    let document = Document {
        lowest_supported_fmr: calibration.lowest_supported_fmr(),
        calibration,
        people: people.len(),
        faces: faces.len(),
        without_face,
        failed,
        about: session.about,
    };
    print_value(args.output.format(), &document, || describe(&document))?;
    Ok(exit_of(failed))
}

/// The table as TOML, with what it was measured on.
fn describe(document: &Document) -> String {
    let Calibration {
        source,
        comparisons,
        points,
    } = &document.calibration;
    let mut text = format!(
        "# {} of {} people, {} without a face; {}, {}\n# rates below {:.1e} are extrapolated or rest on fewer than 30 false matches\n[calibration]\nsource = {source:?}\ncomparisons = {comparisons}\npoints = [",
        count(document.faces, "face", "faces"),
        document.people,
        document.without_face,
        document.about.model.as_deref().unwrap_or_default(),
        document.about.backend,
        document.lowest_supported_fmr,
    );
    for point in points {
        text += &format!(
            "\n  {{ fmr = {:e}, similarity = {:.4} }},",
            point.fmr, point.similarity
        );
    }
    text + "\n]"
}
