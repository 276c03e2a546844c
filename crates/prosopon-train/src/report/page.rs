//! The report as a page that needs nothing else.

use prosopon::evaluate::report::{grouped, percent, percent_interval};
use prosopon::image::{DecodeLimits, Image};
use prosopon::plot::color::CATEGORIES;
use prosopon::plot::{Cell, Svg};
use prosopon::report::Page;

use super::charts;
use super::{DataFacts, DoubtfulPicture, Evaluation, Mistake, TrainingReport, confusion_matrix};
use crate::grid::GridCell;
use crate::metrics::{ClassScores, Scores};

/// Pairs of classes whose mistakes are shown.
const MOST_PAIRS: usize = 8;
/// Mistakes that are shown of each.
const MOST_OF_PAIR: usize = 6;
/// Doubtful pictures that are shown.
const MOST_DOUBTS: usize = 24;
/// Rows of the table of the search.
const MOST_CELLS: usize = 40;

/// The page. `thumbnail` gives a small picture of a sample (JPEG, PNG, …), by its number; mistakes without one are told in
/// words.
pub fn html(report: &TrainingReport, thumbnail: &dyn Fn(usize) -> Option<Vec<u8>>) -> String {
    let mut page = Page::new(&format!("Classifier {}", report.name));
    page.lead(&lead(report));
    for warning in &report.warnings {
        page.paragraph(&format!("Note: {warning}"));
    }
    for (i, evaluation) in report.evaluations.iter().enumerate() {
        add_evaluation(&mut page, evaluation, i == 0);
        add_mistakes(&mut page, evaluation, thumbnail);
    }
    add_doubts(&mut page, &report.doubts, thumbnail);
    if !report.grid.is_empty() {
        add_grid(&mut page, &report.grid);
    }
    if let Some(history) = report
        .history
        .as_ref()
        .filter(|history| !history.epochs.is_empty())
    {
        page.heading("How the training went");
        let [loss, accuracy] = charts::learning_curves(history);
        page.figure(
            &loss,
            "Loss by epoch. Where the loss of the validation pictures rises while that of the training pictures falls, the \
             network learns its pictures by heart.",
        );
        page.figure(&accuracy, "The share of right answers by epoch.");
    }
    if !report.importances.is_empty() {
        page.heading("What the forest looks at");
        page.figure(
            &charts::importances(&report.importances),
            "How much each feature lowers the impurity of the trees, as a share of what all do.",
        );
    }
    add_data(&mut page, &report.data);
    add_facts(&mut page, report);
    page.to_html()
}

/// The sentence that says it all.
fn lead(report: &TrainingReport) -> String {
    let classes = report.data.classes.len();
    let used: usize = report
        .data
        .classes
        .iter()
        .map(|c| c.n_training + c.n_held_out)
        .sum();
    let what = format!(
        "{} classes, {} pictures: {} on {}.",
        grouped(classes as u64),
        grouped(used as u64),
        spaced(&report.learner),
        report.feature
    );
    let Some(first) = report.evaluations.first() else {
        return what;
    };
    let confusion = &first.report.confusion;
    let right: usize = (0..confusion.classes.len())
        .map(|i| confusion.counts[i][i])
        .sum();
    format!(
        "{} of {} pictures that it was not trained on are recognised: {} (95 %: {}). {what}",
        grouped(right as u64),
        grouped(confusion.total() as u64),
        percent(first.report.accuracy),
        percent_interval(first.report.accuracy_interval)
    )
}

fn add_evaluation(page: &mut Page, evaluation: &Evaluation, is_first: bool) {
    let report = &evaluation.report;
    page.heading(&if is_first {
        format!("How good it is: {}", evaluation.how)
    } else {
        evaluation.how.clone()
    });
    let mut facts = vec![(
        "accuracy",
        format!(
            "{} (95 %: {})",
            percent(report.accuracy),
            percent_interval(report.accuracy_interval)
        ),
    )];
    if !evaluation.fold_accuracies.is_empty() {
        let folds = evaluation.fold_accuracies.iter().copied().map(percent);
        facts.push((
            "accuracy of each fold",
            folds.collect::<Vec<_>>().join(", "),
        ));
    }
    if let Some(auc) = evaluation.mean_auc {
        facts.push(("mean area under the ROC curves", format!("{auc:.4}")));
    }
    facts.push(("log loss", format!("{:.4}", evaluation.log_loss)));
    let rejected = match &evaluation.rejection {
        Some(found) if found.reject_below == 0.0 => {
            "no rejection needed for 99 % right answers".to_owned()
        }
        Some(found) => format!(
            "rejecting predictions below a confidence of {:.3} leaves {} of them, {} wrong",
            found.reject_below,
            percent(found.coverage()),
            found.n_wrong
        ),
        None => "no confidence is high enough for 99 % right answers".to_owned(),
    };
    facts.push(("rejection", rejected));
    page.facts(&facts);
    let row = |name: &str, scores: &Scores| {
        let shares =
            [scores.precision, scores.recall, scores.f1].map(|share| format!("{share:.3}"));
        let mut cells = vec![name.to_owned()];
        cells.extend(shares);
        cells.push(grouped(scores.support as u64));
        cells
    };
    let of_class = |class: &ClassScores| row(&class.class, &class.scores);
    let mut rows: Vec<Vec<String>> = report.classes.iter().map(of_class).collect();
    rows.push(row("mean of classes (macro)", &report.macro_average));
    rows.push(row("mean by pictures (weighted)", &report.weighted_average));
    page.table(&["class", "precision", "recall", "F1", "pictures"], &rows);
    page.paragraph(
        "Precision is the share of the pictures taken for a class that are of it, recall the share of the pictures of a class that \
         are taken for it, F1 their harmonic mean.",
    );
    page.figure(
        &confusion_matrix(&report.confusion),
        "How often pictures of each class (rows) are taken for each (columns); colours are shares of a row.",
    );
    figures(page, evaluation);
}

