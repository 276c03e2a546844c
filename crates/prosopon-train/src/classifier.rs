//! A trained classifier: what it sees, what it knows, and the file that holds it.
//!
//! The file begins with the eight bytes `prosclas` and the version (`u32`, little-endian), then follow the
//! length of the card (`u32`), the card as JSON, which `head` shows, and the model in `postcard`'s encoding; the
//! SHA-256 of all that ends it. It holds numbers and names and nothing that is run. What it says is
//! checked when it is read, down to every index: a file from elsewhere gives an error, never a panic.

use std::io;
use std::path::Path;

use prosopon::image::write_whole;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::input::{Input, Values};
use crate::learn::argmax;
use crate::nn::Network;
use crate::onnx;
use crate::pipeline::FittedPipeline;

const MAGIC: &[u8; 8] = b"prosclas";
/// Raised with every change that older programs cannot read.
const VERSION: u32 = 1;
const DIGEST_BYTES: usize = 32;
/// Larger files are not read: they would fill the memory of small machines.
const MOST_BYTES: u64 = 1 << 30;
/// Larger cards are not read.
const MOST_CARD_BYTES: usize = 16 << 20;

/// A classifier, ready to be used.
#[derive(Debug, Clone)]
pub struct Classifier {
    /// What is to be known about it.
    pub card: Card,
    /// What it has learnt.
    pub model: Model,
}

/// What a classifier has learnt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Steps and a learner.
    Pipeline(FittedPipeline),
    /// A network of one's own.
    Network(Network),
}

/// What is to be known about a classifier: what it is for, how it came to be, how good it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Its name.
    pub name: String,
    /// When it was trained, as RFC 3339 writes it.
    pub created: String,
    /// Program and version that trained it.
    pub program: String,
    /// What was typed, or asked of the server.
    pub command: String,
    /// The classes, in the order of their numbers.
    pub classes: Vec<String>,
    /// What it sees of a picture.
    pub input: Input,
    /// What learnt: `scale+svc:C=10`, `network hobbit`.
    pub learner: String,
    /// Answers less sure than this are rejected, if it was calibrated: least probability in [0, 1].
    pub reject_below: Option<f64>,
    /// Pictures that it learnt from.
    pub n_training: usize,
    /// Pictures that it was tried on.
    pub n_held_out: usize,
    /// Where random choices came from.
    pub seed: u64,
    /// How good it is on pictures that it did not learn from, if there were any.
    pub metrics: Option<CardMetrics>,
    /// What people should know who use it.
    pub intended_use: String,
}

/// How good a classifier is on pictures that it did not learn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardMetrics {
    /// Share of right answers.
    pub accuracy: f64,
    /// Interval that holds the true share with 95 % confidence.
    pub accuracy_interval: (f64, f64),
    /// Mean F1 of the classes.
    pub macro_f1: f64,
    /// Mean share of right answers over the folds of a cross-validation, if there was one.
    pub cross_validation: Option<f64>,
}

/// What a classifier says of a face.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The class that is answered, by its number: the likeliest one, but of a support vector machine the one with
    /// most votes of pairs of classes, as its figures count it. Now and then that is not the most probable.
    pub class: usize,
    /// Probability of each class, in [0, 1].
    pub probabilities: Vec<f64>,
    /// Whether it is too unsure to count.
    pub is_rejected: bool,
}

impl Prediction {
    /// Probability of the class that was chosen.
    pub fn probability(&self) -> f64 {
        self.probabilities[self.class]
    }
}

/// Why a classifier cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// The file could not be read.
    #[error("could not read the classifier: {0}")]
    Read(#[source] io::Error),
    /// It is too large.
    #[error("expected a classifier of at most {most} bytes, found {bytes}")]
    TooLarge {
        /// What is read.
        most: u64,
        /// The file's size.
        bytes: u64,
    },
    /// It is something else.
    #[error("expected a classifier of prosopon, found another kind of file")]
    NotAClassifier,
    /// Another program wrote it.
    #[error("expected a classifier of version {VERSION}, found version {version}")]
    Version {
        /// Its version.
        version: u32,
    },
    /// It was changed or cut off.
    #[error("expected a whole classifier, found one that was changed or cut off")]
    Damaged,
    /// Something in it makes no sense.
    #[error("the classifier makes no sense: {0}")]
    Invalid(String),
    /// A sample has another number of values than it was trained on.
    #[error("expected {expected} values, found {found}")]
    Width {
        /// What it was trained on.
        expected: usize,
        /// What was given.
        found: usize,
    },
}

