//! What the frames of a track say together about who it is.
//!
//! A track's samples become one quality-weighted mean embedding, and the mean is compared with the gallery. However long
//! the track, that is *one* comparison a person enrolled, not one a frame: a stranger who is in view for a thousand frames
//! does not get a thousand chances to be taken for somebody. The mean is asked about again as it grows, when it has half
//! as many samples more each time, so a track of n samples is asked about at most 1 + log₁.₅(n/3) times; each of these
//! means has most of its samples in common with the one before, so that the chance of a wrong name among m people enrolled
//! is at least that of one look, about m·FMR, and by the union bound at most m·FMR·(1 + log₁.₅(n/3)): for 100 samples ten
//! times as much, whatever the dependence. That the frames agree is asked for on top and can only lower it.

use std::collections::VecDeque;
use std::time::Duration;

use prosopon::{Calibration, Embedding, ModelId, similarity};
use serde::{Deserialize, Serialize};

use crate::event::EventSubject;
use crate::who::{Answer, Who, WhoError};

/// Samples that are kept one by one.
const RECENT: usize = 8;

/// The similarity that a single sample must have to the person of the mean, as a share of the threshold, to agree. Two
/// thirds of a threshold for 1e-3 (0.338) is met by about one stranger in a hundred (0.244), and by nearly all single faces
/// of the person.
const AGREES_FROM: f32 = 0.67;

/// Below this share of the threshold a name is doubted that was given before.
const DOUBTED_BELOW: f32 = 0.67;

/// Looks that must speak against a name one after another, each with half as many samples more.
const DOUBTS: u32 = 2;

/// Growth of the number of samples from look to look.
const GROWTH: f64 = 1.5;

/// However few samples came, somebody may have been enrolled since the last look. The mean hardly differs, so this is
/// hardly another chance.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// When the evidence is enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvidenceOptions {
    /// A name needs so many samples: embedded frames of enough quality. At least 1.
    pub min_samples: usize,
    /// Of the last eight samples this share must agree with the mean about who it is.
    pub agreement: f32,
    /// Nobody is called unknown before so many samples.
    pub unknown_samples: usize,
    /// Nor before the first sample is so old: faces that enter are seen better a moment later.
    pub unknown_after: Duration,
    /// Samples of lower quality do not count; in [0, 1].
    pub least_quality: f32,
    /// Two embeddings of one person are at least this similar if they are to link tracks.
    pub same: f32,
    /// Below this similarity two embeddings look like those of different people.
    pub different: f32,
}

impl Default for EvidenceOptions {
    /// `same` and `different` are the default embedder's thresholds for false match rates of 1e-3 and 1e-1
    /// (`docs/accuracy.md`).
    fn default() -> Self {
        Self {
            min_samples: 3,
            agreement: 0.6,
            unknown_samples: 6,
            unknown_after: Duration::from_millis(800),
            least_quality: 0.15,
            same: 0.338,
            different: 0.13,
        }
    }
}

/// False match rates at which two embeddings link tracks, and look like different people's.
const LINKS: (f64, f64) = (1e-3, 1e-1);

impl EvidenceOptions {
    /// The default with the similarities that `calibration` measured for `model`.
    pub fn calibrated(model: &ModelId, calibration: &Calibration) -> Self {
        let at = |fmr| calibration.threshold(model.clone(), fmr).similarity;
        Self {
            same: at(LINKS.0),
            different: at(LINKS.1),
            ..Self::default()
        }
    }
}

/// What is known about who a track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Not enough has been seen.
    #[default]
    Undecided,
    /// Somebody who is enrolled.
    Known,
    /// Nobody who is enrolled.
    Unknown,
}

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