fn figures(page: &mut Page, evaluation: &Evaluation) {
    let mut add = |svg: &Svg, caption: &str| page.figure(svg, caption);
    if evaluation.mean_auc.is_some() {
        let n = evaluation.roc.len();
        let which = if n > 7 {
            format!("The seven worst of {n} classes, each against all others")
        } else {
            "Each class against all others".to_owned()
        };
        let caption = format!(
            "{which}, at every threshold of its probability; beside the names the area under the curve: 1 is perfect, 0.5 is chance."
        );
        add(&charts::roc(&evaluation.roc), &caption);
    }
    let calibration = &evaluation.calibration;
    let word = match calibration.overconfidence {
        gap if gap > 0.02 => "it thinks too well of itself",
        gap if gap < -0.02 => "it is better than it thinks",
        _ => "on the whole it knows how good it is",
    };
    let caption = format!(
        "Predictions in tenths of confidence: how many of them are right. Expected calibration error {}; {word}.",
        percent(calibration.expected_error)
    );
    add(&charts::reliability(calibration), &caption);
}

fn picture(bytes: Option<Vec<u8>>) -> Option<Image> {
    Image::decode(&bytes?, &DecodeLimits::default()).ok()
}

/// The last two parts of a path, which tell pictures of a folder for each class apart.
fn short(name: &str) -> &str {
    let mut slashes = name.rmatch_indices(['/', '\\']).map(|(at, _)| at);
    slashes.nth(1).map_or(name, |at| &name[at + 1..])
}

/// A pipeline with room for breaks between its parts; it can still be read by the program.
fn spaced(pipeline: &str) -> String {
    pipeline.replace('+', " + ").replace(',', ", ")
}

fn add_mistakes(
    page: &mut Page,
    evaluation: &Evaluation,
    thumbnail: &dyn Fn(usize) -> Option<Vec<u8>>,
) {
    let confusion = &evaluation.report.confusion;
    let pairs = confusion.most_confused();
    if pairs.is_empty() {
        page.paragraph("None is taken for another class.");
        return;
    }
    page.heading("What is confused most");
    let rows: Vec<Vec<String>> = pairs
        .iter()
        .take(MOST_PAIRS)
        .map(|(label, predicted, count)| {
            let total: usize = confusion.counts[*label].iter().sum();
            vec![
                confusion.classes[*label].clone(),
                confusion.classes[*predicted].clone(),
                format!("{count} of {total}"),
            ]
        })
        .collect();
    page.table(&["class", "is taken for", "pictures"], &rows);
    let mut cells = Vec::new();
    for (i, (label, predicted, _)) in pairs.iter().take(MOST_PAIRS).enumerate() {
        let is_of_pair = |mistake: &&Mistake| {
            mistake.label == confusion.classes[*label]
                && mistake.predicted == confusion.classes[*predicted]
        };
        for mistake in evaluation
            .mistakes
            .iter()
            .filter(is_of_pair)
            .take(MOST_OF_PAIR)
        {
            let Some(image) = picture(thumbnail(mistake.sample)) else {
                continue;
            };
            let caption = format!(
                "{} taken for {} ({:.0} %): {}",
                mistake.label,
                mistake.predicted,
                mistake.confidence * 100.0,
                short(&mistake.picture)
            );
            cells.push(Cell::new(image, caption).framed(CATEGORIES[i % 7]));
        }
    }
    if !cells.is_empty() {
        page.paragraph("The most confident of these mistakes; frames of one colour are of one row of the table.");
        page.pictures(&cells);
    }
}

