//! `prosopon cluster`: who is on these photographs, without any names.

mod labels;
mod read;
mod sheets;
mod sort;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use prosopon::{BoundingBox, Threshold, cluster};
use prosopon_gallery::PictureHash;
use prosopon_gallery::album::{
    Album, AlbumFace, Group, GroupId, GroupingOptions, PictureId, Start,
};
use serde::Serialize;

use crate::albums::{self, AlbumArgs};
use crate::args::{EngineArgs, OutputArgs, ThresholdArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{About, count, print_value};
use crate::results::refuse_inside;
use crate::session::{self, EngineSession, Load};
use crate::{progress, threshold};

use self::labels::Labels;

/// Group the faces of photographs by person, without any names
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon cluster photos/
  prosopon cluster photos/ --sort-into people/ --link hard     a folder for each person
  prosopon cluster photos/ --sheets sheets/ --csv groups.csv
  prosopon album name person-003 Anna --album photos/          say who somebody is
  prosopon cluster photos/                                     new pictures join the groups

Photographs, faces and groups are kept in an album; the next run reads only what is new. Groups are \
joined as long as the mean similarity between them reaches the threshold. Without `--fmr` and \
`--threshold` the rate of this command follows from the number of faces, in place of the usual default: 0.1 by that \
number, from 1e-3 to 1e-5. Two \
faces of one picture are taken for different people, unless that would split a group that is seen on many \
others (`--allow-twice`: no such rule). What was decided with `prosopon album` is never changed.")]
pub(crate) struct Args {
    /// Pictures, folders, patterns
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Forget the groups and make them anew; what was decided stays
    #[arg(long)]
    again: bool,
    /// A person may be on a picture twice: mirrors, collages
    #[arg(long)]
    allow_twice: bool,
    /// Put the pictures into a folder for each person, below this one
    #[arg(long, value_name = "DIR")]
    sort_into: Option<PathBuf>,
    /// What goes into the folders
    #[arg(long, value_enum, default_value_t = sort::Link::Copy, requires = "sort_into")]
    link: sort::Link,
    /// Write a sheet of faces for each person into this folder
    #[arg(long, value_name = "DIR")]
    sheets: Option<PathBuf>,
    /// Write a table with a line for each face
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    threshold: ThresholdArgs,
    #[command(flatten)]
    album: AlbumArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Document {
    album: String,
    groups: Vec<GroupJson>,
    /// Paths of pictures in which no face was found.
    pictures_without_faces: Vec<String>,
    failed: Vec<read::Failed>,
    /// Pictures of this run that the album did not know.
    new_pictures: usize,
    /// Files of this run that are copies of others, byte for byte.
    copies: usize,
    pictures: u64,
    faces: u64,
    /// Groups with a name.
    named: u64,
    threshold: f32,
    fmr: Option<f64>,
    fmr_supported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sorted: Option<sort::Sorted>,
    #[serde(flatten)]
    about: About,
}

#[derive(Serialize)]
struct GroupJson {
    id: GroupId,
    name: Option<String>,
    /// What it is called in folders and sheets.
    label: String,
    faces: Vec<FaceJson>,
}

impl GroupJson {
    /// Faces, each counted once, in however many copies of its picture it is.
    fn n_faces(&self) -> usize {
        let ids: BTreeSet<i64> = self.faces.iter().map(|face| face.id).collect();
        ids.len()
    }
}

#[derive(Serialize)]
struct FaceJson {
    id: i64,
    path: String,
    bounding_box: BoundingBox,
    confidence: f32,
    is_confirmed: bool,
}

/// An album as it is now: groups with their faces, and where each picture is.
struct Contents {
    groups: Vec<(Group, Vec<AlbumFace>)>,
    labels: Labels,
    paths: BTreeMap<PictureId, Vec<String>>,
    hashes: BTreeMap<PictureId, PictureHash>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let inputs = read::inputs(&args.paths)?;
    let path = albums::path_for(&args.album, &args.paths)?;
    for folder in [&args.sort_into, &args.sheets].into_iter().flatten() {
        for from in &args.paths {
            refuse_inside(from, folder)?;
        }
    }
    let session = session::open_engine(&args.engine, Load::Batch)?;
    let album = albums::open_or_create(&path, &args.album)?;
    let news = read::add_new(&album, &inputs, &session, &args.engine)?;
    let threshold = choose_threshold(args, &session, album.counts()?.faces as usize)?;
    group(args, &album, &threshold)?;

    let contents = Contents::of(&album)?;
    if let Some(path) = &args.csv {
        table::write(&contents, path)?;
    }
    if let Some(folder) = &args.sheets {
        sheets::write(&album, &contents, folder)?;
    }
    let sorted = match &args.sort_into {
        Some(folder) => Some(sort::sort_into(&contents, folder, args.link)?),
        None => None,
    };
    let without_faces = album.pictures_without_faces()?;
    let n_unusable = news.failed.len() + sorted.as_ref().map_or(0, |sorted| sorted.missing.len());
    let counts = album.counts()?;
    let document = Document {
        album: path.display().to_string(),
        groups: contents.to_json(),
        pictures_without_faces: without_faces.into_iter().map(|p| p.name).collect(),
        failed: news.failed,
        new_pictures: news.added,
        copies: news.copies,
        pictures: counts.pictures,
        faces: counts.faces,
        named: counts.named,
        threshold: threshold.similarity,
        fmr: threshold.fmr,
        fmr_supported: threshold.supported,
        sorted,
        about: session.about,
    };
    print_value(args.output.format(), &document, || describe(&document))?;
    Ok(exit_of(n_unusable))
}

/// The threshold that was asked for, else one by the number of faces.
fn choose_threshold(
    args: &Args,
    session: &EngineSession,
    n_faces: usize,
) -> Result<Threshold, Failure> {
    let calibration = session.calibration.as_ref();
    match (&args.threshold, calibration) {
        (
            ThresholdArgs {
                fmr: None,
                threshold: None,
            },
            Some(active),
        ) => Ok(cluster::threshold(
            &active.calibration,
            session.model.clone(),
            n_faces,
        )),
        (asked, calibration) => threshold::resolve(asked, &session.model, calibration),
    }
}

fn group(args: &Args, album: &Album, threshold: &Threshold) -> Result<(), Failure> {
    let bar = progress::bar(1_000, "‰ compared");
    album.regroup(&GroupingOptions {
        threshold,
        start: if args.again {
            Start::Decisions
        } else {
            Start::Groups
        },
        allows_twice_in_picture: args.allow_twice,
        progress: &|share| bar.set_position((share * 1_000.0) as u64),
    })?;
    bar.finish_and_clear();
    Ok(())
}

impl Contents {
    fn of(album: &Album) -> Result<Self, Failure> {
        let groups = album.groups()?;
        let mut faces: BTreeMap<GroupId, Vec<AlbumFace>> = BTreeMap::new();
        for face in album.faces()? {
            if let Some(group) = face.group {
                faces.entry(group).or_default().push(face);
            }
        }
        let mut paths: BTreeMap<PictureId, Vec<String>> = BTreeMap::new();
        for (picture, path) in album.paths()? {
            paths.entry(picture).or_default().push(path);
        }
        Ok(Self {
            labels: Labels::new(&groups),
            groups: groups
                .into_iter()
                .map(|group| {
                    let faces = faces.remove(&group.id).unwrap_or_default();
                    (group, faces)
                })
                .collect(),
            paths,
            hashes: album
                .pictures()?
                .into_iter()
                .map(|p| (p.id, p.sha256))
                .collect(),
        })
    }

    /// Where the picture of a face is; the name that it once had if it is nowhere any more.
    fn paths_of<'a>(&'a self, face: &'a AlbumFace) -> &'a [String] {
        self.paths
            .get(&face.picture)
            .map_or(std::slice::from_ref(&face.picture_name), Vec::as_slice)
    }

    /// A face for each place where its picture is.
    fn to_json(&self) -> Vec<GroupJson> {
        self.groups
            .iter()
            .map(|(group, faces)| GroupJson {
                id: group.id,
                name: group.name.clone(),
                label: self.labels.of(group.id).to_owned(),
                faces: faces
                    .iter()
                    .flat_map(|face| self.paths_of(face).iter().map(move |path| (face, path)))
                    .map(|(face, path)| FaceJson {
                        id: face.id.0,
                        path: path.clone(),
                        bounding_box: face.bounding_box,
                        confidence: face.confidence,
                        is_confirmed: face.is_confirmed,
                    })
                    .collect(),
            })
            .collect()
    }
}

/// File names that a line shows.
const NAMES: usize = 4;

fn describe(document: &Document) -> String {
    let mut lines = Vec::new();
    let (shown, once): (Vec<_>, Vec<_>) = document
        .groups
        .iter()
        .partition(|group| group.n_faces() > 1 || group.name.is_some());
    let width = shown.iter().map(|g| g.label.chars().count()).max();
    for group in &shown {
        let mut names: Vec<&str> = group.faces.iter().map(|f| file_name(&f.path)).collect();
        names.dedup();
        let more = names.len().saturating_sub(NAMES);
        names.truncate(NAMES);
        let more = if more > 0 { ", …" } else { "" };
        lines.push(format!(
            "{:width$}  {:>4}  {}{more}",
            group.label,
            group.n_faces(),
            names.join(", "),
            width = width.unwrap_or_default(),
        ));
    }
    if !once.is_empty() {
        let people = count(once.len(), "person", "people");
        lines.push(format!("{people} on one picture only"));
    }
    if !document.pictures_without_faces.is_empty() {
        let pictures = &document.pictures_without_faces;
        let names: Vec<&str> = pictures.iter().take(NAMES).map(|p| file_name(p)).collect();
        let more = if pictures.len() > NAMES { ", …" } else { "" };
        let n = count(pictures.len(), "picture", "pictures");
        lines.push(format!("{n} without a face: {}{more}", names.join(", ")));
    }
    if let Some(sorted) = &document.sorted {
        lines.push(sorted.describe());
    }
    let rate = document.fmr.map_or(String::new(), |fmr| {
        format!(", false match rate {}", threshold::describe_rate(fmr))
    });
    lines.push(format!(
        "{} in {}: {} ({} new, {} unusable; threshold {:.3}{rate})",
        count(document.faces as usize, "face", "faces"),
        count(document.pictures as usize, "picture", "pictures"),
        count(document.groups.len(), "person", "people"),
        document.new_pictures,
        document.failed.len(),
        document.threshold,
    ));
    if document.copies > 0 {
        let copies = count(document.copies, "file is a copy", "files are copies");
        lines.push(format!(
            "{copies} of others and counted with them (`prosopon dedupe` shows them)"
        ));
    }
    lines.push(format!("album: {}", document.album));
    lines.join("\n")
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', std::path::MAIN_SEPARATOR])
        .next()
        .unwrap_or(path)
}
