//! The folder that pictures are kept in: whole files, equal ones once, and a manifest.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prosopon::image::Format;
use sha2::{Digest as _, Sha256};

use crate::error::FolderError;
use crate::lines::append_line;
use crate::manifest::{Entry, MANIFEST, Source, Status};

/// Start of the names of files that are being written.
const UNFINISHED: &str = ".prosopon-";

/// A folder of fetched pictures, held by this process alone.
///
/// A picture appears whole under its name, and only then in the manifest; what a killed process has
/// left unfinished is removed when the folder is opened next.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Open for appending, and locked.
    manifest: File,
    /// The last line about each source.
    entries: BTreeMap<Source, Entry>,
    /// Files by their SHA-256.
    files: BTreeMap<String, String>,
}

impl Folder {
    /// Opens the folder, which is made if it is not there, and reads its manifest.
    ///
    /// # Errors
    /// [`FolderError::Busy`] if another process has it open, [`FolderError::NotAManifest`] if a file
    /// stands in the manifest's place, else as the operating system says.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(root).map_err(|error| failed(root, error))?;
        let path = root.join(MANIFEST);
        let mut options = File::options();
        let options = options.read(true).append(true).create(true);
        let mut manifest = options.open(&path).map_err(|error| failed(&path, error))?;
        match manifest.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::Busy {
                    path: root.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&path, error)),
        }
        let entries = read_manifest(&mut manifest, &path)?;
        remove_unfinished(root);
        let mut state = State {
            manifest,
            entries: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        for entry in entries {
            state.remember(entry);
        }
        Ok(Self {
            root: root.to_owned(),
            state: Mutex::new(state),
        })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where its manifest is.
    pub fn manifest(&self) -> PathBuf {
        self.root.join(MANIFEST)
    }

    /// What an earlier run has kept of `source`, if its file is still there with its size.
    pub fn present(&self, source: &Source) -> Option<Entry> {
        let entry = self.state().entries.get(source)?.clone();
        let file = self.root.join(entry.file.as_ref()?);
        let size = file.metadata().ok()?.len();
        (Some(size) == entry.bytes).then_some(entry)
    }

    /// Keeps a picture, `stem` in the sub-folder `below` being the name that it should have, and
    /// writes down what `entry` says about it. Bytes that are in the folder already are not kept again.
    ///
    /// # Errors
    /// [`FolderError::Write`].
    pub(crate) fn keep(
        &self,
        entry: Entry,
        bytes: &[u8],
        format: Format,
        below: &str,
        stem: &str,
    ) -> Result<Entry, FolderError> {
        let sha256 = hex(&Sha256::digest(bytes));
        let mut state = self.state();
        let known = state.files.get(&sha256).filter(|file| {
            let metadata = self.root.join(file).metadata();
            metadata.is_ok_and(|metadata| metadata.len() == bytes.len() as u64)
        });
        let (status, file) = match known {
            Some(file) => (Status::Duplicate, file.clone()),
            None => (
                Status::Stored,
                self.write(bytes, &sha256, format, below, stem)?,
            ),
        };
        let entry = Entry {
            status,
            file: Some(file),
            sha256: Some(sha256),
            bytes: Some(bytes.len() as u64),
            media_type: Some(format.media_type().to_owned()),
            ..entry
        };
        self.append(&mut state, entry)
    }

    /// Writes down something that gave no file.
    ///
    /// # Errors
    /// [`FolderError::Write`].
    pub(crate) fn note(&self, entry: Entry) -> Result<Entry, FolderError> {
        let mut state = self.state();
        self.append(&mut state, entry)
    }

    fn append(&self, state: &mut State, entry: Entry) -> Result<Entry, FolderError> {
        let line = serde_json::to_string(&entry).unwrap_or_default();
        append_line(&mut state.manifest, &line)
            .map_err(|source| failed(&self.manifest(), source))?;
        state.remember(entry.clone());
        Ok(entry)
    }

    /// Writes a file under a name that no other picture has; gives the name.
    fn write(
        &self,
        bytes: &[u8],
        sha256: &str,
        format: Format,
        below: &str,
        stem: &str,
    ) -> Result<String, FolderError> {
        let folder = self.root.join(below);
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let unfinished = self
            .unfinished(bytes)
            .map_err(|error| failed(&self.root, error))?;
        let mut unfinished = Some(unfinished);
        let ending = format.extension();
        for name in [
            format!("{stem}.{ending}"),
            format!("{stem}-{}.{ending}", &sha256[..8]),
            format!("{stem}-{sha256}.{ending}"),
        ] {
            let path = folder.join(&name);
            let Some(file) = unfinished.take() else { break };
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(joined(below, &name)),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    // Of a run that was killed before it could write it down.
                    if fs::read(&path).is_ok_and(|found| found == bytes) {
                        return Ok(joined(below, &name));
                    }
                    unfinished = Some(error.file);
                }
                Err(error) => return Err(failed(&path, error.error)),
            }
        }
        let taken = io::ErrorKind::AlreadyExists.into();
        Err(failed(
            &folder.join(format!("{stem}-{sha256}.{ending}")),
            taken,
        ))
    }

    /// The bytes in a file without a name of its own yet, on disk.
    fn unfinished(&self, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // What any program's new file gets; the user's umask still applies.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(&self.root)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has changed nothing half.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, entry: Entry) {
        if let (Some(file), Some(sha256)) = (&entry.file, &entry.sha256) {
            self.files.insert(sha256.clone(), file.clone());
        }
        // A failure of today does not make the file of yesterday forgotten.
        let has_file = |entry: &Entry| entry.file.is_some();
        let known = self.entries.get(&entry.source);
        if has_file(&entry) || !known.is_some_and(has_file) {
            self.entries.insert(entry.source.clone(), entry);
        }
    }
}

