//! Names that come, stay and go with the samples, and how rarely strangers get one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prosopon::{Embedding, ModelId, similarity};
use prosopon_gallery::{Metadata, SubjectId};

use super::look::GROWTH;
use super::{Change, Evidence, EvidenceOptions, Identity, Sample};
use crate::event::EventSubject;
use crate::who::{Answer, Best, Who, WhoError};

fn best(id: i64, name: &str, similarity: f32) -> Best {
    Best {
        subject: EventSubject {
            id: SubjectId(id),
            name: name.to_owned(),
            metadata: Metadata::new(),
        },
        similarity,
    }
}

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
        let closest = known.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let best = closest.map(|(i, &similarity)| best(i as i64 + 1, self.names[i], similarity));
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
            best: Some(best(1, "Anna", similarity)),
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
