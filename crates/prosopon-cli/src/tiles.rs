//! All faces of some pictures with names to show them by, for figures of many faces.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use prosopon::plot::{Cell, PlotError, Svg};
use prosopon::{BoundingBox, Embedding, Threshold};
use serde::Serialize;

use crate::args::{EngineArgs, ThresholdArgs};
use crate::faces::{self, ReadPicture};
use crate::failure::{Exit, Failure};
use crate::pictures;
use crate::results::require_folder;
use crate::session::{self, EngineSession, Load};
use crate::threshold;

/// One face, in JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TileJson {
    /// What it is called in figures.
    pub(crate) label: String,
    pub(crate) path: String,
    /// Its number among the faces of the picture, the most confident first, from 1.
    pub(crate) face: usize,
    pub(crate) bounding_box: BoundingBox,
    pub(crate) confidence: f32,
}

/// Faces, what they are called, and how they look.
pub(crate) struct Tiles {
    pub(crate) faces: Vec<TileJson>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) embeddings: Vec<Embedding>,
    /// Names of the pictures that could not be used.
    pub(crate) failed: Vec<String>,
}

impl Tiles {
    /// All faces of the pictures that `paths` name. More than `most` faces are refused, since no
    /// figure could show them.
    pub(crate) fn gather(
        paths: &[PathBuf],
        args: &EngineArgs,
        most: usize,
    ) -> Result<(Self, EngineSession), Failure> {
        let inputs = pictures::collect(paths)?;
        let session = session::open_engine(args, Load::of(inputs.len()))?;
        let read = faces::of_inputs(&inputs, &session.engine, args)?;
        let n: usize = read
            .pictures
            .iter()
            .map(|picture| picture.faces.len())
            .sum();
        if n == 0 {
            let message = "expected faces, found none";
            return Err(Failure::new(Exit::BadInput, "face_not_found", message)
                .with_hint("`--confidence 0.3` also takes faces that are less certain"));
        }
        if n > most {
            let message = format!("expected at most {most} faces, found {n}");
            return Err(Failure::new(Exit::BadInput, "too_many_faces", message).with_hint(
                "name fewer pictures, or leave out small faces with `--min-face PX` or `--largest-face`",
            ));
        }
        Ok((Self::of(read.pictures, read.failed), session))
    }

    fn of(pictures: Vec<ReadPicture>, failed: Vec<String>) -> Self {
        let mut tiles = Self {
            faces: Vec::new(),
            cells: Vec::new(),
            embeddings: Vec::new(),
            failed,
        };
        let with_faces = pictures.iter().filter(|picture| !picture.faces.is_empty());
        let folders: BTreeSet<Option<&Path>> = with_faces
            .clone()
            .map(|picture| picture.path.parent())
            .collect();
        let is_alone = with_faces.count() == 1;
        let names: Vec<String> = pictures
            .iter()
            .map(|picture| name_of(&picture.path, folders.len() > 1))
            .collect();
        for (picture, name) in pictures.into_iter().zip(names) {
            let n = picture.faces.len();
            for (i, face) in picture.faces.into_iter().enumerate() {
                let number = i + 1;
                let label = match (n, is_alone) {
                    (1, _) => name.clone(),
                    (_, true) => format!("face {number}"),
                    (_, false) => format!("{name} #{number}"),
                };
                tiles.faces.push(TileJson {
                    label: label.clone(),
                    path: picture.path.display().to_string(),
                    face: number,
                    bounding_box: face.detection.bounding_box,
                    confidence: face.detection.confidence,
                });
                tiles.cells.push(Cell::new(face.crop.image, label));
                tiles.embeddings.push(face.embedding);
            }
        }
        tiles
    }

    /// The same faces in another order.
    pub(crate) fn reordered(self, order: &[usize]) -> Self {
        Self {
            faces: order.iter().map(|&i| self.faces[i].clone()).collect(),
            cells: order.iter().map(|&i| self.cells[i].clone()).collect(),
            embeddings: order.iter().map(|&i| self.embeddings[i].clone()).collect(),
            failed: self.failed,
        }
    }
}

/// The file's name without ending; with its folder where there are several.
fn name_of(path: &Path, with_folder: bool) -> String {
    let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let stem = text(path.file_stem());
    let folder = text(path.parent().and_then(Path::file_name));
    if with_folder && !folder.is_empty() {
        format!("{folder}/{stem}")
    } else {
        stem
    }
}

/// What a figure is about: the folder or file that was named, or how many of them.
pub(crate) fn title_of(what: &str, paths: &[PathBuf]) -> String {
    match paths {
        [path] => {
            let name = path.file_name().unwrap_or(path.as_os_str());
            format!("{what}: {}", name.to_string_lossy())
        }
        _ => format!("{what}: {} places", paths.len()),
    }
}

/// The threshold to show; none for a model that nobody has measured, unless one was asked for.
pub(crate) fn shown_threshold(
    args: &ThresholdArgs,
    session: &EngineSession,
) -> Result<Option<Threshold>, Failure> {
    let asked = args.fmr.is_some() || args.threshold.is_some();
    if session.calibration.is_none() && !asked {
        return Ok(None);
    }
    threshold::resolve(args, &session.model, session.calibration.as_ref()).map(Some)
}

/// Writes a figure; `.svg` or a picture's ending.
pub(crate) fn save_figure(svg: &Svg, path: &Path) -> Result<(), Failure> {
    svg.save(path)
        .map_err(|error| plot_failure(&error).at(path.display()))
}

/// Why a figure or a page could not be written.
pub(crate) fn plot_failure(error: &PlotError) -> Failure {
    match error {
        PlotError::Write { source } => {
            let mut failure = Failure::write("", source);
            failure.message = error.to_string();
            failure
        }
        PlotError::Image(image) => {
            let mut failure = Failure::new(Exit::Storage, image.code(), image);
            failure.hint = image.hint().map(str::to_owned);
            failure
        }
        _ => Failure::new(Exit::Storage, "unwritable_file", error)
            .with_hint("write it as .svg, or show fewer faces"),
    }
}

/// The ending of a file's name in small letters.
pub(crate) fn ending(path: &Path) -> String {
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_ascii_lowercase()
}

/// Checks before the work that all files have endings that can be written, and folders to lie in; `expected` is for
/// the error.
pub(crate) fn check_endings(
    files: &[PathBuf],
    known: &[&str],
    expected: &str,
) -> Result<(), Failure> {
    for file in files {
        if !known.contains(&ending(file).as_str()) {
            let message = format!("expected a file that ends in {expected}");
            return Err(Failure::new(Exit::Usage, "unknown_extension", message)
                .at(file.display())
                .with_hint(format!("name it, for example, out.{}", known[0])));
        }
        require_folder(file)?;
    }
    Ok(())
}

/// Endings of pictures that can be written.
pub(crate) const PICTURES: [&str; 8] = ["png", "svg", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_folder_where_there_are_several() {
        let path = Path::new("people/anna/1.jpg");
        assert_eq!(name_of(path, true), "anna/1");
        assert_eq!(name_of(path, false), "1");
        assert_eq!(name_of(Path::new("1.jpg"), true), "1");
    }
}
