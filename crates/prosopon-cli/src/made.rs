//! Pictures that a command makes from others, remembered in their folder.
//!
//! A file in the folder has a line for each source: what was made of it, or why nothing was. So a run that
//! was cut short is carried on by the next, and what somebody else put there, or changed since, is
//! never overwritten or taken away. Lines are only added; the last one about a source counts. A line
//! is written before the files that it names.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use prosopon_gallery::PictureHash;
use serde::{Deserialize, Serialize};

use crate::commands::detect::make_folder;
use crate::failure::{Exit, Failure};
use crate::output::write_file;

/// The list's name in the folder.
const LIST: &str = ".prosopon-made.jsonl";

/// What came of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its path below the folder that the sources are in.
    pub(crate) source: String,
    /// SHA-256 of the source.
    pub(crate) sha256: PictureHash,
    /// How it was worked on; files that were made in another way are made again.
    pub(crate) settings: String,
    /// What came of it, in the command's own words.
    pub(crate) outcome: serde_json::Value,
    /// How many things were found on it.
    pub(crate) found: usize,
    /// What was made.
    pub(crate) files: Vec<MadeFile>,
}

/// A file that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeFile {
    /// Its path below the folder.
    pub(crate) name: String,
    /// SHA-256 of its bytes.
    pub(crate) sha256: PictureHash,
}

/// A folder with a list of what was made in it.
pub(crate) struct MadeFolder {
    folder: PathBuf,
    /// By source.
    entries: BTreeMap<String, Entry>,
    list: File,
}