/// What a look at the evidence changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// It is known now who it is.
    Recognised,
    /// It is nobody who is enrolled.
    Unknown,
    /// A name that was given is wrong: the track must be divided, since names do not change.
    Contradicted,
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
        for (sum, value) in self.sum.iter_mut().zip(values) {
            *sum += f64::from(*value) * f64::from(sample.quality);
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

    /// Asks `who` whether there is reason to.
    ///
    /// # Errors
    /// Those of `who`; the evidence stays as it was, and is asked about again later.
    pub fn look(
        &mut self,
        at: Duration,
        who: &dyn Who,
        options: &EvidenceOptions,
    ) -> Result<Change, WhoError> {
        let enough = self.n >= options.min_samples.max(1) as u64;
        let Some(mean) = self.mean.as_ref().filter(|_| enough) else {
            return Ok(Change::Nothing);
        };
        let unknown_due = self.identity == Identity::Undecided && self.is_long_enough(at, options);
        let old = self
            .last_look
            .is_none_or(|last| at.saturating_sub(last) >= LOOK_AGAIN);
        if self.n < self.next_look && !old {
            // The last look's answer has had its time.
            return Ok(if unknown_due && self.answer.is_some() {
                self.identity = Identity::Unknown;
                Change::Unknown
            } else {
                Change::Nothing
            });
        }
        let answer = who.identify(mean)?;
        let grown = self.n >= self.next_look;
        if grown {
            // One more at least, so that it always grows.
            self.next_look = ((self.n as f64 * GROWTH) as u64).max(self.n + 1);
        }
        self.last_look = Some(at);
        if self.identity == Identity::Known {
            return Ok(self.confirm(answer, grown));
        }
        let is_match = answer.is_match && self.agrees(&answer, who, options)?;
        self.answer = Some(answer);
        if is_match {
            self.identity = Identity::Known;
            self.doubts = 0;
            return Ok(Change::Recognised);
        }
        if unknown_due {
            self.identity = Identity::Unknown;
            return Ok(Change::Unknown);
        }
        Ok(Change::Nothing)
    }

    fn is_long_enough(&self, at: Duration, options: &EvidenceOptions) -> bool {
        self.n >= options.unknown_samples as u64
            && self
                .first
                .is_some_and(|first| at.saturating_sub(first) >= options.unknown_after)
    }

    /// Whether enough of the last samples, each for itself, are closest to the person that the mean matches.
    fn agrees(
        &self,
        answer: &Answer,
        who: &dyn Who,
        options: &EvidenceOptions,
    ) -> Result<bool, WhoError> {
        let Some(best) = &answer.best else {
            return Ok(false);
        };
        let mut n_agree = 0;
        for sample in &self.recent {
            let own = who.identify(&sample.embedding)?.best;
            n_agree += usize::from(own.is_some_and(|own| {
                own.subject.id == best.subject.id
                    && own.similarity >= answer.threshold * AGREES_FROM
            }));
        }
        Ok(n_agree as f32 >= options.agreement * self.recent.len() as f32)
    }

    /// A further look at somebody who has a name: it stays, unless several looks speak against it.
    fn confirm(&mut self, answer: Answer, grown: bool) -> Change {
        let named = self.subject().map(|subject| subject.id);
        let same = answer
            .best
            .as_ref()
            .is_some_and(|best| Some(best.subject.id) == named);
        let weak = answer
            .best
            .as_ref()
            .is_none_or(|best| best.similarity < answer.threshold * DOUBTED_BELOW);
        if same && !weak {
            self.doubts = 0;
            let metadata = self
                .answer
                .take()
                .and_then(|old| Some(old.best?.subject.metadata));
            self.answer = Some(answer);
            // Only matches come with metadata.
            if let Some(best) = self.answer.as_mut().and_then(|answer| answer.best.as_mut())
                && best.subject.metadata.is_empty()
            {
                best.subject.metadata = metadata.unwrap_or_default();
            }
            return Change::Nothing;
        }
        // Somebody else who is not a match either is no reason to doubt.
        let against = weak || answer.is_match;
        self.doubts += u32::from(against && grown);
        if self.doubts >= DOUBTS {
            Change::Contradicted
        } else {
            Change::Nothing
        }
    }
}
