//! A folder of pictures for each person.
//!
//! A manifest in the folder lists what was put there. It is written before the first file, so that a run
//! that was cut short is carried on by the next; only what it lists, and what is still as it was made, is
//! ever taken away again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use prosopon_gallery::PictureHash;
use serde::{Deserialize, Serialize};

use super::{Contents, file_name};
use crate::failure::{Exit, Failure};
use crate::output::{count, write_json};
use crate::progress;
use crate::results::make_folder;

/// The manifest's name in the folder.
const MANIFEST: &str = ".prosopon-sorted.json";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Link {
    /// Copies
    Copy,
    /// Hard links: no further space, on one disk only
    Hard,
    /// Symbolic links
    Symbolic,
}

/// What sorting did.
#[derive(Debug, Serialize)]
pub(super) struct Sorted {
    folder: String,
    /// Files that were made.
    made: usize,
    /// Files that were there from an earlier run.
    kept: usize,
    /// Files of an earlier run that belong elsewhere now.
    removed: usize,
    /// Files of an earlier run that were changed since, and left alone.
    changed: Vec<String>,
    /// Pictures that are no longer where they were.
    pub(super) missing: Vec<String>,
}

impl Sorted {
    pub(super) fn describe(&self) -> String {
        let mut text = format!(
            "{}: {} made, {} there already, {} removed",
            self.folder,
            count(self.made, "file", "files"),
            self.kept,
            self.removed
        );
        if !self.changed.is_empty() {
            text += &format!(", {} left alone since it was changed", self.changed.len());
        }
        if !self.missing.is_empty() {
            let n = count(self.missing.len(), "picture", "pictures");
            text += &format!(", {n} no longer there");
        }
        text
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Manifest {
    /// By path below the folder.
    files: BTreeMap<String, Made>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    source: PathBuf,
    link: Link,
    /// SHA-256 of what it was made from.
    sha256: PictureHash,
}

impl Made {
    fn is_like(&self, other: &Self) -> bool {
        (&self.source, self.link) == (&other.source, other.link)
    }
}

/// Puts every picture into the folder of each person on it.
pub(super) fn sort_into(contents: &Contents, folder: &Path, link: Link) -> Result<Sorted, Failure> {
    make_folder(folder)?;
    let place = folder.join(MANIFEST);
    let old = read_manifest(&place)?;
    let mut sorted = Sorted {
        folder: folder.display().to_string(),
        made: 0,
        kept: 0,
        removed: 0,
        changed: Vec::new(),
        missing: Vec::new(),
    };
    let wanted = plan(contents, folder, &old, link, &mut sorted.missing);
    let mut manifest = Manifest {
        files: old.files.clone(),
    };
    manifest.files.extend(wanted.clone());
    write_manifest(&place, &manifest)?;

    for (name, made) in &old.files {
        // Without its original, this may be the last copy of a picture.
        let is_wanted = wanted.get(name).is_some_and(|wanted| wanted.is_like(made));
        if is_wanted || !made.source.is_file() {
            continue;
        }
        let path = folder.join(name);
        match take_away(&path, made) {
            Ok(true) => sorted.removed += 1,
            Ok(false) => sorted.changed.push(name.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::write(path.display(), &error)),
        }
        if !wanted.contains_key(name) {
            manifest.files.remove(name);
        }
        // Only an empty folder can be removed.
        let _ = path.parent().map(fs::remove_dir);
    }
    let bar = progress::bar(wanted.len(), "files");
    for (name, made) in &wanted {
        let path = folder.join(name);
        if path.symlink_metadata().is_ok() {
            sorted.kept += 1;
        } else {
            let failed = |error: &io::Error| Failure::write(path.display(), error);
            path.parent().map_or(Ok(()), make_folder)?;
            let sha256 = make(&path, made).map_err(|error| failed(&error))?;
            // The original may have changed since it was read.
            if let (Some(sha256), Some(made)) = (sha256, manifest.files.get_mut(name)) {
                made.sha256 = sha256;
            }
            sorted.made += 1;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    write_manifest(&place, &manifest)?;
    Ok(sorted)
}

/// Which file goes where. A name that is taken by something else gets a number.
fn plan(
    contents: &Contents,
    folder: &Path,
    old: &Manifest,
    link: Link,
    missing: &mut Vec<String>,
) -> BTreeMap<String, Made> {
    let mut wanted = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (group, faces) in &contents.groups {
        let label = contents.labels.of(group.id);
        let mut pictures = BTreeSet::new();
        for face in faces.iter().filter(|face| pictures.insert(face.picture)) {
            let places = contents.paths_of(face);
            let Some(source) = places.iter().find(|place| Path::new(place).is_file()) else {
                missing.push(face.picture_name.clone());
                continue;
            };
            let made = Made {
                source: PathBuf::from(source),
                link,
                sha256: contents.hashes[&face.picture],
            };
            for name in names(file_name(source)) {
                let name = format!("{label}/{name}");
                if taken.contains(&name.to_lowercase()) {
                    continue;
                }
                let before = old.files.get(&name);
                if before.is_none() && folder.join(&name).symlink_metadata().is_ok() {
                    continue;
                }
                taken.insert(name.to_lowercase());
                let before = before.filter(|before| before.is_like(&made));
                wanted.insert(name, before.unwrap_or(&made).clone());
                break;
            }
        }
    }
    wanted
}

/// `a.jpg`, `a-2.jpg`, `a-3.jpg`, …
fn names(file_name: &str) -> impl Iterator<Item = String> {
    let (stem, ending) = match file_name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (file_name, String::new()),
    };
    std::iter::once(file_name.to_owned()).chain((2..).map(move |i| format!("{stem}-{i}{ending}")))
}

/// Makes a file that is not there yet; gives the hash of a copy.
fn make(path: &Path, made: &Made) -> io::Result<Option<PictureHash>> {
    match made.link {
        Link::Hard => fs::hard_link(&made.source, path).map(|()| None),
        Link::Symbolic => symbolic_link(&made.source, path).map(|()| None),
        Link::Copy => {
            let bytes = fs::read(&made.source)?;
            let folder = path.parent().unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            io::Write::write_all(&mut file, &bytes)?;
            let permissions = fs::metadata(&made.source)?.permissions();
            file.as_file().set_permissions(permissions)?;
            file.persist_noclobber(path).map_err(|error| error.error)?;
            Ok(Some(PictureHash::of(&bytes)))
        }
    }
}

#[cfg(unix)]
fn symbolic_link(source: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(source, path)
}

#[cfg(windows)]
fn symbolic_link(source: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(source, path)
}

/// Removes what was made here, if it is still the same; gives whether it was.
fn take_away(path: &Path, made: &Made) -> io::Result<bool> {
    let is_ours = match made.link {
        Link::Symbolic => {
            path.symlink_metadata()?.is_symlink() && fs::read_link(path)? == made.source
        }
        Link::Hard => fs::read(path)? == fs::read(&made.source)?,
        Link::Copy => made.sha256 == PictureHash::of(&fs::read(path)?),
    };
    if is_ours {
        fs::remove_file(path)?;
    }
    Ok(is_ours)
}

fn read_manifest(path: &Path) -> Result<Manifest, Failure> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Manifest::default()),
        Err(error) => return Err(unreadable(path, error)),
        Ok(text) => text,
    };
    serde_json::from_str(&text).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> Failure {
    let message = format!("could not read the list of sorted files: {error}");
    Failure::new(Exit::Storage, "invalid_manifest", message)
        .at(path.display())
        .with_hint("sort into another folder, or remove that file: then nothing is ever removed")
}

fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), Failure> {
    write_json(path, manifest)
}
