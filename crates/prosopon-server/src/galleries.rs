//! The galleries that the server has open: the default one, and a file for each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use prosopon_gallery::{Gallery, GalleryError, GalleryOptions};

use crate::error::{ApiError, ApiResult};
use crate::metrics::Metrics;

/// Name of the gallery that is used where none is named.
pub(crate) const DEFAULT: &str = "default";

/// All galleries; each is opened when it is first asked for.
pub(crate) struct Galleries {
    default_path: PathBuf,
    folder: PathBuf,
    /// Locked for looking up only.
    open: RwLock<BTreeMap<String, Arc<Gallery>>>,
    /// Locked while one is opened, made or deleted, which takes seconds if it is large.
    changing: Mutex<()>,
}

impl Galleries {
    /// Opens the default gallery, and makes it if there is none.
    pub(crate) fn open(default_path: PathBuf, folder: PathBuf) -> Result<Self, GalleryError> {
        let default = Gallery::open(&default_path, GalleryOptions::default())?;
        let open = BTreeMap::from([(DEFAULT.to_owned(), Arc::new(default))]);
        Ok(Self {
            default_path,
            folder,
            open: RwLock::new(open),
            changing: Mutex::default(),
        })
    }

    /// A gallery by name, if it is open already; never waits for long.
    pub(crate) fn get_open(&self, name: &str) -> Option<Arc<Gallery>> {
        self.read().get(name).map(Arc::clone)
    }

    /// A gallery by name. May read a whole file, or wait while another one is opened or deleted.
    ///
    /// # Errors
    /// `unknown_gallery`, and those of opening it.
    pub(crate) fn get(&self, name: &str) -> ApiResult<Arc<Gallery>> {
        if let Some(gallery) = self.get_open(name) {
            return Ok(gallery);
        }
        let _changing = self.change();
        self.get_or_open(name)
    }

    /// As [`Galleries::get`], for those who have locked `changing`.
    fn get_or_open(&self, name: &str) -> ApiResult<Arc<Gallery>> {
        // Somebody else may have been faster.
        if let Some(gallery) = self.get_open(name) {
            return Ok(gallery);
        }
        let path = self.path(name)?;
        if !path.is_file() {
            return Err(unknown(name));
        }
        let options = GalleryOptions {
            create: false,
            ..GalleryOptions::default()
        };
        let gallery = Arc::new(Gallery::open(path, options)?);
        self.write().insert(name.to_owned(), Arc::clone(&gallery));
        Ok(gallery)
    }

