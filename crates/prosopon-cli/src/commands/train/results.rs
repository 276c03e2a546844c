//! Where a trained classifier goes.

use std::fs;
use std::path::{Path, PathBuf};

use prosopon_train::data::DataSet;
use prosopon_train::registry::{CLASSIFIER_FILE, NewFile, check_name};
use prosopon_train::train::Outcome;

use crate::commands::classifiers::RegistryArgs;
use crate::failure::{Exit, Failure};
use crate::output::{eprint, write_file};
use crate::results::make_folder;

/// What is kept of a training.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Results")]
pub(super) struct ResultArgs {
    /// Folder for classifier, report and `class_dictionary.json`, instead of a new version among the
    /// classifiers
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the report here too (.html)
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the classifier as ONNX here too: networks, and learners that are linear
    #[arg(long, value_name = "FILE")]
    onnx: Option<PathBuf>,
    /// Keep the values of all pictures in this folder (features.npy, labels.npy); `prosopon train DIR` goes on
    /// from there with other learners
    #[arg(long, value_name = "DIR")]
    pub(super) save_features: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryArgs,
}

impl ResultArgs {
    /// The folder that was named, if any.
    pub(super) fn out(&self) -> Option<&Path> {
        self.out.as_deref()
    }
}

/// Where the results go, known to be possible.
pub(super) struct Results<'a> {
    args: &'a ResultArgs,
    name: String,
}

/// Where they went.
pub(super) struct Saved {
    pub(super) name: String,
    pub(super) version: Option<u32>,
    /// Whether another version still answers, and this one waits to be promoted.
    pub(super) is_candidate: bool,
    pub(super) folder: PathBuf,
}

impl<'a> Results<'a> {
    pub(super) fn open(
        args: &'a ResultArgs,
        name: Option<&str>,
        data: &Path,
    ) -> Result<Self, Failure> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => called(data),
        };
        check_name(&name).map_err(|error| {
            Failure::from(error).with_hint("`--name` gives the classifier another name")
        })?;
        // Minutes of training must not end in a folder that is not there.
        for place in [&args.report, &args.onnx].into_iter().flatten() {
            check_folder_of(place)?;
        }
        Ok(Self { args, name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes all that is to be kept, the classifier first.
    pub(super) fn save(&self, outcome: &Outcome, data: &DataSet) -> Result<Saved, Failure> {
        let files = files(outcome, data)?;
        let saved = self.save_classifier(&files)?;
        if let Some(place) = &self.args.report {
            let report = files.iter().find(|(name, _)| *name == "report.html");
            if let Some((_, bytes)) = report {
                write_file(place, bytes)?;
            }
        }
        if let Some(place) = &self.args.onnx {
            match outcome.classifier.to_onnx() {
                Some(bytes) => write_file(place, &bytes)?,
                // Minutes of training are not thrown away for it.
                None => eprint(
                    "no ONNX file is written: only networks and logistic regression can be written as one",
                ),
            }
        }
        Ok(saved)
    }

    fn save_classifier(&self, files: &[(&'static str, Vec<u8>)]) -> Result<Saved, Failure> {
        if let Some(folder) = &self.args.out {
            make_folder(folder)?;
            for (name, bytes) in files {
                write_file(&folder.join(name), bytes)?;
            }
            return Ok(Saved {
                name: self.name.clone(),
                version: None,
                is_candidate: false,
                folder: folder.clone(),
            });
        }
        let registry = self.args.registry.open()?;
        let new: Vec<NewFile<'_>> = files
            .iter()
            .map(|(name, bytes)| NewFile { name, bytes })
            .collect();
        let version = registry.add(&self.name, &new)?;
        Ok(Saved {
            name: self.name.clone(),
            version: Some(version),
            is_candidate: registry.show(&self.name)?.candidate == Some(version),
            folder: registry.folder().join(&self.name).join(version.to_string()),
        })
    }
}

/// An error if the folder that the file `place` is to lie in is not there.
fn check_folder_of(place: &Path) -> Result<(), Failure> {
    let folder = place
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    match folder.map(fs::metadata) {
        Some(Err(error)) => Err(Failure::write(place.display(), &error)),
        _ => Ok(()),
    }
}

/// The files of a version.
fn files(outcome: &Outcome, data: &DataSet) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let made = outcome
        .files(data)
        .map_err(|error| Failure::new(Exit::Storage, "unusable_report", error))?;
    debug_assert!(made.iter().any(|(name, _)| *name == CLASSIFIER_FILE));
    Ok(made)
}

/// Name of a folder, or of a file without its ending.
fn called(data: &Path) -> String {
    let place = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let name = if place.is_dir() {
        place.file_name()
    } else {
        place.file_stem()
    };
    name.unwrap_or_default().to_string_lossy().into_owned()
}