fn add_doubts(
    page: &mut Page,
    doubts: &[DoubtfulPicture],
    thumbnail: &dyn Fn(usize) -> Option<Vec<u8>>,
) {
    if doubts.is_empty() {
        return;
    }
    page.heading("Labels to look at");
    let (who, own) = match doubts.len() {
        1 => ("One picture looks".to_owned(), "its"),
        n => (format!("{} pictures look", grouped(n as u64)), "their"),
    };
    page.paragraph(&format!(
        "{who} more like another class than like {own} own, to a classifier that was not trained on it. \
         Some may be in the wrong folder; others are merely hard."
    ));
    let mut cells = Vec::new();
    let mut rows = Vec::new();
    for doubt in doubts.iter().take(MOST_DOUBTS) {
        let image = picture(thumbnail(doubt.sample));
        if let Some(image) = image {
            let caption = format!(
                "{} or {}? {}",
                doubt.label,
                doubt.likely,
                short(&doubt.picture)
            );
            cells.push(Cell::new(image, caption));
        }
        rows.push(vec![
            doubt.picture.clone(),
            format!("{} ({:.0} %)", doubt.label, doubt.label_probability * 100.0),
            format!(
                "{} ({:.0} %)",
                doubt.likely,
                doubt.likely_probability * 100.0
            ),
        ]);
    }
    if !cells.is_empty() {
        page.pictures(&cells);
    }
    page.table(&["picture", "labelled", "looks like"], &rows);
}

fn add_grid(page: &mut Page, cells: &[GridCell]) {
    page.heading("What was tried");
    let row = |cell: &GridCell| {
        let remark = match (&cell.error, cell.n_unconverged) {
            (Some(error), _) => error.clone(),
            (None, 0) => String::new(),
            (None, n) => format!(
                "stopped before its end in {n} of {} folds",
                cell.scores.len()
            ),
        };
        let (score, seconds) = match cell.error {
            Some(_) => ("–".to_owned(), "–".to_owned()),
            None => (
                format!("{} ± {:.2}", percent(cell.mean), cell.deviation * 100.0),
                format!("{:.2}", cell.seconds),
            ),
        };
        vec![spaced(&cell.name), score, seconds, remark]
    };
    let rows: Vec<Vec<String>> = cells.iter().take(MOST_CELLS).map(row).collect();
    page.table(
        &[
            "pipeline",
            "accuracy, mean ± deviation",
            "seconds",
            "remark",
        ],
        &rows,
    );
    let folds = cells.first().map_or(0, |cell| cell.scores.len());
    let mut text = format!(
        "Accuracy in {folds}-fold cross-validation, the best first. The best of many looks a little better than it is, since it was \
         chosen by these figures."
    );
    if cells.len() > MOST_CELLS {
        text += &format!(" {} more are in the JSON.", cells.len() - MOST_CELLS);
    }
    page.paragraph(&text);
}

fn add_data(page: &mut Page, data: &DataFacts) {
    page.heading("The data");
    let mut facts = vec![
        ("source", data.source.clone()),
        ("pictures found", grouped(data.n_pictures as u64)),
    ];
    let skipped = data.skipped.iter().filter(|(_, count)| *count > 0);
    let skipped: Vec<String> = skipped
        .map(|(reason, count)| format!("{} {reason}", grouped(*count as u64)))
        .collect();
    if !skipped.is_empty() {
        facts.push(("left out", skipped.join(", ")));
    }
    if data.n_near_duplicates > 0 {
        let n = grouped(data.n_near_duplicates as u64);
        facts.push((
            "nearly the same as another",
            format!("{n}; each stands on one side with it"),
        ));
    }
    page.facts(&facts);
    let total =
        |of: &dyn Fn(&super::ClassCounts) -> usize| -> usize { data.classes.iter().map(of).sum() };
    let row = |name: &str, training: usize, held_out: usize| {
        let counts = [training, held_out, training + held_out].map(|n| grouped(n as u64));
        [vec![name.to_owned()], counts.to_vec()].concat()
    };
    let mut rows: Vec<Vec<String>> = data
        .classes
        .iter()
        .map(|c| row(&c.class, c.n_training, c.n_held_out))
        .collect();
    rows.push(row(
        "all",
        total(&|c| c.n_training),
        total(&|c| c.n_held_out),
    ));
    page.table(&["class", "trained on", "held out", "together"], &rows);
}

fn add_facts(page: &mut Page, report: &TrainingReport) {
    page.heading("How it was made");
    let mut facts = vec![
        ("feature", report.feature.clone()),
        ("learner", spaced(&report.learner)),
        ("models", report.models.join(", ")),
        ("seed", report.seed.to_string()),
        (
            "trained",
            format!("{}, in {:.1} s", report.created, report.seconds),
        ),
        ("program", report.program.clone()),
        ("command", report.command.clone()),
    ];
    facts.extend(
        report
            .facts
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    facts.retain(|(_, value)| !value.is_empty());
    page.facts(&facts);
}
