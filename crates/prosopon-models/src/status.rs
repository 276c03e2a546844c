//! What is installed, and whether it is still what it should be.

use std::error::Error as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::{ModelsError, Result};
use crate::store::Store;

/// The state of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// Id of the file, of the runtime that it belongs to, or name of a model of one's own.
    pub id: String,
    /// Where it is or would be.
    pub path: PathBuf,
    /// The size that it should have, in bytes; `None` for a model of one's own.
    pub size: Option<u64>,
    /// What was found.
    pub state: FileState,
}

/// What was found where a file should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileState {
    /// The right file; by its size, or by its SHA-256 after [`Store::verify`].
    Present,
    /// Nothing.
    Missing,
    /// A file of another size, in bytes.
    WrongSize {
        /// Its size.
        found: u64,
    },
    /// A file with another content.
    Changed {
        /// SHA-256 that it should have.
        expected: Digest,
        /// SHA-256 that it has.
        found: Digest,
    },
    /// A file that could not be read, and why.
    Unreadable(String),
}

impl Store {
    /// The state of every file of the catalogue for this platform and of every model of one's own,
    /// by presence and size only.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn status(&self) -> Result<Vec<FileStatus>> {
        self.look(false)
    }

    /// As [`Self::status`], with every file that is there read and hashed.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn verify(&self) -> Result<Vec<FileStatus>> {
        self.look(true)
    }

    fn look(&self, hash: bool) -> Result<Vec<FileStatus>> {
        let mut all = Vec::new();
        for item in self.catalogue().items_here() {
            let path = self.home().join(&item.install);
            all.push(FileStatus {
                id: item.id.to_owned(),
                state: state_of(&path, Some(item.size), Some(item.sha256).filter(|_| hash)),
                path,
                size: Some(item.size),
            });
        }
        for (name, model) in self.own_models()? {
            let (path, state) = match model {
                Ok((model, path)) => {
                    let state = state_of(&path, None, model.sha256.filter(|_| hash));
                    (path, state)
                }
                Err(error) => (
                    self.own_dir().join(&name),
                    FileState::Unreadable(told(&error)),
                ),
            };
            all.push(FileStatus {
                id: name,
                path,
                size: None,
                state,
            });
        }
        Ok(all)
    }
}

fn state_of(path: &Path, size: Option<u64>, sha256: Option<Digest>) -> FileState {
    let found = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return FileState::Missing,
        Err(error) => return FileState::Unreadable(error.to_string()),
    };
    if size.is_some_and(|expected| expected != found) {
        return FileState::WrongSize { found };
    }
    let Some(expected) = sha256 else {
        return FileState::Present;
    };
    match Digest::of_file(path) {
        Ok(found) if found == expected => FileState::Present,
        Ok(found) => FileState::Changed { expected, found },
        Err(error) => FileState::Unreadable(error.to_string()),
    }
}

/// An error with its cause.
fn told(error: &ModelsError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
