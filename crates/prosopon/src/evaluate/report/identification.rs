//! One to many: tables and curves.

use super::charts::{self, ONE_TO_MANY, Trials};
use super::written::{grouped, operating_point, rate};
use crate::evaluate::identification::IdentificationReport;
use crate::evaluate::rate::Rate;
use crate::evaluate::verification::Curves;
use crate::report::Page;

/// Adds what searches of a gallery came to; `curves` are those of
/// [`identification::scores`](crate::evaluate::identification::scores), if there are probes of both
/// kinds. `how` says how gallery and probes were made.
pub fn add_identification(
    page: &mut Page,
    report: &IdentificationReport,
    curves: Option<&Curves>,
    how: &str,
) {
    page.heading("Identification, one to many");
    page.paragraph(how);
    page.facts(&[
        (
            "people in the gallery",
            grouped(report.gallery_identities as u64),
        ),
        (
            "mated probes",
            format!(
                "{}; {} without a face, each a miss",
                grouped(report.mated as u64),
                grouped(report.undetected_mated as u64)
            ),
        ),
        (
            "non-mated probes",
            format!(
                "{}; {} without a face, each turned away",
                grouped(report.non_mated as u64),
                grouped(report.undetected_non_mated as u64)
            ),
        ),
    ]);
    add_rates(page, report);
    page.paragraph(
        "FPIR is the share of probes of strangers for whom somebody is found, FNIR the share of \
         probes of people in the gallery who are not found: somebody else is closer, or they are \
         below the threshold. Both depend on how many people the gallery has.",
    );
    if report.cmc.len() > 1 {
        page.figure(
            &charts::cmc(&report.cmc),
            "CMC: the share of mated probes whose person is among the best candidates, by how many \
             are looked at.",
        );
    }
    if let Some(curves) = curves {
        let trials = Trials {
            genuine: report.mated as u64,
            impostor: report.non_mated as u64,
        };
        let points: Vec<(f64, f64)> = report
            .at_threshold
            .iter()
            .filter_map(|at| Some((at.fpir?.rate, at.fnir?.rate)))
            .collect();
        page.figure(
            &charts::det(ONE_TO_MANY, curves, trials, &points),
            "Open-set DET curve on normal-deviate axes.",
        );
    }
}

/// Tables of the closed set, of FNIR at each FPIR, and of all rates at each threshold.
fn add_rates(page: &mut Page, report: &IdentificationReport) {
    if !report.ranks.is_empty() {
        let rows: Vec<Vec<String>> = report
            .ranks
            .iter()
            .map(|at| vec![at.rank.to_string(), rate(&at.identified)])
            .collect();
        page.table(&["rank", "person is among the best so many"], &rows);
    }
    if !report.fnir_at_fpir.is_empty() {
        let rows: Vec<Vec<String>> = report
            .fnir_at_fpir
            .iter()
            .map(|at| {
                operating_point(
                    at.fpir,
                    &at.fnir,
                    at.threshold,
                    at.supported,
                    "false positives",
                )
            })
            .collect();
        page.table(&["FPIR", "FNIR", "threshold", "remark"], &rows);
    }
    if !report.at_threshold.is_empty() {
        let written = |found: Option<Rate>| found.map_or("no probes".to_owned(), |r| rate(&r));
        let rows: Vec<Vec<String>> = report
            .at_threshold
            .iter()
            .map(|at| {
                vec![
                    format!("{:.4}", at.threshold),
                    written(at.fpir),
                    written(at.fnir),
                    written(at.fnmr),
                ]
            })
            .collect();
        page.table(
            &[
                "threshold",
                "FPIR",
                "FNIR",
                "below it with their own person",
            ],
            &rows,
        );
    }
}
