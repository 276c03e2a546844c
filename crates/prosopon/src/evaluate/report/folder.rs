//! A folder against itself: the parts of its page.

use super::identification::add_identification;
use super::verification::add_verification;
use super::worst::{ErrorPair, add_worst};
use super::written::{percent, percent_interval};
use crate::evaluate::folder::{FolderCurves, FolderOptions, FolderReport};
use crate::evaluate::verification::VerificationReport;
use crate::report::Page;

/// One sentence with the figures that people ask for first.
pub fn lead(report: &VerificationReport) -> String {
    let supported = report.fnmr_at_fmr.iter().rev().find(|at| at.supported);
    let fnmr = supported.or(report.fnmr_at_fmr.first()).map(|at| {
        format!(
            "{} of genuine comparisons are rejected (FNMR; 95 %: {}) where {} of impostor comparisons \
             are accepted (FMR); ",
            percent(at.fnmr.rate),
            percent_interval(at.fnmr.interval),
            percent(at.fmr)
        )
    });
    let eer = percent(report.eer);
    fnmr.unwrap_or_default() + &format!("both errors are equal at {eer} (EER).")
}

/// Adds all parts of a folder's page; `worst` are its worst genuine and its worst impostor comparisons.
pub fn add_folder(
    page: &mut Page,
    report: &FolderReport,
    curves: &FolderCurves,
    options: &FolderOptions,
    (genuine, impostor): (&[ErrorPair], &[ErrorPair]),
) {
    add_verification(page, &report.verification, &curves.curves);
    let identification_curves = curves.identification_curves.as_ref();
    add_identification(
        page,
        &report.identification,
        identification_curves,
        &options.how(),
    );
    add_worst_of_both(page, genuine, impostor);
}

/// Adds the worst comparisons of both kinds, with what they usually are.
pub fn add_worst_of_both(page: &mut Page, genuine: &[ErrorPair], impostor: &[ErrorPair]) {
    add_worst(
        page,
        "Least similar pictures of one person",
        "Errors of the network, bad pictures, a second person in the picture, or a wrong label: look \
         at them before believing the figures.",
        genuine,
    );
    add_worst(
        page,
        "Most similar pictures of different people",
        "Often it is one person under two names, which makes every threshold for a low false match \
         rate too high.",
        impostor,
    );
}
