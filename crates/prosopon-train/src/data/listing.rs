//! Which pictures there are and what they show: a folder for each class, or a CSV file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::Side;

/// Endings by which a file in a folder is taken for a picture, also those of formats that cannot be read,
/// so that such pictures are named instead of passed over.
pub const PICTURE_ENDINGS: [&str; 25] = [
    "avif", "bmp", "dib", "gif", "heic", "heif", "ico", "jfif", "jp2", "jpe", "jpeg", "jpg", "jxl",
    "pam", "pbm", "pgm", "png", "pnm", "ppm", "svg", "tga", "tif", "tiff", "webp", "qoi",
];

/// Names of folders whose pictures are learnt from.
const TRAINING: [&str; 2] = ["train", "training"];
/// Names of folders whose pictures are only tried.
const HELD_OUT: [&str; 5] = ["test", "val", "valid", "validation", "held-out"];

/// A picture and its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// Path below the data set's folder, with `/` between its parts.
    pub name: String,
    /// Place in [`Listing::classes`].
    pub class: usize,
    /// What the layout says of the split.
    pub side: Side,
    /// Pictures of one group, for instance of one person, never stand on both sides of a split.
    pub group: Option<String>,
}

/// All pictures of a data set, in order of name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Names of the classes, in order.
    pub classes: Vec<String>,
    /// The pictures.
    pub pictures: Vec<Listed>,
    /// Folders of classes without a picture.
    pub empty_classes: Vec<String>,
    /// Pictures that belong to no class: they lie beside the folders of classes.
    pub without_class: Vec<String>,
    /// Folders and links that could not be entered, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// What makes the groups that are kept together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// There are none.
    #[default]
    Nothing,
    /// The folder inside of the class's folder: `happy/ann/1.jpg` belongs to `ann`, in all classes.
    Folder,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// The file cannot be read.
    #[error("could not read the list of pictures: {0}")]
    Read(#[from] io::Error),
    /// The file is no table.
    #[error("the list of pictures is no CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The table has no such column.
    #[error("expected the columns `path` and `label` in the first line, found {found}")]
    Columns {
        /// The columns that there are.
        found: String,
    },
    /// A value is none of those that are known.
    #[error("line {line}: expected `train`, `test` or nothing in column `split`, found `{found}`")]
    Split {
        /// Line of the file, from 1.
        line: u64,
        /// What stands there.
        found: String,
    },
    /// A picture has no label or no path.
    #[error("line {line}: expected a path and a label, found an empty one")]
    Empty {
        /// Line of the file, from 1.
        line: u64,
    },
}

/// The pictures below `folder`: a folder for each class, or `train/` and `test/` with those inside.
///
/// Pictures may lie in folders inside of the class's folder; links are followed. What has no ending of a
/// picture is passed over.
pub fn list_folder(folder: &Path, group_by: GroupBy) -> Listing {
    let mut listing = Listing::default();
    let sides = sides_of(folder);
    let mut found: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    let roots = sides.unwrap_or_else(|| vec![(folder.to_owned(), Side::Any)]);
    for (root, side) in roots {
        for entry in WalkDir::new(&root).follow_links(true).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(&root).to_owned();
                    // A link back to a folder on the way holds nothing new.
                    if let Some(cause) = error.io_error() {
                        listing.unreadable.push((path, cause.to_string()));
                    }
                    continue;
                }
            };
            let below = entry.path().strip_prefix(&root).unwrap_or(entry.path());
            let parts: Vec<String> = below
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            if entry.file_type().is_dir() {
                if let [class] = &parts[..]
                    && !class.starts_with('.')
                {
                    found.entry(class.clone()).or_default();
                }
                continue;
            }
            if !is_picture(entry.path()) {
                continue;
            }
            let name = relative(folder, entry.path());
            let [class, inner @ .., _] = &parts[..] else {
                listing.without_class.push(name);
                continue;
            };
            if class.starts_with('.') {
                continue;
            }
            let group = match (group_by, inner) {
                (GroupBy::Folder, [group, ..]) => Some(group.clone()),
                _ => None,
            };
            found.entry(class.clone()).or_default().push(Listed {
                path: entry.into_path(),
                name,
                class: 0,
                side,
                group,
            });
        }
    }
    listing.finish(found)
}

/// The pictures of a CSV file with the columns `path` and `label`, and if there are such `split` (`train` or
/// `test`) and `group`. Paths are relative to the file's folder.
///
/// # Errors
/// [`ListingError`], with the line where there is one.
pub fn list_csv(file: &Path) -> Result<Listing, ListingError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(file)?;
    let headers = reader.headers()?.clone();
    let column = |names: &[&str]| {
        headers
            .iter()
            .position(|header| names.contains(&header.to_lowercase().as_str()))
    };
    let (Some(path), Some(label)) = (column(&["path", "file"]), column(&["label", "class"])) else {
        let found: Vec<String> = headers.iter().map(|name| format!("`{name}`")).collect();
        let found = found.join(", ");
        return Err(ListingError::Columns { found });
    };
    let (split, group) = (column(&["split"]), column(&["group", "person"]));
    let root = file.parent().unwrap_or(Path::new(""));
    let mut found: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: Option<usize>| column.and_then(|i| record.get(i)).unwrap_or_default();
        let (name, class) = (cell(Some(path)), cell(Some(label)));
        if name.is_empty() || class.is_empty() {
            return Err(ListingError::Empty { line });
        }
        let side = match cell(split).to_lowercase() {
            side if side.is_empty() => Side::Any,
            side if TRAINING.contains(&&*side) => Side::Training,
            side if HELD_OUT.contains(&&*side) => Side::HeldOut,
            found => return Err(ListingError::Split { line, found }),
        };
        let group = Some(cell(group)).filter(|group| !group.is_empty());
        found.entry(class.to_owned()).or_default().push(Listed {
            path: root.join(name),
            name: name.to_owned(),
            class: 0,
            side,
            group: group.map(str::to_owned),
        });
    }
    Ok(Listing::default().finish(found))
}

