//! What a downloader has left on disk: pictures, JSON side-cars, dates in names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use prosopon::ImageError;
use prosopon::image::{Format, read_file};
use serde_json::Value;
use walkdir::WalkDir;

use crate::date::{self, Moment};
use crate::error::FolderError;
use crate::folder::Folder;
use crate::manifest::{Entry, Source, Status, Taken, TakenFrom};
use crate::picture::{self, PictureLimits};
use crate::{names, workers};

/// Largest side-car that is read, in bytes; what downloaders write about one post has some kilobytes.
const MAX_SIDE_CAR_BYTES: u64 = 1 << 20;

/// How deep a side-car is searched for a date.
const MAX_DEPTH: usize = 5;

/// Bytes that tell what a file is.
const HEAD_BYTES: u64 = 1 << 10;

/// Endings of what lies beside the pictures of an export: passed over in silence.
const BESIDE: [&str; 10] = [
    "csv", "db", "htm", "html", "ini", "json", "md", "txt", "xml", "xz",
];

/// Members of side-cars that tell when a picture was taken or published, the surest first: of
/// `instaloader`, Google Takeout, `yt-dlp`, `gallery-dl`, and others' usual words.
const KEYS: [&str; 13] = [
    "taken_at_timestamp",
    "taken_at",
    "photoTakenTime",
    "date_taken",
    "creation_timestamp",
    "timestamp",
    "datetime",
    "date",
    "created_at",
    "create_time",
    "upload_date",
    "published",
    "creationTime",
];

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Where it is.
    pub path: PathBuf,
    /// The folder that it is in, relative to the export.
    below: PathBuf,
    /// When it was taken.
    pub taken: Taken,
}

/// All files of the export in `folder` and below that may be pictures, in order of path, each with the
/// moment that a side-car says (`photo.jpg.json`, `photo.json`, `post.json` for `post_1.jpg`), else
/// the date in its name, else that of the file. Links are not followed, hidden files and those below
/// `except` are left out.
///
/// # Errors
/// [`FolderError::Read`] for a folder that cannot be read.
pub fn find(folder: &Path, except: &Path) -> Result<Vec<Original>, FolderError> {
    let failed = |path: &Path, source| FolderError::Read {
        path: path.to_owned(),
        source,
    };
    let root = folder
        .canonicalize()
        .map_err(|error| failed(folder, error))?;
    let except = except.canonicalize().ok();
    let mut originals = Vec::new();
    let walk = WalkDir::new(&root).sort_by_file_name().into_iter();
    let is_wanted = |entry: &walkdir::DirEntry| {
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        entry.depth() == 0 || !hidden && except.as_deref() != Some(entry.path())
    };
    for entry in walk.filter_entry(is_wanted) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(&root).to_owned();
            failed(&path, error.into())
        })?;
        if !entry.file_type().is_file() || is_beside(entry.path()) {
            continue;
        }
        let path = entry.into_path();
        let below = path.parent().and_then(|p| p.strip_prefix(&root).ok());
        originals.push(Original {
            taken: taken(&path),
            below: below.unwrap_or(Path::new("")).to_owned(),
            path,
        });
    }
    Ok(originals)
}

/// Copies pictures into `folder`, each into a sub-folder as in the export; `on_done` is told of each,
/// from several threads. What cannot be used is an entry, not an error.
///
/// # Errors
/// [`FolderError::Write`], which ends the run.
pub fn collect(
    originals: Vec<Original>,
    folder: &Folder,
    limits: &PictureLimits,
    threads: usize,
    on_done: &(dyn Fn(&Entry) + Sync),
) -> Result<(), FolderError> {
    workers::run(originals, threads, |original| {
        on_done(&one(&original, folder, limits)?);
        Ok(())
    })
}

