//! How figures read in a terminal, and what is said where there are none.

use std::path::Path;

use prosopon::evaluate::identification::IdentificationReport;
use prosopon::evaluate::rate::Rate;
use prosopon::evaluate::report::{grouped, percent, percent_interval, rate};
use prosopon::evaluate::scores::ScoresError;
use prosopon::evaluate::verification::{AtThreshold, VerificationReport};

use super::common::Operating;
use super::pairs::Groups;
use crate::failure::{Exit, Failure};

/// The text of a small file.
pub(super) fn read(path: &Path, what: &str) -> Result<String, Failure> {
    /// No list of pairs, groups or faces comes near.
    const MAX_BYTES: u64 = 1 << 30;
    let failed = |error: &std::io::Error| {
        let message = format!("could not read {what}: {error}");
        Failure::new(Exit::BadInput, "unreadable_file", message).at(path.display())
    };
    let size = std::fs::metadata(path)
        .map_err(|error| failed(&error))?
        .len();
    if size > MAX_BYTES {
        let message = format!("expected at most 1 GiB of {what}, found {size} bytes");
        return Err(Failure::new(Exit::BadInput, "file_too_large", message).at(path.display()));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
    // Lists that are not UTF-8 are Latin-1, whose bytes are the first characters of Unicode.
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|b| char::from(*b)).collect()))
}

/// Data that have no comparisons of a kind.
pub(super) fn too_few(error: &ScoresError) -> Failure {
    Failure::new(Exit::BadInput, "not_comparable", error)
        .with_hint("at least two people are needed, one of them with two pictures")
}

/// Rates one to one.
pub(super) fn verification(report: &VerificationReport, operating: Option<Operating>) -> String {
    let mut text = format!(
        "EER       {} (95 %: {})\nAUC       {:.6}",
        percent(report.eer),
        percent_interval(report.eer_interval),
        report.auc
    );
    for at in report.fnmr_at_fmr.iter().rev() {
        let remark = if at.supported {
            ""
        } else {
            "; fewer than 30 false matches"
        };
        text += &format!(
            "\nTAR       {} at FAR {} (95 %: {} to {}; threshold {:.4}{remark})",
            percent(1.0 - at.fnmr.rate),
            at.fmr,
            percent(1.0 - at.fnmr.interval[1]),
            percent(1.0 - at.fnmr.interval[0]),
            at.threshold,
        );
    }
    for at in &report.at_threshold {
        text += &format!(
            "\nat {:.4}  FMR {}\n           FNMR {}, {} accepted",
            at.threshold,
            rate(&at.fmr),
            rate(&at.fnmr),
            percent(1.0 - at.fnmr.rate)
        );
        text += &own(at.threshold, operating);
        text += &remark(at, operating, report.impostor_identities);
    }
    text + &format!(
        "\ngenuine   {} comparisons of {} people, {} undetected\nimpostor  {} comparisons of {} people, {} undetected",
        grouped(report.genuine),
        grouped(report.genuine_identities as u64),
        report.undetected_genuine,
        grouped(report.impostor),
        grouped(report.impostor_identities as u64),
        grouped(report.undetected_impostor)
    )
}

/// Which threshold is the model's own.
fn own(threshold: f32, operating: Option<Operating>) -> String {
    match operating {
        Some(operating) if operating.threshold == threshold => {
            format!(" (the model's threshold for FMR {})", operating.fmr)
        }
        _ => String::new(),
    }
}

/// How many times the announced rate is worth a remark.
const MUCH: f64 = 3.0;

/// What to think of a false match rate that is far above the one that the model's threshold was announced for.
fn remark(at: &AtThreshold, operating: Option<Operating>, people: usize) -> String {
    let Some(operating) = operating.filter(|operating| operating.threshold == at.threshold) else {
        return String::new();
    };
    let times = at.fmr.rate / operating.fmr;
    if times < MUCH {
        return String::new();
    }
    let why = if at.fmr.interval[0] <= operating.fmr {
        format!("with {people} people that may be chance, as the interval says")
    } else {
        "the interval says that this is no chance".to_owned()
    };
    format!(
        "\n           {times:.0} times as many as announced; {why}. Look at the most alike pairs with `--report`:\n           \
         somebody else's face on a picture counts as a false match"
    )
}

/// Rates within groups.
pub(super) fn groups(groups: &Groups) -> String {
    let mut text = format!("\nwithin groups, at threshold {:.4}:", groups.threshold);
    let written = |found: &Option<Rate>| found.as_ref().map_or("no comparisons".to_owned(), rate);
    for group in &groups.rates {
        text += &format!(
            "\n  {}  FMR {}, FNMR {}",
            group.group,
            written(&group.fmr),
            written(&group.fnmr)
        );
        if !group.enough {
            text += "; too few comparisons to say much";
        }
    }
    text
}

/// Rates one to many.
pub(super) fn identification(
    report: &IdentificationReport,
    operating: Option<Operating>,
) -> String {
    let mut text = format!(
        "{} people in the gallery; probes: {} mated ({} undetected), {} non-mated ({} undetected)",
        grouped(report.gallery_identities as u64),
        grouped(report.mated as u64),
        report.undetected_mated,
        grouped(report.non_mated as u64),
        report.undetected_non_mated
    );
    for at in &report.ranks {
        text += &format!("\nrank {:<4} {}", at.rank, rate(&at.identified));
    }
    for at in &report.fnir_at_fpir {
        let remark = if at.supported {
            ""
        } else {
            "; fewer than 30 false positives"
        };
        text += &format!(
            "\nFNIR      {} at FPIR {} (threshold {:.4}{remark})",
            rate(&at.fnir),
            at.fpir,
            at.threshold
        );
    }
    let written = |found: Option<Rate>| found.map_or("no probes".to_owned(), |found| rate(&found));
    for at in &report.at_threshold {
        text += &format!(
            "\nat {:.4}  FPIR {}\n           FNIR {}{}",
            at.threshold,
            written(at.fpir),
            written(at.fnir),
            own(at.threshold, operating)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_far_above_the_announced_one_is_remarked_on() {
        let operating = Operating {
            threshold: 0.338,
            fmr: 1e-3,
        };
        let said = |rate: f64, interval, threshold| {
            let of = |rate, interval| Rate {
                rate,
                interval,
                events: 0,
                trials: 100,
            };
            let at = AtThreshold {
                threshold,
                fmr: of(rate, interval),
                fnmr: of(0.0, [0.0, 0.1]),
            };
            remark(&at, Some(operating), 5)
        };
        assert_eq!(said(0.002, [0.0, 0.01], 0.338), "");
        assert_eq!(
            said(0.02, [0.0, 0.06], 0.5),
            "",
            "somebody else's threshold"
        );
        let chance = said(0.02, [0.0, 0.06], 0.338);
        assert!(
            chance.contains("20 times as many") && chance.contains("may be chance"),
            "{chance}"
        );
        let certain = said(0.02, [0.01, 0.03], 0.338);
        assert!(certain.contains("no chance"), "{certain}");
    }
}
