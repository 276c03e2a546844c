//! Trained classifiers by name, each with its versions, and which of them is used.
//!
//! ```text
//! classifiers/NAME/labels.json                 versions, `stable`, `candidate`, history
//! classifiers/NAME/3/classifier.prosopon       a version, with whatever belongs to it beside
//! ```
//!
//! `labels.json` is the truth: a version is there when it stands in that file, which is replaced whole, and what lies
//! on disk without standing there is left over from something that was interrupted; the next writer sweeps it away.
//! Writers wait for each other at a lock; readers wait for nobody. So a process may be killed at any moment, and a
//! server sees the old state or the new one.

mod labels;
mod name;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prosopon::image::write_whole;

pub use labels::{Action, Event, Labels, Version};
pub use name::{Which, check_name, parse_reference};

/// Name of a version's file with the classifier.
pub const CLASSIFIER_FILE: &str = "classifier.prosopon";

/// Name of the folder of classifiers, in the data directory.
pub const CLASSIFIERS_DIR: &str = "classifiers";

const LABELS_FILE: &str = "labels.json";
const LOCK_FILE: &str = ".lock";

/// Bytes of `labels.json` that are read, at most: it is far smaller unless it is not ours.
const MAX_LABELS_BYTES: u64 = 4 << 20;

/// Times that a reader looks again when a version goes away while it is read.
const MAX_TRIES: usize = 5;

/// Why something could not be done with the registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A name that no classifier can have.
    #[error("expected {expected}, found {found:?}")]
    InvalidName {
        /// What a name is.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A version that none can be.
    #[error("expected a version such as `3`, `stable` or `candidate`, found {found:?}")]
    InvalidVersion {
        /// What was given.
        found: String,
    },
    /// There is no classifier of this name.
    #[error("unknown classifier `{name}`{}", known(names))]
    UnknownClassifier {
        /// What was asked for.
        name: String,
        /// Those that there are.
        names: Vec<String>,
    },
    /// The classifier has no such version.
    #[error(
        "classifier `{name}` has no version {which}, its versions are {}",
        list(versions)
    )]
    UnknownVersion {
        /// The classifier.
        name: String,
        /// What was asked for.
        which: Which,
        /// Those that there are.
        versions: Vec<u32>,
    },
    /// No version waits to be promoted.
    #[error("classifier `{name}` has no candidate; version {stable} is stable")]
    NoCandidate {
        /// The classifier.
        name: String,
        /// Its stable version.
        stable: u32,
    },
    /// Nothing was stable before.
    #[error(
        "classifier `{name}` has nothing to go back to: version {stable} was stable from the beginning"
    )]
    NothingBefore {
        /// The classifier.
        name: String,
        /// Its stable version.
        stable: u32,
    },
    /// The stable version would go.
    #[error("version {version} of classifier `{name}` is stable")]
    StableVersion {
        /// The classifier.
        name: String,
        /// The version.
        version: u32,
    },
    /// The file with versions and labels is not as we write it.
    #[error("expected versions and labels of a classifier, found {message}: {}", path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The disk refuses.
    #[error("could not {doing}: {source}: {}", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The report.
        source: io::Error,
    },
}

fn known(names: &[String]) -> String {
    match names {
        [] => ": there is none yet".to_owned(),
        names => {
            let some: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
            format!(", there are: {}", some.join(", "))
        }
    }
}

fn list(versions: &[u32]) -> String {
    let versions: Vec<String> = versions.iter().map(u32::to_string).collect();
    versions.join(", ")
}

impl RegistryError {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidName { .. } => "invalid_name",
            Self::InvalidVersion { .. } => "invalid_version",
            Self::UnknownClassifier { .. } => "unknown_classifier",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::NoCandidate { .. } => "no_candidate",
            Self::NothingBefore { .. } => "nothing_before",
            Self::StableVersion { .. } => "stable_version",
            Self::Labels { .. } => "classifier_labels",
            Self::Disk { .. } => "classifier_storage",
        }
    }

    fn disk<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + 'a {
        move |source| Self::Disk {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}

type Result<T> = std::result::Result<T, RegistryError>;

/// A folder of classifiers.
#[derive(Debug, Clone)]
pub struct Registry {
    folder: PathBuf,
}

/// A version of a classifier on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Name of the classifier.
    pub name: String,
    /// Number of the version.
    pub version: u32,
    /// When it was added, in milliseconds since 1970-01-01 UTC: a name that was deleted and given again begins
    /// with version 1 again, and this tells the two apart.
    pub added_millis: i64,
    /// Where its files are.
    pub folder: PathBuf,
}

impl Resolved {
    /// The file with the classifier.
    pub fn classifier(&self) -> PathBuf {
        self.folder.join(CLASSIFIER_FILE)
    }
}

/// A file of a new version.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// Its name, such as [`CLASSIFIER_FILE`] or `report.html`; never a path.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

