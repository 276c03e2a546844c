//! `prosopon quickstart`: from nothing to a picture with faces marked.

use std::path::PathBuf;

use prosopon::image::DecodeLimits;
use prosopon::{DetectorOptions, Image};
use prosopon_models::Store;
use serde::Serialize;

use super::detect::with_marks;
use crate::args::{InferenceArgs, ModelArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::output::{About, FaceJson, print_value};
use crate::results::save;
use crate::session::{self, Load};

/// Set everything up and find the faces on a first photograph
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Installs the default models if they are missing, finds the faces on the photograph of the Solvay \
conference of 1927 that comes with them, and writes the picture with the faces marked.

Examples:
  prosopon quickstart
  prosopon quickstart --out /tmp/solvay.jpg --json")]
pub(crate) struct Args {
    /// Where to write the picture
    #[arg(long, value_name = "FILE", default_value = "solvay-faces.jpg")]
    out: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    inference: InferenceArgs,
}

#[derive(Serialize)]
struct Answer {
    picture: PathBuf,
    n_faces: usize,
    faces: Vec<FaceJson>,
    #[serde(flatten)]
    about: About,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let store = Store::open()?;
    session::pull(
        &store,
        &store.catalogue().defaults.pack,
        &args.models.source,
    )?;
    let session = session::open_detector(&args.models, &args.inference, Load::Single)?;
    let path = store.solvay_picture()?;
    let image = Image::open(&path, &DecodeLimits::default())
        .map_err(|error| Failure::from(error).at(path.display()))?;
    let detections = session
        .detector
        .detect(&image, &DetectorOptions::default())?;
    save(&with_marks(&image, &detections), &args.out)?;
    let answer = Answer {
        picture: args.out.clone(),
        n_faces: detections.len(),
        faces: detections.iter().map(FaceJson::from).collect(),
        about: session.about,
    };
    print_value(args.output.format(), &answer, || {
        format!(
            "Found {} faces on the photograph of the Solvay conference of 1927 with {}.
Look at {}.

What next:
  prosopon detect PHOTO                  find the faces in your own photograph
  prosopon verify PHOTO PHOTO            are these two the same person?
  prosopon enrol PEOPLE                  a folder with a folder of photographs for each person
  prosopon identify PHOTO                who is on it? `unknown` is an answer
  prosopon serve                         the same in a browser, and over HTTP
  prosopon doctor                        what this machine has, and how fast it is
All commands explain themselves with --help and print JSON with --json.",
            answer.n_faces,
            answer.about.backend,
            args.out.display()
        )
    })?;
    Ok(Exit::Success)
}