impl MadeFolder {
    /// Opens the folder; makes it if it is not there.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        make_folder(folder)?;
        let path = folder.join(LIST);
        let failed = |error: &io::Error| Failure::write(path.display(), error);
        let mut list = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(&path)
            .map_err(|error| failed(&error))?;
        let text = fs::read(&path).map_err(|error| failed(&error))?;
        // A line that a killed run left half-written must not swallow the next one.
        if text.last().is_some_and(|last| *last != b'\n') {
            list.write_all(b"\n").map_err(|error| failed(&error))?;
        }
        let entries = text
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice::<Entry>(line).ok())
            .map(|entry| (entry.source.clone(), entry))
            .collect();
        Ok(Self {
            folder: folder.to_owned(),
            entries,
            list,
        })
    }

    /// What came of `source` before, if it was worked on in the same way and all that was made of it
    /// is still there.
    pub(crate) fn done(&self, source: &str, path: &Path, settings: &str) -> Option<&Entry> {
        let entry = self.entries.get(source)?;
        let is_done = entry.settings == settings
            && entry
                .files
                .iter()
                .all(|f| self.folder.join(&f.name).is_file())
            && hash_of(path)? == entry.sha256;
        is_done.then_some(entry)
    }

    /// Writes `files`, what was made of the source of `entry`, and takes away what was made of it before
    /// and is no longer wanted.
    ///
    /// # Errors
    /// With code `file_exists`, and nothing written, if a file of one of these names is not of this
    /// command's making, or was changed since.
    pub(crate) fn write(
        &mut self,
        mut entry: Entry,
        files: &[(String, Vec<u8>)],
    ) -> Result<(), Failure> {
        let before = self.entries.get(&entry.source);
        let before: BTreeMap<String, PictureHash> = before
            .into_iter()
            .flat_map(|entry| &entry.files)
            .map(|file| (file.name.clone(), file.sha256))
            .collect();
        for (name, bytes) in files {
            let path = self.folder.join(name);
            let sha256 = PictureHash::of(bytes);
            let found = hash_of(&path);
            let is_ours = found.is_none_or(|found| {
                found == sha256 || before.get(name).is_some_and(|made| found == *made)
            });
            // A folder, or a file that cannot be read, has no hash.
            if !is_ours || (found.is_none() && path.symlink_metadata().is_ok()) {
                return Err(occupied(&path));
            }
            entry.files.push(MadeFile {
                name: name.clone(),
                sha256,
            });
        }
        self.add(entry.clone())?;
        for (name, bytes) in files {
            let path = self.folder.join(name);
            path.parent().map_or(Ok(()), make_folder)?;
            write_file(&path, bytes)?;
        }
        for (name, sha256) in &before {
            let path = self.folder.join(name);
            let is_wanted = entry.files.iter().any(|file| file.name == *name);
            if !is_wanted && hash_of(&path) == Some(*sha256) {
                fs::remove_file(&path).map_err(|error| Failure::write(path.display(), &error))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: Entry) -> Result<(), Failure> {
        let path = self.folder.join(LIST);
        let failed = |error: &io::Error| Failure::write(path.display(), error);
        let mut line = serde_json::to_vec(&entry).map_err(|error| failed(&error.into()))?;
        line.push(b'\n');
        self.list.write_all(&line).map_err(|error| failed(&error))?;
        self.entries.insert(entry.source.clone(), entry);
        Ok(())
    }
}

fn hash_of(path: &Path) -> Option<PictureHash> {
    fs::read(path).ok().map(|bytes| PictureHash::of(&bytes))
}

fn occupied(path: &Path) -> Failure {
    Failure::new(
        Exit::BadInput,
        "file_exists",
        "a file of this name is there already and was made or changed by somebody else",
    )
    .at(path.display())
    .with_hint("move it away, or choose another folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source: &str, settings: &str) -> Entry {
        Entry {
            source: source.to_owned(),
            sha256: PictureHash::of(b"source"),
            settings: settings.to_owned(),
            outcome: "made".into(),
            found: 1,
            files: Vec::new(),
        }
    }

    fn file(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        vec![(name.to_owned(), bytes.to_vec())]
    }

    #[test]
    fn what_was_made_is_remembered_by_the_next_run() {
        let home = tempfile::tempdir().unwrap();
        let source = home.path().join("source");
        fs::write(&source, b"source").unwrap();
        let out = home.path().join("out");
        let mut made = MadeFolder::open(&out).unwrap();
        assert!(made.done("a", &source, "x").is_none());
        made.write(entry("a", "x"), &file("b/a.png", b"made"))
            .unwrap();
        drop(made);
        // A run that was killed while it wrote a line.
        let mut list = OpenOptions::new()
            .append(true)
            .open(out.join(LIST))
            .unwrap();
        list.write_all(b"{\"source\":\"b").unwrap();

        let mut made = MadeFolder::open(&out).unwrap();
        assert_eq!(made.done("a", &source, "x").unwrap().found, 1);
        assert!(made.done("a", &source, "other").is_none());
        made.write(entry("b", "x"), &[]).unwrap();
        drop(made);
        let made = MadeFolder::open(&out).unwrap();
        assert!(made.done("b", &source, "x").is_some());
        fs::write(&source, b"changed").unwrap();
        assert!(made.done("a", &source, "x").is_none());
        fs::write(&source, b"source").unwrap();
        fs::remove_file(out.join("b/a.png")).unwrap();
        assert!(made.done("a", &source, "x").is_none());
    }

    #[test]
    fn only_what_was_made_here_is_replaced_or_taken_away() {
        let home = tempfile::tempdir().unwrap();
        let mut made = MadeFolder::open(home.path()).unwrap();
        let path = |name: &str| home.path().join(name);
        fs::write(path("foreign.png"), b"foreign").unwrap();
        let error = made.write(entry("a", "x"), &file("foreign.png", b"made"));
        assert_eq!(error.unwrap_err().code, "file_exists");
        assert_eq!(fs::read(path("foreign.png")).unwrap(), b"foreign");

        made.write(entry("a", "x"), &file("a.png", b"one")).unwrap();
        made.write(entry("a", "y"), &file("a-1.png", b"two"))
            .unwrap();
        assert!(!path("a.png").exists());
        made.write(entry("a", "z"), &file("a-1.png", b"three"))
            .unwrap();
        assert_eq!(fs::read(path("a-1.png")).unwrap(), b"three");
        fs::write(path("a-1.png"), b"painted over").unwrap();
        assert!(
            made.write(entry("a", "x"), &file("a-1.png", b"four"))
                .is_err()
        );
        made.write(entry("a", "x"), &file("a.png", b"one")).unwrap();
        assert_eq!(fs::read(path("a-1.png")).unwrap(), b"painted over");
    }
}
