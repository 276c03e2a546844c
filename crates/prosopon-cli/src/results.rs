//! Files that commands make: where they go, and where they must not.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use prosopon::Image;

use crate::failure::{Exit, Failure};
use crate::pictures::Input;

/// Makes a folder for results.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::write(folder.display(), &error))
}

/// Refuses a file whose folder is not there, before hours are spent on what it shall hold.
pub(crate) fn require_folder(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
    let found = std::fs::metadata(folder.unwrap_or(Path::new(".")));
    let found = found.and_then(|found| {
        if found.is_dir() {
            Ok(())
        } else {
            Err(std::io::ErrorKind::NotADirectory.into())
        }
    });
    found.map_err(|error| Failure::write(file.display(), &error))
}

/// Names for what is made from pictures, a different one for each.
#[derive(Default)]
pub(crate) struct OutputNames {
    taken: BTreeSet<String>,
}

impl OutputNames {
    /// The name, without ending, of what is made from `input`: folders of the path become part of
    /// it, so that equal names in different folders stay apart, and the ending if need be.
    pub(crate) fn name(&mut self, input: &Input) -> String {
        let prefix: String = input
            .path()
            .and_then(Path::parent)
            .into_iter()
            .flat_map(Path::components)
            .filter_map(|part| match part {
                Component::Normal(name) => Some(format!("{}_", name.to_string_lossy())),
                _ => None,
            })
            .collect();
        let names = [input.stem(), input.file_name()].into_iter();
        let numbered = (2..).map(|i| format!("{}_{i}", input.file_name()));
        let mut names = names.chain(numbered).map(|name| {
            // File names may have 255 bytes on most systems; the end tells more than the beginning.
            let name = format!("{prefix}{name}");
            let start = name.ceil_char_boundary(name.len().saturating_sub(200));
            name[start..].to_owned()
        });
        loop {
            if let Some(name) = names.next()
                && self.taken.insert(name.clone())
            {
                return name;
            }
        }
    }
}

/// Writes a result; a failure is the folder's, not the picture's.
pub(crate) fn save(image: &Image, path: &Path) -> Result<(), Failure> {
    image.save(path).map_err(|error| {
        let mut failure = Failure::from(error).at(path.display());
        failure.exit = Exit::Storage;
        failure
    })
}

/// Refuses to write pictures among those that are read, where they could take the place of one: into the folder that
/// one of `inputs` lies in, or below a folder of `arguments`, from which they come.
pub(crate) fn refuse_among(
    arguments: &[PathBuf],
    inputs: &[Input],
    to: &Path,
) -> Result<(), Failure> {
    for argument in arguments {
        refuse_inside(argument, to)?;
    }
    let Ok(place) = to.canonicalize() else {
        // What is not there yet holds no pictures.
        return Ok(());
    };
    let folders: BTreeSet<&Path> = inputs
        .iter()
        .filter_map(|input| input.path()?.parent())
        .collect();
    let is_place = |folder: &&Path| {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        folder.canonicalize().is_ok_and(|folder| folder == place)
    };
    if !folders.iter().any(is_place) {
        return Ok(());
    }
    let message = "expected another folder than that of the pictures";
    Err(Failure::new(Exit::Usage, "folder_inside", message)
        .at(to.display())
        .with_hint(
            "what is made there could take the place of an original; name a folder beside it",
        ))
}

/// Refuses to write into the folder that is read: the next run would take its own files for pictures.
pub(crate) fn refuse_inside(from: &Path, to: &Path) -> Result<(), Failure> {
    let from = from.canonicalize().ok().filter(|from| from.is_dir());
    // Folders that are not there yet will lie where their first existing parent does.
    let to_place = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    let to_place = to_place
        .ancestors()
        .find_map(|place| place.canonicalize().ok());
    if !from
        .zip(to_place)
        .is_some_and(|(from, to)| to.starts_with(from))
    {
        return Ok(());
    }
    let message = "expected a folder outside the one with the pictures";
    Err(Failure::new(Exit::Usage, "folder_inside", message)
        .at(to.display())
        .with_hint(
            "the next run would take what this one makes for pictures; name a folder beside it",
        ))
}
