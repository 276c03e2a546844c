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

/// Where the least quality is set to 0, samples without any count for something too.
const LEAST_WEIGHT: f32 = 1e-3;

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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use prosopon_gallery::{Metadata, SubjectId};

    use super::*;
    use crate::who::Best;

    /// Knows people by the axis that an embedding is closest to; the last axis is nobody's.
    struct Axes {
        names: &'static [&'static str],
        model: ModelId,
        n_asked: AtomicU64,
    }

    impl Axes {
        fn new(names: &'static [&'static str]) -> Self {
            Self {
                names,
                model: ModelId::new("m@1"),
                n_asked: AtomicU64::new(0),
            }
        }
    }

    impl Who for Axes {
        fn identify(&self, embedding: &Embedding) -> Result<Answer, WhoError> {
            self.n_asked.fetch_add(1, Ordering::Relaxed);
            let known = &embedding.values()[..self.names.len()];
            let best = known.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            let best = best.map(|(i, &similarity)| Best {
                subject: EventSubject {
                    id: SubjectId(i as i64 + 1),
                    name: self.names[i].to_owned(),
                    metadata: Metadata::new(),
                },
                similarity,
            });
            let is_match = best.as_ref().is_some_and(|best| best.similarity >= 0.6);
            Ok(Answer {
                best,
                threshold: 0.6,
                fmr: Some(1e-3),
                is_match,
            })
        }

        fn model(&self) -> &ModelId {
            &self.model
        }
    }

    const STRANGER: usize = 3;

    fn sample(millis: u64, values: [f32; 4]) -> Sample {
        Sample {
            at: Duration::from_millis(millis),
            embedding: Embedding::from_values(ModelId::new("m@1"), values.to_vec())
                .expect("a direction"),
            quality: 0.8,
        }
    }

    fn of(who: usize, millis: u64) -> Sample {
        let mut values = [0.2; 4];
        values[who] = 1.0;
        sample(millis, values)
    }

    /// Shows samples 40 ms apart and looks after each; the changes other than nothing, with the sample's number.
    fn show(
        evidence: &mut Evidence,
        who: &dyn Who,
        start: u64,
        samples: impl IntoIterator<Item = usize>,
    ) -> Vec<(u64, Change)> {
        let options = EvidenceOptions::default();
        let mut changes = Vec::new();
        for (i, person) in (start..).zip(samples) {
            evidence.observe(of(person, i * 40), &options);
            let change = evidence
                .look(Duration::from_millis(i * 40), who, &options)
                .expect("an answer");
            if change != Change::Nothing {
                changes.push((i, change));
            }
        }
        changes
    }

    #[test]
    fn a_name_needs_several_samples() {
        let who = Axes::new(&["Anna", "Bert"]);
        let mut evidence = Evidence::default();
        let changes = show(&mut evidence, &who, 0, [0; 10]);
        assert_eq!(changes, [(2, Change::Recognised)]);
        assert_eq!(evidence.subject().expect("a name").name, "Anna");
    }

    #[test]
    fn a_mean_that_matches_is_not_enough_if_the_samples_disagree() {
        let who = Axes::new(&["Anna", "Bert"]);
        let options = EvidenceOptions::default();
        let mut evidence = Evidence::default();
        // One splendid sight of Anna outweighs two of Bert in the mean.
        let splendid = Sample {
            quality: 1.0,
            ..of(0, 0)
        };
        evidence.observe(splendid, &options);
        for millis in [40, 80] {
            let weak = Sample {
                quality: 0.2,
                ..of(1, millis)
            };
            evidence.observe(weak, &options);
        }
        let mean = who
            .identify(evidence.mean().expect("a mean"))
            .expect("an answer");
        assert!(mean.is_match);
        let change = evidence
            .look(Duration::from_millis(80), &who, &options)
            .expect("an answer");
        assert_eq!(
            (change, evidence.identity()),
            (Change::Nothing, Identity::Undecided)
        );
    }

    #[test]
    fn strangers_are_unknown_after_enough_samples_and_time() {
        let who = Axes::new(&["Anna", "Bert"]);
        let mut evidence = Evidence::default();
        let changes = show(&mut evidence, &who, 0, [STRANGER; 60]);
        // 800 ms are 20 samples of 40 ms.
        assert_eq!(changes, [(20, Change::Unknown)]);
    }

    #[test]
    fn a_name_stays_when_single_samples_look_like_others() {
        let who = Axes::new(&["Anna", "Bert"]);
        let mut evidence = Evidence::default();
        show(&mut evidence, &who, 0, [0; 10]);
        let mixed = (0..200).map(|i| usize::from(i % 3 == 0));
        assert!(show(&mut evidence, &who, 10, mixed).is_empty());
        assert_eq!(evidence.subject().expect("a name").name, "Anna");
    }

    #[test]
    fn a_wrong_name_is_contradicted_by_strong_evidence_only() {
        let who = Axes::new(&["Anna", "Bert"]);
        let mut evidence = Evidence::default();
        show(&mut evidence, &who, 0, [0; 4]);
        // Like both, so that no sample is put aside, and more like Bert.
        let options = EvidenceOptions::default();
        let mut contradicted = None;
        for i in 4..200 {
            evidence.observe(sample(i * 40, [0.5, 1.0, 0.0, 0.0]), &options);
            let change = evidence
                .look(Duration::from_millis(i * 40), &who, &options)
                .expect("an answer");
            if change == Change::Contradicted {
                contradicted = Some(i);
                break;
            }
            assert_eq!(evidence.subject().expect("a name").name, "Anna");
        }
        let after = contradicted.expect("contradicted at last");
        assert!(after > 10, "{after}");
        assert_eq!(evidence.undecided().identity(), Identity::Undecided);
    }

    #[test]
    fn somebody_else_is_noticed_by_samples_that_agree_with_each_other() {
        let options = EvidenceOptions::default();
        let mut evidence = Evidence::default();
        for i in 0..5 {
            evidence.observe(sample(i, [1.0, 0.0, 0.0, 0.0]), &options);
        }
        let other = |i| sample(i, [0.0, 1.0, 0.1, 0.0]);
        evidence.observe(other(5), &options);
        evidence.observe(other(6), &options);
        assert!(evidence.is_doubtful() && evidence.somebody_else(&options).is_none());
        evidence.observe(other(7), &options);
        let (since, evidence_of_other) = evidence.somebody_else(&options).expect("somebody else");
        assert_eq!(
            (since, evidence_of_other.n_samples()),
            (Duration::from_millis(5), 3)
        );
        // The mean has not been touched by them.
        assert_eq!(evidence.n_samples(), 5);
        evidence.observe(sample(8, [1.0, 0.0, 0.0, 0.0]), &options);
        assert!(!evidence.is_doubtful());
    }

    #[test]
    fn looks_are_as_few_as_the_bound_says() {
        let who = Axes::new(&["Anna"]);
        let options = EvidenceOptions::default();
        let mut evidence = Evidence::default();
        let mut random = fastrand::Rng::with_seed(3);
        for i in 0..1000 {
            let noise = [0.0; 4].map(|_: f32| random.f32() * 0.2);
            evidence.observe(sample(i, [noise[0], noise[1], 1.0, noise[3]]), &options);
            evidence
                .look(Duration::from_millis(i), &who, &options)
                .expect("an answer");
        }
        // All within LOOK_AGAIN, so only growth counts. Each look that is no match asks once.
        let bound = 1.0 + (1000.0f64 / 3.0).ln() / GROWTH.ln() + 1.0;
        let asked = who.n_asked.load(Ordering::Relaxed);
        assert!((asked as f64) <= bound, "{asked} {bound}");
    }

    /// Knows one person, by a threshold.
    struct One(Embedding, f32, ModelId);
    impl Who for One {
        fn identify(&self, embedding: &Embedding) -> Result<Answer, WhoError> {
            let similarity = similarity(&self.0, embedding).expect("one model").value();
            Ok(Answer {
                best: Some(Best {
                    subject: EventSubject {
                        id: SubjectId(1),
                        name: "Anna".to_owned(),
                        metadata: Metadata::new(),
                    },
                    similarity,
                }),
                threshold: self.1,
                fmr: Some(0.01),
                is_match: similarity >= self.1,
            })
        }
        fn model(&self) -> &ModelId {
            &self.2
        }
    }

    #[test]
    fn strangers_get_a_name_as_rarely_as_the_bound_says() {
        // Strangers in 64 dimensions; the threshold is the one that one of a hundred single embeddings reaches.
        let mut random = fastrand::Rng::with_seed(11);
        let mut gauss = move || (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
        let model = ModelId::new("m@1");
        let unit = |values: Vec<f32>| {
            Embedding::from_values(ModelId::new("m@1"), values).expect("a direction")
        };
        let anna = unit((0..64).map(|_| gauss()).collect());
        let cosine = |a: &Embedding, b: &Embedding| similarity(a, b).expect("one model").value();
        let mut singles: Vec<f32> = (0..20_000)
            .map(|_| cosine(&anna, &unit((0..64).map(|_| gauss()).collect())))
            .collect();
        singles.sort_by(f32::total_cmp);
        let threshold = singles[singles.len() * 99 / 100];
        let who = One(anna, threshold, model);
        let options = EvidenceOptions::default();
        let (n_tracks, n_samples) = (2000, 100);
        let mut named = 0;
        for _ in 0..n_tracks {
            let stranger: Vec<f32> = (0..64).map(|_| gauss()).collect();
            let mut evidence = Evidence::default();
            for i in 0..n_samples {
                let seen = stranger.iter().map(|value| value + gauss() * 0.5).collect();
                let sample = Sample {
                    at: Duration::from_millis(i),
                    embedding: unit(seen),
                    quality: 1.0,
                };
                evidence.observe(sample, &options);
                let change = evidence
                    .look(Duration::from_millis(i), &who, &options)
                    .expect("an answer");
                if change == Change::Recognised {
                    named += 1;
                    break;
                }
            }
        }
        let rate = f64::from(named) / f64::from(n_tracks);
        // The union bound would allow 0.01 · (1 + log(100/3)/log 1.5) = 0.096; a hundred chances 0.63.
        assert!(rate < 0.03, "{rate}");
        assert!(rate > 0.003, "{rate}: the test shows nothing");
    }
}
