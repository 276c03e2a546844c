//! From pictures to figures and a page of them.

use std::collections::BTreeMap;

use axum::body::Bytes;
use prosopon::evaluate::all_pairs::{AllPairsError, Pairing, Sample};
use prosopon::evaluate::folder::{FolderEvaluation, FolderOptions, FolderReport};
use prosopon::evaluate::report::{ErrorPair, Preamble, add_folder, begin, grouped, lead};
use prosopon::{DecodeLimits, Image};
use serde::Serialize;
use serde_json::Value;

use super::{Evaluation, Kept, Outcome};
use crate::error::{ApiError, ApiResult};
use crate::models::LoadedModels;
use crate::state::State;

/// Two pictures and how similar they are.
#[derive(Serialize)]
struct NamedPair<'a> {
    similarity: f32,
    pictures: [&'a str; 2],
}

/// The threshold that the server decides by.
#[derive(Serialize)]
struct Operating {
    threshold: f32,
    fmr: f64,
}

/// What a program gets to know.
#[derive(Serialize)]
struct Figures<'a> {
    #[serde(flatten)]
    report: &'a FolderReport,
    /// Null for a model that nobody has calibrated.
    operating: Option<Operating>,
    worst_genuine: Vec<NamedPair<'a>>,
    worst_impostor: Vec<NamedPair<'a>>,
    model: &'a str,
    detector: &'a str,
    backend: &'a str,
    version: &'static str,
}

/// Compares all pictures with each other.
///
/// # Errors
/// `too_few_pictures` if there is nothing to compare.
pub(super) fn evaluate(
    app: &State,
    models: &LoadedModels,
    evaluation: &Evaluation,
    pictures: &BTreeMap<String, Kept>,
) -> ApiResult<Outcome> {
    let samples = samples(pictures);
    let operating = operating(app, models);
    let options = FolderOptions {
        thresholds: operating.iter().map(|o| o.threshold).collect(),
        ..FolderOptions::default()
    };
    let measured = FolderEvaluation::new(&samples, &options).map_err(|e| too_few(&e))?;
    let curves = measured.curves();
    let names: Vec<&str> = pictures.keys().map(String::as_str).collect();
    let kept: Vec<&Kept> = pictures.values().collect();
    let shown = |pairings: &[Pairing]| -> Vec<ErrorPair> {
        let shown = |pairing: &Pairing| ErrorPair {
            probe: crop(kept[pairing.first]),
            reference: crop(kept[pairing.second]),
            similarity: pairing.similarity,
            captions: [pairing.first, pairing.second].map(|i| names[i].to_owned()),
        };
        pairings.iter().map(shown).collect()
    };
    let report = &measured.report;
    let facts = facts(app, models, evaluation, report, samples.len());
    let mut page = begin(&Preamble {
        title: "Accuracy, all pictures against all",
        lead: &lead(&report.verification),
        facts: &facts,
        gates: &[],
    });
    let worst = (
        shown(&measured.worst_genuine),
        shown(&measured.worst_impostor),
    );
    add_folder(&mut page, report, &curves, &options, (&worst.0, &worst.1));
    let named = |pairings: &[Pairing]| {
        let named = |pairing: &Pairing| NamedPair {
            similarity: pairing.similarity,
            pictures: [pairing.first, pairing.second].map(|i| names[i]),
        };
        pairings.iter().map(named).collect()
    };
    let figures = Figures {
        report,
        operating,
        worst_genuine: named(&measured.worst_genuine),
        worst_impostor: named(&measured.worst_impostor),
        model: models.model.as_str(),
        detector: &models.detector.id,
        backend: &models.backend,
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(Outcome {
        figures: short(&figures).map_err(ApiError::internal)?,
        html: Bytes::from(page.to_html()),
    })
}

/// As JSON, by way of its text: there a similarity is 0.3376, while a value would make 0.3375999927520752
/// of the same `f32`.
fn short(figures: &Figures<'_>) -> serde_json::Result<Value> {
    serde_json::from_str(&serde_json::to_string(figures)?)
}

/// The pictures as the library takes them, people numbered in the order of their names.
fn samples(pictures: &BTreeMap<String, Kept>) -> Vec<Sample> {
    let mut people: BTreeMap<&str, u32> = BTreeMap::new();
    let mut samples = Vec::with_capacity(pictures.len());
    for kept in pictures.values() {
        let next = people.len() as u32;
        samples.push(Sample {
            identity: *people.entry(&kept.person).or_insert(next),
            embedding: kept.face.as_ref().map(|face| face.embedding.clone()),
        });
    }
    samples
}

fn operating(app: &State, models: &LoadedModels) -> Option<Operating> {
    let calibration = &models.calibration.as_ref()?.calibration;
    let fmr = app.settings.fmr.unwrap_or(1e-3);
    let threshold = calibration.threshold(models.model.clone(), fmr).similarity;
    Some(Operating { threshold, fmr })
}

fn crop(kept: &Kept) -> Option<Image> {
    let face = kept.face.as_ref()?;
    Image::decode(&face.crop, &DecodeLimits::default()).ok()
}

fn facts(
    app: &State,
    models: &LoadedModels,
    evaluation: &Evaluation,
    report: &FolderReport,
    n_pictures: usize,
) -> Vec<(&'static str, String)> {
    let progress = evaluation.progress();
    let source = evaluation.folder.as_ref();
    let mut facts = vec![
        (
            "pictures from",
            source.map_or("a browser or program".to_owned(), |folder| {
                format!("the server's folder {folder}")
            }),
        ),
        ("pictures", grouped(n_pictures as u64)),
        ("people", grouped(report.people as u64)),
        ("pictures without a face", report.undetected.to_string()),
    ];
    if progress.unusable.n > 0 {
        facts.push(("unusable pictures", progress.unusable.n.to_string()));
    }
    drop(progress);
    facts.push(("embedder", models.model.to_string()));
    facts.push(("detector", models.detector.id.clone()));
    facts.push(("engine", models.backend.clone()));
    let version = env!("CARGO_PKG_VERSION");
    facts.push((
        "program",
        format!("prosopon {version}, serve, evaluation {}", evaluation.id),
    ));
    if let Some(operating) = operating(app, models) {
        let Operating { threshold, fmr } = operating;
        facts.push((
            "the server's threshold",
            format!("{threshold:.4}, announced for FMR {fmr:e}"),
        ));
    }
    facts
}

fn too_few(error: &AllPairsError) -> ApiError {
    ApiError::new("too_few_pictures", error.to_string()).with_hint(
        "give several people, and at least two pictures of some of them, in a folder for each person",
    )
}
