//! What the targets share: seeds, a place for files, and which panics count.
//!
//! Each file in `fuzz_targets/` is a target; `scripts/fuzz` runs them. A target says by itself what its first inputs are:
//! started with `PROSOPON_FUZZ_SEEDS=FOLDER` it writes them there and ends.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

pub mod server;
pub mod toys;

/// Writes the target's seeds if that is asked for, and ends then.
///
/// # Panics
/// If the folder cannot be written.
pub fn begin<T: AsRef<[u8]>>(seeds: impl FnOnce() -> Vec<T>) {
    let Some(folder) = std::env::var_os("PROSOPON_FUZZ_SEEDS") else {
        return;
    };
    std::fs::create_dir_all(&folder).expect("a folder for seeds");
    for (number, seed) in seeds().iter().enumerate() {
        let path = Path::new(&folder).join(format!("seed-{number:02}"));
        std::fs::write(path, seed).expect("a seed");
    }
    std::process::exit(0);
}

/// Lets decoders of others panic, which the library catches and answers with an error; panics of our own end the process
/// as usual.
pub fn decoders_may_panic() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", |at| at.file());
        if file.contains("crates/prosopon")
            || file.contains("fuzz_targets")
            || file.contains("fuzz/src")
        {
            abort(panic);
        }
    }));
}

/// A folder of this process, in the folder for temporary files: `scripts/fuzz` sets one in memory and clears it away.
///
/// # Panics
/// If it cannot be made.
pub fn place() -> &'static Path {
    static PLACE: LazyLock<tempfile::TempDir> =
        LazyLock::new(|| tempfile::tempdir().expect("a folder"));
    PLACE.path()
}

/// A file in [`place`] with this content.
///
/// # Panics
/// If it cannot be written.
pub fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = place().join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

/// `content` with its SHA-256 behind it, as recognisers and classifiers end.
pub fn with_digest(content: &[u8]) -> Vec<u8> {
    [content, &Sha256::digest(content)].concat()
}

/// What [`with_digest`] was given.
pub fn without_digest(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - 32);
    file
}

/// `magic`, the SHA-256 of `content`, and `content`, as heads and checkpoints are.
pub fn sealed(magic: &[u8; 8], content: &[u8]) -> Vec<u8> {
    [magic, &Sha256::digest(content)[..], content].concat()
}

/// The content of what [`sealed`] gave.
pub fn unsealed(file: &[u8]) -> Vec<u8> {
    file[40..].to_vec()
}
