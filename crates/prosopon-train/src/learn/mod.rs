//! Learners: from labelled samples to a classifier.
//!
//! Names, defaults and meaning of parameters are scikit-learn's, so that what was tried there can be tried
//! here. [`Learner`] says what is trained and how, [`Trained`] is the result. A learner is written as text,
//! `svc:C=10,kernel=rbf`, on the command line, in reports and in files.
//!
//! The same samples, options and seed give the same result whatever the number of threads.

mod centroid;
mod forest;
mod line_search;
mod logistic;
mod neighbors;
mod options;
mod platt;
mod products;
mod smo;
mod svc;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Borrow;

use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use centroid::NearestCentroid;
pub use forest::{Criterion, Forest, ForestOptions, MaxFeatures};
pub use logistic::{Logistic, LogisticOptions};
pub use neighbors::{NeighborWeights, Neighbors, NeighborsOptions};
pub use options::OptionError;
pub(crate) use options::{Written, real};
pub(crate) use products::Products;
pub use svc::{Gamma, Kernel, Svc, SvcOptions};

/// Labelled samples: each with as many values as the others.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a> {
    /// A row for each sample.
    pub features: ArrayView2<'a, f32>,
    /// The class of each, from 0.
    pub labels: &'a [usize],
}

impl Samples<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many there are of each class.
    pub fn counts(&self, n_classes: usize) -> Vec<usize> {
        let mut counts = vec![0; n_classes];
        for label in self.labels {
            counts[*label] += 1;
        }
        counts
    }

    /// Whether something can be learnt from them.
    ///
    /// # Errors
    /// [`LearnError`], for all but its wrong options.
    pub fn check(&self, n_classes: usize) -> Result<(), LearnError> {
        let (n_samples, n_features) = self.features.dim();
        if n_samples != self.labels.len() {
            return Err(LearnError::Labels {
                n_samples,
                n_labels: self.labels.len(),
            });
        }
        if n_samples == 0 || n_features == 0 {
            return Err(LearnError::Nothing {
                n_samples,
                n_features,
            });
        }
        if let Some(sample) = self.labels.iter().position(|label| *label >= n_classes) {
            return Err(LearnError::Label {
                sample,
                label: self.labels[sample],
                n_classes,
            });
        }
        if self.labels.iter().all(|label| *label == self.labels[0]) {
            return Err(LearnError::OneClass {
                class: self.labels[0],
                n_samples,
            });
        }
        // One pass over the values; the place is looked for only if it is needed.
        if self.features.iter().all(|value| value.is_finite()) {
            return Ok(());
        }
        let mut places = self.features.indexed_iter();
        let ((sample, feature), value) = places
            .find(|(_, value)| !value.is_finite())
            .map_or(((0, 0), f32::NAN), |(place, value)| (place, *value));
        Err(LearnError::NotFinite {
            sample,
            feature,
            value,
        })
    }
}

/// Why nothing was learnt.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// There are no samples, or they have no values.
    #[error("expected samples with features, found {n_samples} samples of {n_features} features")]
    Nothing {
        /// Rows.
        n_samples: usize,
        /// Columns.
        n_features: usize,
    },
    /// Samples and labels differ in number.
    #[error("expected a label for each of {n_samples} samples, found {n_labels} labels")]
    Labels {
        /// Rows of the features.
        n_samples: usize,
        /// Labels.
        n_labels: usize,
    },
    /// A label is no class.
    #[error("expected classes below {n_classes}, found {label} for sample {sample}")]
    Label {
        /// Which sample, from 0.
        sample: usize,
        /// Its label.
        label: usize,
        /// How many classes there are.
        n_classes: usize,
    },
    /// All samples are of one class.
    #[error(
        "expected samples of at least 2 classes, found {n_samples} samples, all of class {class}"
    )]
    OneClass {
        /// That class.
        class: usize,
        /// Samples of it.
        n_samples: usize,
    },
    /// A feature is not a number.
    #[error("expected finite features, found {value} in feature {feature} of sample {sample}")]
    NotFinite {
        /// Which sample, from 0.
        sample: usize,
        /// Which of its values, from 0.
        feature: usize,
        /// That value.
        value: f32,
    },
    /// More components are wanted than there can be.
    #[error("{step}: expected at most {most} components for these samples, found {found}")]
    Components {
        /// `pca` or `lda`.
        step: &'static str,
        /// As many as there can be.
        most: usize,
        /// What was asked for.
        found: usize,
    },
    /// Samples of each class are all the same, or means of all classes are.
    #[error("lda: expected samples that differ within classes and between them, found none")]
    NoSpread,
    /// An option has a value that makes no sense.
    #[error(transparent)]
    Option(#[from] OptionError),
}

