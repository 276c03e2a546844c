//! Fetching and installing what a pack lacks.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::archive::unpack;
use crate::catalogue::{Item, Pack};
use crate::digest::Digest;
use crate::error::{ModelsError, Result};
use crate::install::{Workspace, put};
use crate::progress::{Progress, Silent};
use crate::source::{Fetch, Mirror};
use crate::store::Store;

/// How to pull.
#[derive(Clone)]
pub struct PullOptions<'a> {
    /// A mirror to ask first: an address (`http://` or `https://`) or a folder. Files and archives
    /// are named by SHA-256 there.
    pub mirror: Option<String>,
    /// Use no network; a mirror that is a folder may still be used.
    pub offline: bool,
    /// Refuse packs with files that are not clearly free for commercial use.
    pub commercial_only: bool,
    /// Hash the files that are there, and fetch those again that have changed; otherwise presence
    /// and size decide.
    pub check_hashes: bool,
    /// How long a package client may take for one archive; 15 minutes by default.
    pub client_timeout: Duration,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

impl Default for PullOptions<'_> {
    fn default() -> Self {
        Self {
            mirror: None,
            offline: false,
            commercial_only: false,
            check_hashes: false,
            client_timeout: Duration::from_mins(15),
            progress: &Silent,
        }
    }
}

impl fmt::Debug for PullOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullOptions")
            .field("mirror", &self.mirror)
            .field("offline", &self.offline)
            .field("commercial_only", &self.commercial_only)
            .field("check_hashes", &self.check_hashes)
            .field("client_timeout", &self.client_timeout)
            .finish_non_exhaustive()
    }
}

/// What a pull did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullReport {
    /// Ids of what was installed, without repetition; empty if the pack was complete.
    pub installed: Vec<String>,
    /// Bytes of the files that were installed.
    pub bytes: u64,
    /// Number of files that were there already.
    pub present: usize,
}

impl Store {
    /// Installs what `pack` lacks.
    ///
    /// Every file is checked by SHA-256 and moved into place whole; one archive that serves several
    /// files is fetched once. If all is there, nothing is written. Sources are tried in this order:
    /// the mirror, a file's own address, the mirror for the whole archive, the package client.
    ///
    /// # Errors
    /// What kept it from being complete. Files that were finished before stay; nothing half-written
    /// is left.
    pub fn pull(&self, pack: &str, options: &PullOptions<'_>) -> Result<PullReport> {
        let pack = self.known_pack(pack)?;
        if options.commercial_only {
            self.require_free(pack)?;
        }
        let items = self.catalogue().items_of_pack(pack);
        if self.missing(&items, options).is_empty() && self.links_in_place(pack) {
            return Ok(PullReport {
                present: items.len(),
                ..PullReport::default()
            });
        }
        let mirror = options.mirror.as_deref().map(Mirror::parse);
        if options.offline && !mirror.as_ref().is_some_and(Mirror::is_local) {
            let missing = self.missing(&items, options);
            if !missing.is_empty() {
                return Err(offline(&missing));
            }
        }
        let workspace = Workspace::open(self.home(), options.progress)?;
        let fetch = Fetch::new(&workspace, self.clients(), options, mirror);
        // Another process may have installed them while this one waited.
        let missing = self.missing(&items, options);
        self.fetch_all(fetch, &missing)?;
        self.link_runtimes(&workspace)?;
        Ok(report(&items, &missing))
    }

    fn known_pack(&self, id: &str) -> Result<&Pack> {
        let catalogue = self.catalogue();
        catalogue.pack(id).ok_or_else(|| ModelsError::UnknownPack {
            pack: id.to_owned(),
            known: catalogue.packs.iter().map(|p| p.id.clone()).collect(),
        })
    }

    fn require_free(&self, pack: &Pack) -> Result<()> {
        let files = pack.files.iter().filter_map(|id| self.catalogue().file(id));
        let unclear: Vec<_> = files
            .filter(|file| !file.commercial)
            .map(|file| file.id.clone())
            .collect();
        if unclear.is_empty() {
            return Ok(());
        }
        Err(ModelsError::NotCommercial {
            pack: pack.id.clone(),
            files: unclear,
        })
    }

    fn missing<'a>(&self, items: &[Item<'a>], options: &PullOptions<'_>) -> Vec<Item<'a>> {
        let unchanged = |item: &Item<'_>| {
            let path = self.home().join(&item.install);
            Digest::of_file(&path).is_ok_and(|found| found == item.sha256)
        };
        let is_missing =
            |item: &&Item<'a>| !self.has(item) || (options.check_hashes && !unchanged(item));
        items.iter().filter(is_missing).cloned().collect()
    }

    fn links_in_place(&self, pack: &Pack) -> bool {
        !pack.runtime || self.catalogue().runtime().is_none() || self.runtime_dir().is_some()
    }

    fn fetch_all(&self, mut fetch: Fetch<'_>, missing: &[Item<'_>]) -> Result<()> {
        let mut by_archive = BTreeMap::<&str, Vec<Item<'_>>>::new();
        for item in missing {
            match fetch.file(item)? {
                Some(staged) => put(&staged, &self.home().join(&item.install))?,
                None => by_archive
                    .entry(&item.archive.id)
                    .or_default()
                    .push(item.clone()),
            }
        }
        for items in by_archive.into_values() {
            let path = fetch.archive(items[0].archive)?;
            self.install_from(&path, &items, fetch.workspace)?;
            // Makes room for the next one; whatever cannot be removed goes with the workspace.
            let _ = std::fs::remove_file(&path);
        }
        Ok(())
    }

    /// Takes `items` out of their archive, which is checked, and puts them in their places.
    pub(crate) fn install_from(
        &self,
        archive: &std::path::Path,
        items: &[Item<'_>],
        workspace: &Workspace,
    ) -> Result<()> {
        let kind = items[0].archive.kind;
        let staged = unpack(archive, kind, items, workspace.staging())?;
        for item in items {
            put(&staged[&item.sha256], &self.home().join(&item.install))?;
        }
        Ok(())
    }
}

fn offline(missing: &[Item<'_>]) -> ModelsError {
    ModelsError::Offline {
        missing: ids(missing),
    }
}

fn report(items: &[Item<'_>], missing: &[Item<'_>]) -> PullReport {
    PullReport {
        installed: ids(missing),
        bytes: missing.iter().map(|item| item.size).sum(),
        present: items.len() - missing.len(),
    }
}

fn ids(items: &[Item<'_>]) -> Vec<String> {
    let mut ids: Vec<_> = items.iter().map(|item| item.id.to_owned()).collect();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests;
