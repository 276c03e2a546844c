//! From `--fmr`, `--uncertain-fmr` or `--threshold` to what the model in use decides by.

use prosopon::{
    ActiveCalibration, CalibrationOrigin, DecisionRequest, DecisionRule, ModelId, Rates, Threshold,
};
use serde::Serialize;

use crate::args::{DecisionArgs, ThresholdArgs};
use crate::failure::Failure;
use crate::output::eprint;

/// The threshold that was asked for. A rate that the calibration cannot vouch for is remarked on.
pub(crate) fn resolve(
    args: &ThresholdArgs,
    model: &ModelId,
    calibration: Option<&ActiveCalibration>,
) -> Result<Threshold, Failure> {
    let asked = DecisionRequest {
        fmr: args.fmr,
        threshold: args.threshold,
        uncertain_fmr: Some(0.0),
    };
    Ok(resolved(model, calibration, asked, stored(calibration))?.threshold)
}

/// The rule that was asked for, by the calibration of `gallery` if it has one, else by the model's.
pub(crate) fn rule(
    args: &DecisionArgs,
    model: &ModelId,
    calibration: Option<&ActiveCalibration>,
    gallery: Option<&ActiveCalibration>,
) -> Result<DecisionRule, Failure> {
    let asked = DecisionRequest {
        fmr: args.threshold.fmr,
        threshold: args.threshold.threshold,
        uncertain_fmr: args.uncertain_fmr,
    };
    let rates = stored(gallery).or(stored(calibration));
    resolved(model, gallery.or(calibration), asked, rates)
}

fn stored(calibration: Option<&ActiveCalibration>) -> Rates {
    calibration.map(|active| active.rates).unwrap_or_default()
}

fn resolved(
    model: &ModelId,
    calibration: Option<&ActiveCalibration>,
    asked: DecisionRequest,
    rates: Rates,
) -> Result<DecisionRule, Failure> {
    let rule = DecisionRule::resolve(model, calibration, asked, rates)?;
    if let (Some(fmr), true) = (rule.threshold.fmr, rule.threshold.similarity >= 1.0) {
        eprint(&format!(
            "warning: nobody can be recognised at a false match rate of {fmr:e}: it asks for a similarity of {:.3}, and no two pictures exceed 1",
            rule.threshold.similarity
        ));
    }
    if let (Some(active), None, Some(fmr), false) = (
        calibration,
        asked.threshold,
        rule.threshold.fmr,
        rule.threshold.supported,
    ) {
        let table = &active.calibration;
        eprint(&format!(
            "note: {} comparisons vouch for a false match rate down to {:.1e}; the threshold for {fmr:e} is extrapolated",
            table.comparisons,
            table.lowest_supported_fmr(),
        ));
    }
    Ok(rule)
}

/// What a decision rests on, in JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RuleJson {
    pub(crate) threshold: f32,
    pub(crate) fmr: Option<f64>,
    /// Whether the calibration's data can vouch for `fmr`.
    pub(crate) fmr_supported: bool,
    /// Least similarity of an uncertain answer; null if there is none.
    pub(crate) uncertain_threshold: Option<f32>,
    pub(crate) uncertain_fmr: Option<f64>,
    /// Whose calibration it is; null for a model that nobody has measured.
    pub(crate) calibration: Option<CalibrationOrigin>,
    /// What that was measured on.
    pub(crate) calibration_source: Option<String>,
}

impl From<&DecisionRule> for RuleJson {
    fn from(rule: &DecisionRule) -> Self {
        let uncertain = rule.uncertain.as_ref();
        let basis = rule.basis.as_ref();
        Self {
            threshold: rule.threshold.similarity,
            fmr: rule.threshold.fmr,
            fmr_supported: rule.threshold.supported,
            uncertain_threshold: uncertain.map(|uncertain| uncertain.similarity),
            uncertain_fmr: uncertain.and_then(|uncertain| uncertain.fmr),
            calibration: basis.map(|basis| basis.origin),
            calibration_source: basis.map(|basis| basis.source.clone()),
        }
    }
}

/// `threshold 0.338, false match rate 1 in 1000`.
pub(crate) fn describe(rule: &DecisionRule) -> String {
    let rate = match rule.threshold.fmr {
        Some(fmr) => format!("false match rate {}", describe_rate(fmr)),
        None => "false match rate not known".to_owned(),
    };
    format!("threshold {:.3}, {rate}", rule.threshold.similarity)
}

/// What is unusual about a rule: `; uncertain from 0.244, 1 in 100; by the gallery's own calibration`.
pub(crate) fn remarks(rule: &DecisionRule) -> String {
    let mut text = String::new();
    if let Some(uncertain) = &rule.uncertain {
        text += &format!("; uncertain from {:.3}", uncertain.similarity);
        if let Some(fmr) = uncertain.fmr {
            text += &format!(", {}", describe_rate(fmr));
        }
    }
    match rule.basis.as_ref().map(|basis| basis.origin) {
        Some(CalibrationOrigin::Gallery) => text + "; by the gallery's own calibration",
        Some(CalibrationOrigin::Own) => text + "; by your own calibration",
        _ => text,
    }
}

/// A whole number with no more digits than the rates deserve: 58823530 becomes 58800000.
fn three_digits(number: f64) -> f64 {
    let unit = 10_f64.powf((number.log10() - 2.0).floor().max(0.0));
    (number / unit).round() * unit
}

/// `1 in 1000`.
pub(crate) fn describe_rate(rate: f64) -> String {
    if rate <= 0.0 {
        "0".to_owned()
    } else if rate < 0.5 {
        format!("1 in {}", three_digits(1.0 / rate))
    } else {
        format!("{:.0} %", rate * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        for (rate, words) in [
            (1e-3, "1 in 1000"),
            (1.7e-8, "1 in 58800000"),
            (0.3, "1 in 3"),
            (0.004_995, "1 in 200"),
            (1.0 / 1234.0, "1 in 1230"),
            (0.7, "70 %"),
            (0.0, "0"),
        ] {
            assert_eq!(describe_rate(rate), words);
        }
    }
}
