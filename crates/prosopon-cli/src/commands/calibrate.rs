//! `prosopon calibrate`: which similarity stands for which false match rate?

use std::collections::BTreeMap;
use std::path::PathBuf;

use prosopon::Calibration;
use prosopon::evaluate::calibrate::{LabelledFace, calibrate};
use serde::Serialize;

use super::detect::exit_of;
use super::evaluate::{central_face, identity_of};
use crate::analysis::{StageTimes, analyze_all, size_of};
use crate::args::{EngineArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::output::{About, count, eprint, print_value};
use crate::pictures::{self, Input};
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
    let inputs: Vec<Input> = pictures::collect(std::slice::from_ref(&args.folder))?;
    let session = session::open_engine(&args.engine, Load::of(inputs.len()))?;
    let threads = args.engine.inference.options(0).thread_count();
    let mut identities = BTreeMap::new();
    let mut faces = Vec::new();
    let (mut without_face, mut failed) = (0, 0);
    analyze_all(
        &inputs,
        &session.engine,
        &args.engine.detect.limits(),
        threads,
        &StageTimes::default(),
        |picture| size_of(&picture),
        |input, analysed| {
            match analysed {
                Ok((size, found)) => match central_face(size, found) {
                    Some(face) => {
                        let Input::File(path) = input else {
                            return Ok(());
                        };
                        let next = identities.len();
                        let identity = *identities.entry(identity_of(path)).or_insert(next);
                        faces.push(LabelledFace {
                            identity,
                            embedding: face.embedding,
                        });
                    }
                    None => without_face += 1,
                },
                Err(failure) if failure.exit == Exit::BadInput => {
                    eprint(&failure.to_string());
                    failed += 1;
                }
                Err(failure) => return Err(failure),
            }
            Ok(())
        },
    )?;
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
        people: identities.len(),
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
