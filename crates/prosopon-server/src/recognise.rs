//! From bytes to faces and decisions, with the time of each stage: what all APIs share.

use std::sync::Arc;

use prosopon::{
    BoundingBox, Decision, DecisionRequest, DecisionRule, Detection, Embedding, Face, Image,
};
use prosopon_gallery::{Candidate, Gallery, IdentifyOptions, TemplateKind, fpir_estimate};

use crate::audit::{Actor, Seen};
use crate::error::{ApiError, ApiResult};
use crate::input::Upload;
use crate::metrics::Stage;
use crate::models::LoadedModels;
use crate::state::State;

/// Least confidence that is looked for. Below it nearly every place of a picture is a face: tens of
/// thousands, which would hold a thread for minutes.
const MIN_CONFIDENCE: f32 = 0.02;

/// Faces of a picture that are told about and embedded.
const MAX_FACES: usize = 1000;

/// What counts as a face, as a request may say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) min_confidence: Option<f32>,
    pub(crate) min_face_px: Option<f32>,
    pub(crate) max_faces: Option<usize>,
}

/// A decoded picture and the faces on it, largest first.
pub(crate) struct Found<T> {
    pub(crate) image: Image,
    pub(crate) faces: Vec<T>,
}

/// Decodes a picture.
pub(crate) fn decode(app: &State, upload: &Upload) -> ApiResult<Image> {
    let decoded = app
        .metrics
        .time(Stage::Decode, || Image::decode(&upload.bytes, &app.limits));
    Ok(decoded?)
}

/// Decodes a picture and finds its faces.
pub(crate) fn detect(
    app: &State,
    models: &LoadedModels,
    upload: &Upload,
    wanted: Wanted,
) -> ApiResult<Found<Detection>> {
    let image = decode(app, upload)?;
    let mut options = models.engine.options().detector;
    let least = wanted.min_confidence.unwrap_or(options.min_confidence);
    options.min_confidence = least.max(MIN_CONFIDENCE);
    options.min_face_px = wanted.min_face_px.unwrap_or(options.min_face_px);
    let mut faces = app.metrics.time(Stage::Detect, || {
        models.engine.detect_with(&image, &options)
    })?;
    faces.sort_by(|a, b| b.bounding_box.area().total_cmp(&a.bounding_box.area()));
    let n_faces = wanted.max_faces.filter(|n| *n > 0).unwrap_or(MAX_FACES);
    faces.truncate(n_faces.min(MAX_FACES));
    app.metrics.looked(faces.len());
    Ok(Found { image, faces })
}

/// Decodes a picture, finds its faces and embeds them.
pub(crate) fn analyse(
    app: &State,
    models: &LoadedModels,
    upload: &Upload,
    wanted: Wanted,
) -> ApiResult<Found<Face>> {
    let Found { image, faces } = detect(app, models, upload, wanted)?;
    let faces = embed(app, models, &image, faces)?;
    Ok(Found { image, faces })
}

/// Aligns and embeds faces that were found.
pub(crate) fn embed(
    app: &State,
    models: &LoadedModels,
    image: &Image,
    detections: Vec<Detection>,
) -> ApiResult<Vec<Face>> {
    let embedded = app.metrics.time(Stage::Embed, || {
        models.engine.embed_faces(image, detections)
    });
    Ok(embedded?)
}

/// What to decide by in `gallery`.
///
/// # Errors
/// `not_calibrated` if a rate was asked of a model that nobody has measured, `invalid_parameter` if the
/// uncertain rate that was asked for is not the looser one; those of reading the gallery.
pub(crate) fn rule(
    app: &State,
    models: &LoadedModels,
    gallery: &Gallery,
    asked: DecisionRequest,
) -> ApiResult<DecisionRule> {
    let judge = models.judge(gallery)?;
    Ok(judge.rule(asked, app.settings.rates())?)
}