impl Classifier {
    /// What it says of a face with these values.
    ///
    /// # Errors
    /// [`ClassifierError::Width`] if there are more or fewer than it was trained on.
    pub fn predict(&self, values: &[f32]) -> Result<Prediction, ClassifierError> {
        let expected = self.model.n_features();
        if values.len() != expected {
            let found = values.len();
            return Err(ClassifierError::Width { expected, found });
        }
        let (class, probabilities) = match &self.model {
            Model::Pipeline(pipeline) => (pipeline.predict(values), pipeline.probabilities(values)),
            Model::Network(network) => {
                let probabilities = network.probabilities(values);
                (argmax(probabilities.iter().copied()), probabilities)
            }
        };
        let least = self.card.reject_below.unwrap_or(0.0);
        Ok(Prediction {
            is_rejected: probabilities[class] < least,
            class,
            probabilities,
        })
    }

    /// As an ONNX file, from values to probabilities: networks, and logistic regression behind any steps. None
    /// for other learners.
    pub fn to_onnx(&self) -> Option<Vec<u8>> {
        let classes = &self.card.classes;
        match &self.model {
            Model::Network(network) => Some(onnx::network(network, classes)),
            Model::Pipeline(pipeline) => {
                onnx::linear(&pipeline.linear()?, &self.card.name, classes)
            }
        }
    }

    /// Numbers of the classes, by name.
    pub fn class_dictionary(&self) -> std::collections::BTreeMap<&str, usize> {
        let classes = self.card.classes.iter();
        classes.map(String::as_str).zip(0..).collect()
    }

    /// Writes it to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        write_whole(path, &self.to_bytes()?)
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// [`ClassifierError`] for what cannot be read, is no classifier, or was damaged.
    pub fn load(path: &Path) -> Result<Self, ClassifierError> {
        let bytes = std::fs::metadata(path)
            .map_err(ClassifierError::Read)?
            .len();
        if bytes > MOST_BYTES {
            let most = MOST_BYTES;
            return Err(ClassifierError::TooLarge { most, bytes });
        }
        Self::from_bytes(&std::fs::read(path).map_err(ClassifierError::Read)?)
    }

    /// The classifier as bytes.
    ///
    /// # Errors
    /// `InvalidData` for numbers that cannot be written; there are none.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let card = serde_json::to_vec_pretty(&self.card)?;
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend((card.len() as u32).to_le_bytes());
        out.extend(card);
        let mut out = postcard::to_extend(&self.model, out).map_err(io::Error::other)?;
        let digest = Sha256::digest(&out);
        out.extend(digest);
        Ok(out)
    }

    /// The classifier that [`Self::to_bytes`] gave.
    ///
    /// # Errors
    /// [`ClassifierError`], whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ClassifierError> {
        let (card, model) = parts(bytes)?;
        let (model, rest): (Model, _) =
            postcard::take_from_bytes(model).map_err(|error| invalid(&error))?;
        if !rest.is_empty() {
            return Err(invalid(&"it does not end where it should"));
        }
        let classifier = Self { card, model };
        classifier.check().map_err(ClassifierError::Invalid)?;
        Ok(classifier)
    }

    /// Whether card and model belong together and all in them is as it can be.
    fn check(&self) -> Result<(), String> {
        let classes = &self.card.classes;
        let mut names: Vec<&String> = classes.iter().collect();
        names.sort();
        names.dedup();
        if names.len() != classes.len() || classes.is_empty() {
            return Err("its classes have no names of their own".to_owned());
        }
        let (n_features, n_classes) = match &self.model {
            Model::Pipeline(pipeline) => {
                pipeline.check()?;
                (pipeline.n_features(), pipeline.n_classes())
            }
            Model::Network(network) => {
                network.check()?;
                (network.n_inputs(), network.n_classes())
            }
        };
        if n_classes != classes.len() {
            return Err(format!("{} names for {n_classes} classes", classes.len()));
        }
        let expected = match self.card.input.values {
            Values::Levels {
                width,
                height,
                gray,
            } => {
                let pixels = u64::from(width) * u64::from(height);
                Some(pixels * if gray { 1 } else { 3 })
            }
            Values::Given { length } => Some(length as u64),
            Values::Features { .. } => None,
        };
        match expected {
            Some(expected) if expected != n_features as u64 => Err(format!(
                "{expected} values are taken, {n_features} are expected"
            )),
            _ => Ok(()),
        }
    }
}

