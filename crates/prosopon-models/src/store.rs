//! A data directory with installed models.

use std::path::{Path, PathBuf};

use crate::catalogue::{Catalogue, Item};
use crate::error::{ModelsError, Result};
use crate::home::data_directory;
use crate::install::{Workspace, is_link_to, put_link};
use crate::source::Clients;

/// The id of the photograph that `quickstart` analyses.
const SOLVAY: &str = "solvay";

/// A data directory and the catalogue that fills it.
///
/// Opening reads and writes nothing; methods look at the disk each time, so several processes can
/// share a directory.
#[derive(Debug, Clone)]
pub struct Store {
    home: PathBuf,
    catalogue: Catalogue,
    clients: Clients,
}

impl Store {
    /// The store in [`data_directory`], with the built-in catalogue.
    ///
    /// # Errors
    /// [`ModelsError::NoDataDirectory`].
    pub fn open() -> Result<Self> {
        Self::at(data_directory()?)
    }

    /// The store in `home`, with the built-in catalogue.
    ///
    /// # Errors
    /// [`ModelsError::Catalogue`], never in a tested build.
    pub fn at(home: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self::with_catalogue(home, Catalogue::built_in()?))
    }

    /// The store in `home`, with a catalogue of one's own.
    pub fn with_catalogue(home: impl Into<PathBuf>, catalogue: Catalogue) -> Self {
        Self {
            home: home.into(),
            catalogue,
            clients: Clients::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn with_clients(mut self, clients: Clients) -> Self {
        self.clients = clients;
        self
    }

    /// The data directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// What can be installed.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The path of an installed file of the catalogue.
    ///
    /// # Errors
    /// [`ModelsError::UnknownModel`], or [`ModelsError::NotInstalled`] if it is missing or has
    /// another size than it should.
    pub fn file(&self, id: &str) -> Result<PathBuf> {
        let Some(file) = self.catalogue.file(id) else {
            return Err(ModelsError::UnknownModel {
                what: "model",
                name: id.to_owned(),
                known: self.catalogue.files.iter().map(|f| f.id.clone()).collect(),
            });
        };
        let path = self.home.join(&file.install);
        if has_size(&path, file.size) {
            return Ok(path);
        }
        Err(ModelsError::NotInstalled {
            id: id.to_owned(),
            pack: self.catalogue.pack_of(id).map_or_else(
                || self.catalogue.defaults.pack.clone(),
                |pack| pack.id.clone(),
            ),
            path,
        })
    }

    /// The photograph of the Solvay conference of 1927, which comes with the default pack.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`].
    pub fn solvay_picture(&self) -> Result<PathBuf> {
        self.file(SOLVAY)
    }

    /// The directory with the OpenVINO libraries for this platform, if it is complete.
    pub fn runtime_dir(&self) -> Option<PathBuf> {
        let runtime = self.catalogue.runtime()?;
        let dir = self.home.join(&runtime.install);
        let complete = runtime
            .libraries
            .iter()
            .all(|library| has_size(&dir.join(&library.name), library.size));
        let linked = || {
            let mut links = runtime.links.iter();
            links.all(|link| is_link_to(&dir.join(&link.name), &link.target))
        };
        (complete && linked()).then_some(dir)
    }

    /// Whether a file is there with the size that it should have.
    pub(crate) fn has(&self, item: &Item<'_>) -> bool {
        has_size(&self.home.join(&item.install), item.size)
    }

    /// Makes the links of every runtime that is installed.
    pub(crate) fn link_runtimes(&self, workspace: &Workspace) -> Result<()> {
        for runtime in &self.catalogue.runtimes {
            let dir = self.home.join(&runtime.install);
            for link in &runtime.links {
                if dir.join(&link.target).is_file() {
                    put_link(workspace.staging(), &dir.join(&link.name), &link.target)?;
                }
            }
        }
        Ok(())
    }

    /// The directory of models of one's own.
    pub(crate) fn own_dir(&self) -> PathBuf {
        self.home.join("models").join("own")
    }
}

pub(crate) fn has_size(path: &Path, size: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == size)
}
