//! What came of a training, in words.

use prosopon_train::data::{DataSet, SkipReason};
use prosopon_train::metrics::{ClassificationReport, Scores};
use prosopon_train::train::Outcome;
use serde_json::json;

use super::results::Saved;
use crate::args::quoted;
use crate::failure::Failure;
use crate::output::{Format, count, print_value};

/// Rows of the table of a grid that are printed.
const MAX_ROWS: usize = 30;
/// Pictures with a doubtful label that are printed.
const MAX_DOUBTS: usize = 10;

pub(super) fn print(
    outcome: &Outcome,
    data: &DataSet,
    saved: &Saved,
    format: Format,
) -> Result<(), Failure> {
    let document = json!({
        "name": saved.name,
        "version": saved.version,
        "folder": saved.folder,
        "card": outcome.classifier.card,
        "report": outcome.report(data),
    });
    print_value(format, &document, || describe(outcome, data, saved))
}

fn describe(outcome: &Outcome, data: &DataSet, saved: &Saved) -> String {
    let figures = &outcome.figures;
    let card = &outcome.classifier.card;
    let mut text = format!(
        "{}, {}, from {}\n",
        count(data.samples.len(), "picture", "pictures"),
        count(data.classes.len(), "class", "classes"),
        card.input.values.describe(),
    );
    text += &skipped(data);
    if !figures.grid.is_empty() {
        text += "\ncross-validation of the pictures that are learnt from:\n";
        for cell in figures.grid.iter().take(MAX_ROWS) {
            text += &format!(
                "  {:6.2} ± {:5.2} %  {}\n",
                100.0 * cell.mean,
                100.0 * cell.deviation,
                cell.name
            );
        }
    }
    if !figures.trials.is_empty() {
        text += "\nnetworks that were tried, best first:\n";
        for trial in figures.trials.iter().take(MAX_ROWS) {
            text += &format!("  {trial}\n");
        }
    }
    if let Some(summary) = &figures.summary {
        text += &format!("\n{summary}\n");
    }
    text += &format!("\nlearnt by {}\n", card.learner);
    if let Some(report) = figures.held_out_report(&data.classes) {
        text += &format!(
            "\non {} that were held out:\n",
            count(figures.held_out.len(), "picture", "pictures")
        );
        text += &table(&report);
    }
    if !figures.fold_accuracies.is_empty() {
        let folds = &figures.fold_accuracies;
        let mean = folds.iter().sum::<f64>() / folds.len() as f64;
        let shown: Vec<String> = folds
            .iter()
            .map(|fold| format!("{:.1}", 100.0 * fold))
            .collect();
        text += &format!(
            "\ncross-validation in {} parts: {:.2} % ({})\n",
            folds.len(),
            100.0 * mean,
            shown.join(", ")
        );
    }
    text += &doubts(outcome, data);
    for note in &figures.notes {
        text += &format!("note: {note}\n");
    }
    if !figures.is_converged {
        text += "note: the learner was stopped after its largest number of steps\n";
    }
    text += &match (card.reject_below, saved.version) {
        (Some(least), _) if least > 0.0 => format!(
            "\nanswers below {:.1} % are rejected by `predict --reject`\n",
            100.0 * least
        ),
        _ => String::new(),
    };
    match saved.version {
        Some(version) => {
            let name = &saved.name;
            text += &format!(
                "kept as {name}@{version}, with report.html: {}\n",
                saved.folder.display()
            );
            if saved.is_candidate {
                text += &format!(
                    "it is a candidate: `predict` answers with it after `prosopon classifiers promote {}`\n",
                    quoted(name)
                );
            }
        }
        None => {
            text += &format!("kept, with report.html, in {}\n", saved.folder.display());
        }
    }
    text.trim_end().to_owned()
}

/// How many pictures were left out, and why.
fn skipped(data: &DataSet) -> String {
    let of = |reason| data.skipped.iter().filter(|s| s.reason == reason).count();
    let kinds = [
        (SkipReason::NoFace, "without a face that is wanted"),
        (SkipReason::Unreadable, "unreadable"),
        (SkipReason::Unusable, "unusable"),
        (SkipReason::NoClass, "without a class"),
    ];
    let parts: Vec<String> = kinds
        .into_iter()
        .filter(|(reason, _)| of(*reason) > 0)
        .map(|(reason, words)| format!("{} {words}", of(reason)))
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("left out: {}\n", parts.join(", "))
    }
}

/// Precision, recall, F1 and support of each class, as a table.
fn table(report: &ClassificationReport) -> String {
    let names = report
        .classes
        .iter()
        .map(|class| class.class.chars().count());
    let width = names.max().unwrap_or(0).max("weighted mean".len());
    let line = |name: &str, scores: &Scores| {
        format!(
            "  {name:<width$}  {:9.3}  {:6.3}  {:6.3}  {:7}\n",
            scores.precision, scores.recall, scores.f1, scores.support
        )
    };
    let mut text = format!("  {:<width$}  precision  recall      F1  support\n", "");
    for class in &report.classes {
        text += &line(&class.class, &class.scores);
    }
    text += &line("macro mean", &report.macro_average);
    text += &line("weighted mean", &report.weighted_average);
    let [low, high] = report.accuracy_interval;
    text += &format!(
        "  accuracy {:.2} % (95 % between {:.1} and {:.1} %)\n",
        100.0 * report.accuracy,
        100.0 * low,
        100.0 * high
    );
    text
}

/// Pictures whose label the other pictures contradict.
fn doubts(outcome: &Outcome, data: &DataSet) -> String {
    let doubts = outcome.figures.doubts(data.classes.len());
    if doubts.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{} may be mislabelled, by what the others say of them:\n",
        count(doubts.len(), "picture", "pictures")
    );
    for doubt in doubts.iter().take(MAX_DOUBTS) {
        text += &format!(
            "  {}: {} rather than {} ({:.1} % against {:.1} %)\n",
            data.samples[doubt.sample].name,
            data.classes[doubt.likely],
            data.classes[doubt.label],
            100.0 * doubt.likely_probability,
            100.0 * doubt.label_probability,
        );
    }
    if doubts.len() > MAX_DOUBTS {
        text += "  … the report lists all\n";
    }
    text
}
