//! Endpoints that take embeddings in place of pictures.

use axum::Json;
use axum::extract::State;
use prosopon::{Embedding, ModelId};
use serde::{Deserialize, Serialize};

use super::image_id;
use super::query::{Parameters, prediction_count};
use super::recognition::{audit, compared, nearest};
use super::types::SubjectRow;
use crate::access::Caller;
use crate::api::extract::{Json as Body, Path};
use crate::audit::{About, Actor};
use crate::compat::similarity::Scale;
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// Embeddings to ask about.
#[derive(Deserialize)]
pub(super) struct Embeddings {
    embeddings: Vec<Vec<f32>>,
}

/// One embedding and those to compare it with.
#[derive(Deserialize)]
pub(super) struct SourceAndTargets {
    source: Vec<f32>,
    targets: Vec<Vec<f32>>,
}

#[derive(Serialize)]
pub(super) struct Answer<T> {
    result: Vec<T>,
}

/// An embedding and the subjects closest to it.
#[derive(Serialize)]
pub(super) struct Recognised {
    embedding: Vec<f32>,
    similarities: Vec<SubjectRow>,
}

/// An embedding and how close it is.
#[derive(Serialize)]
pub(super) struct Compared {
    embedding: Vec<f32>,
    similarity: f64,
}

pub(super) async fn recognize(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    Body(Embeddings { embeddings }): Body<Embeddings>,
) -> ApiResult<Json<Answer<Recognised>>> {
    let count = prediction_count(&parameters)?;
    some(&embeddings, "embeddings")?;
    let (name, gallery) = app.find_gallery(&caller, None).await?;
    let scale = Scale::of(app.compute.models()?, &gallery)?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let rows = match gallery.binding()? {
            Some(bound) => {
                let probes = vectors(&embeddings, &bound.model, bound.dimension)?;
                nearest(&state, &gallery, &probes, count, scale)?
            }
            // Nobody is enrolled, so nobody is close.
            None => embeddings.iter().map(|_| Vec::new()).collect(),
        };
        audit(&state, &actor, &name, &rows);
        let result = embeddings.into_iter().zip(rows);
        Ok(Json(Answer {
            result: result
                .map(|(embedding, similarities)| Recognised {
                    embedding,
                    similarities,
                })
                .collect(),
        }))
    })
    .await
}

pub(super) async fn verify_with_face(
    State(app): State<App>,
    caller: Caller,
    Path(image_id): Path<String>,
    Body(Embeddings { embeddings }): Body<Embeddings>,
) -> ApiResult<Json<Answer<Compared>>> {
    some(&embeddings, "embeddings")?;
    let (name, gallery) = app.find_gallery(&caller, None).await?;
    let scale = Scale::of(app.compute.models()?, &gallery)?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let enrolled = image_id::find(&name, &gallery, &image_id)?;
        let subject = gallery.show(enrolled.subject)?.subject.name;
        let reference = gallery.embedding(enrolled.id)?;
        let result = ranked(scale, &reference, embeddings)?;
        let about = About {
            gallery: Some(&name),
            subject: Some(&subject),
        };
        let outcome = format!("{} compared", result.len());
        state.audit.record(&actor, "verify", about, outcome);
        Ok(Json(Answer { result }))
    })
    .await
}

pub(super) async fn verify(
    State(app): State<App>,
    caller: Caller,
    Body(SourceAndTargets { source, targets }): Body<SourceAndTargets>,
) -> ApiResult<Json<Answer<Compared>>> {
    if source.is_empty() {
        return Err(wrong_count(1, 0));
    }
    some(&targets, "targets")?;
    let models = app.compute.models()?;
    let (_, gallery) = app.find_gallery(&caller, None).await?;
    let scale = Scale::of(models, &gallery)?;
    let model = models.model.clone();
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let source = vector(&source, &model, source.len())?;
        let result = ranked(scale, &source, targets)?;
        let outcome = format!("{} compared", result.len());
        state
            .audit
            .record(&actor, "verify", About::default(), outcome);
        Ok(Json(Answer { result }))
    })
    .await
}

/// Compares all `targets` with one embedding; closest first.
fn ranked(scale: Scale, reference: &Embedding, targets: Vec<Vec<f32>>) -> ApiResult<Vec<Compared>> {
    let probes = vectors(&targets, reference.model(), reference.dim())?;
    let mut result = Vec::new();
    for (embedding, probe) in targets.into_iter().zip(&probes) {
        result.push(Compared {
            embedding,
            similarity: compared(scale, probe, reference)?,
        });
    }
    result.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    Ok(result)
}

fn vectors(rows: &[Vec<f32>], model: &ModelId, dimension: usize) -> ApiResult<Vec<Embedding>> {
    rows.iter()
        .map(|row| vector(row, model, dimension))
        .collect()
}

/// Any length will do: only the direction is compared.
fn vector(values: &[f32], model: &ModelId, dimension: usize) -> ApiResult<Embedding> {
    if values.len() != dimension {
        return Err(wrong_count(dimension, values.len()));
    }
    Embedding::from_values(model.clone(), values.to_vec()).map_err(|_| {
        let message = "expected finite numbers that are not all 0 as an embedding";
        ApiError::new("invalid_request", message)
    })
}

fn some(rows: &[Vec<f32>], name: &str) -> ApiResult<()> {
    if rows.is_empty() {
        let message = format!("expected at least one embedding in `{name}`, found none");
        return Err(ApiError::new("invalid_parameter", message));
    }
    Ok(())
}

fn wrong_count(expected: usize, found: usize) -> ApiError {
    let message = format!("{expected} embeddings were expected, but {found} were provided");
    ApiError::new("wrong_embedding", message)
}