impl Registry {
    /// The registry in `folder`, which is made when something is added.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Names of all classifiers, in order.
    ///
    /// # Errors
    /// [`RegistryError::Disk`] if the folder is there and cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(RegistryError::disk("read the folder", &self.folder)(error)),
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| check_name(name).is_ok() && self.labels_file(name).is_file())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// All classifiers by name. One whose labels cannot be read is an error of its own.
    ///
    /// # Errors
    /// As [`Self::names`].
    pub fn list(&self) -> Result<Vec<(String, Result<Labels>)>> {
        let names = self.names()?;
        let labels = names.into_iter().map(|name| {
            let labels = self.show(&name);
            (name, labels)
        });
        // What was deleted since is not there.
        let gone = |labels: &Result<Labels>| {
            matches!(labels, Err(RegistryError::UnknownClassifier { .. }))
        };
        Ok(labels.filter(|(_, labels)| !gone(labels)).collect())
    }

    /// Versions and labels of a classifier.
    ///
    /// # Errors
    /// [`RegistryError::InvalidName`], [`RegistryError::UnknownClassifier`], [`RegistryError::Labels`],
    /// [`RegistryError::Disk`].
    pub fn show(&self, name: &str) -> Result<Labels> {
        check_name(name)?;
        self.labels(name)?
            .ok_or_else(|| RegistryError::UnknownClassifier {
                name: name.to_owned(),
                names: self.names().unwrap_or_default(),
            })
    }

    /// The version that is meant.
    ///
    /// # Errors
    /// Those of [`Self::show`], [`RegistryError::UnknownVersion`], [`RegistryError::NoCandidate`].
    pub fn resolve(&self, name: &str, which: Which) -> Result<Resolved> {
        self.resolve_in(name, &self.show(name)?, which)
    }

    /// [`Self::resolve`] with labels that were read before.
    ///
    /// # Errors
    /// [`RegistryError::UnknownVersion`], [`RegistryError::NoCandidate`].
    pub fn resolve_in(&self, name: &str, labels: &Labels, which: Which) -> Result<Resolved> {
        let number = number(name, labels, which)?;
        let added = labels.version(number).map_or(0, |v| v.added_millis);
        Ok(Resolved {
            name: name.to_owned(),
            version: number,
            added_millis: added,
            folder: self.version_folder(name, number),
        })
    }

    /// Reads something of the version that is meant, such as its classifier. When that version is deleted while it is
    /// read, it looks again what is meant now.
    ///
    /// # Errors
    /// Those of [`Self::resolve`] and of `read`.
    pub fn read<T, E: From<RegistryError>>(
        &self,
        name: &str,
        which: Which,
        read: impl Fn(&Resolved) -> std::result::Result<T, E>,
    ) -> std::result::Result<(Resolved, T), E> {
        for _ in 1..MAX_TRIES {
            let found = self.resolve(name, which)?;
            match read(&found) {
                Ok(value) => return Ok((found, value)),
                Err(error) if found.folder.is_dir() => return Err(error),
                Err(_) => {}
            }
        }
        let found = self.resolve(name, which)?;
        let value = read(&found)?;
        Ok((found, value))
    }

    /// Adds a version and gives its number. The first one is stable, others are candidates.
    ///
    /// # Errors
    /// [`RegistryError::InvalidName`], [`RegistryError::Labels`], [`RegistryError::Disk`].
    pub fn add(&self, name: &str, files: &[NewFile<'_>]) -> Result<u32> {
        check_name(name)?;
        let _lock = self.lock()?;
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(RegistryError::disk("make the folder", &folder))?;
        let before = self.labels(name)?;
        self.sweep(name, before.as_ref());
        let version = before.as_ref().map_or(1, Labels::next);
        let staged = folder.join(".new");
        fs::create_dir(&staged).map_err(RegistryError::disk("make the folder", &staged))?;
        for file in files {
            let path = staged.join(file.name);
            if Path::new(file.name).file_name() != Some(file.name.as_ref()) {
                let error = io::Error::from(io::ErrorKind::InvalidFilename);
                return Err(RegistryError::disk("write the file", &path)(error));
            }
            write_whole(&path, file.bytes).map_err(RegistryError::disk("write the file", &path))?;
        }
        let place = self.version_folder(name, version);
        fs::rename(&staged, &place).map_err(RegistryError::disk("make the folder", &place))?;
        sync(&folder);
        let labels = match before {
            Some(mut labels) => {
                labels.add(now_millis());
                labels
            }
            None => Labels::new(now_millis()),
        };
        self.save(name, &labels)?;
        sync(&self.folder);
        Ok(version)
    }

    /// Makes a version stable: the candidate, if none is named.
    ///
    /// # Errors
    /// Those of [`Self::resolve`], [`RegistryError::Disk`].
    pub fn promote(&self, name: &str, version: Option<u32>) -> Result<Labels> {
        let which = version.map_or(Which::Candidate, Which::Number);
        self.change(name, |labels| {
            labels.promote(number(name, labels, which)?, now_millis());
            Ok(())
        })
    }

    /// Makes stable what was so before.
    ///
    /// # Errors
    /// Those of [`Self::show`], [`RegistryError::NothingBefore`], [`RegistryError::Disk`].
    pub fn rollback(&self, name: &str) -> Result<Labels> {
        self.change(name, |labels| {
            if labels.roll_back(now_millis()) {
                return Ok(());
            }
            Err(RegistryError::NothingBefore {
                name: name.to_owned(),
                stable: labels.stable,
            })
        })
    }

    /// Deletes a version, or the classifier with all of them. The stable version goes only by `force`: what was stable
    /// before takes its place, else the newest one. With its last version the classifier goes.
    ///
    /// # Errors
    /// Those of [`Self::show`], [`RegistryError::UnknownVersion`], [`RegistryError::StableVersion`],
    /// [`RegistryError::Disk`].
    pub fn delete(&self, name: &str, version: Option<u32>, force: bool) -> Result<Option<Labels>> {
        // An unknown name is said before a folder and a lock are made.
        self.show(name)?;
        let _lock = self.lock()?;
        let mut labels = self.show(name)?;
        if let Some(version) = version {
            number(name, &labels, Which::Number(version))?;
            if labels.stable == version && !force {
                return Err(RegistryError::StableVersion {
                    name: name.to_owned(),
                    version,
                });
            }
            if labels.delete(version, now_millis()) {
                self.save(name, &labels)?;
                self.sweep(name, Some(&labels));
                return Ok(Some(labels));
            }
        }
        // Out of sight in one step; then it may take its time.
        let (folder, gone) = (self.folder.join(name), self.folder.join(".gone"));
        remove(&gone);
        fs::rename(&folder, &gone).map_err(RegistryError::disk("delete the folder", &folder))?;
        sync(&self.folder);
        remove(&gone);
        Ok(None)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Labels) -> Result<()>) -> Result<Labels> {
        self.show(name)?;
        let _lock = self.lock()?;
        let mut labels = self.show(name)?;
        let before = labels.clone();
        change(&mut labels)?;
        if labels != before {
            self.save(name, &labels)?;
        }
        Ok(labels)
    }

    /// Waits until nobody else writes. The lock goes with the file, also when the process is killed.
    fn lock(&self) -> Result<File> {
        let folder = &self.folder;
        fs::create_dir_all(folder).map_err(RegistryError::disk("make the folder", folder))?;
        let path = folder.join(LOCK_FILE);
        let open = || {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            file.lock()?;
            Ok(file)
        };
        open().map_err(RegistryError::disk("lock", &path))
    }

    fn labels_file(&self, name: &str) -> PathBuf {
        self.folder.join(name).join(LABELS_FILE)
    }

    fn version_folder(&self, name: &str, version: u32) -> PathBuf {
        self.folder.join(name).join(version.to_string())
    }

    fn labels(&self, name: &str) -> Result<Option<Labels>> {
        use io::Read as _;
        let path = self.labels_file(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RegistryError::disk("read the file", &path)(error)),
        };
        let mut json = Vec::new();
        file.take(MAX_LABELS_BYTES)
            .read_to_end(&mut json)
            .map_err(RegistryError::disk("read the file", &path))?;
        let labels = Labels::from_json(&json);
        labels
            .map(Some)
            .map_err(|message| RegistryError::Labels { path, message })
    }

    fn save(&self, name: &str, labels: &Labels) -> Result<()> {
        let path = self.labels_file(name);
        write_whole(&path, &labels.to_json()).map_err(RegistryError::disk("write the file", &path))
    }

    /// Removes what an interrupted writer left over; the caller holds the lock. What cannot be removed is in nobody's
    /// way.
    fn sweep(&self, name: &str, labels: Option<&Labels>) {
        let entries = fs::read_dir(self.folder.join(name))
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            let file_name = entry.file_name();
            let file_name = file_name.to_string_lossy();
            let is_unknown = file_name.parse().is_ok_and(|number: u32| {
                labels.is_none_or(|labels| labels.version(number).is_none())
            });
            if is_unknown || file_name.starts_with('.') {
                remove(&entry.path());
            }
        }
    }
}

/// The number of the version that is meant.
fn number(name: &str, labels: &Labels, which: Which) -> Result<u32> {
    labels.number(which).ok_or_else(|| match which {
        Which::Candidate => RegistryError::NoCandidate {
            name: name.to_owned(),
            stable: labels.stable,
        },
        which => RegistryError::UnknownVersion {
            name: name.to_owned(),
            which,
            versions: labels.versions.iter().map(|v| v.version).collect(),
        },
    })
}

fn remove(path: &Path) {
    let _ = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
}

/// Makes names in a folder durable, where the system can.
fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        folder.sync_all().ok();
    }
}

fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests;
