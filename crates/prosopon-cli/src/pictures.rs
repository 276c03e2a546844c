//! From what was typed to pictures: files, folders, patterns, standard input.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use prosopon::ImageError;
use prosopon::image::{DecodeLimits, read, read_file};
use walkdir::WalkDir;

use crate::failure::{Exit, Failure};

/// Endings by which a file in a folder is taken for a picture, also those of formats that cannot
/// be read, so that such pictures are named instead of passed over.
const EXTENSIONS: [&str; 25] = [
    "avif", "bmp", "dib", "gif", "heic", "heif", "ico", "jfif", "jp2", "jpe", "jpeg", "jpg", "jxl",
    "pam", "pbm", "pgm", "png", "pnm", "ppm", "svg", "tga", "tif", "tiff", "webp", "qoi",
];

/// A picture that is still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// The encoded picture.
    pub(crate) fn read(&self, limits: &DecodeLimits) -> Result<Vec<u8>, ImageError> {
        match self {
            Self::File(path) => read_file(path, limits),
            Self::Stdin => read(io::stdin().lock(), limits),
        }
    }

    /// The file's name without ending, for names of what is made from it.
    pub(crate) fn stem(&self) -> String {
        match self {
            Self::File(path) => path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into(),
            Self::Stdin => "stdin".to_owned(),
        }
    }

    /// The file's name.
    pub(crate) fn file_name(&self) -> String {
        match self {
            Self::File(path) => path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into(),
            Self::Stdin => "-".to_owned(),
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("-"),
        }
    }
}

/// All pictures that `arguments` name: files as they are, folders with all below them, patterns
/// such as `photos/*.jpg`, and `-` for standard input.
pub(crate) fn collect(arguments: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for argument in arguments {
        if argument == Path::new("-") {
            inputs.push(Input::Stdin);
        } else if argument.exists() {
            push_path(argument, &mut inputs)?;
        } else if let Some(pattern) = argument.to_str().filter(|s| s.contains(['*', '?', '['])) {
            let paths = glob::glob(pattern)
                .map_err(|error| Failure::new(Exit::Usage, "invalid_pattern", error).at(pattern))?;
            let before = inputs.len();
            for path in paths.flatten() {
                push_path(&path, &mut inputs)?;
            }
            if inputs.len() == before {
                return Err(no_pictures(argument));
            }
        } else {
            // Reading it will say what is wrong.
            inputs.push(Input::File(argument.clone()));
        }
    }
    Ok(inputs)
}

fn push_path(path: &Path, inputs: &mut Vec<Input>) -> Result<(), Failure> {
    if path.is_dir() {
        let pictures = in_folder(path)?;
        if pictures.is_empty() {
            return Err(no_pictures(path));
        }
        inputs.extend(pictures.into_iter().map(Input::File));
    } else {
        inputs.push(Input::File(path.to_owned()));
    }
    Ok(())
}

/// The pictures in `folder` and below, in order of path.
pub(crate) fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut pictures = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            Failure::new(Exit::BadInput, "unreadable_folder", &error)
                .with_hint("check who may read the folder")
        })?;
        if entry.file_type().is_file() && has_picture_extension(entry.path()) {
            pictures.push(entry.into_path());
        }
    }
    Ok(pictures)
}

/// Whether a file is taken for a picture when its folder is named.
pub(crate) fn has_picture_extension(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| EXTENSIONS.contains(&e.to_ascii_lowercase().as_str()))
}

/// The error for a folder or pattern without pictures.
pub(crate) fn no_pictures(place: &Path) -> Failure {
    Failure::new(
        Exit::BadInput,
        "no_pictures",
        "expected pictures, found none",
    )
    .at(place.display())
    .with_hint("pictures in folders are known by their ending, such as .jpg or .png")
}
