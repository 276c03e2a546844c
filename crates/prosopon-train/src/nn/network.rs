//! A trained network.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::engine::{Engine, Statistics};
use super::plan::Plan;
use super::summary::Summary;

/// A network with its weights: from the levels of a picture to a probability for each class.
///
/// It can be written by any format of serde. Reading checks that everything fits together.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Network {
    architecture: Architecture,
    n_classes: usize,
    plan: Arc<Plan>,
    parameters: Vec<f32>,
    statistics: Vec<f32>,
}

/// What is kept of a network: nothing that can be had from its text.
#[derive(Clone, Serialize, Deserialize)]
struct Saved {
    architecture: String,
    n_classes: usize,
    parameters: Vec<f32>,
    statistics: Vec<f32>,
}

impl From<Network> for Saved {
    fn from(network: Network) -> Self {
        Self {
            architecture: network.architecture.to_toml(),
            n_classes: network.n_classes,
            parameters: network.parameters,
            statistics: network.statistics,
        }
    }
}

impl TryFrom<Saved> for Network {
    type Error = String;

    fn try_from(saved: Saved) -> Result<Self, String> {
        let architecture = Architecture::parse(&saved.architecture).map_err(|e| e.to_string())?;
        let n_classes = saved.n_classes;
        let plan = architecture.plan(n_classes).map_err(|e| e.to_string())?;
        Self::new(
            architecture,
            n_classes,
            plan,
            saved.parameters,
            saved.statistics,
        )
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("architecture", &self.architecture.name)
            .field("n_classes", &self.n_classes)
            .field("n_parameters", &self.parameters.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Network {
    fn eq(&self, other: &Self) -> bool {
        self.architecture == other.architecture
            && self.n_classes == other.n_classes
            && self.parameters == other.parameters
            && self.statistics == other.statistics
    }
}

impl Network {
    pub(crate) fn new(
        architecture: Architecture,
        n_classes: usize,
        plan: Plan,
        parameters: Vec<f32>,
        statistics: Vec<f32>,
    ) -> Result<Self, String> {
        let expected = (plan.n_parameters(), plan.n_statistics());
        if (parameters.len(), statistics.len()) != expected {
            return Err(format!(
                "network `{}` needs {} parameters and {} statistics, found {} and {}",
                architecture.name,
                expected.0,
                expected.1,
                parameters.len(),
                statistics.len()
            ));
        }
        Ok(Self {
            architecture,
            n_classes,
            plan: Arc::new(plan),
            parameters,
            statistics,
        })
    }

    /// Values that a sample has: the levels of a picture, row by row, channels innermost.
    pub fn n_inputs(&self) -> usize {
        self.plan.input.size()
    }

    /// How many classes it knows.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Width, height and channels of the picture that it looks at.
    pub fn input(&self) -> (usize, usize, usize) {
        let input = self.architecture.input;
        (input.width, input.height, input.channels)
    }

    /// The text that it was made from.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Layers, shapes and numbers of parameters.
    ///
    /// # Panics
    /// Never: the architecture was checked when the network was made.
    pub fn summary(&self) -> Summary {
        let summary = self.architecture.summary(self.n_classes);
        summary.unwrap_or_else(|error| unreachable!("checked when it was made: {error}"))
    }

    /// Weights of all layers, in order; each layer's biases behind its weights.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn statistics(&self) -> &[f32] {
        &self.statistics
    }

    /// What comes out of the last layer for a sample of [`Self::n_inputs`] values; nothing for one of another
    /// length.
    pub fn outputs(&self, values: &[f32]) -> Vec<f32> {
        self.outputs_batch(&[values]).pop().unwrap_or_default()
    }

    /// [`Self::outputs`] of many samples, on the threads of rayon's pool.
    pub fn outputs_batch<S: AsRef<[f32]> + Sync>(&self, samples: &[S]) -> Vec<Vec<f32>> {
        /// Samples that are worked on at a time: memory for a few shards of each thread.
        const BATCH: usize = 256;
        let mut engine = Engine::new(&self.plan, samples.len().min(BATCH), false);
        let mut outputs = Vec::with_capacity(samples.len());
        let n_inputs = self.n_inputs();
        for batch in samples.chunks(BATCH) {
            let load = |place: usize, values: &mut [f32], _: &mut Vec<f32>| {
                let sample = batch[place].as_ref();
                if sample.len() == n_inputs {
                    for (to, from) in values.iter_mut().zip(sample) {
                        *to = from * self.architecture.scale;
                    }
                }
                Ok(())
            };
            let statistics = Statistics::Use(&self.statistics);
            let done = engine.forward(&self.parameters, statistics, batch.len(), 0, &load);
            debug_assert!(done.is_ok(), "samples in memory can be read");
            outputs.extend(batch.iter().enumerate().map(|(place, sample)| {
                if sample.as_ref().len() == n_inputs {
                    engine.output(place).to_vec()
                } else {
                    Vec::new()
                }
            }));
        }
        outputs
    }

    /// Probability of each class, adding up to 1; nothing for a sample of another length than
    /// [`Self::n_inputs`].
    ///
    /// Independent outputs (sigmoid) are divided by their sum; one output alone is the probability of the
    /// second of two classes.
    pub fn probabilities(&self, values: &[f32]) -> Vec<f64> {
        probabilities(&self.outputs(values))
    }

    /// [`Self::probabilities`] of many samples, on the threads of rayon's pool.
    pub fn probabilities_batch<S: AsRef<[f32]> + Sync>(&self, samples: &[S]) -> Vec<Vec<f64>> {
        let outputs = self.outputs_batch(samples);
        outputs
            .iter()
            .map(|outputs| probabilities(outputs))
            .collect()
    }

    /// Says what is wrong with a network that came from a file, beyond what reading it found.
    ///
    /// # Errors
    /// The reason, in a sentence.
    pub fn check(&self) -> Result<(), String> {
        let all = self.parameters.iter().chain(&self.statistics);
        if let Some(at) = all.into_iter().position(|value| !value.is_finite()) {
            return Err(format!("weight {at} of the network is not a number"));
        }
        if !self.architecture.is_classifier() {
            return Err("the network does not end in softmax or sigmoid".to_owned());
        }
        Ok(())
    }
}

/// Outputs as probabilities that add up to 1.
pub(crate) fn probabilities(outputs: &[f32]) -> Vec<f64> {
    if let [second] = outputs {
        return vec![1.0 - f64::from(*second), f64::from(*second)];
    }
    let sum: f64 = outputs.iter().map(|p| f64::from(*p)).sum();
    // All zeros is possible behind sigmoids that are sure of nothing.
    let even = 1.0 / outputs.len().max(1) as f64;
    let share = |p: &f32| {
        if sum > 0.0 { f64::from(*p) / sum } else { even }
    };
    outputs.iter().map(share).collect()
}
