//! A folder of files that a command makes from pictures, and the list of what it made.
//!
//! The list lies in the folder, a line of JSON for each source; the last line about a source counts. A
//! file that is there already is replaced only if the list names it and it is still as it was made:
//! nothing that somebody else made, or changed, is ever overwritten. A run that was cut short is carried
//! on by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use prosopon_fetch::append_line;
use prosopon_gallery::PictureHash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Exit, Failure};
use crate::output::write_file;
use crate::results::make_folder;

/// What a source was when something was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// Path below the folder that was named.
    pub(crate) path: String,
    bytes: u64,
    modified_millis: u64,
}

impl Source {
    /// The file `path`, which is called `name`.
    pub(crate) fn of(path: &Path, name: String) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let since = metadata.modified()?.duration_since(UNIX_EPOCH);
        Ok(Self {
            path: name,
            bytes: metadata.len(),
            modified_millis: since.map_or(0, |since| since.as_millis() as u64),
        })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    source: Source,
    /// How the files were made; other settings make others.
    settings: String,
    /// The folder that `source.path` is below, where the command keeps account of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<PathBuf>,
    /// What the command remarks on the source.
    #[serde(default)]
    note: Value,
    files: Vec<MadeFile>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct MadeFile {
    /// Path below the folder.
    path: String,
    sha256: PictureHash,
}

/// The folder and its list, held by this process alone.
pub(crate) struct MadeFolder {
    root: PathBuf,
    list: File,
    settings: String,
    /// The folder of the sources, if what is old is to be removed.
    from: Option<PathBuf>,
    entries: BTreeMap<String, Entry>,
}

/// What came of a file that is no longer wanted.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    /// It was not there any more.
    Gone,
    Removed,
    Left,
}

/// What came of a source.
pub(crate) struct Done<'a> {
    /// Paths below the folder of what was made.
    pub(crate) files: Vec<&'a str>,
    /// What the command remarked on it.
    pub(crate) note: &'a Value,
}

