//! Every sample against every other: all genuine and impostor comparisons that a data set has.

use rayon::prelude::*;

use super::Resampler;
use super::scores::{Genuine, Impostor, Scores, ScoresError, UNDETECTED};
use crate::compare::CompareError;
use crate::embed::Embedding;

/// One picture of a person whom the data set names.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The person, numbered from 0.
    pub identity: u32,
    /// The face; none if it was not found.
    pub embedding: Option<Embedding>,
}

/// Two samples, by their places in the list, and how similar they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pairing {
    /// Cosine, or [`UNDETECTED`].
    pub similarity: f32,
    /// Place of the one.
    pub first: usize,
    /// Place of the other, before it.
    pub second: usize,
}

/// What comparing all samples gives.
#[derive(Debug, Clone)]
pub struct AllPairs {
    /// The similarities.
    pub scores: Scores,
    /// Impostor comparisons that were made; more than `scores` has if it keeps a sample of them.
    pub n_impostor: u64,
    /// The least similar genuine comparisons with both faces found, worst first.
    pub worst_genuine: Vec<Pairing>,
    /// The most similar impostor comparisons, worst first.
    pub worst_impostor: Vec<Pairing>,
}

/// Impostor comparisons whose similarities are kept; of more, as many are drawn at random. They
/// take twelve bytes each, and a thousand passes for the intervals.
pub const MAX_IMPOSTORS: u64 = 10_000_000;

/// Why samples could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllPairsError {
    /// The embeddings share no space.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// There are no comparisons of a kind.
    #[error(transparent)]
    Scores(#[from] ScoresError),
}

/// Compares every two of `samples`; `n_worst` errors of each kind are listed.
///
/// Time grows with the square of the number of samples, memory with the genuine comparisons and at
/// most `max_impostors` others.
///
/// # Errors
/// [`AllPairsError::Compare`] if several models made the embeddings, [`AllPairsError::Scores`] if nobody
/// has two samples or there is but one person.
pub fn all_pairs(
    samples: &[Sample],
    max_impostors: u64,
    n_worst: usize,
) -> Result<AllPairs, AllPairsError> {
    check_models(samples.iter().filter_map(|s| s.embedding.as_ref()))?;
    let n_impostor = count_impostors(samples);
    let kept_share = max_impostors as f64 / n_impostor.max(1) as f64;
    let rows: Vec<Row> = (0..samples.len())
        .into_par_iter()
        .map(|first| Row::new(samples, first, kept_share, n_worst))
        .collect();
    let mut genuine = Vec::new();
    let mut impostor = Vec::new();
    let (mut worst_genuine, mut worst_impostor) = (Vec::new(), Vec::new());
    for row in rows {
        genuine.extend(row.genuine);
        impostor.extend(row.impostor);
        worst_genuine.extend(row.worst_genuine);
        worst_impostor.extend(row.worst_impostor);
    }
    worst_genuine.sort_by(|a, b| a.similarity.total_cmp(&b.similarity));
    worst_impostor.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    worst_genuine.truncate(n_worst);
    worst_impostor.truncate(n_worst);
    Ok(AllPairs {
        scores: Scores::new(genuine, impostor)?,
        n_impostor,
        worst_genuine,
        worst_impostor,
    })
}

/// Fails if not all embeddings are of one model.
pub(super) fn check_models<'a>(
    mut embeddings: impl Iterator<Item = &'a Embedding>,
) -> Result<(), CompareError> {
    let Some(first) = embeddings.next() else {
        return Ok(());
    };
    match embeddings.find(|e| e.model() != first.model()) {
        Some(odd) => Err(CompareError::ModelMismatch {
            probe: odd.model().clone(),
            reference: first.model().clone(),
        }),
        None => Ok(()),
    }
}

/// Pairs of samples of two people.
fn count_impostors(samples: &[Sample]) -> u64 {
    let mut of_identity = std::collections::BTreeMap::new();
    for sample in samples {
        *of_identity.entry(sample.identity).or_insert(0u64) += 1;
    }
    let pairs = |n: u64| n * n.saturating_sub(1) / 2;
    pairs(samples.len() as u64) - of_identity.into_values().map(pairs).sum::<u64>()
}

/// The comparisons of one sample with those before it.
#[derive(Default)]
struct Row {
    genuine: Vec<Genuine>,
    impostor: Vec<Impostor>,
    worst_genuine: Vec<Pairing>,
    worst_impostor: Vec<Pairing>,
}