/// What is trained, and how.
///
/// # Examples
/// ```
/// use prosopon_train::learn::Learner;
///
/// let learner: Learner = "svc:C=10,gamma=0.01".parse()?;
/// assert_eq!(learner.to_string(), "svc:C=10,kernel=rbf,gamma=0.01");
/// # Ok::<(), prosopon_train::learn::OptionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Learner {
    /// A support vector machine.
    Svc(SvcOptions),
    /// Logistic regression.
    Logistic(LogisticOptions),
    /// A random forest.
    Forest(ForestOptions),
    /// The nearest samples.
    Neighbors(NeighborsOptions),
    /// The nearest mean.
    NearestCentroid,
}

impl Learner {
    /// Trains on `samples`, whose labels are below `n_classes`. Classes without samples are never predicted.
    /// `seed` says where random numbers are drawn from: the folds of a support vector machine's
    /// probabilities, the samples and features of a forest's trees.
    ///
    /// # Errors
    /// [`LearnError`] for samples that nothing can be learnt from.
    pub fn fit(
        &self,
        samples: &Samples,
        n_classes: usize,
        seed: u64,
    ) -> Result<Trained, LearnError> {
        samples.check(n_classes)?;
        self.check()?;
        let products = self.products(samples);
        Ok(self.fit_checked(samples, n_classes, seed, products.as_ref(), true))
    }

    /// The inner products that [`Self::fit_checked`] needs, for those who train several learners on the same
    /// samples.
    pub(crate) fn products(&self, samples: &Samples) -> Option<Products> {
        match self {
            Self::Svc(_) => Products::new(samples.features),
            Self::Logistic(_) if Logistic::wants_products(samples) => {
                Products::new(samples.features)
            }
            _ => None,
        }
    }

    /// [`Self::fit`] for samples and options that were checked, with the inner products of all samples, if
    /// there are any. Without `with_probabilities` a support vector machine learns to predict only, which
    /// takes a fifth of the time.
    pub(crate) fn fit_checked(
        &self,
        samples: &Samples,
        n_classes: usize,
        seed: u64,
        products: Option<&Products>,
        with_probabilities: bool,
    ) -> Trained {
        match self {
            Self::Svc(options) => {
                let seed = with_probabilities.then_some(seed);
                Trained::Svc(Svc::fit(samples, n_classes, options, products, seed))
            }
            Self::Logistic(options) => {
                Trained::Logistic(Logistic::fit(samples, n_classes, options, products))
            }
            Self::Forest(options) => {
                Trained::Forest(Forest::fit(samples, n_classes, options, seed))
            }
            Self::Neighbors(options) => {
                Trained::Neighbors(Neighbors::fit(samples, n_classes, *options))
            }
            Self::NearestCentroid => {
                Trained::NearestCentroid(NearestCentroid::fit(samples, n_classes))
            }
        }
    }
}

/// A trained learner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trained {
    /// A support vector machine.
    Svc(Svc),
    /// Logistic regression.
    Logistic(Logistic),
    /// A random forest.
    Forest(Forest),
    /// The nearest samples.
    Neighbors(Neighbors),
    /// The nearest mean.
    NearestCentroid(NearestCentroid),
}

impl Trained {
    /// The class of each row of `samples`. A support vector machine takes votes of pairs of classes, which
    /// need not be the class of the highest probability, as in scikit-learn; all others take that.
    pub fn predict(&self, samples: ArrayView2<'_, f32>) -> Vec<usize> {
        if let Self::Svc(svc) = self {
            return svc.predict(samples);
        }
        let all = self.probabilities(samples);
        all.rows().into_iter().map(argmax).collect()
    }

