//! The tool that quantises: ONNX Runtime's, in a Python environment of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{ModelsError, Result};
use crate::install::{Workspace, create_dir};
use crate::progress::{Bar, Progress};
use crate::store::Store;

/// The program that the environment's Python runs.
const PROGRAM: &str = include_str!("quantize.py");

/// What is installed, pinned by version; about 200 MB with what it needs.
const PACKAGES: [&str; 3] = ["onnx==1.23.2", "onnxruntime==1.32.0", "numpy==2.4.6"];

/// The environment's folder; another set of packages gets another name.
const FOLDER: &str = "tools/quantizer-1";

/// Written last, so that a half installed environment is not taken for a whole one.
const COMPLETE: &str = "complete";

/// Commands that are tried for Python, in order.
const PYTHONS: [&str; 2] = ["python3", "python"];

/// An installed tool.
#[derive(Debug, Clone)]
pub struct Quantizer {
    python: PathBuf,
}

impl Quantizer {
    /// The tool of `store`; installed through pip, about 200 MB, if it is missing and `offline` does not forbid it.
    ///
    /// # Errors
    /// [`ModelsError::Offline`]; [`ModelsError::Quantizer`] if Python is missing, is too old or cannot install it.
    pub fn open(store: &Store, offline: bool, progress: &dyn Progress) -> Result<Self> {
        let folder = store.home().join(FOLDER);
        let bin = if cfg!(windows) {
            "Scripts/python.exe"
        } else {
            "bin/python"
        };
        let tool = Self {
            python: folder.join(bin),
        };
        if folder.join(COMPLETE).is_file() {
            return Ok(tool);
        }
        if offline {
            return Err(ModelsError::Offline {
                missing: PACKAGES.map(str::to_owned).to_vec(),
            });
        }
        // One process at a time; another one may have installed it meanwhile.
        let _workspace = Workspace::open(store.home(), progress)?;
        if !folder.join(COMPLETE).is_file() {
            tool.install(&folder, progress)?;
        }
        Ok(tool)
    }

    fn install(&self, folder: &Path, progress: &dyn Progress) -> Result<()> {
        let _bar = Bar::begin(
            progress,
            "ONNX Runtime's quantisation tool through pip",
            None,
        );
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|e| ModelsError::io("remove", folder, e))?;
        }
        create_dir(folder)?;
        let mut last = None;
        for python in PYTHONS {
            let arguments = [OsStr::new("-m"), OsStr::new("venv"), folder.as_os_str()];
            match run(Path::new(python), &arguments, "make a Python environment") {
                Ok(()) => {
                    last = None;
                    break;
                }
                Err(error) => last = Some(error),
            }
        }
        if let Some(error) = last {
            return Err(error);
        }
        let arguments: Vec<&OsStr> = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        .iter()
        .chain(&PACKAGES)
        .map(OsStr::new)
        .collect();
        run(&self.python, &arguments, "install ONNX Runtime's tool")?;
        let complete = folder.join(COMPLETE);
        fs::write(&complete, PACKAGES.join("\n"))
            .map_err(|e| ModelsError::io("write", &complete, e))
    }

    /// Quantises the file `from` into the file `to`.
    pub(super) fn run(&self, from: &Path, inputs: &Path, method: &str, to: &Path) -> Result<()> {
        let arguments = [
            OsStr::new("-c"),
            OsStr::new(PROGRAM),
            from.as_os_str(),
            inputs.as_os_str(),
            OsStr::new(method),
            to.as_os_str(),
        ];
        run(&self.python, &arguments, "quantise")
    }
}

/// Runs a program to its end; the last line of its messages says what went wrong.
fn run(program: &Path, arguments: &[&OsStr], step: &'static str) -> Result<()> {
    let failed = |reason: String| ModelsError::Quantizer { step, reason };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|e| failed(format!("{e}: {}", program.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    let last = messages.lines().map(str::trim).rfind(|l| !l.is_empty());
    Err(failed(
        last.map_or_else(|| output.status.to_string(), str::to_owned),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn nothing_is_installed_offline() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::at(home.path()).unwrap();
        let error = Quantizer::open(&store, true, &Silent).unwrap_err();
        assert!(matches!(error, ModelsError::Offline { .. }), "{error}");
        assert!(!home.path().join(FOLDER).exists());
    }

    #[test]
    fn the_last_line_says_what_went_wrong() {
        let missing = Path::new("no-such-python");
        let error = run(missing, &[], "quantise").unwrap_err();
        assert!(
            error.to_string().starts_with("could not quantise: "),
            "{error}"
        );
    }
}