impl Listing {
    /// Numbers the classes that have pictures.
    fn finish(mut self, found: BTreeMap<String, Vec<Listed>>) -> Self {
        for (class, mut pictures) in found {
            if pictures.is_empty() {
                self.empty_classes.push(class);
                continue;
            }
            for picture in &mut pictures {
                picture.class = self.classes.len();
            }
            self.classes.push(class);
            self.pictures.append(&mut pictures);
        }
        self
    }
}

/// The folders `train` and `test` of `folder`, if it holds both and no other folder.
fn sides_of(folder: &Path) -> Option<Vec<(PathBuf, Side)>> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut sides = Vec::new();
    for entry in entries.flatten() {
        if !entry.path().is_dir() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let side = match &*name {
            name if name.starts_with('.') => continue,
            name if TRAINING.contains(&name) => Side::Training,
            name if HELD_OUT.contains(&name) => Side::HeldOut,
            _ => return None,
        };
        sides.push((entry.path(), side));
    }
    let kinds: BTreeSet<bool> = sides.iter().map(|(_, s)| *s == Side::Training).collect();
    sides.sort_by(|(a, _), (b, _)| a.cmp(b));
    (kinds.len() == 2).then_some(sides)
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    PICTURE_ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
}

fn relative(folder: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(folder).unwrap_or(path).iter();
    let parts: Vec<_> = parts.map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if !file.ends_with('/') {
                fs::write(path, "").unwrap();
            }
        }
        folder
    }

    fn names(listing: &Listing) -> Vec<(&str, usize, Side)> {
        let pictures = listing.pictures.iter();
        pictures.map(|p| (&*p.name, p.class, p.side)).collect()
    }

    #[test]
    fn each_folder_is_a_class() {
        let folder = folder(&[
            "bob/2.png",
            "bob/1.JPG",
            "Ann/deep/x.jpeg",
            "Ann/notes.txt",
            "loose.png",
            "empty/.keep",
            "日本/一.png",
        ]);
        let listing = list_folder(folder.path(), GroupBy::Folder);
        assert_eq!(listing.classes, ["Ann", "bob", "日本"]);
        assert_eq!(
            names(&listing),
            [
                ("Ann/deep/x.jpeg", 0, Side::Any),
                ("bob/1.JPG", 1, Side::Any),
                ("bob/2.png", 1, Side::Any),
                ("日本/一.png", 2, Side::Any)
            ]
        );
        assert_eq!(listing.pictures[0].group.as_deref(), Some("deep"));
        assert_eq!(listing.pictures[1].group, None);
        assert_eq!(listing.empty_classes, ["empty"]);
        assert_eq!(listing.without_class, ["loose.png"]);
    }

    #[test]
    fn train_and_test_are_sides_and_not_classes() {
        let listing = list_folder(
            folder(&["train/happy/1.png", "train/sad/2.png", "test/sad/3.png"]).path(),
            GroupBy::Nothing,
        );
        assert_eq!(listing.classes, ["happy", "sad"]);
        assert_eq!(
            names(&listing),
            [
                ("train/happy/1.png", 0, Side::Training),
                ("test/sad/3.png", 1, Side::HeldOut),
                ("train/sad/2.png", 1, Side::Training)
            ]
        );
        // A person called Test beside others is a class.
        let listing = list_folder(
            folder(&["train/1.png", "test/2.png", "ann/3.png"]).path(),
            GroupBy::Nothing,
        );
        assert_eq!(listing.classes, ["ann", "test", "train"]);
    }

    #[test]
    fn a_table_names_pictures_and_labels() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list.csv");
        fs::write(
            &file,
            "path,label,split,group\na/1.png,happy,train,ann\n\"b,2.png\", sad ,test,\n",
        )
        .unwrap();
        let listing = list_csv(&file).unwrap();
        assert_eq!(listing.classes, ["happy", "sad"]);
        assert_eq!(
            names(&listing),
            [
                ("a/1.png", 0, Side::Training),
                ("b,2.png", 1, Side::HeldOut)
            ]
        );
        assert_eq!(listing.pictures[0].path, folder.path().join("a/1.png"));
        assert_eq!(listing.pictures[0].group.as_deref(), Some("ann"));
        for (text, expected) in [
            (
                "file,kind\na,b\n",
                "expected the columns `path` and `label` in the first line, found `file`, `kind`",
            ),
            (
                "path,label,split\na,b,maybe\n",
                "line 2: expected `train`, `test` or nothing in column `split`, found `maybe`",
            ),
            (
                "path,label\na,\n",
                "line 2: expected a path and a label, found an empty one",
            ),
        ] {
            fs::write(&file, text).unwrap();
            assert_eq!(list_csv(&file).unwrap_err().to_string(), expected);
        }
    }
}
