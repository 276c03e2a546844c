//! From a similarity to an answer: yes, no, or uncertain.

use serde::{Deserialize, Serialize};

use super::{ActiveCalibration, Calibration, CalibrationOrigin, CompareError, Rates, Similarity};
use crate::embed::ModelId;

/// The false match rate of decisions for which nobody, anywhere, has chosen one.
pub const DEFAULT_FMR: f64 = 1e-3;

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

/// What a similarity means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// One person.
    Match,
    /// Too close for strangers, not close enough for a match: somebody should look.
    Uncertain,
    /// Different people.
    NoMatch,
}

/// How one request, or command line, wants to decide; what is none is decided elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DecisionRequest {
    /// False match rate of a match.
    pub fmr: Option<f64>,
    /// False match rate from which on it is uncertain; 0 for two answers only.
    pub uncertain_fmr: Option<f64>,
    /// Least similarity of a match, in place of a rate.
    pub threshold: Option<f32>,
}

/// The calibration behind a decision, for people to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// Whose calibration it is.
    pub origin: CalibrationOrigin,
    /// What it was measured on.
    pub source: String,
}

/// Two thresholds, and what they rest on: from the higher one on it is a match, between the two it is
/// uncertain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionRule {
    /// From here on it is a match.
    pub threshold: Threshold,
    /// From here on, and below `threshold`, it is uncertain. None: there is no answer between.
    pub uncertain: Option<Threshold>,
    /// Whose calibration says so; none for a model that nobody has measured.
    pub basis: Option<Basis>,
}

/// A rule of two answers.
impl From<Threshold> for DecisionRule {
    fn from(threshold: Threshold) -> Self {
        Self {
            threshold,
            uncertain: None,
            basis: None,
        }
    }
}

impl DecisionRule {
    /// The rule for similarities of `model`: as asked, else by `defaults`, else by [`DEFAULT_FMR`].
    ///
    /// An uncertain rate among the defaults that is not looser than the rate of a match leaves no room
    /// between the two and is passed over; so is any where a similarity was asked for in place of a
    /// rate. One that was asked for must fit.
    ///
    /// # Errors
    /// [`CompareError::NotCalibrated`] if a rate decides and there is no calibration,
    /// [`CompareError::UncertainRate`] if the uncertain rate that was asked for is not the looser one.
    pub fn resolve(
        model: &ModelId,
        calibration: Option<&ActiveCalibration>,
        asked: DecisionRequest,
        defaults: Rates,
    ) -> Result<Self, CompareError> {
        let table = calibration.map(|active| &active.calibration);
        let by_rate = |fmr| {
            let table = table.ok_or_else(|| CompareError::NotCalibrated {
                model: model.clone(),
            })?;
            Ok(table.threshold(model.clone(), fmr))
        };
        let threshold = match asked.threshold {
            Some(similarity) => Threshold::from_similarity(model.clone(), similarity, table),
            None => by_rate(asked.fmr.or(defaults.fmr).unwrap_or(DEFAULT_FMR))?,
        };
        let default = defaults.uncertain_fmr.filter(|_| asked.threshold.is_none());
        let uncertain = match asked.uncertain_fmr.or(default).filter(|&rate| rate > 0.0) {
            None => None,
            Some(rate) => {
                let looser = by_rate(rate)?;
                let is_looser = looser.similarity < threshold.similarity;
                if !is_looser && asked.uncertain_fmr.is_some() {
                    return Err(CompareError::UncertainRate {
                        fmr: threshold.fmr,
                        uncertain_fmr: rate,
                    });
                }
                is_looser.then_some(looser)
            }
        };
        Ok(Self {
            threshold,
            uncertain,
            basis: calibration.map(|active| Basis {
                origin: active.origin,
                source: active.calibration.source.clone(),
            }),
        })
    }

