//! What clients ask before anything else; no key is needed.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::error::ApiResult;
use crate::galleries::DEFAULT;
use crate::state::App;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    client_max_file_size: u64,
    client_max_body_size: u64,
}

/// Whether stored embeddings fit the models.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// There is no demonstration to be inconsistent.
    demo_face_collection_is_inconsistent: bool,
    db_is_inconsistent: bool,
    #[serde(rename = "saveImagesToDB")]
    save_images_to_db: bool,
    #[serde(rename = "status")]
    state: &'static str,
}

/// Limits, in bytes.
pub(super) async fn config(State(app): State<App>) -> Json<Config> {
    Json(Config {
        client_max_file_size: app.settings.max_file_mib << 20,
        client_max_body_size: app.settings.max_body_mib << 20,
    })
}

/// The default gallery is inconsistent if another model made its embeddings.
pub(super) async fn status(State(app): State<App>) -> ApiResult<Json<Status>> {
    let bound = app.galleries.get(DEFAULT)?.binding()?;
    let models = app.compute.models().ok();
    let fits = match (&bound, models) {
        (Some(bound), Some(models)) => bound.model == models.model,
        _ => true,
    };
    Ok(Json(Status {
        demo_face_collection_is_inconsistent: false,
        db_is_inconsistent: !fits,
        save_images_to_db: app.settings.keep_crops,
        state: if models.is_some() { "OK" } else { "NOT_READY" },
    }))
}
