//! Boxes: tables and curves.

use super::charts;
use super::written::{grouped, rate};
use crate::evaluate::detection::DetectionReport;
use crate::report::Page;

/// Adds what a detector got right.
pub fn add_detection(page: &mut Page, report: &DetectionReport) {
    page.heading("Detection");
    page.facts(&[
        ("pictures", grouped(report.pictures as u64)),
        (
            "labelled faces",
            format!(
                "{}, and {} that count neither way",
                grouped(report.faces as u64),
                grouped(report.ignored as u64)
            ),
        ),
        ("recall", rate(&report.recall)),
        ("precision", rate(&report.precision)),
        (
            "false positives",
            format!(
                "{}, {:.3} a picture",
                grouped(report.false_positives as u64),
                report.false_positives_per_picture
            ),
        ),
        ("average precision", format!("{:.4}", report.ap)),
    ]);
    page.paragraph(&format!(
        "A detection is right if it overlaps a labelled face by at least {} (intersection over \
         union), each face by one detection. Recall, precision and false positives count detections \
         of a confidence of at least {}; average precision looks at all. Intervals are of 95 %, by \
         drawing pictures with replacement.",
        report.iou, report.confidence
    ));
}

/// Adds the curve of precision against recall, from
/// [`precision_recall`](crate::evaluate::detection::precision_recall).
pub fn add_precision_recall(page: &mut Page, points: &[(f64, f64)], report: &DetectionReport) {
    let decision = (report.recall.rate, report.precision.rate);
    page.figure(
        &charts::precision_recall(points, decision),
        "Precision against recall over all confidences: nearer to the upper right is better.",
    );
}
