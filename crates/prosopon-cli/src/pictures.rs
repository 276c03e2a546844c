//! From what was typed to pictures: files, folders, patterns, standard input.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use prosopon::image::{DecodeLimits, read, read_file};
use prosopon_gallery::spelling::closest;
use prosopon_train::data::PICTURE_ENDINGS;
use walkdir::WalkDir;

use crate::failure::{Exit, Failure};
use crate::output::eprint;

/// A picture that is still to be read.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// A place that was named but gives no picture, and why.
    Unusable(PathBuf, Failure),
}

impl Input {
    /// The encoded picture.
    pub(crate) fn read(&self, limits: &DecodeLimits) -> Result<Vec<u8>, Failure> {
        match self {
            Self::File(path) => Ok(read_file(path, limits)?),
            Self::Stdin => Ok(read(io::stdin().lock(), limits)?),
            Self::Unusable(_, failure) => Err(failure.clone()),
        }
    }

    /// Where it is, unless it comes from standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Unusable(path, _) => Some(path),
            Self::Stdin => None,
        }
    }

    /// The file's name without ending, for names of what is made from it.
    pub(crate) fn stem(&self) -> String {
        let stem = |path: &Path| {
            let stem = path.file_stem().unwrap_or_default();
            stem.to_string_lossy().into_owned()
        };
        self.path().map_or_else(|| "stdin".to_owned(), stem)
    }

    /// The file's name.
    pub(crate) fn file_name(&self) -> String {
        let name = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        self.path().map_or_else(|| "-".to_owned(), name)
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            Some(path) => path.display().fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// All pictures that `arguments` name: files as they are, folders with all below them, patterns
/// such as `photos/*.jpg`, and `-` for standard input.
///
/// A place that is not there or has no pictures is an error only if there are no others; else it is one of the inputs,
/// so that it is reported and the rest goes on.
pub(crate) fn collect(arguments: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for argument in arguments {
        if argument == Path::new("-") {
            inputs.push(Input::Stdin);
        } else if argument.exists() {
            push_path(argument, &mut inputs);
        } else if let Some(pattern) = argument.to_str().filter(|s| s.contains(['*', '?', '['])) {
            let paths = glob::glob(pattern).map_err(|error| {
                Failure::new(Exit::Usage, "invalid_pattern", error)
                    .at(pattern)
                    .with_hint("in patterns, `[[]` stands for `[`")
            })?;
            let before = inputs.len();
            for path in paths.flatten() {
                push_path(&path, &mut inputs);
            }
            if inputs.len() == before {
                inputs.push(Input::Unusable(argument.clone(), nothing_found()));
            }
        } else {
            inputs.push(Input::Unusable(argument.clone(), nothing_there(argument)));
        }
    }
    match &inputs[..] {
        [Input::Unusable(path, failure), rest @ ..]
            if rest.iter().all(|i| matches!(i, Input::Unusable(..))) =>
        {
            Err(failure.clone().at(path.display()))
        }
        _ => Ok(inputs),
    }
}

/// The inputs without those that are a file which came before under another path: `a.jpg` of `.`, when `./a.jpg` was
/// named too. Links to files stay.
pub(crate) fn each_once(inputs: Vec<Input>) -> Vec<Input> {
    let mut folders: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut is_new = |input: &Input| {
        let Input::File(path) = input else {
            return true;
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let folder = folders.entry(folder.to_owned()).or_insert_with(|| {
            // An empty path has no canonical form.
            let place = Path::new(".").join(folder);
            place.canonicalize().unwrap_or(place)
        });
        seen.insert(folder.join(path.file_name().unwrap_or_default()))
    };
    inputs.into_iter().filter(|input| is_new(input)).collect()
}

fn push_path(path: &Path, inputs: &mut Vec<Input>) {
    if path.is_dir() {
        let pictures = in_folder(path);
        if pictures.is_empty() {
            inputs.push(Input::Unusable(path.to_owned(), nothing_found()));
        }
        inputs.extend(pictures);
    } else {
        inputs.push(Input::File(path.to_owned()));
    }
}

/// The pictures in `folder` and below, in order of path, and folders that cannot be read.
pub(crate) fn in_folder(folder: &Path) -> Vec<Input> {
    let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    walk.into_iter()
        .filter_map(|entry| match entry {
            Ok(entry) => {
                let is_picture = entry.file_type().is_file() && has_picture_extension(entry.path());
                is_picture.then(|| Input::File(entry.into_path()))
            }
            Err(error) => of_walk_error(folder, &error),
        })
        .collect()
}

/// What to report of a place that the walk through `folder` could not enter.
fn of_walk_error(folder: &Path, error: &walkdir::Error) -> Option<Input> {
    let path = error.path().unwrap_or(folder);
    if has_picture_extension(path) {
        // A link to nowhere; reading it will say so.
        return Some(Input::File(path.to_owned()));
    }
    // A link back to a folder on the way holds nothing new, a link to nowhere nothing at all.
    let cause = error.io_error()?;
    if cause.kind() == io::ErrorKind::NotFound && error.depth() > 0 {
        return None;
    }
    let message = format!("could not read the folder: {cause}");
    let failure = Failure::new(Exit::BadInput, "unreadable_folder", message)
        .with_hint("check who may read the folder");
    Some(Input::Unusable(path.to_owned(), failure))
}

/// Whether a file is taken for a picture when its folder is named.
pub(crate) fn has_picture_extension(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| PICTURE_ENDINGS.contains(&e.to_ascii_lowercase().as_str()))
}

/// The path of a picture below `folder`, with `/` between its parts.
pub(crate) fn below(folder: &Path, input: &Input) -> String {
    let path = input.path().unwrap_or(folder);
    let parts = path.strip_prefix(folder).unwrap_or(path).iter();
    let parts: Vec<_> = parts.map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// Says why a picture could not be used and notes it in `failed`, so that the batch goes on; a failure that is not the
/// picture's own ends it.
pub(crate) fn pass_over(
    input: &Input,
    failure: Failure,
    failed: &mut Vec<String>,
) -> Result<(), Failure> {
    if failure.exit != Exit::BadInput {
        return Err(failure);
    }
    eprint(&failure.to_string());
    failed.push(input.to_string());
    Ok(())
}

/// The error for a folder or pattern without pictures.
pub(crate) fn no_pictures(place: &Path) -> Failure {
    nothing_found().at(place.display())
}

/// The error for a place that is not there.
pub(crate) fn missing(place: &Path) -> Failure {
    nothing_there(place).at(place.display())
}

fn nothing_there(place: &Path) -> Failure {
    let message = "there is no such file or folder";
    let failure = Failure::new(Exit::BadInput, "unreadable_file", message);
    match meant(place) {
        Some(name) => failure.with_hint(format!("did you mean `{}`?", name.display())),
        None => failure.with_hint("check the path"),
    }
}

/// What beside `place` has nearly its name.
fn meant(place: &Path) -> Option<PathBuf> {
    let folder = place.parent()?;
    let entries = Path::new(".").join(folder).read_dir().ok()?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    let wanted = place.file_name()?.to_str()?;
    let name = closest(wanted, names.iter().map(String::as_str))?;
    Some(folder.join(name))
}

fn nothing_found() -> Failure {
    Failure::new(
        Exit::BadInput,
        "no_pictures",
        "expected pictures, found none",
    )
    .with_hint("pictures in folders are known by their ending, such as .jpg or .png")
}
