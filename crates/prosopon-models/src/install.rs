//! Putting files in their places: all or nothing, one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::digest::{BLOCK, Digest, Hasher};
use crate::error::{ModelsError, Result};
use crate::progress::{Bar, Progress};

/// What a file must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pinned<'a> {
    /// Its name in messages.
    pub(crate) what: &'a str,
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
}

/// Copies `reader` into a new file at `target` and onto the disk, if it is what is pinned.
///
/// Never reads more than one byte beyond the pinned size. Whatever goes wrong, `target` is gone.
pub(crate) fn copy_pinned(
    mut reader: impl Read,
    target: &Path,
    pinned: Pinned<'_>,
    origin: &str,
    bar: Option<&Bar<'_>>,
) -> Result<()> {
    let copied = copy_checked(&mut reader, target, pinned, origin, bar);
    if copied.is_err() {
        let _ = fs::remove_file(target);
    }
    copied
}

fn copy_checked(
    reader: &mut dyn Read,
    target: &Path,
    pinned: Pinned<'_>,
    origin: &str,
    bar: Option<&Bar<'_>>,
) -> Result<()> {
    let mut file = File::create(target).map_err(|e| ModelsError::io("write", target, e))?;
    let mut limited = reader.take(pinned.size + 1);
    let mut hasher = Hasher::new();
    let mut block = vec![0; BLOCK];
    let mut copied = 0;
    loop {
        let n = match limited.read(&mut block) {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(ModelsError::io("read", Path::new(origin), e)),
        };
        if n == 0 {
            break;
        }
        copied += n as u64;
        hasher.update(&block[..n]);
        file.write_all(&block[..n])
            .map_err(|e| ModelsError::io("write", target, e))?;
        if let Some(bar) = bar {
            bar.advance(n as u64);
        }
    }
    check_size(copied, pinned, origin)?;
    check_hash(hasher.finish(), pinned, origin)?;
    file.sync_all()
        .map_err(|e| ModelsError::io("write", target, e))
}

/// Checks a file that something else wrote.
pub(crate) fn check_file(path: &Path, pinned: Pinned<'_>, origin: &str) -> Result<()> {
    let unreadable = |e| ModelsError::io("read", path, e);
    let size = fs::metadata(path).map_err(unreadable)?.len();
    check_size(size, pinned, origin)?;
    check_hash(Digest::of_file(path).map_err(unreadable)?, pinned, origin)
}

fn check_size(found: u64, pinned: Pinned<'_>, origin: &str) -> Result<()> {
    if found == pinned.size {
        return Ok(());
    }
    Err(ModelsError::SizeMismatch {
        what: pinned.what.to_owned(),
        expected: pinned.size,
        found: (found < pinned.size).then_some(found),
        origin: origin.to_owned(),
    })
}

fn check_hash(found: Digest, pinned: Pinned<'_>, origin: &str) -> Result<()> {
    if found == pinned.sha256 {
        return Ok(());
    }
    Err(ModelsError::HashMismatch {
        what: pinned.what.to_owned(),
        expected: pinned.sha256,
        found,
        origin: origin.to_owned(),
    })
}

/// Moves a finished file or directory from the staging directory to its place.
pub(crate) fn put(staged: &Path, target: &Path) -> Result<()> {
    let failed = |e| ModelsError::io("write", target, e);
    let parent = target.parent().unwrap_or(Path::new("."));
    create_dir(parent)?;
    fs::rename(staged, target).map_err(failed)?;
    sync_dir(parent);
    Ok(())
}

/// Makes `link`, which leads to `target` beside it, unless it is there.
#[cfg(unix)]
pub(crate) fn put_link(staging: &Path, link: &Path, target: &str) -> Result<()> {
    if is_link_to(link, target) {
        return Ok(());
    }
    let staged = staging.join("link");
    let _ = fs::remove_file(&staged);
    std::os::unix::fs::symlink(target, &staged).map_err(|e| ModelsError::io("write", link, e))?;
    put(&staged, link)
}

/// Makes a copy under the name of `link`, where links need special rights.
#[cfg(not(unix))]
pub(crate) fn put_link(staging: &Path, link: &Path, target: &str) -> Result<()> {
    let staged = staging.join("link");
    fs::copy(link.with_file_name(target), &staged)
        .map_err(|e| ModelsError::io("write", link, e))?;
    put(&staged, link)
}

