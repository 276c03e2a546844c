//! The databases of the data directory: whether each is whole.

use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use prosopon_gallery::Album;
use prosopon_gallery::store::SqliteStore;
use prosopon_server::{SERVER_DB, check_database};
use prosopon_video::EventStore;
use serde::Serialize;

/// A database and what is wrong with it.
#[derive(Debug, Serialize)]
pub(super) struct DataFile {
    pub(super) path: PathBuf,
    /// None for one that is whole.
    pub(super) problem: Option<String>,
    pub(super) hint: Option<String>,
}

/// Looks through every database below `home`, and changes none.
pub(super) fn check_all(home: &Path) -> Vec<DataFile> {
    let gallery =
        |path: &Path| SqliteStore::check(path).map_err(|error| told(&error, Some(error.hint())));
    let album = |path: &Path| Album::check(path).map_err(|error| told(&error, Some(error.hint())));
    let events =
        |path: &Path| EventStore::check(path).map_err(|error| told(&error, Some(error.hint())));
    let records = |path: &Path| check_database(path).map_err(|error| told(&error, error.hint()));
    let mut files = Vec::new();
    let mut look = |path: PathBuf, check: &dyn Fn(&Path) -> Result<(), Problem>| {
        if path.is_file() {
            let (problem, hint) = check(&path).err().unzip();
            files.push(DataFile {
                path,
                problem,
                hint: hint.flatten(),
            });
        }
    };
    look(home.join("gallery.db"), &gallery);
    for path in databases(&home.join("galleries")) {
        look(path, &gallery);
    }
    for path in databases(&home.join("albums")) {
        look(path, &album);
    }
    look(home.join("events.db"), &events);
    look(home.join(SERVER_DB), &records);
    files
}

/// What is wrong, and what to do about it.
type Problem = (String, Option<String>);

fn told(error: &dyn Error, hint: Option<&str>) -> Problem {
    (error.to_string(), hint.map(str::to_owned))
}

/// The databases in a folder, by name; none if there is no such folder.
fn databases(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(OsStr::new("db")))
        .collect();
    paths.sort_unstable();
    paths
}
