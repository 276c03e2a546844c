//! One to one: tables and curves.

use super::charts::{self, ONE_TO_ONE, Trials};
use super::written::{grouped, operating_point, percent, percent_interval, rate};
use crate::evaluate::groups::{ENOUGH_COMPARISONS, GroupRates};
use crate::evaluate::verification::{Curves, VerificationReport};
use crate::report::Page;

/// Adds error rates one to one, with their curves.
pub fn add_verification(page: &mut Page, report: &VerificationReport, curves: &Curves) {
    page.heading("Verification, one to one");
    let mut facts = vec![
        (
            "genuine comparisons",
            format!(
                "{} of {} people; {} without a face, each an error",
                grouped(report.genuine),
                grouped(report.genuine_identities as u64),
                grouped(report.undetected_genuine)
            ),
        ),
        (
            "impostor comparisons",
            format!(
                "{} of {} people; {} without a face, each a rejection",
                grouped(report.impostor),
                grouped(report.impostor_identities as u64),
                grouped(report.undetected_impostor)
            ),
        ),
        (
            "equal error rate",
            format!(
                "{} (95 %: {})",
                percent(report.eer),
                percent_interval(report.eer_interval)
            ),
        ),
        (
            "area under the ROC",
            format!(
                "{:.6} (95 %: {:.6} to {:.6})",
                report.auc, report.auc_interval[0], report.auc_interval[1]
            ),
        ),
    ];
    if let Some(d_prime) = report.d_prime {
        facts.push(("d′", format!("{d_prime:.2}")));
    }
    page.facts(&facts);

    add_rates(page, report);
    page.paragraph(
        "A comparison is accepted if its similarity is at least the threshold. FMR is the share of \
         comparisons of different people that are accepted, FNMR the share of comparisons of one \
         person that are rejected. Intervals are of 95 %, by drawing people with replacement a \
         thousand times; if no error was seen, they end where three people in as many would be.",
    );

    let trials = Trials {
        genuine: report.genuine,
        impostor: report.impostor,
    };
    let points: Vec<(f64, f64)> = report
        .at_threshold
        .iter()
        .map(|at| (at.fmr.rate, at.fnmr.rate))
        .collect();
    page.figure(
        &charts::det(ONE_TO_ONE, curves, trials, &points),
        "DET curve on normal-deviate axes: nearer to the lower left is better. Normally distributed \
         similarities give a straight line.",
    );
    page.figure(
        &charts::roc(curves, trials),
        "ROC with false match rates by powers of ten.",
    );
    let thresholds: Vec<f32> = report.at_threshold.iter().map(|at| at.threshold).collect();
    page.figure(
        &charts::histogram(
            &curves.genuine_histogram,
            &curves.impostor_histogram,
            &thresholds,
        ),
        "Similarities in bins of 0.02; each kind sums up to 100 %.",
    );
}

/// Tables of FNMR at each FMR, and of both rates at each threshold.
fn add_rates(page: &mut Page, report: &VerificationReport) {
    let rows: Vec<Vec<String>> = report
        .fnmr_at_fmr
        .iter()
        .map(|at| {
            operating_point(
                at.fmr,
                &at.fnmr,
                at.threshold,
                at.supported,
                "false matches",
            )
        })
        .collect();
    page.table(&["FMR", "FNMR", "threshold", "remark"], &rows);
    if !report.at_threshold.is_empty() {
        let rows: Vec<Vec<String>> = report
            .at_threshold
            .iter()
            .map(|at| {
                vec![
                    format!("{:.4}", at.threshold),
                    rate(&at.fmr),
                    rate(&at.fnmr),
                    percent(1.0 - at.fnmr.rate),
                ]
            })
            .collect();
        page.table(&["threshold", "FMR", "FNMR", "genuine accepted"], &rows);
    }
}

/// Adds error rates for groups of people at one threshold.
pub fn add_groups(page: &mut Page, groups: &[GroupRates], threshold: f32) {
    page.heading("Groups");
    page.paragraph(&format!(
        "All groups are judged at one threshold, {threshold:.4}, and by comparisons within the group \
         alone, since impostors of one group are the likeliest to be taken for each other."
    ));
    let written = |found: Option<&crate::evaluate::rate::Rate>| {
        found.map_or("no comparisons".to_owned(), rate)
    };
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|group| {
            let remark = if group.enough {
                String::new()
            } else {
                format!("fewer than {ENOUGH_COMPARISONS} comparisons")
            };
            vec![
                group.group.clone(),
                grouped(group.identities as u64),
                written(group.fmr.as_ref()),
                written(group.fnmr.as_ref()),
                remark,
            ]
        })
        .collect();
    page.table(&["group", "people", "FMR", "FNMR", "remark"], &rows);
}
