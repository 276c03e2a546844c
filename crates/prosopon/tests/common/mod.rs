//! The shared test data, which lies outside the repository.

use std::path::{Path, PathBuf};

/// The path of `relative` inside the shared folder: `$PROSOPON_SHARED`, else `shared` beside the
/// repository. Without it, `None` and a line that says which test is left out.
///
/// # Panics
/// If the data is missing where `CI=true`: there it must not be skipped.
pub(crate) fn shared(relative: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PROSOPON_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(relative);
    if path.exists() {
        return Some(path);
    }
    let missing = format!("no {relative} in the shared folder {}", root.display());
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{missing}: set PROSOPON_SHARED"
    );
    eprintln!("left out: {missing}");
    None
}
