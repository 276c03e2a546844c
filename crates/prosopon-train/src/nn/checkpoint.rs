//! The state of a training between two epochs, in memory and on disk.
//!
//! Every epoch draws its random numbers from the seed and its own number, so no generator is kept.

use std::io;
use std::path::{Path, PathBuf};

use prosopon::image::write_whole;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::architecture::Architecture;
use super::fit::{EpochFigures, FitOptions, History, Labelled};
use super::optimiser::{Optimiser, OptimiserState};
use super::plan::Plan;

/// First bytes of a checkpoint; the last one is the version.
const MAGIC: [u8; 8] = *b"PROSTRN\x01";

/// SHA-256 of everything that must be equal when a training goes on.
pub(crate) type Fingerprint = [u8; 32];

/// Where a training stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    fingerprint: Fingerprint,
    /// Weights.
    pub(crate) parameters: Vec<f32>,
    /// Running means and variances.
    pub(crate) statistics: Vec<f32>,
    /// What the optimiser remembers.
    pub(crate) optimiser: OptimiserState,
    /// Weights and statistics of the best epoch, with early stopping.
    best: Option<(Vec<f32>, Vec<f32>)>,
    /// Epochs so far.
    pub(crate) history: History,
}

/// Why a checkpoint could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It could not be read or written.
    #[error("checkpoint: {source}: {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is no checkpoint, or was changed or cut off.
    #[error("this is no whole checkpoint of this version; delete it to begin anew: {}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// It is of a training with other samples, layers or options.
    #[error(
        "this checkpoint is of a training with other samples, layers or options; delete it to begin anew: {}", path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
    },
}

/// Fingerprint of a training: layers, options but for the number of epochs and threads, labels, and some of
/// the samples.
///
/// # Errors
/// The number of a sample that could not be read, and why.
pub(crate) fn fingerprint(
    architecture: &Architecture,
    training: Labelled,
    validation: Labelled,
    options: &FitOptions,
) -> Result<Fingerprint, (usize, io::Error)> {
    /// Samples of each set that are looked at: all would take as long as an epoch.
    const SAMPLES: usize = 16;
    let mut hash = Sha256::new();
    hash.update(architecture.to_toml());
    let same = FitOptions {
        epochs: 0,
        threads: 0,
        checkpoint: None,
        ..options.clone()
    };
    hash.update(format!("{same:?}"));
    for (rows, labels) in [training, validation] {
        hash.update((labels.len() as u64).to_le_bytes());
        for label in labels {
            hash.update((*label as u64).to_le_bytes());
        }
        let mut values = vec![0.0; rows.width()];
        for index in (0..rows.len()).step_by(rows.len().div_ceil(SAMPLES).max(1)) {
            rows.read(index, &mut values)
                .map_err(|error| (index, error))?;
            for value in &values {
                hash.update(value.to_le_bytes());
            }
        }
    }
    Ok(hash.finalize().into())
}

impl Checkpoint {
    /// Before the first epoch.
    pub(crate) fn start(plan: &Plan, seed: u64, fingerprint: Fingerprint) -> Self {
        let (parameters, statistics) = plan.initial(seed);
        Self {
            fingerprint,
            optimiser: Optimiser::start(parameters.len()),
            parameters,
            statistics,
            best: None,
            history: History::default(),
        }
    }

    /// Reads the file of a training of `plan`; none if there is no file.
    pub(crate) fn read(
        path: &Path,
        plan: &Plan,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Self>, CheckpointError> {
        match read_sealed::<Self>(MAGIC, path)? {
            Some(checkpoint) if checkpoint.fingerprint != *fingerprint => {
                Err(CheckpointError::Other {
                    path: path.to_owned(),
                })
            }
            // The digest keeps chance out, not malice.
            Some(checkpoint) if !checkpoint.fits(plan) => Err(CheckpointError::Broken {
                path: path.to_owned(),
            }),
            checkpoint => Ok(checkpoint),
        }
    }

    /// Whether all lists are as long as the network wants them, and the history tells of epochs that were.
    fn fits(&self, plan: &Plan) -> bool {
        let (parameters, statistics) = (plan.n_parameters(), plan.n_statistics());
        let best = self.best.as_ref();
        let history = &self.history;
        let lengths = [
            (self.parameters.len(), parameters),
            (self.optimiser.first.len(), parameters),
            (self.optimiser.second.len(), parameters),
            (self.statistics.len(), statistics),
            (best.map_or(parameters, |best| best.0.len()), parameters),
            (best.map_or(statistics, |best| best.1.len()), statistics),
        ];
        lengths.iter().all(|(found, expected)| found == expected)
            && history.best_epoch <= history.epochs.len()
            && self.optimiser.steps < u64::MAX / 2
    }

    /// Writes the file whole: a kill leaves this state or the one before.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        write_sealed(MAGIC, path, self)
    }

