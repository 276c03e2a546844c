//! The albums that the server has open: a file for each.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prosopon_gallery::album::{Album, AlbumOptions};

use crate::error::{ApiError, ApiResult};
use crate::galleries::is_name;

/// How many can be made. Each that is in use holds three descriptors, and systems allow a process 1024 by default, of which
/// connections may take half.
const MAX_ALBUMS: usize = 100;

/// All albums; each is opened when it is first asked for.
pub(crate) struct Albums {
    folder: PathBuf,
    open: Mutex<BTreeMap<String, Arc<Album>>>,
}

impl Albums {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: Mutex::default(),
        }
    }

    /// Names of all albums, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = files
            .filter_map(|file| {
                let name = file.file_name();
                name.to_str()?.strip_suffix(".db").map(str::to_owned)
            })
            .filter(|name| is_name(name))
            .collect();
        names.sort_unstable();
        names
    }

    /// An album by name.
    ///
    /// # Errors
    /// `unknown_album`, and those of opening it.
    pub(crate) fn get(&self, name: &str) -> ApiResult<Arc<Album>> {
        let mut open = self.lock();
        if let Some(album) = open.get(name) {
            return Ok(Arc::clone(album));
        }
        let path = self.path(name).filter(|path| path.is_file());
        let path = path.ok_or_else(|| unknown(name))?;
        let options = AlbumOptions {
            create: false,
            ..AlbumOptions::default()
        };
        let album = Arc::new(Album::open(path, &options)?);
        open.insert(name.to_owned(), Arc::clone(&album));
        Ok(album)
    }

    /// Makes an empty album.
    ///
    /// # Errors
    /// `album_exists`, `too_many_albums`, `invalid_parameter`, and those of creating it.
    pub(crate) fn create(&self, name: &str) -> ApiResult<Arc<Album>> {
        let path = self.path(name).ok_or_else(|| {
            let message = format!(
                "expected an album name of 1 to 64 letters, digits, `-` or `_`, found {name:?}"
            );
            ApiError::new("invalid_parameter", message)
        })?;
        let mut open = self.lock();
        if path.exists() {
            let message = format!("there is an album `{name}` already");
            return Err(ApiError::new("album_exists", message).with_hint("choose another name"));
        }
        if self.names().len() >= MAX_ALBUMS {
            let message = format!("there are {MAX_ALBUMS} albums, as many as there can be");
            return Err(ApiError::new("too_many_albums", message)
                .with_hint("delete one that is no longer needed"));
        }
        fs::create_dir_all(&self.folder).map_err(ApiError::internal)?;
        let album = Arc::new(Album::open(path, &AlbumOptions::default())?);
        open.insert(name.to_owned(), Arc::clone(&album));
        Ok(album)
    }

    /// Deletes an album with everything in it.
    ///
    /// # Errors
    /// `unknown_album`.
    pub(crate) fn delete(&self, name: &str) -> ApiResult<()> {
        let album = self.get(name)?;
        let mut open = self.lock();
        // The bytes are overwritten before the file goes.
        album.clear()?;
        open.remove(name);
        drop(album);
        let path = self.path(name).ok_or_else(|| unknown(name))?;
        for ending in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(ending);
            if let Err(error) = fs::remove_file(&file)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                let cause = format!("could not delete an album: {error}");
                return Err(ApiError::internal(cause));
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Album>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        is_name(name).then(|| self.folder.join(format!("{name}.db")))
    }
}

fn unknown(name: &str) -> ApiError {
    let short: String = name.chars().take(64).collect();
    ApiError::new("unknown_album", format!("unknown album `{short}`"))
        .with_hint("`GET /v1/albums` lists all albums")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn albums_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let all = Albums::new(folder.path().join("albums"));
        assert!(all.names().is_empty());
        all.create("summer").unwrap();
        assert_eq!(all.create("summer").unwrap_err().code, "album_exists");
        assert_eq!(all.names(), ["summer"]);
        let again = Albums::new(folder.path().join("albums"));
        assert_eq!(again.get("summer").unwrap().counts().unwrap().faces, 0);
        drop(again);
        all.delete("summer").unwrap();
        assert_eq!(all.get("summer").unwrap_err().code, "unknown_album");
        assert!(all.names().is_empty());
    }

    #[test]
    fn there_is_an_end_of_albums() {
        let folder = tempfile::tempdir().unwrap();
        let all = Albums::new(folder.path().to_path_buf());
        for i in 0..MAX_ALBUMS {
            fs::write(folder.path().join(format!("a{i}.db")), "").unwrap();
        }
        assert_eq!(all.create("summer").unwrap_err().code, "too_many_albums");
        fs::remove_file(folder.path().join("a0.db")).unwrap();
        all.create("summer").unwrap();
    }

    #[test]
    fn names_are_not_paths() {
        let folder = tempfile::tempdir().unwrap();
        let all = Albums::new(folder.path().join("albums"));
        for name in ["", "..", "../album", "a/b", "a.b"] {
            assert_eq!(all.get(name).unwrap_err().code, "unknown_album", "{name}");
            let error = all.create(name).unwrap_err();
            assert_eq!(error.code, "invalid_parameter", "{name}");
        }
    }
}