fn one(original: &Original, folder: &Folder, limits: &PictureLimits) -> Result<Entry, FolderError> {
    let source = Source::Path(original.path.to_string_lossy().into_owned());
    let size = original.path.metadata().map(|metadata| metadata.len()).ok();
    if let Some(entry) = folder.present(&source).filter(|entry| entry.bytes == size) {
        return Ok(Entry {
            status: Status::Present,
            ..entry
        });
    }
    let entry = Entry {
        taken: Some(original.taken),
        bytes: size,
        ..Entry::new(source, Status::Skipped)
    };
    let bytes = match read_picture(&original.path, limits) {
        Ok(bytes) => bytes,
        Err(error @ ImageError::Read { .. }) => {
            let entry = Entry {
                status: Status::Failed,
                ..entry
            };
            return folder.note(entry.because(error.code(), error));
        }
        Err(error) => return folder.note(entry.because(error.code(), error)),
    };
    match picture::check(&bytes, limits) {
        Ok(format) => {
            let parts = original.below.components();
            let parts: Vec<String> = parts
                .map(|part| names::part(&part.as_os_str().to_string_lossy()))
                .collect();
            let name = original.path.file_name().unwrap_or_default();
            let stem = names::stem(&name.to_string_lossy());
            folder.keep(entry, &bytes, format, &parts.join("/"), &stem)
        }
        Err(unwanted) => folder.note(entry.because(unwanted.code(), unwanted)),
    }
}

