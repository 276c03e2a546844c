//! `POST /v1/embed`: faces as vectors.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Query;
use super::types::{DetectQuery, FaceJson};
use crate::error::ApiResult;
use crate::input::Form;
use crate::recognise;
use crate::state::App;

/// The faces on a picture with their embeddings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Embedded {
    width: u32,
    height: u32,
    detector: String,
    /// The embedder; embeddings of different models cannot be compared.
    model: String,
    /// Largest first.
    faces: Vec<FaceJson>,
}

/// Embed faces
///
/// All faces on a picture, each as a vector of length 1. The cosine of two vectors is their
/// similarity.
#[utoipa::path(post, path = "/v1/embed", tag = "Recognition", params(DetectQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (crate::openapi::PictureForm = "multipart/form-data"), (crate::openapi::PictureJson = "application/json"))),
    responses((status = 200, body = Embedded)))]
pub(crate) async fn embed(
    State(app): State<App>,
    Query(query): Query<DetectQuery>,
    form: Form,
) -> ApiResult<Json<Embedded>> {
    let wanted = query.wanted()?;
    let upload = form.picture(&app, "image").await?;
    app.run(move |state, models| {
        let found = recognise::analyse(&state, models, &upload, wanted)?;
        Ok(Json(Embedded {
            width: found.image.width(),
            height: found.image.height(),
            detector: models.detector.id.clone(),
            model: models.model.to_string(),
            faces: found
                .faces
                .iter()
                .map(|face| FaceJson {
                    embedding: Some(face.embedding.values().to_vec()),
                    ..FaceJson::new(&face.detection, &found.image)
                })
                .collect(),
        }))
    })
    .await
}
