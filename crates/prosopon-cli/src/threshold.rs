//! From `--fmr` or `--threshold` to a threshold of the model in use.

use prosopon::{Calibration, ModelId, Threshold};

use crate::args::ThresholdArgs;
use crate::failure::{Exit, Failure};
use crate::output::eprint;

/// The threshold that was asked for. A rate that the calibration cannot vouch for is remarked on.
pub(crate) fn resolve(
    args: &ThresholdArgs,
    model: &ModelId,
    calibration: Option<&Calibration>,
) -> Result<Threshold, Failure> {
    if let Some(similarity) = args.threshold {
        return Ok(Threshold::from_similarity(
            model.clone(),
            similarity,
            calibration,
        ));
    }
    let Some(calibration) = calibration else {
        let message =
            format!("model `{model}` has no calibration, so no threshold for an error rate");
        return Err(Failure::new(Exit::Usage, "not_calibrated", message).with_hint(
            "pass `--threshold SIM`, or measure one with `prosopon calibrate DIR` and put it into the model's description",
        ));
    };
    let threshold = calibration.threshold(model.clone(), args.fmr);
    if !threshold.supported {
        eprint(&format!(
            "note: {} comparisons vouch for a false match rate down to {:.0e}; the threshold for {:.0e} is extrapolated",
            calibration.comparisons,
            calibration.lowest_supported_fmr(),
            args.fmr,
        ));
    }
    Ok(threshold)
}

/// `similarity ≥ 0.329, false match rate 1e-3`.
pub(crate) fn describe(threshold: &Threshold) -> String {
    let rate = match threshold.fmr {
        Some(fmr) => format!("false match rate {}", describe_rate(fmr)),
        None => "false match rate not known".to_owned(),
    };
    format!("threshold {:.3}, {rate}", threshold.similarity)
}

/// `1 in 1000`.
pub(crate) fn describe_rate(rate: f64) -> String {
    if rate <= 0.0 {
        "0".to_owned()
    } else if rate < 0.5 {
        format!("1 in {}", (1.0 / rate).round())
    } else {
        format!("{:.0} %", rate * 100.0)
    }
}
