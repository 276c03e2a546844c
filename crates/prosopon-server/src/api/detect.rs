//! `POST /v1/detect`: where are the faces?

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

/// The faces on a picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Detected {
    width: u32,
    height: u32,
    /// The detector.
    detector: String,
    /// Largest first.
    faces: Vec<FaceJson>,
}

/// Find faces
///
/// Boxes, five landmarks and confidences of all faces on a picture, largest first.
#[utoipa::path(post, path = "/v1/detect", tag = "Recognition", params(DetectQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (crate::openapi::PictureForm = "multipart/form-data"), (crate::openapi::PictureJson = "application/json"))),
    responses((status = 200, body = Detected)))]
pub(crate) async fn detect(
    State(app): State<App>,
    Query(query): Query<DetectQuery>,
    form: Form,
) -> ApiResult<Json<Detected>> {
    let wanted = query.wanted()?;
    let upload = form.picture(&app, "image").await?;
    app.run(move |state, models| {
        let found = recognise::detect(&state, models, &upload, wanted)?;
        Ok(Json(Detected {
            width: found.image.width(),
            height: found.image.height(),
            detector: models.detector.id.clone(),
            faces: found
                .faces
                .iter()
                .map(|face| FaceJson::new(face, &found.image))
                .collect(),
        }))
    })
    .await
}