impl Row {
    fn new(samples: &[Sample], first: usize, kept_share: f64, n_worst: usize) -> Self {
        let mut row = Self::default();
        let probe = &samples[first];
        // One sequence for each row, so that the draw does not depend on the threads.
        let mut random = Resampler(first as u64);
        for (second, reference) in samples[..first].iter().enumerate() {
            let similarity = match (&probe.embedding, &reference.embedding) {
                (Some(a), Some(b)) => dot(a.values(), b.values()).clamp(-1.0, 1.0),
                _ => UNDETECTED,
            };
            let pairing = Pairing {
                similarity,
                first,
                second,
            };
            if probe.identity == reference.identity {
                row.genuine.push(Genuine {
                    similarity,
                    identity: probe.identity,
                });
                if similarity.is_finite() {
                    row.worst_genuine.push(pairing);
                }
            } else {
                let is_kept =
                    kept_share >= 1.0 || (random.number() as f64) < kept_share * 2f64.powi(64);
                if is_kept {
                    row.impostor.push(Impostor {
                        similarity,
                        identities: [probe.identity, reference.identity],
                    });
                }
                row.worst_impostor.push(pairing);
            }
        }
        keep_least(&mut row.worst_genuine, n_worst, |p| p.similarity);
        keep_least(&mut row.worst_impostor, n_worst, |p| -p.similarity);
        row
    }
}

/// Keeps the `n` pairings with the least `key`, in any order.
fn keep_least(pairings: &mut Vec<Pairing>, n: usize, key: fn(&Pairing) -> f32) {
    if pairings.len() > n {
        pairings.select_nth_unstable_by(n, |a, b| key(a).total_cmp(&key(b)));
        pairings.truncate(n);
        pairings.shrink_to_fit();
    }
}

/// The dot product in eight independent sums, which the compiler turns into vector instructions.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::similarity;
    use crate::embed::ModelId;

    fn samples(identities: &[u32], model: &str) -> Vec<Sample> {
        let mut random = Resampler(1);
        let face = |identity: &u32| {
            let values = (0..19)
                .map(|_| random.below(2001) as f32 - 1000.0)
                .collect();
            Sample {
                identity: *identity,
                embedding: Some(Embedding::from_values(ModelId::new(model), values).unwrap()),
            }
        };
        identities.iter().map(face).collect()
    }

    #[test]
    fn every_two_samples_are_compared_once() {
        let mut samples = samples(&[0, 0, 0, 1, 1, 2], "m");
        samples[5].embedding = None;
        let all = all_pairs(&samples, MAX_IMPOSTORS, 3).unwrap();
        // Three of the first person, one of the second.
        assert_eq!(all.scores.genuine().len(), 4);
        assert_eq!((all.scores.impostor().len(), all.n_impostor), (11, 11));
        let undetected = all
            .scores
            .impostor()
            .iter()
            .filter(|i| i.similarity == UNDETECTED);
        assert_eq!(undetected.count(), 5);
        assert_eq!((all.worst_genuine.len(), all.worst_impostor.len()), (3, 3));
        let worst = all.worst_impostor[0];
        assert_eq!(worst.similarity, all.scores.impostor()[0].similarity);
        let [a, b] = [worst.first, worst.second].map(|i| samples[i].embedding.as_ref().unwrap());
        assert!((similarity(a, b).unwrap().value() - worst.similarity).abs() < 1e-6);
        let least = all.scores.genuine().last().unwrap().similarity;
        assert_eq!(all.worst_genuine[0].similarity, least);
    }

    #[test]
    fn of_too_many_impostors_a_sample_is_kept() {
        let identities: Vec<u32> = (0..200).map(|i| i / 2).collect();
        let samples = samples(&identities, "m");
        let all = all_pairs(&samples, 5_000, 10).unwrap();
        assert_eq!(all.n_impostor, 200 * 199 / 2 - 100);
        let kept = all.scores.impostor().len();
        assert!((4_700..5_300).contains(&kept), "{kept}");
        let whole = all_pairs(&samples, MAX_IMPOSTORS, 10).unwrap();
        assert_eq!(whole.worst_impostor, all.worst_impostor);
        assert!((whole.scores.fmr(0.1) - all.scores.fmr(0.1)).abs() < 0.02);
    }

    #[test]
    fn samples_that_cannot_be_compared_are_refused() {
        let mut two_models = samples(&[0, 1], "m");
        two_models.extend(samples(&[0], "n"));
        let error = all_pairs(&two_models, 10, 1).unwrap_err();
        assert!(matches!(error, AllPairsError::Compare(_)), "{error}");
        let error = all_pairs(&samples(&[0, 1], "m"), 10, 1).unwrap_err();
        assert!(matches!(error, AllPairsError::Scores(_)), "{error}");
        assert!(all_pairs(&[], 10, 1).is_err());
    }
}