impl MadeFolder {
    /// Opens the folder, which is made if it is not there, and reads its list, the file `list`.
    pub(crate) fn open(root: &Path, list: &str, settings: String) -> Result<Self, Failure> {
        make_folder(root)?;
        let path = root.join(list);
        let failed = |error: &io::Error| Failure::write(path.display(), error);
        let mut options = File::options();
        let options = options.read(true).append(true).create(true);
        let mut file = options.open(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = "the folder is in use by another run";
                return Err(Failure::new(Exit::Storage, "folder_busy", message)
                    .at(root.display())
                    .with_hint("wait for the other run, or choose another folder"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(|error| not_a_list(&path, error))?;
        let entries = read_entries(&text).map_err(|error| not_a_list(&path, error))?;
        if !text.is_empty() && !text.ends_with('\n') {
            // The line on which an earlier run was cut short says nothing.
            file.write_all(b"\n").map_err(|error| failed(&error))?;
        }
        Ok(Self {
            root: root.to_owned(),
            list: file,
            settings,
            from: None,
            entries,
        })
    }

    /// From now on, files that an earlier run made of a source and that are no longer among those made of
    /// it are taken away, if they are still as they were made. Sources are below the folder `from`.
    pub(crate) fn removing_old(self, from: &Path) -> Self {
        Self {
            from: Some(from.canonicalize().unwrap_or_else(|_| from.to_owned())),
            ..self
        }
    }

    /// Takes away what earlier runs made of sources of this folder that are not among `sources` any more, if it is
    /// still as it was made; gives how many files those were.
    pub(crate) fn remove_others(&mut self, sources: &BTreeSet<&str>) -> Result<usize, Failure> {
        let is_gone = |entry: &&Entry| {
            entry.from.is_some()
                && entry.from == self.from
                && !entry.files.is_empty()
                && !sources.contains(&*entry.source.path)
        };
        let gone: Vec<Entry> = self.entries.values().filter(is_gone).cloned().collect();
        let mut n_removed = 0;
        for entry in gone {
            for file in &entry.files {
                n_removed += usize::from(self.take_away(file)? == Taken::Removed);
            }
            self.note(Entry {
                // If the source comes back, nothing is done yet.
                settings: String::new(),
                files: Vec::new(),
                ..entry
            })?;
        }
        Ok(n_removed)
    }

    /// What was made of `source`, as it is now and with the same settings, if all is still there.
    pub(crate) fn done(&self, source: &Source) -> Option<Done<'_>> {
        let entry = self.entries.get(&source.path)?;
        let is_same = entry.source == *source && entry.settings == self.settings;
        let files: Vec<&str> = entry.files.iter().map(|file| file.path.as_str()).collect();
        let all_there = files.iter().all(|path| self.root.join(path).is_file());
        (is_same && all_there).then_some(Done {
            files,
            note: &entry.note,
        })
    }

    /// Writes the files that `source` gives, paths below the folder and bytes. Either all of them are
    /// written, or none if one would overwrite what is not ours.
    ///
    /// Gives the files that an earlier run made of the source, that are not among these, and that are
    /// still there. `note` is kept for [`Self::done`].
    pub(crate) fn keep(
        &mut self,
        source: Source,
        files: &[(String, Vec<u8>)],
        note: Value,
    ) -> Result<Vec<String>, Failure> {
        let before = self.entries.get(&source.path);
        let before = before.map(|entry| entry.files.clone()).unwrap_or_default();
        let mut made = Vec::new();
        for (path, bytes) in files {
            let sha256 = PictureHash::of(bytes);
            let known = before.iter().find(|file| file.path == *path);
            self.check_free(path, known.map(|file| &file.sha256), &sha256)?;
            made.push(MadeFile {
                path: path.clone(),
                sha256,
            });
        }
        for (path, bytes) in files {
            let place = self.root.join(path);
            place.parent().map_or(Ok(()), make_folder)?;
            write_file(&place, bytes)?;
        }
        let is_gone = |file: &&MadeFile| files.iter().all(|(path, _)| *path != file.path);
        let mut left = Vec::new();
        for file in before.iter().filter(is_gone) {
            if self.take_away(file)? == Taken::Left {
                left.push(file.path.clone());
            }
        }
        self.note(Entry {
            source,
            settings: self.settings.clone(),
            from: self.from.clone(),
            note,
            files: made,
        })?;
        Ok(left)
    }

    /// Removes a file if what is old is to be removed, and it is still as it was made.
    fn take_away(&self, file: &MadeFile) -> Result<Taken, Failure> {
        let place = self.root.join(&file.path);
        match hash_of(&place) {
            None => Ok(Taken::Gone),
            Some(there) if self.from.is_some() && there == file.sha256 => {
                fs::remove_file(&place).map_err(|error| Failure::write(place.display(), &error))?;
                Ok(Taken::Removed)
            }
            Some(_) => Ok(Taken::Left),
        }
    }

    /// An error if something is at `path` that is neither what was made before nor what is to be made.
    fn check_free(
        &self,
        path: &str,
        known: Option<&PictureHash>,
        wanted: &PictureHash,
    ) -> Result<(), Failure> {
        let place = self.root.join(path);
        if place.symlink_metadata().is_err() {
            return Ok(());
        }
        let there = hash_of(&place);
        if there.is_some() && (there.as_ref() == known || there.as_ref() == Some(wanted)) {
            return Ok(());
        }
        let message = "another file of that name is there and is left alone";
        Err(Failure::new(Exit::BadInput, "file_exists", message)
            .at(place.display())
            .with_hint("move it away, or choose another folder"))
    }

    fn note(&mut self, entry: Entry) -> Result<(), Failure> {
        let line = serde_json::to_string(&entry).unwrap_or_default();
        append_line(&mut self.list, &line)
            .map_err(|error| Failure::write(self.root.display(), &error))?;
        self.entries.insert(entry.source.path.clone(), entry);
        Ok(())
    }
}

fn hash_of(path: &Path) -> Option<PictureHash> {
    fs::read(path).ok().map(|bytes| PictureHash::of(&bytes))
}

fn read_entries(text: &str) -> Result<BTreeMap<String, Entry>, serde_json::Error> {
    let mut entries = BTreeMap::new();
    for line in text.lines() {
        match serde_json::from_str::<Entry>(line) {
            Ok(entry) => {
                entries.insert(entry.source.path.clone(), entry);
            }
            // Cut short in the middle of a line.
            Err(error) if error.is_eof() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(entries)
}

fn not_a_list(path: &Path, error: impl std::fmt::Display) -> Failure {
    let message = format!("could not read the list of what was made: {error}");
    Failure::new(Exit::Storage, "invalid_manifest", message)
        .at(path.display())
        .with_hint("choose another folder, or remove that file: then nothing there is overwritten")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIST: &str = ".list.jsonl";

    fn open(root: &Path, settings: &str) -> MadeFolder {
        MadeFolder::open(root, LIST, settings.to_owned()).unwrap()
    }

    fn source(bytes: u64) -> Source {
        Source {
            path: "a.png".to_owned(),
            bytes,
            modified_millis: 5,
        }
    }

    fn files(names: &[&str], content: &str) -> Vec<(String, Vec<u8>)> {
        let file = |name: &&str| ((*name).to_owned(), content.as_bytes().to_vec());
        names.iter().map(file).collect()
    }

    #[test]
    fn what_was_made_is_known_again_until_the_source_or_the_settings_change() {
        let folder = tempfile::tempdir().unwrap();
        let mut made = open(folder.path(), "halves");
        made.keep(source(1), &files(&["x/a-1", "x/a-2"], "one"), json!(7))
            .unwrap();
        assert!(made.done(&source(1)).is_some());
        drop(made);
        let mut made = open(folder.path(), "halves");
        let done = made.done(&source(1)).unwrap();
        assert_eq!((done.files, done.note), (vec!["x/a-1", "x/a-2"], &json!(7)));
        assert!(made.done(&source(2)).is_none());
        // A changed source: its own files are replaced, and what is too many is told.
        let left = made
            .keep(source(2), &files(&["x/a-1"], "two"), Value::Null)
            .unwrap();
        assert_eq!(left, ["x/a-2"]);
        assert_eq!(fs::read(folder.path().join("x/a-1")).unwrap(), b"two");
        drop(made);
        assert!(open(folder.path(), "thirds").done(&source(2)).is_none());
        fs::remove_file(folder.path().join("x/a-1")).unwrap();
        assert!(open(folder.path(), "halves").done(&source(2)).is_none());
    }

    #[test]
    fn files_of_others_are_left_alone_and_none_is_written_half() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "somebody's").unwrap();
        let mut made = open(folder.path(), "s");
        let failure = made
            .keep(source(1), &files(&["a", "b"], "mine"), Value::Null)
            .unwrap_err();
        assert_eq!(failure.code, "file_exists");
        assert!(!folder.path().join("a").exists());
        // The same bytes are no loss: a run that was killed before its line was written.
        made.keep(source(1), &files(&["b"], "somebody's"), Value::Null)
            .unwrap();
        // What was made and then changed by hand is somebody's again.
        fs::write(folder.path().join("b"), "changed").unwrap();
        let failure = made
            .keep(source(2), &files(&["b"], "new"), Value::Null)
            .unwrap_err();
        assert_eq!(failure.code, "file_exists");
    }

    #[test]
    fn a_cut_line_is_passed_over_and_anything_else_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), "s")
            .keep(source(1), &files(&["a"], "x"), Value::Null)
            .unwrap();
        let path = folder.path().join(LIST);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
        let mut made = open(folder.path(), "s");
        assert!(made.done(&source(1)).is_some());
        made.keep(source(2), &files(&["a"], "y"), Value::Null)
            .unwrap();
        drop(made);
        assert!(open(folder.path(), "s").done(&source(2)).is_some());
        fs::write(&path, "a shopping list\n").unwrap();
        let error = MadeFolder::open(folder.path(), LIST, String::new()).err();
        assert_eq!(error.unwrap().code, "invalid_manifest");
    }

    #[test]
    fn old_files_are_taken_away_where_that_is_wanted_and_they_were_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let mut made = open(folder.path(), "s").removing_old(folder.path());
        made.keep(source(1), &files(&["a", "b"], "x"), Value::Null)
            .unwrap();
        fs::write(folder.path().join("b"), "painted over").unwrap();
        let left = made.keep(source(2), &files(&["c"], "y"), Value::Null);
        assert_eq!(left.unwrap(), ["b"]);
        assert!(!folder.path().join("a").exists());
        assert!(folder.path().join("c").exists());
    }

    #[test]
    fn what_was_made_of_sources_that_are_gone_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let [here, elsewhere] = ["here", "elsewhere"].map(|name| folder.path().join(name));
        let out = folder.path().join("out");
        let mut made = open(&out, "s").removing_old(&here);
        made.keep(source(1), &files(&["ann/a"], "one"), Value::Null)
            .unwrap();
        drop(made);
        // Another folder's pictures may be put beside them.
        let mut made = open(&out, "s").removing_old(&elsewhere);
        assert_eq!(made.remove_others(&BTreeSet::new()).unwrap(), 0);
        drop(made);
        let mut made = open(&out, "s").removing_old(&here);
        assert_eq!(made.remove_others(&BTreeSet::from(["a.png"])).unwrap(), 0);
        assert_eq!(made.remove_others(&BTreeSet::from(["b.png"])).unwrap(), 1);
        assert!(!out.join("ann/a").exists());
        drop(made);
        // If it comes back, it is not done.
        assert!(open(&out, "s").done(&source(1)).is_none());
    }

    #[test]
    fn one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let _held = open(folder.path(), "s");
        let error = MadeFolder::open(folder.path(), LIST, String::new()).err();
        assert_eq!(error.unwrap().code, "folder_busy");
    }
}
