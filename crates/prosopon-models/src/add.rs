//! Installing from local files: copies of catalogue files, whole archives, networks of one's own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use prosopon::classic::Cascade;

use crate::cascades::is_xml;
use crate::catalogue::{Archive, Item};
use crate::digest::Digest;
use crate::error::{ModelsError, Result};
use crate::install::{Pinned, Workspace, copy_pinned, put};
use crate::own::OwnModel;
use crate::progress::Progress;
use crate::store::Store;

/// How deep [`Store::add`] looks into a folder.
const DEPTH: usize = 6;

/// Longest description that is read, in bytes.
const DESCRIPTION_LIMIT: u64 = 64 * 1024;

/// Longest cascade that is read, in bytes; the reader of cascades has the same limit.
const CASCADE_LIMIT: u64 = 16 << 20;

/// Something that was installed from a local file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Id in the catalogue, or name of a model of one's own.
    pub id: String,
    /// The file that it came from.
    pub from: PathBuf,
    /// Whether it is a model of one's own.
    pub own: bool,
}

impl Store {
    /// Installs what `path`, a file or a folder, holds.
    ///
    /// A file whose SHA-256 stands in the catalogue is installed as what it is, whatever its name; a
    /// package of the catalogue (`.tgz`, `.tar.gz`, `.whl`) is unpacked. Another `.onnx` is a network
    /// of one's own and needs a description beside it, `NAME.toml` ([`crate::own::EXAMPLE`]). An `.xml` is
    /// a Haar cascade of one's own, with its file's name, less `haarcascade_`. In a folder, files that are
    /// none of these are passed over.
    ///
    /// # Errors
    /// [`ModelsError::NotRecognised`] if there is nothing of these, [`ModelsError::DescriptionMissing`]
    /// and the other errors of descriptions, [`ModelsError::Cascade`], [`ModelsError::NameTaken`], errors of
    /// the file system.
    pub fn add(&self, path: &Path, progress: &dyn Progress) -> Result<Vec<Added>> {
        let is_dir = fs::metadata(path)
            .map_err(|e| ModelsError::io("read", path, e))?
            .is_dir();
        let mut files = Vec::new();
        if is_dir {
            list(path, DEPTH, &mut files)?;
        } else {
            files.push(path.to_owned());
        }
        let workspace = Workspace::open(self.home(), progress)?;
        let mut added = Vec::new();
        for file in &files {
            if let Some(mut found) = self.add_known(file, &workspace)? {
                added.append(&mut found);
            } else if is_onnx(file) && (!is_dir || description_of(file).is_file()) {
                added.push(self.add_own(file, &workspace)?);
            } else if is_xml(file) {
                match self.add_cascade(file, &workspace) {
                    Ok(cascade) => added.push(cascade),
                    // A folder may hold any XML.
                    Err(ModelsError::Cascade { .. }) if is_dir => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.link_runtimes(&workspace)?;
        if added.is_empty() {
            return Err(ModelsError::NotRecognised {
                path: path.to_owned(),
            });
        }
        Ok(added)
    }

    /// Removes a model of one's own; `false` if there is none with this name.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn remove(&self, name: &str, progress: &dyn Progress) -> Result<bool> {
        let dir = self.own_dir().join(name);
        if !crate::own::is_name(name) || !dir.is_dir() {
            return Ok(false);
        }
        let workspace = Workspace::open(self.home(), progress)?;
        // Moved away whole, then deleted with the staging directory.
        put(&dir, &workspace.staging().join("removed"))?;
        Ok(true)
    }

    /// Installs a file that the catalogue knows.
    fn add_known(&self, path: &Path, workspace: &Workspace) -> Result<Option<Vec<Added>>> {
        let unreadable = |e| ModelsError::io("read", path, e);
        let size = fs::metadata(path).map_err(unreadable)?.len();
        let items = self.catalogue().items_here();
        let archives = self.catalogue().archives.iter();
        let items: Vec<_> = items.iter().filter(|item| item.size == size).collect();
        let archives: Vec<_> = archives.filter(|archive| archive.size == size).collect();
        if items.is_empty() && archives.is_empty() {
            return Ok(None);
        }
        let digest = Digest::of_file(path).map_err(unreadable)?;
        if let Some(archive) = archives.iter().find(|archive| archive.sha256 == digest) {
            return self.add_archive(path, archive, workspace).map(Some);
        }
        let mut added = Vec::new();
        for item in items.into_iter().filter(|item| item.sha256 == digest) {
            let staged = workspace.staging().join(digest.to_string());
            let what = item.install.display().to_string();
            let pinned = Pinned {
                what: &what,
                sha256: item.sha256,
                size: item.size,
            };
            let file = File::open(path).map_err(unreadable)?;
            copy_pinned(file, &staged, pinned, &path.display().to_string(), None)?;
            put(&staged, &self.home().join(&item.install))?;
            added.push(Added {
                id: item.id.to_owned(),
                from: path.to_owned(),
                own: false,
            });
        }
        Ok((!added.is_empty()).then_some(added))
    }

    fn add_archive(
        &self,
        path: &Path,
        archive: &Archive,
        workspace: &Workspace,
    ) -> Result<Vec<Added>> {
        let items = self.catalogue().items();
        let items: Vec<Item<'_>> = items
            .into_iter()
            .filter(|item| item.archive.id == archive.id)
            .collect();
        if items.is_empty() {
            return Ok(Vec::new());
        }
        self.install_from(path, &items, workspace)?;
        let mut ids: Vec<_> = items.iter().map(|item| item.id).collect();
        ids.dedup();
        let added = |id: &str| Added {
            id: id.to_owned(),
            from: path.to_owned(),
            own: false,
        };
        Ok(ids.into_iter().map(added).collect())
    }

    /// Installs a network of one's own with its description.
    fn add_own(&self, onnx: &Path, workspace: &Workspace) -> Result<Added> {
        let description = description_of(onnx);
        let text = read_description(&description)?;
        let model = OwnModel::parse(&text, &description)?;
        let name = model.name;
        if self.catalogue().file(&name).is_some() {
            return Err(ModelsError::NameTaken {
                name,
                path: description,
            });
        }
        let own = OwnFile {
            name,
            from: onnx,
            ending: "onnx",
            pinned: model.sha256,
            description: text,
        };
        self.put_own(own, workspace)
    }

    /// Installs a cascade of one's own.
    fn add_cascade(&self, xml: &Path, workspace: &Workspace) -> Result<Added> {
        let unreadable = |e| ModelsError::io("read", xml, e);
        let wrong = |reason: String| ModelsError::Cascade {
            path: xml.to_owned(),
            reason,
        };
        let size = fs::metadata(xml).map_err(unreadable)?.len();
        if size > CASCADE_LIMIT {
            return Err(wrong(format!(
                "expected at most {CASCADE_LIMIT} bytes, found {size}"
            )));
        }
        let bytes = fs::read(xml).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|e| wrong(e.to_string()))?;
        Cascade::from_xml(text).map_err(|e| wrong(e.to_string()))?;
        let stem = xml.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.strip_prefix("haarcascade_").unwrap_or(&stem);
        let name = name.to_lowercase().replace(' ', "-");
        if !crate::own::is_name(&name) {
            return Err(wrong(format!(
                "expected a name of 1 to 64 of a-z, 0-9, `-`, `_` and `.`, found `{name}`"
            )));
        }
        if self.catalogue().file(&name).is_some() {
            return Err(ModelsError::NameTaken {
                name,
                path: xml.to_owned(),
            });
        }
        let description = format!("role = \"cascade\"\nname = \"{name}\"\n");
        let own = OwnFile {
            name,
            from: xml,
            ending: "xml",
            pinned: None,
            description,
        };
        self.put_own(own, workspace)
    }

    /// Copies a file and its description to their place, over a model of the same name.
    fn put_own(&self, own: OwnFile<'_>, workspace: &Workspace) -> Result<Added> {
        let OwnFile {
            name,
            from,
            ending,
            pinned,
            description,
        } = own;
        let unreadable = |e| ModelsError::io("read", from, e);
        let size = fs::metadata(from).map_err(unreadable)?.len();
        if size == 0 {
            return Err(ModelsError::NotRecognised {
                path: from.to_owned(),
            });
        }
        let digest = Digest::of_file(from).map_err(unreadable)?;
        let pin = Pinned {
            what: &name,
            sha256: pinned.unwrap_or(digest),
            size,
        };
        let staged = workspace.subdirectory(&format!("own-{name}"))?;
        let file = File::open(from).map_err(unreadable)?;
        let target = staged.join(format!("{name}.{ending}"));
        copy_pinned(file, &target, pin, &from.display().to_string(), None)?;
        // The hash goes first: behind a table it would belong to the table.
        let text = match pinned {
            Some(_) => description,
            None => format!("sha256 = \"{digest}\"\n{description}"),
        };
        write_synced(&staged.join(format!("{name}.toml")), &text)?;
        let place = self.own_dir().join(&name);
        if place.exists() {
            put(&place, &workspace.staging().join(format!("old-{name}")))?;
        }
        put(&staged, &place)?;
        Ok(Added {
            id: name,
            from: from.to_owned(),
            own: true,
        })
    }
}

/// A model of one's own on its way to its place.
struct OwnFile<'a> {
    name: String,
    from: &'a Path,
    ending: &'static str,
    /// SHA-256, if the description has it.
    pinned: Option<Digest>,
    /// Text of the description.
    description: String,
}

fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}

fn description_of(onnx: &Path) -> PathBuf {
    onnx.with_extension("toml")
}

fn read_description(path: &Path) -> Result<String> {
    let missing = || ModelsError::DescriptionMissing {
        path: path.to_owned(),
    };
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
        Err(error) => return Err(ModelsError::io("read", path, error)),
    };
    if size > DESCRIPTION_LIMIT {
        return Err(ModelsError::SizeMismatch {
            what: "the description".to_owned(),
            expected: DESCRIPTION_LIMIT,
            found: None,
            origin: path.display().to_string(),
        });
    }
    fs::read_to_string(path).map_err(|e| ModelsError::io("read", path, e))
}

pub(crate) fn write_synced(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    File::create(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .map_err(|e| ModelsError::io("write", path, e))
}

/// All files of a folder, sorted by path; links to folders are not followed.
fn list(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(dir).map_err(|e| ModelsError::io("read", dir, e))?;
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        let is_real_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_real_dir && depth > 0 {
            list(&path, depth - 1, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