impl Card {
    /// Reads only the card of a file; the rest is checked to be whole, but not understood.
    ///
    /// # Errors
    /// As [`Classifier::load`].
    pub fn load(path: &Path) -> Result<Self, ClassifierError> {
        let bytes = std::fs::read(path).map_err(ClassifierError::Read)?;
        Ok(parts(&bytes)?.0)
    }
}

impl Model {
    /// How many values it takes.
    pub fn n_features(&self) -> usize {
        match self {
            Self::Pipeline(pipeline) => pipeline.n_features(),
            Self::Network(network) => network.n_inputs(),
        }
    }
}

fn invalid(error: &dyn std::fmt::Display) -> ClassifierError {
    ClassifierError::Invalid(error.to_string())
}

/// The card, and the bytes of the model.
fn parts(bytes: &[u8]) -> Result<(Card, &[u8]), ClassifierError> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or(ClassifierError::NotAClassifier)?;
    let (version, rest) = number(rest)?;
    if version != VERSION {
        return Err(ClassifierError::Version { version });
    }
    let end = bytes
        .len()
        .checked_sub(DIGEST_BYTES)
        .ok_or(ClassifierError::Damaged)?;
    if Sha256::digest(&bytes[..end])[..] != bytes[end..] {
        return Err(ClassifierError::Damaged);
    }
    // The digest keeps chance out, not malice: everything is checked all the same.
    let (length, rest) = number(rest)?;
    let length = length as usize;
    if length > MOST_CARD_BYTES || rest.len() < length + DIGEST_BYTES {
        return Err(ClassifierError::Damaged);
    }
    let (card, model) = rest.split_at(length);
    let card = serde_json::from_slice(card).map_err(|error| invalid(&error))?;
    Ok((card, &model[..model.len() - DIGEST_BYTES]))
}

