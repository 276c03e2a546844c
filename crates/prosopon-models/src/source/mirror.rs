//! A mirror: files and archives named by their SHA-256, on a web server or in a folder.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{Found, http};
use crate::error::{ModelsError, Result};
use crate::install::{Pinned, copy_pinned};
use crate::progress::{Bar, Progress};

/// Where a mirror is. Its files are checked by SHA-256, so that plain HTTP does no harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mirror {
    /// `<base>/<sha256>`.
    Web(String),
    /// `<folder>/<sha256>`.
    Folder(PathBuf),
}

impl Mirror {
    /// A mirror from what a person wrote: an address with `http://`, `https://` or `file://`, or a
    /// path.
    pub(crate) fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Self::Web(text.trim_end_matches('/').to_owned());
        }
        Self::Folder(PathBuf::from(text.strip_prefix("file://").unwrap_or(text)))
    }

    /// Whether it can be used without a network.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    pub(super) fn fetch(
        &self,
        pinned: Pinned<'_>,
        target: &Path,
        progress: &dyn Progress,
    ) -> Result<Found> {
        match self {
            Self::Web(base) => {
                let url = format!("{base}/{}", pinned.sha256);
                let https_only = base.starts_with("https://");
                http::fetch(&url, https_only, pinned, target, progress)
            }
            Self::Folder(folder) => from_folder(folder, pinned, target, progress),
        }
    }
}

fn from_folder(
    folder: &Path,
    pinned: Pinned<'_>,
    target: &Path,
    progress: &dyn Progress,
) -> Result<Found> {
    let path = folder.join(pinned.sha256.to_string());
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_dir() => {
            return Ok(Found::No);
        }
        Err(error) => return Err(ModelsError::io("read", &path, error)),
    };
    let bar = Bar::begin(progress, pinned.what, Some(pinned.size));
    let origin = path.display().to_string();
    copy_pinned(file, target, pinned, &origin, Some(&bar))?;
    Ok(Found::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_folders_are_told_apart() {
        let web = |base: &str| Mirror::Web(base.to_owned());
        let folder = |path: &str| Mirror::Folder(PathBuf::from(path));
        for (text, expected) in [
            (
                "http://mirror.test/models/",
                web("http://mirror.test/models"),
            ),
            ("https://mirror.test", web("https://mirror.test")),
            ("file:///srv/models", folder("/srv/models")),
            ("/srv/models", folder("/srv/models")),
            ("models", folder("models")),
        ] {
            assert_eq!(Mirror::parse(text), expected, "{text}");
        }
    }
}