/// The whole file, if its start is that of a picture: videos are large.
fn read_picture(path: &Path, limits: &PictureLimits) -> Result<Vec<u8>, ImageError> {
    let head = head(path).map_err(|source| ImageError::Read { source })?;
    Format::of(&head)?;
    read_file(path, &limits.decode)
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

fn is_beside(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    BESIDE.contains(&ending.to_ascii_lowercase().as_str())
}

fn taken(path: &Path) -> Taken {
    let says = |taken, taken_from| Taken { taken, taken_from };
    if let Some(moment) = side_cars(path).iter().find_map(|path| read_side_car(path)) {
        return says(moment, TakenFrom::SideCar);
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    if let Some(moment) = date::from_name(&name) {
        return says(moment, TakenFrom::Name);
    }
    let changed = path.metadata().and_then(|metadata| metadata.modified());
    // A file without a time is as old as can be.
    let changed = changed.unwrap_or(std::time::SystemTime::UNIX_EPOCH);
    says(changed.into(), TakenFrom::FileTime)
}

/// Where a side-car of a picture may be.
fn side_cars(path: &Path) -> BTreeSet<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut names = vec![
        format!("{name}.json"),
        format!("{name}.supplemental-metadata.json"),
        format!("{stem}.json"),
        format!("{stem}.info.json"),
    ];
    // The first, second … picture of a post.
    if let Some((post, number)) = stem.rsplit_once('_')
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
    {
        names.push(format!("{post}.json"));
    }
    names
        .into_iter()
        .map(|name| path.with_file_name(name))
        .collect()
}

fn read_side_car(path: &Path) -> Option<Moment> {
    let size = path.metadata().ok()?.len();
    if size > MAX_SIDE_CAR_BYTES {
        return None;
    }
    let value: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    KEYS.iter().find_map(|key| search(&value, key, MAX_DEPTH))
}

/// The first moment under `key` in a document, the shallowest first.
fn search(value: &Value, key: &str, depth: usize) -> Option<Moment> {
    if let Some(found) = value.get(key) {
        let inside = || Moment::from_json(found.get("timestamp")?);
        if let Some(moment) = Moment::from_json(found).or_else(inside) {
            return Some(moment);
        }
    }
    if depth == 0 {
        return None;
    }
    match value {
        Value::Object(members) => members.values().find_map(|v| search(v, key, depth - 1)),
        Value::Array(values) => values.iter().find_map(|v| search(v, key, depth - 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use prosopon::Image;

    use super::*;

    fn write(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn picture(shade: u8) -> Vec<u8> {
        Image::filled(20, 20, [shade; 3]).encode_png().unwrap()
    }

    #[test]
    fn moments_come_from_side_cars_then_names_then_files() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for (name, side_car, text) in [
            ("a.jpg", "a.jpg.json", r#"{"date": "2024-05-01 12:00:00"}"#),
            (
                "b.jpg",
                "b.json",
                r#"{"node": {"taken_at_timestamp": 1714564800}}"#,
            ),
            (
                "2020-01-01_00-00-00_UTC_2.jpg",
                "2020-01-01_00-00-00_UTC.json",
                r#"{"node": {"owner": {"date": "2001-01-01"}, "taken_at_timestamp": 1714564800}}"#,
            ),
            (
                "c.jpg",
                "c.jpg.supplemental-metadata.json",
                r#"{"creationTime": {"timestamp": "5"}, "photoTakenTime": {"timestamp": "1714564800"}}"#,
            ),
            ("d.jpg", "d.info.json", r#"[{"timestamp": 1714564800.0}]"#),
        ] {
            write(root, name, "");
            write(root, side_car, text);
            let taken = taken(&root.join(name));
            assert_eq!(taken.taken.to_string(), "2024-05-01T12:00:00Z", "{name}");
            assert_eq!(taken.taken_from, TakenFrom::SideCar, "{name}");
        }
        for (name, side_car) in [
            ("2024-05-01 x.jpg", None),
            ("y 20240501.jpg", Some(("y 20240501.json", "no JSON"))),
            (
                "2024-05-01 z.jpg",
                Some(("2024-05-01 z.json", r#"{"date": null}"#)),
            ),
        ] {
            write(root, name, "");
            if let Some((side_car, text)) = side_car {
                write(root, side_car, text);
            }
            let taken = taken(&root.join(name));
            assert_eq!(taken.taken.to_string(), "2024-05-01T00:00:00Z", "{name}");
            assert_eq!(taken.taken_from, TakenFrom::Name, "{name}");
        }
        write(root, "plain.jpg", "");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_hours(476_268);
        let file = File::options().write(true).open(root.join("plain.jpg"));
        file.unwrap().set_modified(time).unwrap();
        let plain = taken(&root.join("plain.jpg"));
        assert_eq!(plain.taken.to_string(), "2024-05-01T12:00:00Z");
        assert_eq!(plain.taken_from, TakenFrom::FileTime);
    }

    #[test]
    fn an_export_is_copied_once_with_its_folders() {
        let root = tempfile::tempdir().unwrap();
        let from = root.path().join("from");
        write(&from, "anna/2024-05-01 one.jpg", picture(1));
        write(&from, "anna/2024-05-01 one.json", "{}");
        write(&from, "ben: x/copy.png", picture(1));
        write(&from, "ben: x/two.png", picture(2));
        write(&from, "clip.mp4", b"\0\0\0\x18ftypisom\0\0\x02\0isommp42");
        write(&from, ".hidden.png", picture(3));
        write(&from, ".git/x.png", picture(3));
        // The folder that is filled may lie inside of the export.
        let into = from.join("into");
        let run = || {
            let folder = Folder::open(&into).unwrap();
            let entries = Mutex::new(Vec::new());
            let keep = |entry: &Entry| entries.lock().unwrap().push(entry.clone());
            let found = find(&from, &into).unwrap();
            collect(found, &folder, &PictureLimits::default(), 1, &keep).unwrap();
            let entries = entries.into_inner().unwrap();
            let said = |entry: Entry| (entry.status, entry.file.unwrap_or_default());
            entries.into_iter().map(said).collect::<Vec<_>>()
        };
        let one = "anna/2024-05-01_one.png".to_owned();
        let two = "ben__x/two.png".to_owned();
        let none = String::new();
        assert_eq!(
            run(),
            [
                (Status::Stored, one.clone()),
                (Status::Duplicate, one.clone()),
                (Status::Stored, two.clone()),
                (Status::Skipped, none.clone()),
            ]
        );
        assert_eq!(fs::read(into.join(&two)).unwrap(), picture(2));
        assert_eq!(
            run(),
            [
                (Status::Present, one.clone()),
                (Status::Present, one),
                (Status::Present, two),
                (Status::Skipped, none),
            ]
        );
    }

    #[test]
    fn folders_that_are_not_there_are_named() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("missing");
        let error = find(&missing, root.path()).unwrap_err();
        assert_eq!(error.code(), "unreadable_folder");
    }
}