/// The lines of a manifest. The start of one at its end, which a killed process left, is cut off.
fn read_manifest(manifest: &mut File, path: &Path) -> Result<Vec<Entry>, FolderError> {
    let unreadable = |source| FolderError::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    manifest.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    manifest.read_to_string(&mut text).map_err(unreadable)?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let mut entries = Vec::new();
    for (i, line) in text[..whole].lines().enumerate() {
        let entry: Entry = serde_json::from_str(line).map_err(|_| FolderError::NotAManifest {
            path: path.to_owned(),
            line: i + 1,
        })?;
        // A file elsewhere is none of ours, whoever wrote that line.
        if entry.file.as_deref().is_none_or(is_inside) {
            entries.push(entry);
        }
    }
    if whole < text.len() {
        // Only what one of our lines begins with is cut off.
        if !text[whole..].starts_with('{') {
            return Err(FolderError::NotAManifest {
                path: path.to_owned(),
                line: entries.len() + 1,
            });
        }
        manifest.set_len(whole as u64).map_err(unreadable)?;
    }
    Ok(entries)
}

/// Whether a relative path stays below its folder.
fn is_inside(file: &str) -> bool {
    use std::path::Component;
    Path::new(file)
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
}

/// Removes what a killed process has left. Not being able to is no reason to stop: nobody takes such
/// a file for a picture.
fn remove_unfinished(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn failed(path: &Path, source: io::Error) -> FolderError {
    FolderError::Write {
        path: path.to_owned(),
        source,
    }
}

fn joined(below: &str, name: &str) -> String {
    if below.is_empty() {
        name.to_owned()
    } else {
        format!("{below}/{name}")
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(url: &str) -> Entry {
        Entry::new(Source::Url(url.to_owned()), Status::Failed)
    }

    fn keep(folder: &Folder, url: &str, bytes: &[u8]) -> Entry {
        let format = Format::Png;
        folder.keep(entry(url), bytes, format, "", "a").unwrap()
    }

    #[test]
    fn equal_pictures_are_kept_once_and_others_get_names_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(&root.path().join("new/folder")).unwrap();
        let first = keep(&folder, "1", b"one");
        let same = keep(&folder, "2", b"one");
        let other = keep(&folder, "3", b"two");
        assert_eq!(first.status, Status::Stored);
        assert_eq!((same.status, &same.file), (Status::Duplicate, &first.file));
        assert_eq!(other.status, Status::Stored);
        let name = format!("a-{}.png", &other.sha256.unwrap()[..8]);
        assert_eq!(
            (first.file.as_deref(), other.file),
            (Some("a.png"), Some(name))
        );
        let format = Format::Jpeg;
        let below = folder
            .keep(entry("4"), b"three", format, "x/y", "a")
            .unwrap();
        assert_eq!(below.file.as_deref(), Some("x/y/a.jpg"));
        assert_eq!(fs::read(folder.root().join("x/y/a.jpg")).unwrap(), b"three");

        // All of that is known again by the next process, but not to two at a time.
        let again = Folder::open(folder.root());
        assert_eq!(again.unwrap_err().code(), "folder_busy");
        let root = folder.root().to_owned();
        drop(folder);
        let folder = Folder::open(&root).unwrap();
        assert_eq!(folder.present(&Source::Url("1".to_owned())), Some(first));
        assert_eq!(keep(&folder, "5", b"two").status, Status::Duplicate);
        // What was deleted since is kept anew.
        fs::remove_file(root.join("a.png")).unwrap();
        assert_eq!(folder.present(&Source::Url("1".to_owned())), None);
        assert_eq!(keep(&folder, "1", b"one").status, Status::Stored);
    }

    #[test]
    fn a_kill_leaves_nothing_half() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let folder = Folder::open(root).unwrap();
        keep(&folder, "1", b"one");
        drop(folder);
        // Killed while writing a picture, and while writing a line, of a picture that is whole.
        fs::write(root.join(".prosopon-abc"), b"half").unwrap();
        fs::write(root.join("b.png"), b"two").unwrap();
        let manifest = root.join(MANIFEST);
        let whole = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, format!("{whole}{{\"url\":\"2\",\"sta")).unwrap();

        let folder = Folder::open(root).unwrap();
        assert!(!root.join(".prosopon-abc").exists());
        assert!(folder.present(&Source::Url("1".to_owned())).is_some());
        let format = Format::Png;
        let second = folder.keep(entry("2"), b"two", format, "", "b").unwrap();
        assert_eq!(second.file.as_deref(), Some("b.png"));
        let text = fs::read_to_string(&manifest).unwrap();
        assert!(text.starts_with(&whole) && text.ends_with('\n'));
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_failure_does_not_forget_the_file() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let kept = keep(&folder, "1", b"one");
        folder.note(entry("1")).unwrap();
        assert_eq!(folder.present(&kept.source), Some(kept));
    }

    #[test]
    fn a_foreign_manifest_is_refused_and_no_line_leads_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let manifest = root.path().join(MANIFEST);
        for text in ["{\"name\": \"somebody's\"}\n", "not ours", "{}\n{}\n"] {
            fs::write(&manifest, text).unwrap();
            let error = Folder::open(root.path()).unwrap_err();
            assert_eq!(error.code(), "invalid_manifest", "{text}");
            assert_eq!(fs::read_to_string(&manifest).unwrap(), text);
        }
        let outside = root.path().join("secret");
        fs::write(&outside, b"one").unwrap();
        for file in ["../secret".to_owned(), outside.display().to_string()] {
            let source = Source::Url("1".to_owned());
            let line = Entry {
                file: Some(file),
                sha256: Some(hex(&Sha256::digest(b"one"))),
                bytes: Some(3),
                ..Entry::new(source.clone(), Status::Stored)
            };
            let into = root.path().join("into");
            fs::create_dir_all(&into).unwrap();
            let line = serde_json::to_string(&line).unwrap() + "\n";
            fs::write(into.join(MANIFEST), line).unwrap();
            let folder = Folder::open(&into).unwrap();
            assert_eq!(folder.present(&source), None);
            assert_eq!(keep(&folder, "2", b"one").status, Status::Stored);
            fs::remove_dir_all(&into).unwrap();
        }
    }
}
