//! Which pictures are enrolled, and whose each is.

use std::path::{Path, PathBuf};

use super::Args;
use crate::args::quoted;
use crate::failure::{Exit, Failure};
use crate::pictures::{self, Input};

/// The pictures to enrol.
pub(super) struct NamedPictures {
    pub(super) inputs: Vec<Input>,
    /// Whose each is.
    pub(super) subjects: Vec<String>,
    /// People who were named after files beside the folders of others.
    pub(super) loose: Vec<String>,
}

impl NamedPictures {
    pub(super) fn of(args: &Args) -> Result<Self, Failure> {
        let mut named = Self {
            inputs: Vec::new(),
            subjects: Vec::new(),
            loose: Vec::new(),
        };
        if args.subject.is_none() && !args.by_file_name {
            if let [name, pictures @ ..] = &args.paths[..]
                && !name.exists()
                && pictures.iter().any(|path| path.is_file())
            {
                let name = quoted(&name.to_string_lossy());
                let hint = format!("if it is a person's name: `--subject {name}`");
                return Err(pictures::missing(&args.paths[0]).with_hint(hint));
            }
            for folder in &args.paths {
                named.push_people(folder)?;
            }
            return Ok(named);
        }
        for input in pictures::collect(&args.paths)? {
            let subject = args.subject.clone();
            named.push(subject.unwrap_or_else(|| input.stem()), input);
        }
        Ok(named)
    }

    fn push(&mut self, subject: String, input: Input) {
        self.subjects.push(subject);
        self.inputs.push(input);
    }

    /// Adds the people of `root`: a folder for each, or a file beside these folders, named after the person.
    fn push_people(&mut self, root: &Path) -> Result<(), Failure> {
        if !root.is_dir() {
            return Err(not_people(root));
        }
        let entries = std::fs::read_dir(root)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut entries: Vec<PathBuf> = entries.map_err(|error| unreadable(root, &error))?;
        entries.sort();
        let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|e| e.is_dir());
        let loose: Vec<_> = files
            .into_iter()
            .filter(|file| pictures::has_picture_extension(file))
            .map(Input::File)
            .collect();
        let before = self.inputs.len();
        for folder in folders {
            let subject = folder.file_name().unwrap_or_default().to_string_lossy();
            for input in pictures::in_folder(&folder) {
                self.push(subject.clone().into_owned(), input);
            }
        }
        if self.inputs.len() == before {
            return Err(if loose.is_empty() {
                pictures::no_pictures(root)
            } else {
                not_people(root)
            });
        }
        for input in loose {
            self.loose.push(input.stem());
            self.push(input.stem(), input);
        }
        Ok(())
    }
}

/// The error for pictures that do not say whose they are.
fn not_people(place: &Path) -> Failure {
    if !place.exists() {
        return pictures::missing(place);
    }
    let found = if place.is_dir() {
        "pictures beside each other"
    } else {
        "a file"
    };
    // `people/anna` was meant as one person, or `people` as the folder of all.
    let name = if place.is_dir() {
        place.file_name()
    } else {
        None
    };
    let name = name.map_or("NAME".into(), |name| name.to_string_lossy());
    let message = format!("expected a folder with a folder for each person, found {found}");
    Failure::new(Exit::Usage, "subject_missing", message)
        .at(place.display())
        .with_hint(format!(
            "say whose they are: `--subject {}` if all are of one person, `--by-file-name` if each file has its person's name",
            quoted(&name)
        ))
}

fn unreadable(folder: &Path, error: &std::io::Error) -> Failure {
    let message = format!("could not read the folder: {error}");
    Failure::new(Exit::BadInput, "unreadable_folder", message)
        .at(folder.display())
        .with_hint("check the path, and who may read the folder")
}
