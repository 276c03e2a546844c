//! `/recognition/recognize`, and the comparison with one enrolled face.

use axum::Json;
use axum::extract::State;
use prosopon::Embedding;
use prosopon_gallery::{Candidate, Gallery, GalleryError, IdentifyOptions, StoreError};

use super::image_id;
use super::looking::{look, picture};
use super::query::FaceQuery;
use super::types::{Answer, ComparedWithFace, FaceFields, Recognised, SubjectRow, Versions};
use crate::access::Caller;
use crate::api::extract::Path;
use crate::audit::{About, Actor, Seen};
use crate::compat::similarity::{Scale, round5};
use crate::error::ApiResult;
use crate::input::Form;
use crate::metrics::Stage;
use crate::settings::CompreFaceRows;
use crate::state::{App, State as Server};

/// From this similarity a face counts as known in the audit log; the API itself decides nothing.
const KNOWN: f64 = 0.5;

pub(super) async fn recognize(
    State(app): State<App>,
    caller: Caller,
    query: FaceQuery,
    form: Form,
) -> ApiResult<Json<Answer<Recognised>>> {
    let (name, gallery) = app.find_gallery(&caller, None).await?;
    let upload = picture(&app, &form, "file").await?;
    let actor = Actor::from(&caller);
    app.run(move |state, models| {
        let seen = look(&state, models, &upload, &query, true)?;
        let probes = seen.embeddings()?;
        let scale = Scale::of(models, &gallery)?;
        let rows = nearest(&state, &gallery, &probes, query.prediction_count, scale)?;
        audit(&state, &actor, &name, &rows);
        let faces = seen.faces.iter().zip(rows);
        Ok(Json(Answer {
            result: faces
                .map(|(face, subjects)| Recognised {
                    face: FaceFields::new(&seen, face, &query),
                    subjects,
                })
                .collect(),
            plugins_versions: Versions::asked(&query, models),
        }))
    })
    .await
}

pub(super) async fn verify(
    State(app): State<App>,
    caller: Caller,
    Path(image_id): Path<String>,
    query: FaceQuery,
    form: Form,
) -> ApiResult<Json<Answer<ComparedWithFace>>> {
    let query = FaceQuery {
        detect_faces: true,
        ..query
    };
    let (name, gallery) = app.find_gallery(&caller, None).await?;
    let upload = picture(&app, &form, "file").await?;
    let actor = Actor::from(&caller);
    app.run(move |state, models| {
        let enrolled = image_id::find(&name, &gallery, &image_id)?;
        let subject = gallery.show(enrolled.subject)?.subject.name;
        let reference = gallery.embedding(enrolled.id)?;
        let seen = look(&state, models, &upload, &query, true)?;
        let scale = Scale::of(models, &gallery)?;
        let mut result = Vec::new();
        for (face, probe) in seen.faces.iter().zip(seen.embeddings()?) {
            result.push(ComparedWithFace {
                face: FaceFields::new(&seen, face, &query),
                subject: subject.clone(),
                similarity: compared(scale, &probe, &reference)?,
            });
        }
        let best = result.iter().map(|face| face.similarity);
        let outcome = if best.fold(0.0, f64::max) >= KNOWN {
            "same"
        } else {
            "different"
        };
        let about = About {
            gallery: Some(&name),
            subject: Some(&subject),
        };
        state.audit.record(&actor, "verify", about, outcome);
        Ok(Json(Answer {
            result,
            plugins_versions: Versions::asked(&query, models),
        }))
    })
    .await
}

/// The `count` rows closest to each probe, rounded.
pub(super) fn nearest(
    app: &Server,
    gallery: &Gallery,
    probes: &[Embedding],
    count: usize,
    scale: Scale,
) -> ApiResult<Vec<Vec<SubjectRow>>> {
    let counts = gallery.counts()?;
    let found = app
        .metrics
        .time(Stage::Search, || match app.settings.compreface_rows {
            CompreFaceRows::Subject => {
                let options = IdentifyOptions {
                    max_candidates: count.min(counts.subjects as usize),
                    ..IdentifyOptions::default()
                };
                gallery.identify_batch(probes, options)
            }
            CompreFaceRows::Face => gallery.nearest_faces(probes, count.min(counts.faces as usize)),
        })?;
    let row = |candidate: Candidate| SubjectRow {
        subject: candidate.name.to_string(),
        similarity: round5(scale.similarity(f64::from(candidate.similarity.value()))),
    };
    let rows = |candidates: Vec<Candidate>| candidates.into_iter().map(row).collect();
    Ok(found.into_iter().map(rows).collect())
}

/// How close two faces are, rounded.
///
/// # Errors
/// That of a gallery of another model.
pub(super) fn compared(scale: Scale, probe: &Embedding, reference: &Embedding) -> ApiResult<f64> {
    let similarity = prosopon::similarity(probe, reference).map_err(|_| {
        GalleryError::Store(StoreError::ModelMismatch {
            bound: reference.model().clone(),
            given: probe.model().clone(),
        })
    })?;
    Ok(round5(scale.similarity(f64::from(similarity.value()))))
}

/// Notes who was recognised.
pub(super) fn audit(app: &Server, actor: &Actor, gallery: &str, faces: &[Vec<SubjectRow>]) {
    let seen = faces.iter().map(|rows| match rows.first() {
        Some(row) if row.similarity >= KNOWN => Seen::Known(&row.subject),
        _ => Seen::Unknown,
    });
    app.audit.identified(actor, "identify", gallery, seen);
}