/// Who faces are.
pub(crate) struct Identified {
    pub(crate) found: Found<Face>,
    /// Candidates of each face, closest first.
    pub(crate) candidates: Vec<Vec<Candidate>>,
    pub(crate) rule: DecisionRule,
    pub(crate) subjects: u64,
    pub(crate) faces: u64,
    /// Estimated rate at which a stranger is taken for somebody.
    pub(crate) fpir: Option<f64>,
}

impl Identified {
    /// Who face `i` is: its best candidate, and what the similarity means. None in an empty gallery.
    pub(crate) fn best(&self, i: usize) -> Option<(&Candidate, Decision)> {
        let best = self.candidates.get(i)?.first()?;
        Some((best, self.rule.decide(best.similarity)))
    }

    /// Notes in the audit log who was recognised.
    pub(crate) fn note(&self, app: &State, actor: &Actor, action: &'static str, gallery: &str) {
        let seen = (0..self.found.faces.len()).map(|i| match self.best(i) {
            Some((best, Decision::Match)) => Seen::Known(&best.name),
            Some((_, Decision::Uncertain)) => Seen::Uncertain,
            Some((_, Decision::NoMatch)) | None => Seen::Unknown,
        });
        app.audit.identified(actor, action, gallery, seen);
    }
}

/// Finds, embeds and identifies the faces on a picture.
pub(crate) fn identify(
    app: &State,
    models: &LoadedModels,
    gallery: &Arc<Gallery>,
    upload: &Upload,
    wanted: Wanted,
    asked: DecisionRequest,
    options: IdentifyOptions,
) -> ApiResult<Identified> {
    let rule = rule(app, models, gallery, asked)?;
    let found = analyse(app, models, upload, wanted)?;
    let probes: Vec<Embedding> = found
        .faces
        .iter()
        .map(|face| face.embedding.clone())
        .collect();
    let candidates = app
        .metrics
        .time(Stage::Search, || gallery.identify_batch(&probes, options))?;
    let counts = gallery.counts()?;
    // Means are compared once a person, best faces once a face.
    let comparisons = match options.template {
        TemplateKind::Best => counts.faces,
        TemplateKind::Mean => counts.subjects,
    };
    Ok(Identified {
        found,
        candidates,
        fpir: rule
            .threshold
            .fmr
            .map(|fmr| fpir_estimate(fmr, comparisons)),
        rule,
        subjects: counts.subjects,
        faces: counts.faces,
    })
}

/// Which face of an enrolment picture is meant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Choice {
    /// There must be exactly one.
    One,
    /// The largest.
    Largest,
    /// The one around this point of the picture, in pixels.
    At(f32, f32),
}

/// The face that is meant.
///
/// # Errors
/// `face_not_found`, `multiple_faces`.
pub(crate) fn choose(detections: &[Detection], choice: Choice) -> ApiResult<Detection> {
    let none = |message: &str| Err(ApiError::new("face_not_found", message.to_owned()));
    match (detections, choice) {
        ([], _) => none("expected a face, found none"),
        ([only], Choice::One) | ([only, ..], Choice::Largest) => Ok(*only),
        (several, Choice::One) => {
            let message = format!("expected 1 face, found {}", several.len());
            Err(ApiError::new("multiple_faces", message)
                .with_hint("crop the picture, or pass `faces=largest`"))
        }
        (all, Choice::At(x, y)) => {
            let from_center = |b: &BoundingBox| {
                let center = b.center();
                (center.x - x).hypot(center.y - y)
            };
            let around = all.iter().filter(|detection| {
                let b = &detection.bounding_box;
                (b.left..=b.right).contains(&x) && (b.top..=b.bottom).contains(&y)
            });
            let closest = around.min_by(|a, b| {
                from_center(&a.bounding_box).total_cmp(&from_center(&b.bounding_box))
            });
            closest.copied().ok_or_else(|| {
                ApiError::new(
                    "face_not_found",
                    format!("expected a face at {x:.0},{y:.0}, found none there"),
                )
            })
        }
    }
}
