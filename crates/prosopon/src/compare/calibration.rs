//! From false match rates to similarities, measured on impostor pairs; and whose measurement it is.

use serde::{Deserialize, Serialize};

use super::{CompareError, Threshold};
use crate::embed::ModelId;

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
    /// Impostor comparisons that were accepted; none in tables that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_matches: Option<u64>,
    /// The rate that as many other people will meet lies in here, at 95 % confidence; see
    /// [`crate::evaluate::calibrate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fmr_interval: Option<[f64; 2]>,
}

impl CalibrationPoint {
    /// A row without the evidence behind it.
    pub fn new(fmr: f64, similarity: f32) -> Self {
        Self {
            fmr,
            similarity,
            false_matches: None,
            fmr_interval: None,
        }
    }
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
        if self.comparisons == 0 {
            return wrong("it needs comparisons");
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

/// The rates to decide by where nobody asks for others. One that is none is left to the next in
/// line: see [`Rates::or`].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// False match rate of a match, in (0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fmr: Option<f64>,
    /// False match rate from which on a similarity is at least uncertain, in (0, 1] and above `fmr`;
    /// 0 for two answers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertain_fmr: Option<f64>,
}

impl Rates {
    /// These, and where they are none those of `wider`.
    #[must_use]
    pub fn or(self, wider: Self) -> Self {
        Self {
            fmr: self.fmr.or(wider.fmr),
            uncertain_fmr: self.uncertain_fmr.or(wider.uncertain_fmr),
        }
    }

    /// Checks ranges and order.
    ///
    /// # Errors
    /// [`CompareError::Rate`], or [`CompareError::UncertainRate`] if the uncertain rate is not the
    /// looser one.
    pub fn check(&self) -> Result<(), CompareError> {
        let is_rate = |rate: f64| rate > 0.0 && rate <= 1.0;
        if let Some(found) = self.fmr.filter(|&rate| !is_rate(rate)) {
            return Err(CompareError::Rate { found });
        }
        let uncertain = self.uncertain_fmr.filter(|&rate| rate != 0.0);
        if let Some(found) = uncertain.filter(|&rate| !is_rate(rate)) {
            return Err(CompareError::Rate { found });
        }
        match (self.fmr, uncertain) {
            (Some(fmr), Some(uncertain_fmr)) if uncertain_fmr <= fmr => {
                Err(CompareError::UncertainRate {
                    fmr: Some(fmr),
                    uncertain_fmr,
                })
            }
            _ => Ok(()),
        }
    }
}

/// A calibration that a user measured and stored, for a gallery or for a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredCalibration {
    /// The model whose similarities were measured.
    pub model: ModelId,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub created_millis: i64,
    /// The rates that were chosen with it.
    #[serde(default)]
    pub rates: Rates,
    /// The table.
    pub calibration: Calibration,
}

impl StoredCalibration {
    /// Checks what was read from a place that others can write to.
    ///
    /// # Errors
    /// As [`Calibration::check`] and [`Rates::check`].
    pub fn check(&self) -> Result<(), CompareError> {
        self.calibration.check()?;
        self.rates.check()
    }
}

/// Whose calibration decides; a narrower one goes before a wider one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationOrigin {
    /// Stored in the gallery that is asked.
    Gallery,
    /// Stored by the user for the model.
    Own,
    /// The description of a model of the user's own.
    Description,
    /// The catalogue of models.
    Catalogue,
}

impl CalibrationOrigin {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gallery => "gallery",
            Self::Own => "own",
            Self::Description => "description",
            Self::Catalogue => "catalogue",
        }
    }
}

/// The calibration that decides, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveCalibration {
    /// Whose it is.
    pub origin: CalibrationOrigin,
    /// The table.
    pub calibration: Calibration,
    /// The rates that were chosen with it.
    pub rates: Rates,
}

impl ActiveCalibration {
    /// One that comes with a model.
    pub fn shipped(origin: CalibrationOrigin, calibration: Calibration) -> Self {
        Self {
            origin,
            calibration,
            rates: Rates::default(),
        }
    }

    /// What a user stored, if it is for `model`; similarities of other models are other numbers.
    pub fn stored(
        origin: CalibrationOrigin,
        stored: StoredCalibration,
        model: &ModelId,
    ) -> Option<Self> {
        (stored.model == *model).then_some(Self {
            origin,
            calibration: stored.calibration,
            rates: stored.rates,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        Calibration {
            source: "a test".to_owned(),
            comparisons: 300_000,
            points: vec![
                CalibrationPoint::new(1e-1, 0.1),
                CalibrationPoint::new(1e-2, 0.2),
                CalibrationPoint::new(1e-3, 0.35),
            ],
        }
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
        let mut empty = calibration();
        empty.comparisons = 0;
        assert!(empty.check().is_err());
    }

    #[test]
    fn the_narrower_rates_go_first_and_must_be_in_order() {
        let rates = |fmr, uncertain_fmr| Rates { fmr, uncertain_fmr };
        let both = rates(Some(1e-4), None).or(rates(Some(1e-3), Some(1e-2)));
        assert_eq!(both, rates(Some(1e-4), Some(1e-2)));
        for good in [
            Rates::default(),
            both,
            rates(Some(1.0), Some(0.0)),
            rates(None, Some(1e-2)),
        ] {
            assert!(good.check().is_ok(), "{good:?}");
        }
        for bad in [
            rates(Some(1e-2), Some(1e-2)),
            rates(Some(1e-2), Some(1e-3)),
            rates(Some(0.0), None),
            rates(None, Some(1.5)),
            rates(Some(f64::NAN), None),
            rates(None, Some(f64::NAN)),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