    /// Probability of each class, which sum up to 1, for each row of `samples`.
    pub fn probabilities(&self, samples: ArrayView2<'_, f32>) -> Array2<f64> {
        match self {
            Self::Svc(svc) => svc.probabilities(samples),
            Self::Logistic(logistic) => logistic.probabilities(samples),
            Self::Forest(forest) => forest.probabilities(samples),
            Self::Neighbors(neighbors) => neighbors.probabilities(samples),
            Self::NearestCentroid(centroid) => centroid.probabilities(samples),
        }
    }

    /// How much each feature matters, summing up to 1; known for forests.
    pub fn importances(&self) -> Option<&[f64]> {
        match self {
            Self::Forest(forest) => Some(forest.importances()),
            _ => None,
        }
    }

    /// Whether the training came to its end, rather than to its greatest number of steps.
    pub fn is_converged(&self) -> bool {
        match self {
            Self::Svc(svc) => svc.is_converged(),
            Self::Logistic(logistic) => logistic.is_converged(),
            _ => true,
        }
    }

    /// Whether all parts of a value that came from a file fit together, for samples of `n_features` values:
    /// nothing that is asked of it later then panics.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self, n_features: usize, n_classes: usize) -> Result<(), String> {
        match self {
            Self::Svc(svc) => svc.check(n_features, n_classes),
            Self::Logistic(logistic) => logistic.check(n_features, n_classes),
            Self::Forest(forest) => forest.check(n_features, n_classes),
            Self::Neighbors(neighbors) => neighbors.check(n_features, n_classes),
            Self::NearestCentroid(centroid) => centroid.check(n_features, n_classes),
        }
    }
}

/// What [`Trained::check`] says of a count.
fn expect(what: &str, found: usize, expected: usize) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected}, found {found}"))
    }
}

/// Place of the largest value, the first of several.
pub(crate) fn argmax(values: impl IntoIterator<Item: Borrow<f64>>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, value) in values.into_iter().enumerate() {
        if *value.borrow() > best.1 {
            best = (i, *value.borrow());
        }
    }
    best.0
}

/// A row of `width` values for each row of `samples`, computed by as many threads as there are.
fn by_row(
    samples: ArrayView2<'_, f32>,
    width: usize,
    compute: impl Fn(ArrayView1<'_, f32>) -> Vec<f64> + Send + Sync,
) -> Array2<f64> {
    let rows: Vec<_> = samples.rows().into_iter().collect();
    let values: Vec<Vec<f64>> = rows.into_par_iter().map(compute).collect();
    let mut all = Array2::zeros((samples.nrows(), width));
    for (mut row, values) in all.rows_mut().into_iter().zip(values) {
        for (to, from) in row.iter_mut().zip(values) {
            *to = from;
        }
    }
    all
}

/// ‖a − b‖². Eight sums instead of one, which the processor adds up side by side.
fn squared_distance(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    let square = |a: f32, b: f32| (f64::from(a) - f64::from(b)).powi(2);
    let (Some(a), Some(b)) = (a.as_slice(), b.as_slice()) else {
        return a.iter().zip(b).map(|(a, b)| square(*a, *b)).sum();
    };
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            sums[i] += square(a[i], b[i]);
        }
    }
    let rest = rest_a.iter().zip(rest_b).map(|(a, b)| square(*a, *b));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// Values that sum up to 1.
fn normalized(mut values: Vec<f64>) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    for value in &mut values {
        *value /= sum;
    }
    values
}

/// exp(score) of each score, so that they sum up to 1.
fn softmax(scores: &[f64]) -> Vec<f64> {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    normalized(scores.iter().map(|score| (score - top).exp()).collect())
}

/// How much a sample of each class weighs; scikit-learn's `class_weight="balanced"`: samples / (classes · samples
/// of the class), or 1.
fn class_weights(counts: &[usize], is_balanced: bool) -> Vec<f64> {
    let total: usize = counts.iter().sum();
    let n_present = counts.iter().filter(|count| **count > 0).count();
    let weight = |count: &usize| match (is_balanced, *count) {
        (true, count) if count > 0 => total as f64 / (n_present * count) as f64,
        _ => 1.0,
    };
    counts.iter().map(weight).collect()
}
