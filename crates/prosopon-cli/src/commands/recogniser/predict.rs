//! `prosopon recogniser predict`.

use std::path::PathBuf;

use prosopon::classic::recogniser::Recogniser;
use serde::Serialize;

use super::faces::{FaceArgs, GrayFaces};
use super::{faces, failure_of, load};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{Format, count, print_json_line, print_value};
use crate::progress;

#[derive(Debug, clap::Args)]
pub(super) struct PredictArgs {
    /// File of the recogniser
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Pictures, folders, patterns
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Farther faces are unknown
    #[arg(long, value_name = "DISTANCE")]
    max_distance: Option<f64>,
    /// People to list for each face, the nearest first
    #[arg(long, value_name = "N", default_value_t = 3)]
    top: usize,
    #[command(flatten)]
    faces: FaceArgs,
}

#[derive(Serialize)]
struct Document {
    file: String,
    method: &'static str,
    pictures: Vec<Predicted>,
    failed: Vec<String>,
}

#[derive(Serialize)]
struct Predicted {
    path: String,
    /// None if the nearest face is too far away.
    name: Option<String>,
    distance: f64,
    candidates: Vec<Candidate>,
}

#[derive(Serialize)]
struct Candidate {
    name: String,
    distance: f64,
}

pub(super) fn predict(args: &PredictArgs, format: Format) -> Result<Exit, Failure> {
    let recogniser = load(&args.file)?;
    let GrayFaces { faces, failed } = faces::read(&args.paths, &args.faces, recogniser.sides())?;
    let bar = progress::bar(faces.len(), "faces compared");
    let mut pictures = Vec::new();
    for face in faces {
        let found = predicted(args, &recogniser, &face)?;
        if format == Format::JsonLines {
            print_json_line(&found)?;
        }
        pictures.push(found);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let document = Document {
        file: args.file.display().to_string(),
        method: recogniser.method().name(),
        pictures,
        failed,
    };
    if format != Format::JsonLines {
        print_value(format, &document, || describe(&document))?;
    }
    Ok(exit_of(document.failed.len()))
}

fn predicted(
    args: &PredictArgs,
    recogniser: &Recogniser,
    face: &faces::GrayFace,
) -> Result<Predicted, Failure> {
    let candidates = recogniser
        .candidates(&face.face)
        .map_err(|error| failure_of(&error))?;
    let nearest = candidates.first();
    let distance = nearest.map_or(f64::MAX, |nearest| nearest.distance);
    let is_near = args.max_distance.is_none_or(|most| distance <= most);
    let name = |label| recogniser.name(label).to_owned();
    Ok(Predicted {
        path: face.path.display().to_string(),
        name: nearest
            .filter(|_| is_near)
            .map(|nearest| name(nearest.label)),
        distance,
        candidates: candidates
            .iter()
            .take(args.top)
            .map(|candidate| Candidate {
                name: name(candidate.label),
                distance: candidate.distance,
            })
            .collect(),
    })
}

fn describe(document: &Document) -> String {
    let line = |found: &Predicted| {
        let others = found.candidates.iter().skip(1);
        let others: Vec<String> = others
            .map(|other| format!("{} {:.1}", other.name, other.distance))
            .collect();
        let name = found.name.as_deref().unwrap_or("unknown");
        let mut line = format!("{}: {name}, {:.1} away", found.path, found.distance);
        if !others.is_empty() {
            line += &format!(" ({})", others.join(", "));
        }
        line
    };
    let mut lines: Vec<String> = document.pictures.iter().map(line).collect();
    if !document.failed.is_empty() {
        let n = count(document.failed.len(), "picture", "pictures");
        lines.push(format!("{n} could not be used"));
    }
    lines.join("\n")
}
