//! `prosopon consistency`: are these faces all of one person?

use std::path::PathBuf;

use prosopon::consistency::{Consistency, FaceConsistency, bar_chart};
use prosopon::matrix::SimilarityMatrix;
use serde::Serialize;

use crate::args::{EngineArgs, OutputArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{About, count, print_value};
use crate::tiles::{self, PICTURES, TileJson, Tiles};

/// Faces at most: more bars cannot be told apart.
const MOST_FACES: usize = 1000;

/// Check that faces are of one person: mean − k·σ of their similarities, and who does not belong
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon consistency anna/                        writes consistency.png
  prosopon consistency anna/ --k 3 --out anna.svg
  prosopon consistency anna/ --largest-face --json

For each face: the mean and the standard deviation σ of its similarities with all others, and \
mean − k·σ. Over all faces: mean − k·σ of their means as a threshold; what lies below does not belong. \
A stranger pulls that threshold down, and among fewer than 28 faces nothing can lie 5 σ away; hence \
also median − k·MAD, on which strangers have little influence (MAD: median absolute deviation, times \
1.4826). The status is 1 if a face does not belong.")]
pub(crate) struct Args {
    /// Pictures, folders, patterns; `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How many standard deviations below the mean still belong
    #[arg(long, value_name = "K", default_value_t = 5.0, value_parser = crate::args::number(0.0..=100.0))]
    k: f64,
    /// Picture to write: .png, .svg, .jpg …
    #[arg(long, value_name = "FILE", default_value = "consistency.png")]
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
    #[serde(flatten)]
    values: FaceConsistency,
}

#[derive(Serialize)]
struct Document {
    faces: Vec<FaceJson>,
    outliers: Vec<String>,
    k: f64,
    mean: f64,
    std: f64,
    threshold: f64,
    median: f64,
    robust_threshold: f64,
    out: String,
    failed: Vec<String>,
    #[serde(flatten)]
    about: About,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let out = std::slice::from_ref(&args.out);
    tiles::check_endings(out, &PICTURES, ".png, .svg or .jpg")?;
    let (tiles, session) = Tiles::gather(&args.paths, &args.engine, MOST_FACES)?;
    let matrix = SimilarityMatrix::new(&tiles.embeddings)?;
    let consistency = Consistency::new(&matrix, args.k).ok_or_else(|| {
        let message = format!("expected at least 3 faces, found {}", matrix.n_faces());
        Failure::new(Exit::BadInput, "too_few_faces", message)
            .with_hint("of two faces nobody can say which is the wrong one; name more pictures")
    })?;
    let title = tiles::title_of("Consistency", &args.paths);
    tiles::save_figure(&bar_chart(&title, &consistency, &tiles.cells), &args.out)?;
    let outliers = consistency.outliers();
    let document = Document {
        outliers: outliers.map(|i| tiles.faces[i].label.clone()).collect(),
        k: consistency.k,
        mean: consistency.mean,
        std: consistency.std,
        threshold: consistency.threshold,
        median: consistency.median,
        robust_threshold: consistency.robust_threshold,
        faces: tiles
            .faces
            .into_iter()
            .zip(consistency.faces)
            .map(|(face, values)| FaceJson { face, values })
            .collect(),
        out: args.out.display().to_string(),
        failed: tiles.failed,
        about: session.about,
    };
    print_value(args.output.format(), &document, || describe(&document))?;
    Ok(match exit_of(document.failed.len()) {
        Exit::Success if !document.outliers.is_empty() => Exit::No,
        exit => exit,
    })
}

fn describe(document: &Document) -> String {
    let mut text = format!(
        "{}, similarity with the others {:.3} ± {:.3}\nmean − {k}·σ      {:.3}\nmedian − {k}·MAD  {:.3}",
        count(document.faces.len(), "face", "faces"),
        document.mean,
        document.std,
        document.threshold,
        document.robust_threshold,
        k = document.k,
    );
    if document.outliers.is_empty() {
        text += "\nno face lies below either";
    } else {
        let n = count(document.outliers.len(), "face does", "faces do");
        text += &format!("\n{n} not belong:");
        let odd = |face: &&FaceJson| face.values.outlier || face.values.robust_outlier;
        for face in document.faces.iter().filter(odd) {
            text += &format!("\n  {:.3}  {}", face.values.mean, face.face.path);
        }
    }
    text + &format!("\nwrote {}", document.out)
}
