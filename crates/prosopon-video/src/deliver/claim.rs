//! Who of several processes delivers to a target.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::target::{TargetId, digest};

/// The right to deliver to a target: a lock on a file, which the system gives back when the process ends, however
/// that happens.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    held: Option<File>,
}

impl Claim {
    /// A claim that is not held yet, in the folder `events.db-delivery` beside the events.
    pub(super) fn new(events: &Path, target: &TargetId) -> Self {
        let mut folder = events.as_os_str().to_owned();
        folder.push("-delivery");
        let name = format!("{}.lock", &digest(target.as_str())[..16]);
        Self {
            path: PathBuf::from(folder).join(name),
            held: None,
        }
    }

    /// Takes the claim, or keeps it; `false` if another process, or another thread, has it.
    pub(super) fn take(&mut self) -> io::Result<bool> {
        if self.held.is_some() {
            return Ok(true);
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.path)?;
        match file.try_lock() {
            Ok(()) => {
                self.held = Some(file);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_a_target_until_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let claim = |target: &str| {
            Claim::new(
                &folder.path().join("events.db"),
                &TargetId::from_text(target),
            )
        };
        let (mut first, mut second, mut other) = (claim("a"), claim("a"), claim("b"));
        assert!(first.take().unwrap() && first.take().unwrap());
        assert!(!second.take().unwrap());
        assert!(other.take().unwrap());
        drop(first);
        assert!(second.take().unwrap());
    }
}
