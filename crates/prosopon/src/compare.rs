//! Comparing two faces: similarity, a threshold that stands for an error rate, and the decision.

mod calibration;
mod decision;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::embed::{Embedding, ModelId};

pub use calibration::{
    ActiveCalibration, Calibration, CalibrationOrigin, CalibrationPoint, Rates, StoredCalibration,
};
pub use decision::{Basis, DEFAULT_FMR, Decision, DecisionRequest, DecisionRule, Threshold};

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

/// Three digits after the point; never `-0.000`.
impl fmt::Display for Similarity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.0.abs() < 5e-4 { 0.0 } else { self.0 };
        write!(f, "{value:.3}")
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

/// The answer to "is the probe the person of the reference?", with all that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// How close the two are.
    pub similarity: Similarity,
    /// What that means.
    pub decision: Decision,
    /// What it was decided by.
    pub rule: DecisionRule,
}

/// Decides whether `probe` and `reference` show one person.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if the embeddings are of different models,
/// [`CompareError::ThresholdModel`] if the rule is for another one.
pub fn verify(
    probe: &Embedding,
    reference: &Embedding,
    rule: &DecisionRule,
) -> Result<Verification, CompareError> {
    let similarity = similarity(probe, reference)?;
    if rule.threshold.model != *probe.model() {
        return Err(CompareError::ThresholdModel {
            threshold: rule.threshold.model.clone(),
            embedding: probe.model().clone(),
        });
    }
    Ok(Verification {
        similarity,
        decision: rule.decide(similarity),
        rule: rule.clone(),
    })
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
    /// A rate was to decide for a model that nobody has measured.
    #[error("model `{model}` has no calibration, so no threshold for an error rate")]
    NotCalibrated {
        /// The model.
        model: ModelId,
    },
    /// Something that is no rate.
    #[error("expected a rate above 0, at most 1, found {found}")]
    Rate {
        /// What was given.
        found: f64,
    },
    /// The answers "match" and "uncertain" are in the wrong order.
    #[error(
        "expected an uncertain rate above {}, the rate of a match, found {uncertain_fmr}",
        fmr.map_or_else(|| "that of the threshold".to_owned(), |fmr| fmr.to_string())
    )]
    UncertainRate {
        /// False match rate of a match; none if it is not known.
        fmr: Option<f64>,
        /// The rate that was to be the looser one.
        uncertain_fmr: f64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(model: &str, values: &[f32]) -> Embedding {
        Embedding::from_values(ModelId::new(model), values.to_vec()).unwrap()
    }

    #[test]
    fn similarity_is_symmetric_and_one_with_itself() {
        let (a, b) = (embedding("m", &[3.0, 4.0]), embedding("m", &[4.0, -3.0]));
        assert_eq!(similarity(&a, &a).unwrap().value(), 1.0);
        assert_eq!(similarity(&a, &b).unwrap(), similarity(&b, &a).unwrap());
        assert!(similarity(&a, &b).unwrap().value().abs() < 1e-6);
    }

    #[test]
    fn three_digits_are_shown_and_no_negative_zero() {
        for (value, expected) in [
            (0.645_4, "0.645"),
            (-0.000_4, "0.000"),
            (-0.000_6, "-0.001"),
            (1.2, "1.000"),
        ] {
            assert_eq!(Similarity::new(value).to_string(), expected);
        }
    }

    #[test]
    fn models_are_never_mixed() {
        let (a, b) = (embedding("m", &[1.0]), embedding("n", &[1.0]));
        assert!(similarity(&a, &b).is_err());
        let threshold = Threshold::from_similarity(ModelId::new("n"), 0.5, None);
        assert!(verify(&a, &a, &threshold.into()).is_err());
    }
}
