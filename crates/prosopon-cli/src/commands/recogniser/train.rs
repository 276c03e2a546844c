//! `prosopon recogniser train` and `update`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use prosopon::classic::Lbp;
use prosopon::classic::recogniser::{FaceSample, LbphOptions, Recogniser, RecogniserOptions};
use serde::Serialize;

use super::faces::{FaceArgs, GrayFaces};
use super::{MethodArg, faces, failure_of, load, save};
use crate::faces::identity_of;
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{Format, count, print_value};
use crate::progress;

#[derive(Debug, clap::Args)]
pub(super) struct TrainArgs {
    /// Folder that holds a folder of pictures for each person
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// How faces are compared
    #[arg(long, value_enum)]
    method: MethodArg,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Size of the faces, in pixels
    #[arg(long, value_name = "WxH", default_value = "100x100", value_parser = crate::args::sides)]
    size: (u32, u32),
    /// Directions that Eigenfaces and Fisherfaces keep [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    components: Option<u32>,
    /// Leave out the last N pictures of each person, but not the first, and say how many of them are
    /// recognised
    #[arg(long, value_name = "N", default_value_t = 0)]
    hold_out: usize,
    /// LBPH: radius of the patterns, in pixels
    #[arg(long, value_name = "PX", default_value_t = 1)]
    radius: u32,
    /// LBPH: points on the circle of the patterns, at most 16
    #[arg(long, value_name = "N", default_value_t = 8)]
    neighbors: u32,
    /// LBPH: columns and rows of cells
    #[arg(long, value_name = "WxH", default_value = "8x8", value_parser = crate::args::sides)]
    grid: (u32, u32),
    #[command(flatten)]
    faces: FaceArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct UpdateArgs {
    /// File of the recogniser, which is written anew
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Folder that holds a folder of pictures for each person, known or new
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    faces: FaceArgs,
}

#[derive(Serialize)]
struct Document {
    file: String,
    method: &'static str,
    size: (u32, u32),
    people: Vec<Person>,
    pictures: usize,
    components: Option<usize>,
    bytes: u64,
    hold_out: Option<HoldOut>,
    failed: Vec<String>,
}

#[derive(Serialize)]
struct Person {
    name: String,
    pictures: usize,
}

/// How many of the pictures that were left out are recognised.
#[derive(Serialize)]
struct HoldOut {
    pictures: usize,
    right: usize,
    accuracy: f64,
    wrong: Vec<Wrong>,
}

#[derive(Serialize)]
struct Wrong {
    path: String,
    name: String,
    distance: f64,
}

pub(super) fn train(args: &TrainArgs, format: Format) -> Result<Exit, Failure> {
    let GrayFaces { faces, failed } =
        faces::read(std::slice::from_ref(&args.folder), &args.faces, args.size)?;
    let mut people: BTreeMap<String, Vec<(String, FaceSample)>> = BTreeMap::new();
    for face in faces {
        let sample = FaceSample {
            picture: face.face,
            label: 0,
        };
        let path = face.path.display().to_string();
        people
            .entry(identity_of(&face.path))
            .or_default()
            .push((path, sample));
    }
    let (mut names, mut samples, mut held_out) = (Vec::new(), Vec::new(), Vec::new());
    for (label, (name, pictures)) in (0..).zip(people) {
        let learnt = pictures.len().saturating_sub(args.hold_out).max(1);
        for (i, (path, mut sample)) in pictures.into_iter().enumerate() {
            sample.label = label;
            if i < learnt {
                samples.push(sample);
            } else {
                held_out.push((path, sample));
            }
        }
        names.push(name);
    }
    let options = RecogniserOptions {
        components: args.components,
        lbph: LbphOptions {
            lbp: Lbp {
                radius: args.radius,
                neighbors: args.neighbors,
            },
            grid: args.grid,
        },
        ..RecogniserOptions::new(args.method.method())
    };
    let spinner = progress::spinner("learning");
    let recogniser = Recogniser::train(&options, names, &samples);
    spinner.finish_and_clear();
    let recogniser = recogniser.map_err(|error| failure_of(&error).at(args.folder.display()))?;
    let hold_out = (args.hold_out > 0)
        .then(|| tried(&recogniser, &held_out))
        .transpose()?;
    save(&recogniser, &args.out)?;
    report(&recogniser, &args.out, hold_out, failed, format)
}

pub(super) fn update(args: &UpdateArgs, format: Format) -> Result<Exit, Failure> {
    let mut recogniser = load(&args.file)?;
    let paths = std::slice::from_ref(&args.folder);
    let GrayFaces { faces, failed } = faces::read(paths, &args.faces, recogniser.sides())?;
    let known = recogniser.names().len();
    let mut names = recogniser.names().to_vec();
    let mut samples = Vec::new();
    for face in faces {
        let name = identity_of(&face.path);
        let label = names
            .iter()
            .position(|known| *known == name)
            .unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
        samples.push(FaceSample {
            picture: face.face,
            label: label as u32,
        });
    }
    let new_names = names.split_off(known);
    recogniser
        .update(new_names, &samples)
        .map_err(|error| failure_of(&error).at(args.file.display()))?;
    save(&recogniser, &args.file)?;
    report(&recogniser, &args.file, None, failed, format)
}

fn tried(recogniser: &Recogniser, held_out: &[(String, FaceSample)]) -> Result<HoldOut, Failure> {
    let bar = progress::bar(held_out.len(), "pictures recognised");
    let mut wrong = Vec::new();
    for (path, sample) in held_out {
        let found = recogniser
            .predict(&sample.picture)
            .map_err(|error| failure_of(&error))?;
        if found.label != sample.label {
            wrong.push(Wrong {
                path: path.clone(),
                name: recogniser.name(found.label).to_owned(),
                distance: found.distance,
            });
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let right = held_out.len() - wrong.len();
    Ok(HoldOut {
        pictures: held_out.len(),
        right,
        accuracy: right as f64 / held_out.len().max(1) as f64,
        wrong,
    })
}

fn report(
    recogniser: &Recogniser,
    file: &std::path::Path,
    hold_out: Option<HoldOut>,
    failed: Vec<String>,
    format: Format,
) -> Result<Exit, Failure> {
    let of = |label: u32| recogniser.labels().iter().filter(|l| **l == label).count();
    let people = (0..).zip(recogniser.names()).map(|(label, name)| Person {
        name: name.clone(),
        pictures: of(label),
    });
    let document = Document {
        file: file.display().to_string(),
        method: recogniser.method().name(),
        size: recogniser.sides(),
        people: people.collect(),
        pictures: recogniser.labels().len(),
        components: recogniser.subspace().map(|space| space.values().len()),
        bytes: std::fs::metadata(file).map_or(0, |metadata| metadata.len()),
        hold_out,
        failed,
    };
    print_value(format, &document, || describe(&document))?;
    Ok(exit_of(document.failed.len()))
}

fn describe(document: &Document) -> String {
    let mut text = format!(
        "{} of {} learnt by {} in {} × {} pixels",
        count(document.pictures, "picture", "pictures"),
        count(document.people.len(), "person", "people"),
        document.method,
        document.size.0,
        document.size.1,
    );
    if let Some(n) = document.components {
        text += &format!(", {}", count(n, "direction", "directions"));
    }
    text += &format!("\n{}: {} bytes", document.file, document.bytes);
    if let Some(held) = &document.hold_out {
        text += &format!(
            "\n{} of {} that were left out are recognised ({:.1} %)",
            held.right,
            count(held.pictures, "picture", "pictures"),
            held.accuracy * 100.0,
        );
        for wrong in &held.wrong {
            text += &format!(
                "\n  {} taken for {}, {:.1} away",
                wrong.path, wrong.name, wrong.distance
            );
        }
    }
    if !document.failed.is_empty() {
        let n = count(document.failed.len(), "picture", "pictures");
        text += &format!("\n{n} could not be used");
    }
    text
}
