//! Living faces and copies: tables and a curve.

use super::charts;
use super::written::rate;
use crate::evaluate::liveness::LivenessReport;
use crate::report::Page;

/// Adds the errors on living faces and on each kind of attack.
pub fn add_liveness(page: &mut Page, report: &LivenessReport, curve: &[(f64, f64)]) {
    page.heading("Living faces and copies");
    let value = |value: Option<f64>| value.map_or("no trials".to_owned(), |v| format!("{v:.4}"));
    page.facts(&[
        ("threshold", format!("{}", report.threshold)),
        ("living faces refused (BPCER)", rate(&report.bpcer)),
        (
            "pictures of living people without a face",
            report.without_face.to_string(),
        ),
        ("worst APCER", value(report.worst_apcer)),
        ("ACER, mean of worst APCER and BPCER", value(report.acer)),
        ("area under the curve", value(report.auc)),
    ]);
    let rows: Vec<Vec<String>> = report
        .attacks
        .iter()
        .map(|attack| {
            vec![
                attack.attack.clone(),
                rate(&attack.apcer),
                attack.without_face.to_string(),
            ]
        })
        .collect();
    page.table(
        &["attack", "copies that pass (APCER)", "without a face"],
        &rows,
    );
    page.paragraph(
        "Rates count pictures in which a face was found; intervals are of 95 %, by drawing pictures with replacement. \
         Copies of another kind, printer, screen or camera may fare otherwise.",
    );
    if !curve.is_empty() {
        let decision = report.worst_apcer.map(|apcer| (apcer, report.bpcer.rate));
        page.figure(
            &charts::presentation(curve, decision),
            "Living faces refused against copies that pass, over all thresholds: nearer to the lower left is better.",
        );
    }
}
