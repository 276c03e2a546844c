//! `/detection/detect`: where are faces?

use axum::Json;
use axum::extract::State;

use super::looking::{look, picture};
use super::query::FaceQuery;
use super::types::{Answer, FaceFields, Versions};
use crate::error::ApiResult;
use crate::input::Form;
use crate::state::App;

pub(super) async fn detect(
    State(app): State<App>,
    query: FaceQuery,
    form: Form,
) -> ApiResult<Json<Answer<FaceFields>>> {
    // Only recognition takes pictures that are faces already.
    let query = FaceQuery {
        detect_faces: true,
        ..query
    };
    let upload = picture(&app, &form, "file").await?;
    app.run(move |state, models| {
        let seen = look(&state, models, &upload, &query, query.plugins.calculator)?;
        let faces = seen.faces.iter();
        Ok(Json(Answer {
            result: faces
                .map(|face| FaceFields::new(&seen, face, &query))
                .collect(),
            plugins_versions: Versions::asked(&query, models),
        }))
    })
    .await
}
