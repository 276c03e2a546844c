//! What tests need from outside the repository: shared test data and installed models.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::{Path, PathBuf};

/// The path of `relative` inside the shared folder: `$PROSOPON_SHARED`, else `shared` beside the
/// repository. Without it, `None` and a line that says which test is left out.
///
/// # Panics
/// If the data is missing where `CI=true`: there it must not be skipped.
pub(crate) fn shared(relative: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PROSOPON_SHARED").map_or_else(
        // Tests run in the folder of their package. It is not compiled in: clones may share what cargo has built.
        || PathBuf::from("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(relative);
    if path.exists() {
        return Some(path);
    }
    let missing = format!("no {relative} in the shared folder {}", root.display());
    assert!(!is_ci(), "{missing}: set PROSOPON_SHARED");
    eprintln!("left out: {missing}");
    None
}

/// The data directory with the installed default pack: `$PROSOPON_TEST_HOME`, else
/// `~/.cache/prosopon/home`. Without models, `None` and a line that says which test is left out.
///
/// # Panics
/// If there are no models although the variable is set, or where `CI=true`.
pub(crate) fn model_home() -> Option<PathBuf> {
    let named = std::env::var_os("PROSOPON_TEST_HOME").map(PathBuf::from);
    let is_named = named.is_some();
    let home = named.or_else(|| {
        let user = std::env::home_dir()?;
        Some(user.join(".cache/prosopon/home"))
    })?;
    let files = ["scrfd/scrfd.onnx", "fr-feature/fr_feature.onnx"];
    if files.iter().all(|f| home.join("models").join(f).is_file()) {
        return Some(home);
    }
    let missing = format!("no models in {}", home.display());
    assert!(
        !is_named && !is_ci(),
        "{missing}: install them with `PROSOPON_HOME={} prosopon models pull`",
        home.display()
    );
    eprintln!("left out: {missing}");
    None
}

/// An installed file that does not belong to the default pack, by its path in the data directory. Without it,
/// `None` and a line that says so.
///
/// # Panics
/// If it is missing although `$PROSOPON_TEST_HOME` is set, or where `CI=true`.
pub(crate) fn model_file(relative: &str) -> Option<PathBuf> {
    let path = model_home()?.join(relative);
    if path.is_file() {
        return Some(path);
    }
    let is_named = std::env::var_os("PROSOPON_TEST_HOME").is_some();
    assert!(!is_named && !is_ci(), "no {}", path.display());
    eprintln!("left out: no {}", path.display());
    None
}

/// Links files and folders of `from`, by name, into the folder `to`.
pub(crate) fn link_all(names: &[&str], from: &Path, to: &Path) {
    for name in names {
        link(&from.join(name), &to.join(name));
    }
}

/// A link `to` what is at `from`.
#[cfg(unix)]
pub(crate) fn link(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(from, to).expect("a link");
}

/// A link `to` a folder at `from`.
#[cfg(windows)]
pub(crate) fn link(from: &Path, to: &Path) {
    std::os::windows::fs::symlink_dir(from, to).expect("a link");
}

fn is_ci() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}
