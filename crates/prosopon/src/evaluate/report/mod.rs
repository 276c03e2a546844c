//! Pages for people: what was measured, with which networks, in tables, curves and the worst errors.
//!
//! Whoever runs an evaluation, the program or a server, begins a page with [`begin`] and adds the parts
//! that it has.

mod charts;
mod detection;
mod folder;
mod identification;
mod liveness;
mod pictures;
mod verification;
mod worst;
mod written;

pub use detection::{add_detection, add_precision_recall};
pub use folder::{add_folder, add_worst_of_both, lead};
pub use identification::add_identification;
pub use liveness::add_liveness;
pub use pictures::add_photographs;
pub use verification::{add_groups, add_verification};
pub use worst::{ErrorPair, add_worst};
pub use written::{grouped, percent, percent_interval, rate};

use super::clusters::{Agreement, ClusterReport};
use super::gate::Judgement;
use crate::report::Page;

/// What a page says before its figures.
#[derive(Debug, Clone)]
pub struct Preamble<'a> {
    /// Heading of the page.
    pub title: &'a str,
    /// One or two sentences with the result.
    pub lead: &'a str,
    /// The data, the networks, the engine, the command line: names and values.
    pub facts: &'a [(&'a str, String)],
    /// Bounds that were asked for.
    pub gates: &'a [Judgement],
}

/// A page with its preamble.
pub fn begin(preamble: &Preamble<'_>) -> Page {
    let mut page = Page::new(preamble.title);
    page.lead(preamble.lead);
    if !preamble.gates.is_empty() {
        page.heading("Gates");
        let rows: Vec<Vec<String>> = preamble
            .gates
            .iter()
            .map(|gate| {
                let value = gate
                    .value
                    .map_or("not measured".to_owned(), |v| format!("{v:.6}"));
                let word = if gate.pass { "pass" } else { "fail" };
                vec![gate.gate.clone(), value, word.to_owned()]
            })
            .collect();
        page.table(&["bound", "measured", "result"], &rows);
    }
    page.heading("What was measured");
    page.facts(preamble.facts);
    page
}

/// Adds how well found groups agree with the true ones.
pub fn add_clusters(page: &mut Page, report: &ClusterReport) {
    page.heading("Agreement of the groups");
    let row = |name: &str, agreement: &Agreement| {
        let Agreement {
            precision,
            recall,
            f,
        } = *agreement;
        let mut cells = vec![name.to_owned()];
        cells.extend([precision, recall, f].map(|share| format!("{share:.4}")));
        cells
    };
    page.table(
        &["measure", "precision", "recall", "F"],
        &[
            row("B-cubed", &report.b_cubed),
            row("pairs", &report.pairwise),
        ],
    );
    page.paragraph(&format!(
        "{} items of {} true groups were found in {} groups; normalised mutual information {:.4}. \
         Precision falls where different people were put together, recall where one person was \
         taken apart.",
        grouped(report.items as u64),
        grouped(report.true_clusters as u64),
        grouped(report.found_clusters as u64),
        report.nmi
    ));
}

#[cfg(test)]
mod tests;
