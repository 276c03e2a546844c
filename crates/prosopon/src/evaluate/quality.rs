//! What a measure of quality is worth: if the worst faces are left out, are fewer genuine pairs missed?

use serde::Serialize;

use super::rate::Rate;
use crate::compare::{CompareError, similarity};
use crate::embed::Embedding;

/// A face with its identity.
#[derive(Debug, Clone)]
pub struct QualitySample {
    /// Whose face it is, as a number.
    pub identity: u32,
    /// How good it is said to be, in [0, 1].
    pub quality: f32,
    /// The face as a vector.
    pub embedding: Embedding,
}

/// Errors among the faces that are left.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rejected {
    /// Share of the faces, the worst, that is left out.
    pub rejected: f64,
    /// The quality that the others have at least.
    pub min_quality: f32,
    /// Genuine pairs among the others that are missed at the threshold.
    pub fnmr: Rate,
    /// Their mean similarity.
    pub mean_similarity: f64,
}

/// The curve of errors against rejection (Grother and Tabassi 2007): the false non-match rate at `threshold` without
/// the worst faces, for each of `shares`.
///
/// # Errors
/// [`CompareError`] if the embeddings are of different models.
pub fn errors_versus_rejects(
    samples: &[QualitySample],
    threshold: f32,
    shares: &[f64],
) -> Result<Vec<Rejected>, CompareError> {
    let mut order: Vec<&QualitySample> = samples.iter().collect();
    order.sort_by(|a, b| a.quality.total_cmp(&b.quality));
    // Genuine pairs by the places of their faces in that order.
    let mut pairs: Vec<(usize, u32, f32)> = Vec::new();
    for (i, a) in order.iter().enumerate() {
        for b in &order[i + 1..] {
            if a.identity == b.identity {
                let similarity = similarity(&a.embedding, &b.embedding)?.value();
                pairs.push((i, a.identity, similarity));
            }
        }
    }
    let of = |&rejected: &f64| {
        let first = ((rejected.clamp(0.0, 1.0) * order.len() as f64).round() as usize)
            .min(order.len().saturating_sub(1));
        // The worse face of a pair is the earlier one.
        let left = pairs.iter().filter(|(worse, ..)| *worse >= first);
        let outcomes: Vec<(u32, bool)> = left
            .clone()
            .map(|(_, identity, similarity)| (*identity, *similarity < threshold))
            .collect();
        let sum: f64 = left.map(|(.., similarity)| f64::from(*similarity)).sum();
        Rejected {
            rejected,
            min_quality: order.get(first).map_or(0.0, |sample| sample.quality),
            mean_similarity: sum / (outcomes.len().max(1)) as f64,
            fnmr: Rate::of(&outcomes),
        }
    };
    Ok(shares.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::ModelId;

    /// A face of `identity` that is off its direction by `off`.
    fn sample(identity: u32, quality: f32, off: f32) -> QualitySample {
        let mut values = vec![0.0; 4];
        values[identity as usize] = 1.0;
        values[3] = off;
        QualitySample {
            identity,
            quality,
            embedding: Embedding::from_values(ModelId::new("m@0"), values).unwrap(),
        }
    }

    #[test]
    fn without_the_worst_faces_fewer_pairs_are_missed() {
        let samples = [
            sample(0, 0.9, 0.0),
            sample(0, 0.8, 0.1),
            sample(0, 0.1, 9.0),
            sample(1, 0.7, 0.0),
            sample(1, 0.6, -0.1),
        ];
        let curve = errors_versus_rejects(&samples, 0.5, &[0.0, 0.2, 0.4]).unwrap();
        let counts: Vec<_> = curve
            .iter()
            .map(|r| (r.fnmr.events, r.fnmr.trials))
            .collect();
        assert_eq!(counts, [(2, 4), (0, 2), (0, 1)]);
        assert_eq!(curve[1].min_quality, 0.6);
        assert!(curve[1].mean_similarity > curve[0].mean_similarity);
        assert!(
            errors_versus_rejects(&[], 0.5, &[0.1]).unwrap()[0]
                .fnmr
                .trials
                == 0
        );
    }
}
