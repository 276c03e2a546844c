//! Comparing two faces: similarity, a threshold that stands for an error rate, and the decision.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::embed::{Embedding, ModelId};

/// Cosine of the angle between two embeddings, in [−1, 1]; higher is closer.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Similarity(f32);

impl Similarity {
    /// A similarity from its value, clamped to [−1, 1].
    pub fn new(cosine: f32) -> Self {
        Self(cosine.clamp(-1.0, 1.0))
    }

    /// The cosine.
    pub fn value(self) -> f32 {
        self.0
    }
}

impl fmt::Display for Similarity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

/// How close `probe` and `reference` are.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if two models made them.
pub fn similarity(probe: &Embedding, reference: &Embedding) -> Result<Similarity, CompareError> {
    if probe.model() != reference.model() {
        return Err(CompareError::ModelMismatch {
            probe: probe.model().clone(),
            reference: reference.model().clone(),
        });
    }
    let cosine = probe
        .values()
        .iter()
        .zip(reference.values())
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum::<f64>();
    Ok(Similarity::new(cosine as f32))
}

/// Two faces are taken for one person when their similarity is at least this.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The model whose similarities it is for.
    pub model: ModelId,
    /// Least similarity of a match.
    pub similarity: f32,
    /// The false match rate it stands for: the share of comparisons between different people that
    /// are accepted. None when the model has no calibration.
    pub fmr: Option<f64>,
    /// Whether the calibration's comparisons are enough to vouch for `fmr`; see
    /// [`Calibration::lowest_supported_fmr`].
    pub supported: bool,
}

impl Threshold {
    /// A threshold given as a similarity; the calibration, if there is one, tells its rate.
    pub fn from_similarity(
        model: ModelId,
        similarity: f32,
        calibration: Option<&Calibration>,
    ) -> Self {
        let fmr = calibration.map(|c| c.fmr_at(similarity));
        Self {
            model,
            similarity,
            fmr,
            supported: calibration
                .zip(fmr)
                .is_some_and(|(c, fmr)| fmr >= c.lowest_supported_fmr()),
        }
    }

    /// Whether `similarity` is a match.
    pub fn accepts(&self, similarity: Similarity) -> bool {
        similarity.value() >= self.similarity
    }
}

/// The answer to "is the probe the person of the reference?", with all that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// How close the two are.
    pub similarity: Similarity,
    /// What was asked of the similarity.
    pub threshold: Threshold,
    /// Whether it was enough.
    pub is_match: bool,
}

/// Decides whether `probe` and `reference` show one person.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if the embeddings or the threshold are of different models.
pub fn verify(
    probe: &Embedding,
    reference: &Embedding,
    threshold: &Threshold,
) -> Result<Verification, CompareError> {
    let similarity = similarity(probe, reference)?;
    if threshold.model != *probe.model() {
        return Err(CompareError::ThresholdModel {
            threshold: threshold.model.clone(),
            embedding: probe.model().clone(),
        });
    }
    Ok(Verification {
        similarity,
        threshold: threshold.clone(),
        is_match: threshold.accepts(similarity),
    })
}

/// The false match rates of a model's similarities, measured on impostor pairs.
///
/// Points are in order of falling rate and rising similarity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// What was compared, e.g. "LFW, folds 1 to 3, all impostor pairs".
    pub source: String,
    /// Impostor comparisons behind the table.
    pub comparisons: u64,
    /// Thresholds by falling false match rate; at least two.
    pub points: Vec<CalibrationPoint>,
}

/// One row of a [`Calibration`]: at this similarity, this share of impostors is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationPoint {
    /// False match rate: the share of impostor comparisons at or above `similarity`.
    pub fmr: f64,
    /// The smallest similarity that keeps to that rate.
    pub similarity: f32,
}

/// False matches that must have been seen for a rate to be vouched for: with 30 of them the rate
/// is known to ± 30 % at 90 % confidence (Doddington et al. 2000, the "rule of 30").
const ENOUGH_FALSE_MATCHES: f64 = 30.0;

impl Calibration {
    /// Checks order and ranges.
    ///
    /// # Errors
    /// [`CompareError::Calibration`] with what is wrong.
    pub fn check(&self) -> Result<(), CompareError> {
        let wrong = |reason| Err(CompareError::Calibration { reason });
        if self.points.len() < 2 {
            return wrong("it needs at least two points");
        }
        let in_range = |p: &CalibrationPoint| {
            p.fmr > 0.0 && p.fmr <= 1.0 && (-1.0..=1.0).contains(&p.similarity)
        };
        if !self.points.iter().all(in_range) {
            return wrong("rates lie in (0, 1] and similarities in [-1, 1]");
        }
        let in_order =
            |w: &[CalibrationPoint]| w[0].fmr > w[1].fmr && w[0].similarity < w[1].similarity;
        if !self.points.windows(2).all(in_order) {
            return wrong("rates must fall and similarities rise from point to point");
        }
        Ok(())
    }

    /// The lowest rate that the comparisons can vouch for; lower ones are extrapolated.
    pub fn lowest_supported_fmr(&self) -> f64 {
        ENOUGH_FALSE_MATCHES / self.comparisons as f64
    }