    /// Takes down an epoch, and decides whether it was the last.
    pub(crate) fn finish(&mut self, figures: EpochFigures, patience: Option<usize>) {
        let history = &mut self.history;
        let loss = figures.validation_loss;
        let epoch = figures.epoch;
        let best = history
            .best_epoch
            .checked_sub(1)
            .map(|i| &history.epochs[i]);
        let is_best = best.is_none_or(|best| loss < best.validation_loss);
        history.epochs.push(figures);
        let Some(patience) = patience else {
            history.best_epoch = epoch;
            return;
        };
        if is_best {
            history.best_epoch = epoch;
            self.best = Some((self.parameters.clone(), self.statistics.clone()));
        } else {
            history.stopped_early = epoch - history.best_epoch >= patience.max(1);
        }
    }

    /// The weights and statistics that count, and the history.
    pub(crate) fn outcome(self) -> (Vec<f32>, Vec<f32>, History) {
        let (parameters, statistics) = self.best.unwrap_or((self.parameters, self.statistics));
        (parameters, statistics, self.history)
    }
}

/// Writes `magic`, SHA-256 of the content and the content, whole or not at all.
pub(crate) fn write_sealed<T: Serialize>(
    magic: [u8; 8],
    path: &Path,
    value: &T,
) -> Result<(), CheckpointError> {
    let written = postcard::to_allocvec(value)
        .map_err(io::Error::other)
        .and_then(|content| write_whole(path, &sealed(magic, &content)));
    written.map_err(|source| CheckpointError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Reads what [`write_sealed`] wrote; none if there is no file.
pub(crate) fn read_sealed<T: DeserializeOwned>(
    magic: [u8; 8],
    path: &Path,
) -> Result<Option<T>, CheckpointError> {
    let path = path.to_owned();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(CheckpointError::Io { path, source }),
    };
    let value = unsealed(magic, &bytes).and_then(|content| postcard::from_bytes(content).ok());
    value.map(Some).ok_or(CheckpointError::Broken { path })
}

/// `magic`, SHA-256 of the content, content.
fn sealed(magic: [u8; 8], content: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&Sha256::digest(content));
    bytes.extend_from_slice(content);
    bytes
}

/// The content of what [`sealed`] made; none if a byte differs.
fn unsealed(magic: [u8; 8], bytes: &[u8]) -> Option<&[u8]> {
    let (head, rest) = bytes.split_at_checked(magic.len())?;
    let (hash, content) = rest.split_at_checked(32)?;
    let is_whole = head == magic && hash == Sha256::digest(content).as_slice();
    is_whole.then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_LAYER: &str = r#"name = "one"
input = { width = 2, height = 1, channels = 1 }
layers = [{ kind = "flatten" }, { kind = "dense", units = "classes" }, { kind = "softmax" }]
"#;

    #[test]
    fn a_checkpoint_that_does_not_fit_its_network_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let plan = Architecture::parse(ONE_LAYER).unwrap().plan(2).unwrap();
        let read = |change: fn(&mut Checkpoint)| {
            let mut state = Checkpoint::start(&plan, 1, [7; 32]);
            change(&mut state);
            state.write(&path).unwrap();
            Checkpoint::read(&path, &plan, &[7; 32])
        };
        assert!(read(|_| ()).unwrap().is_some());
        let changes: [fn(&mut Checkpoint); 6] = [
            |state| state.parameters.clear(),
            |state| state.statistics.push(0.0),
            |state| state.optimiser.first.truncate(1),
            |state| state.optimiser.steps = u64::MAX,
            |state| state.best = Some((Vec::new(), Vec::new())),
            |state| state.history.best_epoch = 1,
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let error = read(change).unwrap_err();
            assert!(matches!(error, CheckpointError::Broken { .. }), "{i}");
        }
    }
}
