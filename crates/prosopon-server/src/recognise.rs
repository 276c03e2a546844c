//! From bytes to faces and decisions, with the time of each stage: what all APIs share.

use std::sync::Arc;

use prosopon::{BoundingBox, Detection, Embedding, Face, Image, Threshold};
use prosopon_gallery::{Candidate, Gallery, IdentifyOptions, TemplateKind, fpir_estimate};

use crate::error::{ApiError, ApiResult};
use crate::input::Upload;
use crate::metrics::Stage;
use crate::models::LoadedModels;
use crate::state::State;

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

/// How close is close enough, as a request may say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) fmr: Option<f64>,
    pub(crate) threshold: Option<f32>,
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
    options.min_confidence = wanted.min_confidence.unwrap_or(options.min_confidence);
    options.min_face_px = wanted.min_face_px.unwrap_or(options.min_face_px);
    let mut faces = app.metrics.time(Stage::Detect, || {
        models.engine.detect_with(&image, &options)
    })?;
    faces.sort_by(|a, b| b.bounding_box.area().total_cmp(&a.bounding_box.area()));
    faces.truncate(wanted.max_faces.filter(|n| *n > 0).unwrap_or(usize::MAX));
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

/// The threshold to decide by.
///
/// # Errors
/// `not_calibrated` if a rate was asked of a model that nobody has measured.
pub(crate) fn threshold(app: &State, models: &LoadedModels, asked: Asked) -> ApiResult<Threshold> {
    if let Some(similarity) = asked.threshold {
        return Ok(models.threshold_at(similarity));
    }
    let fmr = asked.fmr.unwrap_or(app.settings.fmr);
    models.threshold(fmr).ok_or_else(|| {
        let message = format!(
            "model `{}` has no calibration, so no threshold for an error rate",
            models.model
        );
        ApiError::new("not_calibrated", message)
            .with_hint("pass `threshold`, a similarity from -1 to 1")
    })
}

/// Who faces are.
pub(crate) struct Identified {
    pub(crate) found: Found<Face>,
    /// Candidates of each face, closest first.
    pub(crate) candidates: Vec<Vec<Candidate>>,
    pub(crate) threshold: Threshold,
    pub(crate) subjects: u64,
    pub(crate) faces: u64,
    /// Estimated rate at which a stranger is taken for somebody.
    pub(crate) fpir: Option<f64>,
}

impl Identified {
    /// The subject of face `i`; none if it is unknown.
    pub(crate) fn subject(&self, i: usize) -> Option<&Candidate> {
        let best = self.candidates.get(i)?.first()?;
        self.threshold.accepts(best.similarity).then_some(best)
    }
}

/// Finds, embeds and identifies the faces on a picture.
pub(crate) fn identify(
    app: &State,
    models: &LoadedModels,
    gallery: &Arc<Gallery>,
    upload: &Upload,
    wanted: Wanted,
    asked: Asked,
    options: IdentifyOptions,
) -> ApiResult<Identified> {
    let threshold = threshold(app, models, asked)?;
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
        fpir: threshold.fmr.map(|fmr| fpir_estimate(fmr, comparisons)),
        threshold,
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
