//! A small network behind a frozen one, for one's own people.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use fastrand::Rng;
use ndarray::Array2;
use prosopon::embed::{Embedding, EmbeddingError, ModelId};
use prosopon::evaluate::all_pairs::{AllPairsError, MAX_IMPOSTORS, Sample, all_pairs};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fit::{MetricEpoch, MetricHistory, MetricOptions, fit_embedder};
use crate::nn::internals::{read_sealed, write_sealed};
use crate::nn::{
    Activation, Architecture, CheckpointError, FitError, InputShape, LayerSpec, Network, Units,
};

/// First bytes of the file of a head; the last one is the version.
const MAGIC: [u8; 8] = *b"PROSHED\x01";

/// How a head is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadOptions {
    /// Units of a hidden layer; none is a head that is one matrix. The matrix begins as it changes nothing if it
    /// has as many outputs as inputs.
    pub hidden: Option<usize>,
    /// Values of an embedding that comes out; as many as go in if nothing is said.
    pub n_outputs: Option<usize>,
    /// Share of the people who choose the best epoch, and of those on whom the figures are measured.
    pub held_out: f64,
    /// How it is trained.
    pub fit: MetricOptions,
}

impl Default for HeadOptions {
    fn default() -> Self {
        let mut fit = MetricOptions::default();
        // Small steps: what is there is good already.
        fit.optimiser = fit.optimiser.with_learning_rate(1e-4);
        Self {
            hidden: None,
            n_outputs: None,
            held_out: 0.25,
            fit,
        }
    }
}

/// A head, and the model whose embeddings it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    model: String,
    network: Network,
}

/// How well people are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// Area under the ROC curve.
    pub auc: f64,
    /// Equal error rate.
    pub eer: f64,
    /// FNMR at an FMR of 1e-3.
    pub fnmr_at_fmr_1e3: f64,
}

/// What training a head gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadReport {
    /// People and samples trained on.
    pub training: (usize, usize),
    /// Those that chose the best epoch.
    pub validation: (usize, usize),
    /// Those that nothing was chosen by.
    pub held_out: (usize, usize),
    /// On the people that are held out, without the head.
    pub before: Separation,
    /// And with it.
    pub after: Separation,
    /// How the training went.
    pub history: MetricHistory,
}

