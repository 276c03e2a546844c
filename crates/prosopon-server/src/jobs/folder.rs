//! Folders that a request may name: those below the settings `evaluate_dir` and `train_dir`, and nothing else.

use std::fs;
use std::path::{Component, Path, PathBuf};

use prosopon_train::data::PICTURE_ENDINGS;

use super::MAX_PICTURES;
use crate::error::{ApiError, ApiResult};

/// Folders that are offered by name.
const MAX_OFFERED: usize = 200;

/// A picture of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Below the folder, with `/` between its parts.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// The folder called `name` below `root`. Whatever leads elsewhere is as unknown as what is not there:
/// nobody learns what lies outside.
///
/// # Errors
/// `unknown_folder`.
pub(crate) fn resolve(root: &Path, name: &str) -> ApiResult<PathBuf> {
    let unknown = || {
        let message = "expected a folder that the server offers, found none of that name";
        ApiError::new("unknown_folder", message)
    };
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if name.is_empty() || name.contains(['\\', '\0']) || !Path::new(name).components().all(plain) {
        return Err(unknown());
    }
    // With all links followed it must still lie below.
    let root = root.canonicalize().map_err(|_| unknown())?;
    let folder = root.join(name).canonicalize().map_err(|_| unknown())?;
    if !folder.starts_with(&root) || !folder.is_dir() {
        return Err(unknown());
    }
    Ok(folder)
}

/// Names of the folders directly in `root`, and `.` for itself.
pub(crate) fn offered(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .take(MAX_OFFERED)
        .collect();
    names.sort_unstable();
    names.insert(0, ".".to_owned());
    names
}

/// The pictures in `folder` and below, in order of name. Links are not followed.
///
/// # Errors
/// `unknown_folder` if it cannot be read, `too_few_pictures` without pictures, `invalid_request` with more
/// than a job takes.
pub(crate) fn pictures(folder: &Path) -> ApiResult<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next).map_err(|error| {
            let message = format!("could not read the folder: {}", error.kind());
            ApiError::new("unknown_folder", message)
        })?;
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && is_picture(&path)
                && let Some(name) = name_below(folder, &path)
            {
                files.push(File { name, path });
            }
        }
        if files.len() > MAX_PICTURES {
            let message = format!("expected at most {MAX_PICTURES} pictures, found more");
            return Err(ApiError::new("invalid_request", message)
                .with_hint("`prosopon evaluate folder` takes any number"));
        }
    }
    if files.is_empty() {
        let message = "expected pictures in the folder, found none";
        return Err(ApiError::new("too_few_pictures", message));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    PICTURE_ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
}

fn name_below(folder: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(folder).ok()?.components();
    let parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "sets/people/anna/1.jpg",
            "sets/people/ben/2.PNG",
            "secret/3.jpg",
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        fs::write(root.path().join("sets/people/notes.txt"), b"").unwrap();
        root
    }

    #[test]
    fn folders_below_are_found_with_their_pictures() {
        let root = root();
        let sets = root.path().join("sets");
        for name in ["people", "./people", "people/", "."] {
            assert!(resolve(&sets, name).is_ok(), "{name}");
        }
        let people = resolve(&sets, "people").unwrap();
        let names: Vec<String> = pictures(&people)
            .unwrap()
            .into_iter()
            .map(|f| f.name)
            .collect();
        assert_eq!(names, ["anna/1.jpg", "ben/2.PNG"]);
        assert_eq!(offered(&sets), [".", "people"]);
    }

    #[test]
    fn nothing_else_is_reached() {
        let root = root();
        let sets = root.path().join("sets");
        let secret = root.path().join("secret").display().to_string();
        let code = |name: &str| resolve(&sets, name).map_err(|error| error.code);
        for name in [
            "",
            "..",
            "../secret",
            "people/../../secret",
            "./../secret",
            "/",
            "/etc",
            &secret,
            "..\\secret",
            "people\0",
            "missing",
            "people/notes.txt",
            "people/anna/1.jpg",
            "~",
            "%2e%2e/secret",
        ] {
            assert_eq!(code(name), Err("unknown_folder"), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_out() {
        use std::os::unix::fs::symlink;
        let root = root();
        let sets = root.path().join("sets");
        symlink(root.path().join("secret"), sets.join("link")).unwrap();
        symlink(sets.join("people"), sets.join("inner")).unwrap();
        assert_eq!(resolve(&sets, "link").unwrap_err().code, "unknown_folder");
        assert!(resolve(&sets, "inner").is_ok());
        // Neither from inside of a folder that is allowed: links in it are passed over.
        symlink(root.path().join("secret"), sets.join("people/carla")).unwrap();
        symlink(
            root.path().join("secret/3.jpg"),
            sets.join("people/anna/3.jpg"),
        )
        .unwrap();
        let found = pictures(&sets.join("people").canonicalize().unwrap()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(offered(&sets), [".", "people"]);
    }

    #[test]
    fn folders_without_pictures_are_named() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(pictures(root.path()).unwrap_err().code, "too_few_pictures");
    }
}