fn number(bytes: &[u8]) -> Result<(u32, &[u8]), ClassifierError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(ClassifierError::Damaged)?;
    Ok((u32::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use prosopon::prepare::PrepareOptions;

    use super::*;
    use crate::input::Faces;
    use crate::learn::Samples;

    fn card(n_features: usize) -> Card {
        Card {
            name: "朝".to_owned(),
            created: "2026-01-02T03:04:05Z".to_owned(),
            program: "prosopon 0".to_owned(),
            command: "prosopon train x".to_owned(),
            classes: ["left", "right"].map(str::to_owned).to_vec(),
            input: Input {
                faces: Faces::AsIs,
                prepare: PrepareOptions::default(),
                values: Values::Given { length: n_features },
            },
            learner: "scale+logistic".to_owned(),
            reject_below: Some(0.9),
            n_training: 4,
            n_held_out: 0,
            seed: 1,
            metrics: None,
            intended_use: String::new(),
        }
    }

    fn trained(learner: &str) -> Classifier {
        let features = array![
            [0.0f32, 1.0],
            [0.2, 0.0],
            [3.0, 1.1],
            [3.1, 0.2],
            [0.1, 0.5],
            [2.9, 0.4]
        ];
        let samples = Samples {
            features: features.view(),
            labels: &[0, 0, 1, 1, 0, 1],
        };
        let pipeline: crate::pipeline::Pipeline = learner.parse().unwrap();
        Classifier {
            card: card(2),
            model: Model::Pipeline(pipeline.fit(&samples, 2, 0).unwrap()),
        }
    }

    const LEARNERS: [&str; 6] = [
        "scale+logistic",
        "scale+svc:C=10",
        "svc:kernel=linear",
        "pca:1+forest:n_estimators=3",
        "lda+knn:n_neighbors=1",
        "centroid",
    ];

    #[test]
    fn what_was_saved_says_the_same() {
        for learner in LEARNERS {
            let classifier = trained(learner);
            let again = Classifier::from_bytes(&classifier.to_bytes().unwrap()).unwrap();
            assert_eq!(again.card, classifier.card);
            for values in [[0.0, 0.0], [3.0, 1.0], [1.5, 0.5]] {
                assert_eq!(
                    again.predict(&values).unwrap(),
                    classifier.predict(&values).unwrap(),
                    "{learner}"
                );
            }
            assert_eq!(again.predict(&[3.0, 0.5]).unwrap().class, 1, "{learner}");
        }
        let error = trained("centroid").predict(&[1.0]).unwrap_err();
        assert_eq!(error.to_string(), "expected 2 values, found 1");
    }

    #[test]
    fn what_is_one_matrix_says_the_same_as_such() {
        for learner in [
            "logistic",
            "scale+logistic:C=10",
            "scale+pca:1+logistic",
            "lda+logistic",
        ] {
            let classifier = trained(learner);
            let Model::Pipeline(pipeline) = &classifier.model else {
                unreachable!()
            };
            let linear = pipeline.linear().unwrap();
            for values in [[0.0f32, 0.0], [3.0, 1.0], [1.5, 0.5]] {
                let scores: Vec<f64> = (0..2)
                    .map(|class| {
                        let row = &linear.weights[class * 2..class * 2 + 2];
                        let sum: f64 = row.iter().zip(values).map(|(w, v)| w * f64::from(v)).sum();
                        (sum + linear.intercepts[class]).exp()
                    })
                    .collect();
                let expected = classifier.predict(&values).unwrap().probabilities[1];
                let found = scores[1] / (scores[0] + scores[1]);
                assert!(
                    (found - expected).abs() < 1e-6,
                    "{learner}: {found} {expected}"
                );
            }
            assert!(classifier.to_onnx().is_some());
        }
        assert!(trained("centroid").to_onnx().is_none());
    }

    #[test]
    fn unsure_answers_are_rejected() {
        let classifier = trained("scale+logistic");
        assert!(classifier.predict(&[1.55, 0.5]).unwrap().is_rejected);
        let mut trusting = classifier.clone();
        trusting.card.reject_below = None;
        assert!(!trusting.predict(&[1.55, 0.5]).unwrap().is_rejected);
    }

    #[test]
    fn other_files_are_told_apart() {
        let bytes = trained("scale+logistic").to_bytes().unwrap();
        let said = |bytes: &[u8]| Classifier::from_bytes(bytes).unwrap_err().to_string();
        assert_eq!(
            said(b"something"),
            "expected a classifier of prosopon, found another kind of file"
        );
        assert_eq!(
            said(&[]),
            "expected a classifier of prosopon, found another kind of file"
        );
        let mut newer = bytes.clone();
        newer[8] = 9;
        assert_eq!(
            said(&newer),
            "expected a classifier of version 1, found version 9"
        );
        for length in [8, 9, 12, 40, bytes.len() / 2, bytes.len() - 1] {
            assert_eq!(
                said(&bytes[..length]),
                "expected a whole classifier, found one that was changed or cut off"
            );
        }
        let mut changed = bytes.clone();
        let middle = bytes.len() / 2;
        changed[middle] ^= 1;
        assert_eq!(
            said(&changed),
            "expected a whole classifier, found one that was changed or cut off"
        );
    }

    /// Files that somebody made to do harm have a right digest.
    #[test]
    fn forged_files_are_errors_and_not_panics() {
        let mut random = fastrand::Rng::with_seed(5);
        for learner in LEARNERS {
            let bytes = trained(learner).to_bytes().unwrap();
            let body = bytes.len() - DIGEST_BYTES;
            for _ in 0..300 {
                let mut forged = bytes[..body].to_vec();
                for _ in 0..random.usize(1..4) {
                    let place = random.usize(12..forged.len());
                    forged[place] = random.u8(..);
                }
                if random.bool() {
                    forged.truncate(random.usize(12..forged.len()));
                }
                let digest = Sha256::digest(&forged);
                forged.extend(digest);
                if let Ok(classifier) = Classifier::from_bytes(&forged)
                    && classifier.model.n_features() == 2
                {
                    // Whatever it says: it says it.
                    let _ = classifier.predict(&[0.5, 0.5]);
                }
            }
        }
    }

    #[test]
    fn a_card_and_a_model_must_belong_together() {
        let mut classifier = trained("centroid");
        classifier.card.classes.push("third".to_owned());
        let error = Classifier::from_bytes(&classifier.to_bytes().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the classifier makes no sense: 3 names for 2 classes"
        );
        classifier.card.classes = ["same", "same"].map(str::to_owned).to_vec();
        assert!(Classifier::from_bytes(&classifier.to_bytes().unwrap()).is_err());
        let mut classifier = trained("centroid");
        classifier.card.input.values = Values::Given { length: 3 };
        assert!(Classifier::from_bytes(&classifier.to_bytes().unwrap()).is_err());
    }
}
