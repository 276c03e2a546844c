//! What the frames of a track say together about who it is.
//!
//! A track's samples become one quality-weighted mean embedding, and the mean is compared with the gallery. However long
//! the track, that is *one* comparison a person enrolled, not one a frame: a stranger who is in view for a thousand frames
//! does not get a thousand chances to be taken for somebody. The mean is asked about again as it grows, when it has half
//! as many samples more each time, so a track of n samples is asked about at most 1 + log₁.₅(n/3) times; each of these
//! means has most of its samples in common with the one before, so that the chance of a wrong name among m people enrolled
//! is at least that of one look, about m·FMR, and by the union bound at most m·FMR·(1 + log₁.₅(n/3)): for 100 samples ten
//! times as much, whatever the dependence. That the frames agree is asked for on top and can only lower it.
//!
//! | File | Holds |
//! |---|---|
//! | `mod.rs` | the samples and their mean |
//! | `look.rs` | asking who it is, and what the answers change |
//! | `options.rs` | when the evidence is enough |

mod look;
mod options;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use prosopon::{Embedding, similarity};

use crate::event::EventSubject;
use crate::who::Answer;

pub use look::{Change, Identity};
pub use options::EvidenceOptions;

/// Samples that are kept one by one.
const RECENT: usize = 8;

/// Where the least quality is set to 0, samples without any count for something too.
const LEAST_WEIGHT: f32 = 1e-3;

/// One embedded frame of a track.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Place in the source.
    pub at: Duration,
    /// The face as a vector.
    pub embedding: Embedding,
    /// In [0, 1].
    pub quality: f32,
}

/// The samples of a track so far. Its size does not depend on their number.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    sum: Vec<f64>,
    mean: Option<Embedding>,
    n: u64,
    first: Option<Duration>,
    recent: VecDeque<Sample>,
    /// Samples in a row that look like somebody else's.
    contrary: VecDeque<Sample>,
    next_look: u64,
    last_look: Option<Duration>,
    identity: Identity,
    /// Of the last look; its best is the person of the name once there is one.
    answer: Option<Answer>,
    doubts: u32,
}

impl Evidence {
    /// The quality-weighted mean of all samples; none before the first.
    pub fn mean(&self) -> Option<&Embedding> {
        self.mean.as_ref()
    }

    /// How many samples there are.
    pub fn n_samples(&self) -> u64 {
        self.n
    }

    /// The last samples, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = &Sample> {
        self.recent.iter()
    }

    /// What is known about who it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Who it is, if that is known.
    pub fn subject(&self) -> Option<&EventSubject> {
        let answer = self.answer.as_ref()?;
        (self.identity == Identity::Known).then_some(&answer.best.as_ref()?.subject)
    }

    /// What the last look said.
    pub fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// Whether the last samples look like somebody else's than the ones before.
    pub fn is_doubtful(&self) -> bool {
        !self.contrary.is_empty()
    }

    /// Takes in a sample. One of too low quality is left out; one that looks like somebody else's waits for others that
    /// look like it.
    pub fn observe(&mut self, sample: Sample, options: &EvidenceOptions) {
        if sample.quality < options.least_quality {
            return;
        }
        let settled = self.n >= options.min_samples as u64;
        let like = self.likeness(&sample.embedding);
        if settled && like.is_some_and(|like| like < options.different) {
            self.contrary.push_back(sample);
            if self.contrary.len() > RECENT {
                self.contrary.pop_front();
            }
            return;
        }
        self.contrary.clear();
        self.add(sample);
    }

    /// Similarity of the mean to `embedding`; none before the first sample or for another model's.
    pub fn likeness(&self, embedding: &Embedding) -> Option<f32> {
        let similarity = similarity(self.mean.as_ref()?, embedding).ok()?;
        Some(similarity.value())
    }

    fn add(&mut self, sample: Sample) {
        let values = sample.embedding.values();
        if self.sum.len() != values.len() {
            self.sum = vec![0.0; values.len()];
        }
        let weight = f64::from(sample.quality.max(LEAST_WEIGHT));
        for (sum, value) in self.sum.iter_mut().zip(values) {
            *sum += f64::from(*value) * weight;
        }
        self.n += 1;
        self.first.get_or_insert(sample.at);
        let direction = self.sum.iter().map(|&sum| sum as f32).collect();
        // Without direction only if samples cancel each other; then the older mean stays.
        if let Ok(mean) = Embedding::from_values(sample.embedding.model().clone(), direction) {
            self.mean = Some(mean);
        }
        self.recent.push_back(sample);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// When the last samples are somebody else's: at least three in a row that are unlike the mean and like each other.
    /// Since when, and the evidence for the other one.
    pub fn somebody_else(&self, options: &EvidenceOptions) -> Option<(Duration, Self)> {
        let first = self.contrary.front()?;
        if self.contrary.len() < options.min_samples.max(3) {
            return None;
        }
        let alike = |sample: &Sample| {
            similarity(&first.embedding, &sample.embedding).is_ok_and(|s| s.value() >= options.same)
        };
        if !self.contrary.iter().all(alike) {
            return None;
        }
        let mut other = Self::default();
        for sample in &self.contrary {
            other.add(sample.clone());
        }
        Some((first.at, other))
    }

    /// The same samples without what they have been taken for.
    #[must_use]
    pub fn undecided(&self) -> Self {
        Self {
            identity: Identity::Undecided,
            answer: None,
            doubts: 0,
            next_look: 0,
            last_look: None,
            ..self.clone()
        }
    }
}
