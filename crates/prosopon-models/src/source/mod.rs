//! Where files come from: one file for each kind of source, tried in this order.

mod client;
mod http;
mod https;
mod mirror;
mod npm;
mod pip;

use std::path::{Path, PathBuf};

use crate::catalogue::{Archive, ArchiveKind, Item};
use crate::error::{Attempt, ModelsError, Result};
use crate::install::{Pinned, Workspace, check_file};
use crate::pull::PullOptions;

pub(crate) use client::Clients;
pub(crate) use mirror::Mirror;

/// What a source that can lack a file says.
pub(crate) enum Found {
    /// The file is staged and checked.
    Yes,
    /// The source works, but does not have it.
    No,
}

/// One pull: what it may use, and where it puts unfinished files.
pub(crate) struct Fetch<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) clients: &'a Clients,
    pub(crate) options: &'a PullOptions<'a>,
    pub(crate) mirror: Option<Mirror>,
}

impl Fetch<'_> {
    /// Fetches one file by itself, from the mirror or from its addresses.
    ///
    /// `None` if no such source has it, which leaves the archive. Failures go to `attempts`; content
    /// that is not what is pinned is an error at once.
    pub(crate) fn file(
        &self,
        item: &Item<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Option<PathBuf>> {
        let target = self.workspace.staging().join(item.sha256.to_string());
        let name = format!("`{}`", item.install.display());
        let pinned = Pinned {
            what: &name,
            sha256: item.sha256,
            size: item.size,
        };
        if self.from_mirror(pinned, &target, attempts)? {
            return Ok(Some(target));
        }
        for url in item.urls {
            let fetched = https::fetch(url, pinned, &target, self.options.progress);
            if self.succeeded("https", fetched, attempts)? {
                return Ok(Some(target));
            }
        }
        Ok(None)
    }

    /// Fetches a whole archive, from the mirror or through the package client.
    pub(crate) fn archive(&self, archive: &Archive, mut attempts: Vec<Attempt>) -> Result<PathBuf> {
        let name = format!("{} {}", archive.package, archive.version);
        let pinned = Pinned {
            what: &name,
            sha256: archive.sha256,
            size: archive.size,
        };
        let directory = self.workspace.subdirectory(&archive.id)?;
        let target = directory.join(&archive.file_name);
        if self.from_mirror(pinned, &target, &mut attempts)? {
            return Ok(target);
        }
        let (source, fetched) = match archive.kind {
            ArchiveKind::Npm => ("npm", npm::fetch(self, archive, &directory)),
            ArchiveKind::PypiSdist | ArchiveKind::PypiWheel => {
                ("pip", pip::fetch(self, archive, &directory))
            }
        };
        match fetched.and_then(|()| check_file(&target, pinned, source)) {
            Ok(()) => Ok(target),
            Err(error) if attempts.is_empty() || is_final(&error) => Err(error),
            Err(error) => {
                attempts.push(attempt(source, error));
                Err(ModelsError::SourcesFailed {
                    what: name,
                    attempts,
                })
            }
        }
    }

    fn from_mirror(
        &self,
        pinned: Pinned<'_>,
        target: &Path,
        attempts: &mut Vec<Attempt>,
    ) -> Result<bool> {
        let Some(mirror) = &self.mirror else {
            return Ok(false);
        };
        let fetched = mirror.fetch(pinned, target, self.options.progress);
        self.succeeded("mirror", fetched, attempts)
    }

    fn succeeded(
        &self,
        source: &'static str,
        fetched: Result<Found>,
        attempts: &mut Vec<Attempt>,
    ) -> Result<bool> {
        match fetched {
            Ok(Found::Yes) => Ok(true),
            Ok(Found::No) => Ok(false),
            Err(error) if is_final(&error) => Err(error),
            Err(error) => {
                self.options.progress.note(&format!("{source}: {error}"));
                attempts.push(attempt(source, error));
                Ok(false)
            }
        }
    }
}

fn attempt(source: &'static str, error: ModelsError) -> Attempt {
    Attempt {
        source,
        error: Box::new(error),
    }
}

/// Whether another source would not help, or should not be asked: something tampers with files, or
/// they cannot be written.
fn is_final(error: &ModelsError) -> bool {
    matches!(
        error,
        ModelsError::HashMismatch { .. }
            | ModelsError::SizeMismatch { .. }
            | ModelsError::DiskFull { .. }
            | ModelsError::ReadOnly { .. }
            | ModelsError::NotHttps { .. }
    )
}