    /// Names of all galleries, the default one first.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = vec![DEFAULT.to_owned()];
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut others: Vec<String> = files
            .filter_map(|file| {
                file.file_name()
                    .to_str()?
                    .strip_suffix(".db")
                    .map(str::to_owned)
            })
            .filter(|name| is_name(name) && name != DEFAULT)
            .collect();
        others.sort_unstable();
        names.extend(others);
        names
    }

    /// Makes an empty gallery.
    ///
    /// # Errors
    /// `gallery_exists`, `invalid_parameter`, and those of creating it.
    pub(crate) fn create(&self, name: &str) -> ApiResult<Arc<Gallery>> {
        let exists = || {
            ApiError::new(
                "gallery_exists",
                format!("there is a gallery `{name}` already"),
            )
            .with_hint("choose another name")
        };
        if name == DEFAULT {
            return Err(exists());
        }
        let path = self.path(name).map_err(|_| {
            let message = format!(
                "expected a gallery name of 1 to 64 letters, digits, `-` or `_`, found {name:?}"
            );
            ApiError::new("invalid_parameter", message)
        })?;
        let _changing = self.change();
        if path.exists() {
            return Err(exists());
        }
        fs::create_dir_all(&self.folder).map_err(ApiError::internal)?;
        let gallery = Arc::new(Gallery::open(path, GalleryOptions::default())?);
        self.write().insert(name.to_owned(), Arc::clone(&gallery));
        Ok(gallery)
    }

    /// Deletes a gallery with everything in it.
    ///
    /// # Errors
    /// `unknown_gallery`, `default_gallery`, `gallery_not_empty` unless `force`.
    pub(crate) fn delete(&self, name: &str, force: bool) -> ApiResult<()> {
        if name == DEFAULT {
            return Err(
                ApiError::new("default_gallery", "the default gallery cannot be deleted")
                    .with_hint("delete its subjects instead"),
            );
        }
        let _changing = self.change();
        let gallery = self.get_or_open(name)?;
        let counts = gallery.counts()?;
        if counts.subjects > 0 && !force {
            let message = format!("gallery `{name}` has {} subjects", counts.subjects);
            return Err(ApiError::new("gallery_not_empty", message)
                .with_hint("`force=true` deletes them too"));
        }
        // From here on whoever asks for it waits until it is gone. The bytes are overwritten before the file goes.
        self.write().remove(name);
        if let Err(error) = gallery.clear() {
            self.write().insert(name.to_owned(), gallery);
            return Err(error.into());
        }
        drop(gallery);
        let path = self.path(name)?;
        for ending in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(ending);
            if let Err(error) = fs::remove_file(&file)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(ApiError::internal(format!(
                    "could not delete a gallery: {error}"
                )));
            }
        }
        Ok(())
    }

    /// Tells the metrics how large every open gallery is.
    pub(crate) fn measure(&self, metrics: &Metrics) {
        for (name, gallery) in self.read().iter() {
            if let Ok(counts) = gallery.counts() {
                metrics.gallery(name, counts.subjects, counts.faces);
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Gallery>>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Arc<Gallery>>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &str) -> ApiResult<PathBuf> {
        if name == DEFAULT {
            return Ok(self.default_path.clone());
        }
        if !is_name(name) {
            return Err(unknown(name));
        }
        Ok(self.folder.join(format!("{name}.db")))
    }
}

/// Names are file names, so they are plain.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}

fn unknown(name: &str) -> ApiError {
    let short: String = name.chars().take(64).collect();
    ApiError::new("unknown_gallery", format!("unknown gallery `{short}`"))
        .with_hint("`GET /v1/galleries` lists all galleries")
}

#[cfg(test)]
mod tests {
    use prosopon_gallery::NewSubject;

    use super::*;

    fn galleries(folder: &tempfile::TempDir) -> Galleries {
        let default = folder.path().join("gallery.db");
        Galleries::open(default, folder.path().join("galleries")).unwrap()
    }

    #[test]
    fn galleries_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let all = galleries(&folder);
        all.create("office")
            .unwrap()
            .add_subject(&NewSubject::named("anna"))
            .unwrap();
        assert_eq!(all.create("office").unwrap_err().code, "gallery_exists");
        assert_eq!(all.names(), ["default", "office"]);
        // Another run finds it again.
        let again = galleries(&folder);
        assert_eq!(again.get("office").unwrap().counts().unwrap().subjects, 1);
        drop(again);
        assert_eq!(
            all.delete("office", false).unwrap_err().code,
            "gallery_not_empty"
        );
        all.delete("office", true).unwrap();
        assert_eq!(all.get("office").unwrap_err().code, "unknown_gallery");
        assert_eq!(
            fs::read_dir(folder.path().join("galleries"))
                .unwrap()
                .count(),
            0
        );
        assert_eq!(
            all.delete(DEFAULT, true).unwrap_err().code,
            "default_gallery"
        );
    }

    #[test]
    fn others_are_found_while_one_is_opened_or_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let all = galleries(&folder);
        all.create("office").unwrap();
        let _changing = all.change();
        assert!(all.get(DEFAULT).is_ok() && all.get("office").is_ok());
        all.measure(&Metrics::new());
    }

    #[test]
    fn names_are_not_paths() {
        let folder = tempfile::tempdir().unwrap();
        let all = galleries(&folder);
        for name in ["", "..", "../gallery", "a/b", "a.b", "ä", &"x".repeat(65)] {
            assert_eq!(all.get(name).unwrap_err().code, "unknown_gallery", "{name}");
            assert_eq!(
                all.create(name).unwrap_err().code,
                "invalid_parameter",
                "{name}"
            );
        }
    }
}
