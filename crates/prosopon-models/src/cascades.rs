//! Haar cascades: which name means which file, and where files are that others installed.

use std::path::{Path, PathBuf};

use prosopon::embed::ModelId;

use crate::catalogue::Role;
use crate::digest::Digest;
use crate::error::{ModelsError, Result};
use crate::own::OwnSpec;
use crate::resolve::model_id;
use crate::store::Store;

/// What comes before the name of a cascade where a detector is named.
const PREFIX: &str = "haar";
/// The cascade that `haar` alone means: the one that most code in the world uses.
const DEFAULT_FACE: &str = "frontalface_default";
/// The cascade for eyes, likewise.
const DEFAULT_EYE: &str = "eye";

/// Where Debian's `opencv-data` and others' builds of `OpenCV` put their cascades.
const SYSTEM_DIRS: [&str; 5] = [
    "/usr/share/opencv4/haarcascades",
    "/usr/local/share/opencv4/haarcascades",
    "/opt/homebrew/share/opencv4/haarcascades",
    "/usr/share/opencv/haarcascades",
    "/usr/local/share/opencv/haarcascades",
];

/// A cascade file that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedCascade {
    /// Its name on the command line.
    pub name: String,
    /// Its name and the first eight hexadecimal digits of its SHA-256.
    pub id: ModelId,
    /// The XML file.
    pub path: PathBuf,
}

impl Store {
    /// The cascade with this name: `haar` for the usual one for faces, `haar:NAME` for another that comes
    /// with `OpenCV`, the path of an XML file, or the name of a cascade of one's own. None if the name is
    /// not one of a cascade.
    ///
    /// An installed file comes first, then that of an `OpenCV` of the system.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`] if pulling would help, [`ModelsError::UnknownModel`] for `haar:`
    /// with an unknown name, errors of the file system.
    pub fn resolve_cascade(&self, name: &str) -> Result<Option<ResolvedCascade>> {
        if is_xml(Path::new(name)) {
            return of_file(Path::new(name)).map(Some);
        }
        if let Some((own, path)) = self.own_model(name)? {
            return match own.spec {
                OwnSpec::Cascade => of_known(name.to_owned(), path, own.sha256).map(Some),
                OwnSpec::Detector(_) | OwnSpec::Embedder(_) => Ok(None),
            };
        }
        let known = match name.split_once(':') {
            Some((PREFIX, cascade)) => Some(cascade),
            None if name == PREFIX => Some(DEFAULT_FACE),
            _ => name.strip_prefix(PREFIX).and_then(|n| n.strip_prefix('-')),
        };
        known
            .map(|cascade| self.catalogue_cascade(cascade, &SYSTEM_DIRS))
            .transpose()
    }

    /// The cascade that finds eyes.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`], errors of the file system.
    pub fn resolve_eyes(&self) -> Result<ResolvedCascade> {
        self.catalogue_cascade(DEFAULT_EYE, &SYSTEM_DIRS)
    }

    fn catalogue_cascade(&self, cascade: &str, system: &[&str]) -> Result<ResolvedCascade> {
        let id = format!("{PREFIX}-{cascade}");
        let Some(file) = self.catalogue().file(&id) else {
            return Err(ModelsError::UnknownModel {
                what: "cascade",
                name: cascade.to_owned(),
                known: self.cascade_names(),
            });
        };
        match self.file(&id) {
            Ok(path) => of_known(id, path, Some(file.sha256)),
            Err(missing) => {
                let name = file.install.file_name().unwrap_or_default();
                let mut found = system.iter().map(|dir| Path::new(dir).join(name));
                match found.find(|path| path.is_file()) {
                    Some(path) => of_known(id, path, None),
                    None => Err(missing),
                }
            }
        }
    }

    /// What can be named as a detector: `haar:NAME` for each cascade of the catalogue.
    pub(crate) fn cascade_names(&self) -> Vec<String> {
        let files = self.catalogue().files.iter();
        let cascades = files.filter(|file| file.role == Role::Cascade);
        cascades.map(|file| file.id.replacen('-', ":", 1)).collect()
    }
}

/// Whether a path is that of an XML file, by its ending.
pub(crate) fn is_xml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("xml"))
}

fn of_file(path: &Path) -> Result<ResolvedCascade> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    of_known(name.into_owned(), path.to_owned(), None)
}

fn of_known(name: String, path: PathBuf, digest: Option<Digest>) -> Result<ResolvedCascade> {
    let digest = match digest {
        Some(digest) => digest,
        None => Digest::of_file(&path).map_err(|e| ModelsError::io("read", &path, e))?,
    };
    Ok(ResolvedCascade {
        id: model_id(&name, digest),
        name,
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::temp;

    #[test]
    fn names_lead_to_files_of_the_catalogue() {
        let home = temp();
        let store = Store::at(home.path()).unwrap();
        assert!(store.resolve_cascade("scrfd").unwrap().is_none());
        for name in ["haar", "haar:frontalface_default"] {
            match store.catalogue_cascade(DEFAULT_FACE, &[]) {
                Err(ModelsError::NotInstalled { id, pack, .. }) => {
                    assert_eq!(
                        (id.as_str(), pack.as_str()),
                        ("haar-frontalface_default", "haar")
                    );
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        let unknown = store.resolve_cascade("haar:elephant").unwrap_err();
        assert!(
            unknown.to_string().contains("haar:frontalface_alt2"),
            "{unknown}"
        );
    }

    #[test]
    fn a_system_file_serves_until_the_pack_is_installed() {
        let (home, system) = (temp(), temp());
        let store = Store::at(home.path()).unwrap();
        let path = system.path().join("haarcascade_eye.xml");
        std::fs::write(&path, "<eye/>").unwrap();
        let dirs = ["/nowhere", system.path().to_str().unwrap()];
        let found = store.catalogue_cascade("eye", &dirs).unwrap();
        assert_eq!(found.path, path);
        let digest = Digest::of_file(&path).unwrap();
        assert_eq!(found.id.as_str(), format!("haar-eye@{}", digest.short()));
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let (home, dir) = (temp(), temp());
        let store = Store::at(home.path()).unwrap();
        let path = dir.path().join("mine.xml");
        let missing = store.resolve_cascade(path.to_str().unwrap()).unwrap_err();
        assert!(matches!(missing, ModelsError::Io { .. }), "{missing}");
        std::fs::write(&path, "<mine/>").unwrap();
        let found = store.resolve_cascade(path.to_str().unwrap()).unwrap();
        assert_eq!(found.unwrap().name, "mine");
    }
}
