//! A package of the Node.js world, through the user's own `npm`.

use std::path::Path;

use super::{Fetch, client};
use crate::catalogue::Archive;
use crate::error::Result;

/// Has `npm` write the package into `directory`, without running any script of it.
pub(super) fn fetch(fetch: &Fetch<'_>, archive: &Archive, directory: &Path) -> Result<()> {
    let package = format!("{}@{}", archive.package, archive.version);
    let arguments = [
        "pack",
        &package,
        "--pack-destination",
        ".",
        "--ignore-scripts",
        "--loglevel=error",
    ];
    client::fetch(
        fetch,
        &fetch.clients.npm,
        "npm",
        archive,
        &arguments,
        directory,
    )
}
