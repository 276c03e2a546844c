//! A folder for what an interrupted training can go on from.
//!
//! It lies in the data directory and is called after all that the samples depend on: the same command on the
//! same pictures finds it again. When the training is done it goes.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prosopon_train::data::Listing;
use prosopon_train::input::Input;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::failure::{Exit, Failure};

/// Folders of trainings that nobody went on with for so long are removed.
const MAX_AGE: Duration = Duration::from_hours(24 * 14);

/// A folder that this process alone uses.
pub(super) struct WorkFolder {
    folder: PathBuf,
    _lock: File,
}

impl WorkFolder {
    /// The folder for these pictures, seen like this and trained with these options.
    pub(super) fn open(
        home: &Path,
        listing: &Listing,
        input: &Input,
        options: &str,
    ) -> Result<Self, Failure> {
        let pictures: Vec<_> = listing
            .pictures
            .iter()
            .map(|listed| {
                let metadata = fs::metadata(&listed.path).ok();
                let modified = metadata.as_ref().and_then(|m| m.modified().ok());
                let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                json!([
                    listed.name,
                    listed.class,
                    listed.side,
                    listed.group,
                    metadata.map(|m| m.len()),
                    modified.map(|time| time.as_millis() as u64),
                ])
            })
            .collect();
        let all = json!([listing.classes, pictures, input, options]).to_string();
        let [a, b, c, d, e, f, g, h, ..] = Sha256::digest(all).0;
        let key = format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        let trainings = home.join("trainings");
        remove_old(&trainings);
        let folder = trainings.join(key);
        let failed = |error: &std::io::Error| Failure::write(folder.display(), error);
        fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let lock = File::create(folder.join("lock")).map_err(|error| failed(&error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                folder,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => {
                let message = "the same training is running already";
                Err(Failure::new(Exit::Storage, "busy", message).at(folder.display()))
            }
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }

    /// Where samples are gathered.
    pub(super) fn samples(&self) -> PathBuf {
        self.folder.join("samples")
    }

    /// Where states of the training are kept.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Removes it: the training is done.
    pub(super) fn remove(self) {
        // What stays is removed with the old ones.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn remove_old(trainings: &Path) {
    for entry in fs::read_dir(trainings).into_iter().flatten().flatten() {
        let lock = entry.path().join("lock");
        let modified = fs::metadata(&lock).and_then(|metadata| metadata.modified());
        let age = modified
            .ok()
            .and_then(|time| SystemTime::now().duration_since(time).ok());
        let is_free = || File::open(&lock).is_ok_and(|lock| lock.try_lock().is_ok());
        if age.is_some_and(|age| age > MAX_AGE) && is_free() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