    /// The threshold of `model` for a false match rate.
    ///
    /// Between the points, and beyond the last, the logarithm of the rate is taken as linear in
    /// the similarity.
    pub fn threshold(&self, model: ModelId, fmr: f64) -> Threshold {
        let (a, b) = self.segment(|point| point.fmr <= fmr);
        let share = (fmr.ln() - a.fmr.ln()) / (b.fmr.ln() - a.fmr.ln());
        let similarity = f64::from(a.similarity) + share * f64::from(b.similarity - a.similarity);
        Threshold {
            model,
            similarity: similarity.clamp(-1.0, 1.0) as f32,
            fmr: Some(fmr),
            supported: fmr >= self.lowest_supported_fmr(),
        }
    }

    /// The false match rate of a threshold, at most 1; interpolated as [`Self::threshold`] does.
    pub fn fmr_at(&self, similarity: f32) -> f64 {
        let (a, b) = self.segment(|point| point.similarity >= similarity);
        let share = f64::from(similarity - a.similarity) / f64::from(b.similarity - a.similarity);
        (a.fmr.ln() + share * (b.fmr.ln() - a.fmr.ln()))
            .exp()
            .min(1.0)
    }

    /// The two neighbouring points between which `is_beyond` turns true, or the outermost two.
    fn segment(
        &self,
        is_beyond: impl Fn(&CalibrationPoint) -> bool,
    ) -> (CalibrationPoint, CalibrationPoint) {
        let last = self.points.len() - 1;
        let right = self
            .points
            .iter()
            .position(is_beyond)
            .unwrap_or(last)
            .clamp(1, last);
        (self.points[right - 1], self.points[right])
    }
}

/// Why two faces could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The two vectors share no space.
    #[error(
        "cannot compare embeddings of different models: probe `{probe}`, reference `{reference}`"
    )]
    ModelMismatch {
        /// Model of the probe.
        probe: ModelId,
        /// Model of the reference.
        reference: ModelId,
    },
    /// The threshold says nothing about this model.
    #[error("expected a threshold of model `{embedding}`, found one of `{threshold}`")]
    ThresholdModel {
        /// Model of the threshold.
        threshold: ModelId,
        /// Model of the embeddings.
        embedding: ModelId,
    },
    /// A calibration table that contradicts itself.
    #[error("calibration table is not usable: {reason}")]
    Calibration {
        /// What is wrong.
        reason: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(model: &str, values: &[f32]) -> Embedding {
        Embedding::from_values(ModelId::new(model), values.to_vec()).unwrap()
    }

    fn calibration() -> Calibration {
        let point = |fmr, similarity| CalibrationPoint { fmr, similarity };
        Calibration {
            source: "a test".to_owned(),
            comparisons: 300_000,
            points: vec![point(1e-1, 0.1), point(1e-2, 0.2), point(1e-3, 0.35)],
        }
    }

    #[test]
    fn similarity_is_symmetric_and_one_with_itself() {
        let (a, b) = (embedding("m", &[3.0, 4.0]), embedding("m", &[4.0, -3.0]));
        assert_eq!(similarity(&a, &a).unwrap().value(), 1.0);
        assert_eq!(similarity(&a, &b).unwrap(), similarity(&b, &a).unwrap());
        assert!(similarity(&a, &b).unwrap().value().abs() < 1e-6);
    }

    #[test]
    fn models_are_never_mixed() {
        let (a, b) = (embedding("m", &[1.0]), embedding("n", &[1.0]));
        assert!(similarity(&a, &b).is_err());
        let threshold = Threshold::from_similarity(ModelId::new("n"), 0.5, None);
        assert!(verify(&a, &a, &threshold).is_err());
    }

    #[test]
    fn thresholds_follow_the_table_and_its_logarithm_between() {
        let table = calibration();
        let at = |fmr| table.threshold(ModelId::new("m"), fmr).similarity;
        assert_eq!(at(1e-2), 0.2);
        assert!((at(10f64.powf(-2.5)) - 0.275).abs() < 1e-6);
        assert!((at(1e-4) - 0.5).abs() < 1e-6, "beyond the last point");
        for similarity in [0.05, 0.1, 0.17, 0.2, 0.3, 0.35, 0.4] {
            let back = at(table.fmr_at(similarity));
            assert!(
                (back - similarity).abs() < 1e-5,
                "{similarity} became {back}"
            );
        }
        assert_eq!(table.fmr_at(-1.0), 1.0);
    }

    #[test]
    fn a_rate_below_the_data_is_not_vouched_for() {
        let table = calibration();
        assert!(table.threshold(ModelId::new("m"), 1e-3).supported);
        assert!(!table.threshold(ModelId::new("m"), 1e-5).supported);
    }

    #[test]
    fn tables_that_contradict_themselves_are_refused() {
        assert!(calibration().check().is_ok());
        let mut unordered = calibration();
        unordered.points.swap(0, 1);
        assert!(unordered.check().is_err());
        let mut short = calibration();
        short.points.truncate(1);
        assert!(short.check().is_err());
    }
}