/// Why a head could not be trained or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// Training failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The held-out people could not be compared.
    #[error("held-out people: {0}")]
    Compare(#[from] AllPairsError),
    /// An embedding is of another model than the head.
    #[error("the head takes embeddings of `{expected}`, found one of `{found}`")]
    Model {
        /// The head's.
        expected: String,
        /// The embedding's.
        found: String,
    },
    /// What came out has no direction.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// There is nothing to train on, or too few people.
    #[error("{people} people; a head needs at least {least}, so that some can be held out twice")]
    People {
        /// How many there are.
        people: usize,
        /// How many it takes.
        least: usize,
    },
    /// The file could not be read or written.
    #[error("head: {0}")]
    File(#[from] CheckpointError),
    /// There is no file.
    #[error("there is no such file: {}", .0.display())]
    Missing(PathBuf),
    /// The file is whole, but what is in it does not fit together.
    #[error("this is no usable head ({reason}): {}", path.display())]
    Broken {
        /// What is wrong.
        reason: String,
        /// The file.
        path: PathBuf,
    },
}

/// Trains a head on `embeddings` of one model, with the number of the person of each, and measures it on people
/// that it has never seen.
///
/// # Errors
/// [`HeadError`]: fewer than eight people, embeddings of several models, or what [`fit_embedder`] says.
pub fn fit_head(
    embeddings: &[Embedding],
    people: &[usize],
    options: &HeadOptions,
    on_epoch: &mut dyn FnMut(&MetricEpoch),
    cancelled: &AtomicBool,
) -> Result<(Head, HeadReport), HeadError> {
    let parts = split(people, options.held_out, options.fit.seed)?;
    let model = embeddings[0].model().clone();
    for embedding in embeddings {
        check_model(model.as_str(), embedding)?;
    }
    let dim = embeddings[0].dim();
    let sets = parts.each_ref().map(|part| {
        let labels: Vec<usize> = part.iter().map(|i| people[*i]).collect();
        let mut rows = Array2::zeros((part.len(), dim));
        for (mut row, i) in rows.rows_mut().into_iter().zip(part) {
            for (to, from) in row.iter_mut().zip(embeddings[*i].values()) {
                *to = *from;
            }
        }
        (rows, labels)
    });
    let architecture = architecture(dim, options);
    let weights = start(&architecture, dim, options)?;
    let views = [sets[0].0.view(), sets[1].0.view()];
    let (network, history) = fit_embedder(
        &architecture,
        (&views[0], &sets[0].1),
        (&views[1], &sets[1].1),
        &options.fit,
        weights.as_deref(),
        on_epoch,
        cancelled,
    )?;
    let head = Head {
        model: model.as_str().to_owned(),
        network,
    };
    let held_out = parts[2].iter().map(|i| &embeddings[*i]);
    let before: Vec<Embedding> = held_out.cloned().collect();
    let after = head.apply_all(&before)?;
    let report = HeadReport {
        training: count(people, &parts[0]),
        validation: count(people, &parts[1]),
        held_out: count(people, &parts[2]),
        before: Separation::measure(&before, &sets[2].1)?,
        after: Separation::measure(&after, &sets[2].1)?,
        history,
    };
    Ok((head, report))
}

/// Samples to train on, to choose the epoch by, and held out; nobody is in two.
pub(super) fn split(
    people: &[usize],
    held_out: f64,
    seed: u64,
) -> Result<[Vec<usize>; 3], HeadError> {
    /// Two in each part of a quarter.
    const LEAST: usize = 8;
    let mut distinct: Vec<usize> = people.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let n = distinct.len();
    if n < LEAST {
        return Err(HeadError::People {
            people: n,
            least: LEAST,
        });
    }
    Rng::with_seed(seed).shuffle(&mut distinct);
    let share = held_out.clamp(0.0, 0.4);
    let n_out = ((n as f64 * share).round() as usize).max(2);
    let part_of = |person: &usize| match distinct.iter().position(|other| other == person) {
        Some(place) if place < n_out => 2,
        Some(place) if place < 2 * n_out => 1,
        _ => 0,
    };
    let mut parts = [const { Vec::new() }; 3];
    for (i, person) in people.iter().enumerate() {
        parts[part_of(person)].push(i);
    }
    Ok(parts)
}

/// People and samples of a part.
pub(super) fn count(people: &[usize], part: &[usize]) -> (usize, usize) {
    let distinct: BTreeSet<usize> = part.iter().map(|i| people[*i]).collect();
    (distinct.len(), part.len())
}

fn architecture(dim: usize, options: &HeadOptions) -> Architecture {
    let dense = |units, activation: Option<Activation>| LayerSpec::Dense {
        units: Units::Number(units),
        bias: activation.is_some(),
        activation,
    };
    let hidden = options
        .hidden
        .map(|units| dense(units, Some(Activation::Relu)));
    let last = dense(options.n_outputs.unwrap_or(dim), None);
    Architecture {
        name: "head".to_owned(),
        input: InputShape {
            width: 1,
            height: 1,
            channels: dim,
        },
        scale: 1.0,
        layers: hidden
            .into_iter()
            .chain([last, LayerSpec::L2Normalise])
            .collect(),
    }
}

/// The matrix that changes nothing, for a head that is one matrix of as many rows as columns.
fn start(
    architecture: &Architecture,
    dim: usize,
    options: &HeadOptions,
) -> Result<Option<Vec<f32>>, FitError> {
    let n = architecture.build(2)?.n_parameters();
    let is_square = options.hidden.is_none() && n == dim * dim;
    Ok(is_square.then(|| {
        let mut weights = vec![0.0; n];
        for i in 0..dim {
            weights[i * dim + i] = 1.0;
        }
        weights
    }))
}

fn check_model(expected: &str, embedding: &Embedding) -> Result<(), HeadError> {
    let found = embedding.model().as_str();
    if found == expected {
        return Ok(());
    }
    Err(HeadError::Model {
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

impl Head {
    /// The id of the embeddings that come out: the model's, and the first eight digits of the SHA-256 of the head.
    pub fn model(&self) -> ModelId {
        let mut hash = Sha256::new();
        for value in self.network.parameters() {
            hash.update(value.to_le_bytes());
        }
        let digest = hash.finalize();
        let [a, b, c, d, ..] = digest.0;
        let digits = u32::from_be_bytes([a, b, c, d]);
        ModelId::new(format!("{}+head@{digits:08x}", self.model))
    }

    /// The id of the embeddings that go in.
    pub fn takes(&self) -> &str {
        &self.model
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What the head makes of an embedding.
    ///
    /// # Errors
    /// [`HeadError::Model`] if it is of another model.
    pub fn apply(&self, embedding: &Embedding) -> Result<Embedding, HeadError> {
        check_model(&self.model, embedding)?;
        let values = self.network.outputs(embedding.values());
        Ok(Embedding::from_values(self.model(), values)?)
    }

    /// [`Self::apply`] to many, on the threads of rayon's pool.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_all(&self, embeddings: &[Embedding]) -> Result<Vec<Embedding>, HeadError> {
        let model = self.model();
        for embedding in embeddings {
            check_model(&self.model, embedding)?;
        }
        let values: Vec<&[f32]> = embeddings.iter().map(Embedding::values).collect();
        let outputs = self.network.outputs_batch(&values).into_iter();
        outputs
            .map(|values| Ok(Embedding::from_values(model.clone(), values)?))
            .collect()
    }

    /// Writes the head whole or not at all: version, SHA-256, and the numbers.
    ///
    /// # Errors
    /// [`HeadError::File`].
    pub fn save(&self, path: &Path) -> Result<(), HeadError> {
        Ok(write_sealed(MAGIC, path, self)?)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// [`HeadError::File`] if it is of another version, cut off or changed, [`HeadError::Broken`] if what is in
    /// it does not fit together.
    pub fn load(path: &Path) -> Result<Self, HeadError> {
        let head: Option<Self> = read_sealed(MAGIC, path)?;
        let head = head.ok_or_else(|| HeadError::Missing(path.to_owned()))?;
        let layers = &head.network.architecture().layers;
        let are_finite = head.network.parameters().iter().all(|w| w.is_finite());
        if layers.last() != Some(&LayerSpec::L2Normalise) || !are_finite {
            return Err(HeadError::Broken {
                reason: "no network of embeddings, or weights that are no numbers".to_owned(),
                path: path.to_owned(),
            });
        }
        Ok(head)
    }
}

impl Separation {
    /// Compares every sample with every other.
    ///
    /// # Errors
    /// [`AllPairsError`] if nobody has two samples or there is but one person.
    pub fn measure(embeddings: &[Embedding], people: &[usize]) -> Result<Self, AllPairsError> {
        let samples: Vec<Sample> = embeddings
            .iter()
            .zip(people)
            .map(|(embedding, person)| Sample {
                identity: *person as u32,
                embedding: Some(embedding.clone()),
            })
            .collect();
        let scores = all_pairs(&samples, MAX_IMPOSTORS, 0)?.scores;
        Ok(Self {
            auc: scores.auc(),
            eer: scores.eer(),
            fnmr_at_fmr_1e3: scores.fnmr_at_fmr(1e-3),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People whose samples differ in twelve values that say nothing and four that say who they are.
    fn people(seed: u64) -> (Vec<Embedding>, Vec<usize>) {
        let mut rng = Rng::with_seed(seed);
        let mut draw = |scale: f32| scale * (rng.f32() + rng.f32() + rng.f32() - 1.5);
        let (mut embeddings, mut labels) = (Vec::new(), Vec::new());
        for person in 0..40 {
            let centre: Vec<f32> = (0..4).map(|_| draw(1.0)).collect();
            for _ in 0..6 {
                let mut values: Vec<f32> = centre.iter().map(|c| c + draw(0.2)).collect();
                values.extend((0..12).map(|_| draw(0.8)));
                embeddings.push(Embedding::from_values(ModelId::new("test@1"), values).unwrap());
                labels.push(person);
            }
        }
        (embeddings, labels)
    }

    fn train(options: &HeadOptions) -> (Head, HeadReport) {
        let (embeddings, labels) = people(1);
        fit_head(
            &embeddings,
            &labels,
            options,
            &mut |_| (),
            &AtomicBool::new(false),
        )
        .unwrap()
    }

    fn options() -> HeadOptions {
        let mut options = HeadOptions::default();
        options.fit.optimiser = options.fit.optimiser.with_learning_rate(3e-3);
        options
    }

    #[test]
    fn a_head_learns_what_tells_people_apart() {
        let contrastive = super::super::MetricLoss::Contrastive { margin: 1.0 };
        let mut pairs = options();
        pairs.fit.loss = contrastive;
        let hidden = HeadOptions {
            hidden: Some(24),
            n_outputs: Some(8),
            ..options()
        };
        for options in [options(), pairs, hidden] {
            let (_, report) = train(&options);
            assert_eq!(report.training, (20, 120));
            assert_eq!(report.held_out, (10, 60));
            let (before, after) = (report.before, report.after);
            assert!(after.auc > before.auc + 0.05, "{before:?} {after:?}");
            assert!(after.eer < before.eer - 0.02, "{before:?} {after:?}");
        }
    }

    #[test]
    fn without_an_epoch_a_matrix_changes_nothing() {
        let mut options = options();
        options.fit.epochs = 0;
        let (head, report) = train(&options);
        assert_eq!(report.before, report.after);
        let (embeddings, _) = people(2);
        let after = head.apply(&embeddings[0]).unwrap();
        for (a, b) in after.values().iter().zip(embeddings[0].values()) {
            assert!((a - b).abs() < 1e-6);
        }
    }

    #[test]
    fn a_head_survives_being_written_and_a_changed_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.head");
        let (head, _) = train(&options());
        head.save(&path).unwrap();
        let read = Head::load(&path).unwrap();
        assert_eq!(head, read);
        assert!(read.model().as_str().starts_with("test@1+head@"));
        let (embeddings, _) = people(2);
        let after = head.apply_all(&embeddings).unwrap();
        assert_eq!(after[3], read.apply(&embeddings[3]).unwrap());
        // Its own embeddings are of another model now.
        assert!(matches!(
            read.apply(&after[0]),
            Err(HeadError::Model { .. })
        ));
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(Head::load(&path), Err(HeadError::File(_))));
        std::fs::write(&path, &bytes[..40]).unwrap();
        assert!(matches!(Head::load(&path), Err(HeadError::File(_))));
        let missing = Head::load(&folder.path().join("none"));
        assert!(matches!(missing, Err(HeadError::Missing(_))));
    }

    #[test]
    fn too_few_people_are_said() {
        let (embeddings, labels) = people(1);
        let few = fit_head(
            &embeddings[..30],
            &labels[..30],
            &options(),
            &mut |_| (),
            &AtomicBool::new(false),
        );
        let error = few.unwrap_err().to_string();
        assert!(
            error.starts_with("5 people; a head needs at least 8"),
            "{error}"
        );
    }
}
