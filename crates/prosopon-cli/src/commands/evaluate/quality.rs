//! `prosopon evaluate quality`: does leaving out the worst faces help?

use std::path::PathBuf;

use prosopon::evaluate::quality::{QualitySample, Rejected, errors_versus_rejects};
use prosopon::evaluate::report::rate;
use prosopon::{Detection, Face};
use serde::Serialize;

use crate::analysis::{StageTimes, analyze_all, size_of};
use crate::args::{AttributeArgs, EngineArgs, OutputArgs, similarity};
use crate::assess::assess_all;
use crate::faces::{central_face, identity_of};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{About, print_value};
use crate::pictures::{self, pass_over};
use crate::session::{self, Load};

/// Quality: are fewer genuine pairs missed without the worst faces?
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate quality people/
  prosopon evaluate quality people/ --attributes pose,eyes --json

The curve of errors against rejection: the false non-match rate over all genuine pairs, without the \
worst 0, 5, 10, 20 and 30 % of the faces. The folder of a picture says who it shows.")]
pub(super) struct Args {
    /// Folder with a folder of pictures for each person
    folder: PathBuf,
    /// Least similarity of a match [default: the model's own at FMR 1e-3]
    #[arg(long, value_name = "SIM", value_parser = similarity, allow_negative_numbers = true)]
    threshold: Option<f32>,
    #[command(flatten)]
    attributes: AttributeArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Document {
    threshold: f32,
    faces: usize,
    pictures: usize,
    unusable_pictures: Vec<String>,
    curve: Vec<Rejected>,
    #[serde(flatten)]
    about: About,
}

/// The rate at which the model's own threshold is taken.
const FMR: f64 = 1e-3;
/// Shares of the faces that are left out.
const SHARES: [f64; 5] = [0.0, 0.05, 0.1, 0.2, 0.3];

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let inputs = pictures::collect(std::slice::from_ref(&args.folder))?;
    let load = Load::of(inputs.len());
    let session = session::open_engine(&args.engine, load)?;
    let networks = session::open_attributes(
        &args.attributes.attributes,
        &args.engine.models.source,
        &args.engine.inference,
        load,
    )?;
    let own = session.calibration.as_ref().map(|active| {
        let table = &active.calibration;
        table.threshold(session.model.clone(), FMR).similarity
    });
    let threshold = args.threshold.or(own).ok_or_else(|| {
        let message = format!("`{}` has no thresholds of its own", session.model);
        Failure::new(Exit::Usage, "not_calibrated", message).with_hint("pass `--threshold SIM`")
    })?;
    let (mut samples, mut names, mut unusable) = (Vec::new(), Vec::new(), Vec::new());
    analyze_all(
        &inputs,
        &session.engine,
        &args.engine.detect.limits(),
        args.engine.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture, detections| {
            let assessed = assess_all(&picture.image, detections, networks.as_ref());
            (size_of(&picture), assessed)
        },
        |input, analysed| {
            match analysed {
                Ok(((size, assessed), faces)) => {
                    let found: Vec<(Detection, f32)> = faces
                        .iter()
                        .zip(assessed?)
                        .map(|(face, assessment)| (face.detection, assessment.quality.score))
                        .collect();
                    if let (Some(face), Some(path)) = (central_face(size, faces), input.path()) {
                        let of_face = found.iter().find(|(d, _)| *d == face.detection);
                        names.push(identity_of(path));
                        samples.push((of_face.map_or(0.0, |(_, quality)| *quality), face));
                    }
                }
                Err(failure) => pass_over(input, failure, &mut unusable)?,
            }
            Ok(())
        },
    )?;
    let document = Document {
        threshold,
        faces: samples.len(),
        pictures: inputs.len(),
        curve: errors_versus_rejects(&numbered(names, samples), threshold, &SHARES)?,
        about: session.about,
        unusable_pictures: unusable,
    };
    print_value(args.output.format(), &document, || describe(&document))?;
    Ok(exit_of(document.unusable_pictures.len()))
}

/// The faces with a number for each name.
fn numbered(names: Vec<String>, faces: Vec<(f32, Face)>) -> Vec<QualitySample> {
    let mut known = names.clone();
    known.sort_unstable();
    known.dedup();
    names
        .into_iter()
        .zip(faces)
        .map(|(name, (quality, face))| QualitySample {
            identity: known.partition_point(|other| *other < name) as u32,
            quality,
            embedding: face.embedding,
        })
        .collect()
}

fn describe(document: &Document) -> String {
    let mut text = format!(
        "{} faces, threshold {:.3}\nleft out  quality from  similarity  missed genuine pairs (FNMR)",
        document.faces, document.threshold
    );
    for point in &document.curve {
        text += &format!(
            "\n{:>6.0} %  {:>12.3}  {:>10.3}  {}",
            point.rejected * 100.0,
            point.min_quality,
            point.mean_similarity,
            rate(&point.fnmr)
        );
    }
    text
}
