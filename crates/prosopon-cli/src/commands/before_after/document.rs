//! The answer: as JSON, as a table, as text, as a page.

use std::fmt::Write as _;

use prosopon::classic::Likeness;
use prosopon::classic::likeness::HASH_BITS;
use prosopon::plot::Cell;
use prosopon::report::Page;
use prosopon::{BoundingBox, DecisionRule};
use serde::Serialize;

use super::{Args, Compared};
use crate::commands::verify::Outcome;
use crate::output::{About, count, csv_field};
use crate::threshold::{self, RuleJson};

#[derive(Serialize)]
pub(super) struct Document {
    pub(super) pairs: Vec<PairJson>,
    /// Pairs in which a face is missing.
    pub(super) incomplete: Vec<IncompleteJson>,
    /// Pictures that belong to no other.
    pub(super) unpaired: Vec<String>,
    pub(super) failed: Vec<String>,
    pub(super) out: String,
    #[serde(flatten)]
    pub(super) rule: RuleJson,
    #[serde(flatten)]
    pub(super) about: About,
}

#[derive(Serialize)]
pub(super) struct PairJson {
    pub(super) name: String,
    pub(super) before: SideJson,
    pub(super) after: SideJson,
    #[serde(flatten)]
    pub(super) likeness: Likeness,
    pub(super) similarity: f32,
    pub(super) outcome: Outcome,
}

#[derive(Serialize)]
pub(super) struct SideJson {
    pub(super) path: String,
    /// Faces that were found; the central one counts.
    pub(super) faces: usize,
    /// In pixels of the half, if the picture was cut.
    pub(super) bounding_box: BoundingBox,
    pub(super) confidence: f32,
}

#[derive(Serialize)]
pub(super) struct IncompleteJson {
    pub(super) name: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) before_faces: usize,
    pub(super) after_faces: usize,
}

impl IncompleteJson {
    fn missing(&self) -> &'static str {
        match (self.before_faces, self.after_faces) {
            (0, 0) => "no face before, none after",
            (0, _) => "no face before",
            _ => "no face after",
        }
    }
}

impl Document {
    pub(super) fn to_csv(&self) -> String {
        let mut text =
            String::from("name,before,after,ssim,ahash,phash,dhash,whash,similarity,outcome\n");
        for pair in &self.pairs {
            let l = &pair.likeness;
            let _ = writeln!(
                text,
                "{},{},{},{:.6},{},{},{},{},{:.6},{}",
                csv_field(&pair.name),
                csv_field(&pair.before.path),
                csv_field(&pair.after.path),
                l.ssim,
                l.ahash,
                l.phash,
                l.dhash,
                l.whash,
                pair.similarity,
                name_of(pair.outcome),
            );
        }
        text
    }

    pub(super) fn describe(&self, args: &Args, rule: &DecisionRule) -> String {
        let mut text = String::new();
        if !self.pairs.is_empty() {
            text += "SSIM    aHash  pHash  dHash  wHash  similarity\n";
        }
        for pair in &self.pairs {
            let l = &pair.likeness;
            let _ = writeln!(
                text,
                "{:<7.3} {:<6} {:<6} {:<6} {:<6} {:<11.3} {}: {}",
                l.ssim,
                l.ahash,
                l.phash,
                l.dhash,
                l.whash,
                pair.similarity,
                pair.name,
                pair.outcome.said()
            );
        }
        for pair in &self.incomplete {
            let _ = writeln!(text, "{}: {}", pair.name, pair.missing());
        }
        for path in &self.unpaired {
            let _ = writeln!(text, "{path}: has no counterpart");
        }
        let _ = writeln!(text, "{} ({})", self.lead(), threshold::describe(rule));
        for file in [Some(&args.out), args.csv.as_ref()].into_iter().flatten() {
            let _ = writeln!(text, "wrote {}", file.display());
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn lead(&self) -> String {
        lead(
            &self
                .pairs
                .iter()
                .map(|pair| pair.outcome)
                .collect::<Vec<_>>(),
        )
    }
}

/// `3 pairs: 2 of one person, 1 of different people`.
fn lead(outcomes: &[Outcome]) -> String {
    let n = |wanted| outcomes.iter().filter(|o| **o == wanted).count();
    let mut text = format!(
        "{}: {} of one person, {} of different people",
        count(outcomes.len(), "pair", "pairs"),
        n(Outcome::Same),
        n(Outcome::Different)
    );
    if n(Outcome::Uncertain) > 0 {
        text += &format!(", {} uncertain", n(Outcome::Uncertain));
    }
    text
}

fn name_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Same => "same",
        Outcome::Uncertain => "uncertain",
        Outcome::Different => "different",
    }
}

/// The page: a row for each pair, with both faces.
pub(super) fn page(document: &Document, compared: &[Compared], rule: &DecisionRule) -> Page {
    let mut page = Page::new("Before and after");
    let outcomes: Vec<Outcome> = compared.iter().map(|pair| pair.json.outcome).collect();
    page.lead(&format!("{}.", lead(&outcomes)));
    if !compared.is_empty() {
        let row = |pair: &Compared| {
            let (json, l) = (&pair.json, &pair.json.likeness);
            let cell = |image: &prosopon::Image, side: &str| {
                Cell::new(image.clone(), format!("{}, {side}", json.name))
            };
            let texts = vec![
                json.name.clone(),
                format!("{:.3}", l.ssim),
                l.ahash.to_string(),
                l.phash.to_string(),
                l.dhash.to_string(),
                l.whash.to_string(),
                format!("{:.3}", json.similarity),
                json.outcome.said().to_owned(),
            ];
            let cells = vec![cell(&pair.before, "before"), cell(&pair.after, "after")];
            (cells, texts)
        };
        let heads = [
            "before",
            "after",
            "pair",
            "SSIM",
            "aHash",
            "pHash",
            "dHash",
            "wHash",
            "similarity",
            "decision",
        ];
        page.picture_table(&heads, &compared.iter().map(row).collect::<Vec<_>>());
    }
    page.heading("What the numbers mean");
    page.facts(&[
        (
            "SSIM",
            "Structural similarity of the two upright faces in grey, 1 for equal pictures."
                .to_owned(),
        ),
        (
            "aHash … wHash",
            format!(
                "Bits of {HASH_BITS} in which the perceptual hashes of the upright faces differ."
            ),
        ),
        (
            "similarity",
            "Cosine of the embeddings, the only one of these numbers that knows what a face is."
                .to_owned(),
        ),
        (
            "decision",
            threshold::describe(rule) + &threshold::remarks(rule),
        ),
        ("detector", document.about.detector.clone()),
        ("embedder", document.about.model.clone().unwrap_or_default()),
    ]);
    if !document.incomplete.is_empty() {
        page.heading("Pairs in which a face is missing");
        let rows = document.incomplete.iter();
        let rows = rows.map(|pair| vec![pair.name.clone(), pair.missing().to_owned()]);
        page.table(&["pair", "found"], &rows.collect::<Vec<_>>());
    }
    let unusable = [&document.unpaired, &document.failed].map(|paths| paths.iter());
    let [unpaired, failed] = unusable;
    let rows: Vec<Vec<String>> = unpaired
        .map(|path| vec![path.clone(), "has no counterpart".to_owned()])
        .chain(failed.map(|path| vec![path.clone(), "could not be read".to_owned()]))
        .collect();
    if !rows.is_empty() {
        page.heading("Pictures left out");
        page.table(&["picture", "why"], &rows);
    }
    page
}
