//! Is the server up, is it ready, what has it counted?

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::keys::unbound;
use crate::access::Caller;
use crate::error::ApiResult;
use crate::state::App;

/// That the server is there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    version: &'static str,
    /// Engine, version and arithmetic; null while the models are being loaded.
    backend: Option<String>,
    /// The embedder; null while the models are being loaded.
    model: Option<String>,
}

fn health(app: &App) -> Health {
    let models = app.compute.models().ok();
    Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        backend: models.map(|models| models.backend.clone()),
        model: models.map(|models| models.model.to_string()),
    }
}

/// Is the server up?
#[utoipa::path(get, path = "/health/live", tag = "Server", responses((status = 200, body = Health)))]
pub(crate) async fn live(State(app): State<App>) -> Json<Health> {
    Json(health(&app))
}

/// Can the server recognise faces?
///
/// 503 until the models are loaded and warmed up.
#[utoipa::path(get, path = "/health/ready", tag = "Server", responses((status = 200, body = Health)))]
pub(crate) async fn ready(State(app): State<App>) -> ApiResult<Json<Health>> {
    app.compute.models()?;
    Ok(Json(health(&app)))
}

/// Counters, for Prometheus
///
/// Of the whole server: for keys that are not bound to a gallery.
#[utoipa::path(get, path = "/metrics", tag = "Server",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(
    State(app): State<App>,
    caller: Caller,
) -> ApiResult<impl IntoResponse> {
    // It names all galleries and their sizes.
    unbound(&caller)?;
    app.store(move |state| {
        state.galleries.measure(&state.metrics);
        state.cameras.measure(&state.metrics);
        let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        Ok(([(header::CONTENT_TYPE, media_type)], state.metrics.text()))
    })
    .await
}
