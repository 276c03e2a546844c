//! `prosopon signature`: what do embeddings look like?

use std::path::PathBuf;

use prosopon::signature::signatures;
use serde::Serialize;

use crate::args::{EngineArgs, OutputArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{About, count, print_value};
use crate::tiles::{self, PICTURES, TileJson, Tiles};

/// Faces at most: their rows make a picture of 26,000 pixels.
const MOST_FACES: usize = 200;

/// Draw each face beside the line of its embedding
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon signature photo.jpg                      writes signature.png
  prosopon signature anna1.jpg anna2.jpg ben.jpg --out lines.svg
  prosopon signature photos/ --largest-face --json > values.json

Lines of one person rise and fall together; those of different people do not.")]
pub(crate) struct Args {
    /// Pictures, folders, patterns; `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Picture to write: .png, .svg, .jpg …
    #[arg(long, value_name = "FILE", default_value = "signature.png")]
    out: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct FaceJson {
    #[serde(flatten)]
    face: TileJson,
    embedding: Vec<f32>,
}

#[derive(Serialize)]
struct Document {
    faces: Vec<FaceJson>,
    out: String,
    failed: Vec<String>,
    #[serde(flatten)]
    about: About,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let out = std::slice::from_ref(&args.out);
    tiles::check_endings(out, &PICTURES, ".png, .svg or .jpg")?;
    let (tiles, session) = Tiles::gather(&args.paths, &args.engine, MOST_FACES)?;
    let title = tiles::title_of("Embeddings", &args.paths);
    let svg = signatures(&title, &tiles.cells, &tiles.embeddings);
    tiles::save_figure(&svg, &args.out)?;
    let faces = tiles.faces.into_iter().zip(&tiles.embeddings);
    let document = Document {
        faces: faces
            .map(|(face, embedding)| FaceJson {
                face,
                embedding: embedding.values().to_vec(),
            })
            .collect(),
        out: args.out.display().to_string(),
        failed: tiles.failed,
        about: session.about,
    };
    print_value(args.output.format(), &document, || {
        let n = count(document.faces.len(), "face", "faces");
        format!("{n}\nwrote {}", document.out)
    })?;
    Ok(exit_of(document.failed.len()))
}