    /// What `similarity` means.
    pub fn decide(&self, similarity: Similarity) -> Decision {
        let reaches = |threshold: &Threshold| threshold.accepts(similarity);
        if reaches(&self.threshold) {
            Decision::Match
        } else if self.uncertain.as_ref().is_some_and(reaches) {
            Decision::Uncertain
        } else {
            Decision::NoMatch
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::CalibrationPoint;

    fn active() -> ActiveCalibration {
        ActiveCalibration::shipped(
            CalibrationOrigin::Catalogue,
            Calibration {
                source: "a test".to_owned(),
                comparisons: 1_000_000,
                points: vec![
                    CalibrationPoint::new(1e-1, 0.1),
                    CalibrationPoint::new(1e-4, 0.4),
                ],
            },
        )
    }

    fn resolve(asked: DecisionRequest, defaults: Rates) -> Result<DecisionRule, CompareError> {
        DecisionRule::resolve(&ModelId::new("m"), Some(&active()), asked, defaults)
    }

    fn asked(fmr: Option<f64>, uncertain_fmr: Option<f64>) -> DecisionRequest {
        DecisionRequest {
            fmr,
            uncertain_fmr,
            threshold: None,
        }
    }

    #[test]
    fn between_two_rates_it_is_uncertain() {
        let rule = resolve(asked(Some(1e-4), Some(1e-2)), Rates::default()).unwrap();
        let decide = |cosine| rule.decide(Similarity::new(cosine));
        assert_eq!(decide(0.41), Decision::Match);
        assert_eq!(decide(0.4), Decision::Match);
        assert_eq!(decide(0.39), Decision::Uncertain);
        assert_eq!(decide(0.21), Decision::Uncertain);
        assert_eq!(decide(0.19), Decision::NoMatch);
        assert_eq!(rule.basis.unwrap().origin, CalibrationOrigin::Catalogue);
    }

    #[test]
    fn there_are_two_answers_unless_a_third_is_chosen() {
        let rule = resolve(DecisionRequest::default(), Rates::default()).unwrap();
        assert_eq!(rule.threshold.fmr, Some(DEFAULT_FMR));
        assert_eq!(rule.uncertain, None);
        assert_eq!(rule.decide(Similarity::new(0.29)), Decision::NoMatch);
    }

    #[test]
    fn what_is_asked_goes_before_what_is_stored() {
        let stored = Rates {
            fmr: Some(1e-4),
            uncertain_fmr: Some(1e-2),
        };
        let rates = |request| {
            let rule = resolve(request, stored).unwrap();
            (rule.threshold.fmr, rule.uncertain.and_then(|u| u.fmr))
        };
        assert_eq!(rates(asked(None, None)), (Some(1e-4), Some(1e-2)));
        assert_eq!(rates(asked(Some(1e-3), None)), (Some(1e-3), Some(1e-2)));
        assert_eq!(rates(asked(None, Some(0.0))), (Some(1e-4), None));
        // No room between the two.
        assert_eq!(rates(asked(Some(1e-2), None)), (Some(1e-2), None));
        let similarity = DecisionRequest {
            threshold: Some(0.3),
            ..asked(None, None)
        };
        assert_eq!(resolve(similarity, stored).unwrap().uncertain, None);
    }

    #[test]
    fn an_uncertain_rate_that_was_asked_for_must_be_the_looser_one() {
        let refused = |request| resolve(request, Rates::default()).unwrap_err().to_string();
        let message = refused(asked(Some(1e-3), Some(1e-4)));
        assert!(
            message.contains("above 0.001") && message.contains("0.0001"),
            "{message}"
        );
        let similarity = DecisionRequest {
            threshold: Some(0.05),
            ..asked(None, Some(1e-2))
        };
        refused(similarity);
    }

    #[test]
    fn rates_need_a_calibration_and_similarities_do_not() {
        let model = ModelId::new("m");
        let resolve = |request| DecisionRule::resolve(&model, None, request, Rates::default());
        assert!(matches!(
            resolve(asked(Some(1e-3), None)),
            Err(CompareError::NotCalibrated { .. })
        ));
        let similarity = DecisionRequest {
            threshold: Some(0.3),
            ..DecisionRequest::default()
        };
        let rule = resolve(similarity).unwrap();
        assert_eq!((rule.threshold.fmr, rule.basis), (None, None));
        let both = DecisionRequest {
            uncertain_fmr: Some(1e-2),
            ..similarity
        };
        assert!(resolve(both).is_err());
    }
}
