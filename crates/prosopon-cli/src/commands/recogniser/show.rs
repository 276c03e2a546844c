//! `prosopon recogniser show`: what was learnt, as pictures.

use std::path::PathBuf;

use prosopon::Image;
use prosopon::classic::recogniser::{Recogniser, RecogniserMethod, Subspace};
use prosopon::classic::{GrayImage, lbp_picture};
use prosopon::plot::{Cell, contact_sheet};
use serde::Serialize;

use super::faces::{FaceArgs, GrayFace, GrayFaces};
use super::{faces, load};
use crate::faces::identity_of;
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{Format, count, print_value};
use crate::pictures;
use crate::results::{make_folder, refuse_among, save};
use crate::tiles::save_figure;

/// Directions on a sheet: the first carry most, and later ones look alike.
const SHOWN: usize = 15;
/// Pictures in a row of the sheet of directions.
const COLUMNS: usize = 8;

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// File of the recogniser
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Pictures to reconstruct from what was learnt (LBPH: whose patterns to draw)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Folder to write pictures to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    faces: FaceArgs,
}

#[derive(Serialize)]
struct Document {
    file: String,
    method: &'static str,
    values: Vec<f64>,
    written: Vec<String>,
    failed: Vec<String>,
}

/// A picture to be written.
#[derive(Clone)]
struct Drawn {
    name: String,
    caption: String,
    picture: GrayImage,
}

impl Drawn {
    fn new(name: impl Into<String>, caption: impl Into<String>, picture: GrayImage) -> Self {
        Self {
            name: name.into(),
            caption: caption.into(),
            picture,
        }
    }
}

pub(super) fn show(args: &ShowArgs, format: Format) -> Result<Exit, Failure> {
    let recogniser = load(&args.file)?;
    if !args.paths.is_empty() {
        refuse_among(&args.paths, &pictures::collect(&args.paths)?, &args.out)?;
    }
    let GrayFaces { faces, failed } = if args.paths.is_empty() {
        GrayFaces::default()
    } else {
        faces::read(&args.paths, &args.faces, recogniser.sides())?
    };
    let directions = recogniser.subspace().map_or_else(Vec::new, |space| {
        directions(space, recogniser.method() == RecogniserMethod::Eigen)
    });
    let of_faces: Vec<Vec<Drawn>> = (1..)
        .zip(&faces)
        .map(|(number, face)| of_face(&recogniser, number, face))
        .collect();
    if directions.is_empty() && of_faces.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "nothing_to_show",
            "expected pictures, since a recogniser of method `lbph` has no mean face or directions",
        )
        .with_hint(
            "name some: `prosopon recogniser show FILE PATH… --out DIR` draws their patterns",
        ));
    }
    make_folder(&args.out)?;
    let mut written = Vec::new();
    for picture in directions.iter().chain(of_faces.iter().flatten()) {
        let path = args.out.join(&picture.name);
        save(&picture.picture.to_rgb(), &path)?;
        written.push(path.display().to_string());
    }
    // A row for each face.
    let row = of_faces.first().map_or(0, Vec::len);
    let of_faces = of_faces.concat();
    for (name, columns, drawn) in [
        ("sheet.png", COLUMNS, directions),
        ("faces.png", row, of_faces),
    ] {
        if !drawn.is_empty() {
            let path = args.out.join(name);
            save_figure(
                &contact_sheet(&title(&recogniser), columns, &cells(&drawn)),
                &path,
            )?;
            written.push(path.display().to_string());
        }
    }
    let values = recogniser.subspace().map(|space| space.values().to_vec());
    let document = Document {
        file: args.file.display().to_string(),
        method: recogniser.method().name(),
        values: values.unwrap_or_default(),
        written,
        failed,
    };
    print_value(format, &document, || {
        let n = count(document.written.len(), "picture", "pictures");
        let last = document.written.last().map_or("", String::as_str);
        format!("{n} written to {}; many on one: {last}", args.out.display())
    })?;
    Ok(exit_of(document.failed.len()))
}

fn title(recogniser: &Recogniser) -> String {
    let method = match recogniser.method() {
        RecogniserMethod::Lbph => "Local binary patterns",
        RecogniserMethod::Eigen => "Eigenfaces",
        RecogniserMethod::Fisher => "Fisherfaces",
    };
    let people = count(recogniser.names().len(), "person", "people");
    let pictures = count(recogniser.labels().len(), "picture", "pictures");
    format!("{method} of {people}, {pictures}")
}

/// The mean face and the first directions, with their share of the variance, or how much more people vary along them than
/// pictures of one person.
fn directions(space: &Subspace, is_variance: bool) -> Vec<Drawn> {
    let mut drawn = vec![Drawn::new("mean.png", "mean face", space.mean_face())];
    let total: f64 = space.values().iter().sum();
    for (i, value) in space.values().iter().take(SHOWN).enumerate() {
        let caption = if is_variance {
            format!("{}: {:.1} %", i + 1, value / total * 100.0)
        } else {
            format!("{}: {value:.1}", i + 1)
        };
        let name = format!("direction-{:02}.png", i + 1);
        drawn.extend(
            space
                .direction_picture(i)
                .map(|picture| Drawn::new(name, caption, picture)),
        );
    }
    drawn
}

/// A face and what some, then all directions keep of it; or its patterns.
fn of_face(recogniser: &Recogniser, number: usize, found: &GrayFace) -> Vec<Drawn> {
    let face = &found.face;
    let stem = found.path.file_stem().unwrap_or_default().to_string_lossy();
    let caption = format!("{}/{stem}", identity_of(&found.path));
    let name = |what: &str| format!("face-{number:03}-{stem}-{what}.png");
    let mut drawn = vec![Drawn::new(
        name("face"),
        caption.trim_start_matches('/'),
        face.clone(),
    )];
    let Some(space) = recogniser.subspace() else {
        let patterns = lbp_picture(face).ok();
        drawn.extend(patterns.map(|picture| Drawn::new(name("patterns"), "patterns", picture)));
        return drawn;
    };
    let all = space.values().len();
    let mut steps: Vec<usize> = [5, 20, 50].into_iter().filter(|n| *n < all).collect();
    steps.push(all);
    for n in steps {
        let caption = count(n, "direction", "directions");
        let kept = space.reconstructed(face, n);
        drawn.extend(kept.map(|picture| Drawn::new(name(&format!("{n:03}")), caption, picture)));
    }
    drawn
}

fn cells(drawn: &[Drawn]) -> Vec<Cell> {
    let picture = |gray: &GrayImage| -> Image { gray.to_rgb() };
    drawn
        .iter()
        .map(|drawn| Cell::new(picture(&drawn.picture), drawn.caption.clone()))
        .collect()
}