/// Whether `link` is there and leads to `target`.
#[cfg(unix)]
pub(crate) fn is_link_to(link: &Path, target: &str) -> bool {
    fs::read_link(link).is_ok_and(|found| found == Path::new(target))
}

/// Whether the copy that stands for a link is there.
#[cfg(not(unix))]
pub(crate) fn is_link_to(link: &Path, target: &str) -> bool {
    let size = |path: &Path| fs::metadata(path).map(|m| m.len()).ok();
    size(link).is_some() && size(link) == size(&link.with_file_name(target))
}

pub(crate) fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| ModelsError::io("create the directory", path, e))
}

/// Makes a rename last through a power cut, where the system lets a directory be synced.
fn sync_dir(path: &Path) {
    if cfg!(unix) {
        // The rename itself has succeeded; a file system that cannot sync directories is no error.
        let _ = File::open(path).and_then(|dir| dir.sync_all());
    }
}

/// The right to change a data directory, and a place in it for unfinished files.
///
/// Both end when this goes out of scope. What a killed process left behind is removed by the next.
pub(crate) struct Workspace {
    home: PathBuf,
    staging: TempDir,
    _lock: Option<File>,
}

impl Workspace {
    /// Waits until no other process changes `home`.
    pub(crate) fn open(home: &Path, progress: &dyn Progress) -> Result<Self> {
        create_dir(home)?;
        let lock = lock(&home.join(".lock"), progress)?;
        let root = home.join(".staging");
        if lock.is_some() {
            // Nobody else is at work, so whatever lies here is from a process that was killed.
            let _ = fs::remove_dir_all(&root);
        }
        create_dir(&root)?;
        let staging = tempfile::Builder::new()
            .prefix("pull-")
            .tempdir_in(&root)
            .map_err(|e| ModelsError::io("create a directory in", &root, e))?;
        Ok(Self {
            home: home.to_owned(),
            staging,
            _lock: lock,
        })
    }

    /// The data directory.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// A directory in the same file system as the places of the files.
    pub(crate) fn staging(&self) -> &Path {
        self.staging.path()
    }

    /// A new directory inside the staging directory.
    pub(crate) fn subdirectory(&self, name: &str) -> Result<PathBuf> {
        let path = self.staging().join(name);
        create_dir(&path)?;
        Ok(path)
    }
}

/// Locks a file; `None` where the file system has no locks, which is safe since every file is moved
/// into place whole.
fn lock(path: &Path, progress: &dyn Progress) -> Result<Option<File>> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|e| ModelsError::io("write", path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            progress.note("waiting for another process that installs models");
            Ok(file.lock().is_ok().then_some(file))
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{digest, temp};

    fn pinned(bytes: &[u8]) -> Pinned<'static> {
        Pinned {
            what: "`x`",
            sha256: digest(bytes),
            size: bytes.len() as u64,
        }
    }

    #[test]
    fn what_is_not_pinned_leaves_nothing_behind() {
        let dir = temp();
        let target = dir.path().join("x");
        for wrong in [&b"pin"[..], b"pinnes", b"pinned and more"] {
            let error = copy_pinned(wrong, &target, pinned(b"pinned"), "here", None).unwrap_err();
            assert_eq!(
                matches!(error, ModelsError::HashMismatch { .. }),
                wrong.len() == 6,
                "{error}"
            );
            assert!(!target.exists());
        }
        copy_pinned(&b"pinned"[..], &target, pinned(b"pinned"), "here", None).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"pinned");
    }

    #[test]
    fn a_failing_reader_leaves_nothing_behind() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("cut"))
            }
        }
        let dir = temp();
        let target = dir.path().join("x");
        let reader = b"pi"[..].chain(Broken);
        let error = copy_pinned(reader, &target, pinned(b"pinned"), "here", None).unwrap_err();
        assert!(matches!(error, ModelsError::Io { .. }), "{error}");
        assert!(!target.exists());
    }

    #[test]
    fn leftovers_of_a_killed_process_are_removed() {
        let dir = temp();
        let left = dir.path().join(".staging/pull-old/half.onnx");
        fs::create_dir_all(left.parent().unwrap()).unwrap();
        fs::write(&left, "half").unwrap();
        let workspace = Workspace::open(dir.path(), &crate::Silent).unwrap();
        assert!(!left.exists() && workspace.staging().exists());
    }
}
