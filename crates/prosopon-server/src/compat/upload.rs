//! `/upload`: a form for browsers without JavaScript. A picture in, the same with a box around each
//! face out.

use axum::extract::State;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use prosopon::annotate::{Annotation, annotate, subject_color};
use serde_json::json;

use crate::access::keys::Scope;
use crate::access::{Recognised, require};
use crate::error::{ApiError, ApiResult};
use crate::input::Form;
use crate::metrics::Stage;
use crate::recognise::{self, Wanted};
use crate::state::App;

/// Endings of the names of files that are taken.
const EXTENSIONS: &[&str] = &["png", "jpg", "jpeg", "gif"];

const FORM: &str = r#"<form method="post" enctype="multipart/form-data">
<p><label>Picture (PNG, JPEG or GIF): <input type="file" name="file" accept=".png,.jpg,.jpeg,.gif" required></label></p>
<p><button>Find faces</button></p>
</form>"#;

const SIGN_IN: &str = r#"<p>This server wants to know who asks. <a href="/">Sign in</a> with a key, then come back.</p>"#;

pub(super) fn routes() -> Router<App> {
    let answer = post(answer).route_layer(from_fn_with_state(Scope::Identify, require));
    Router::new().route("/upload", get(page).merge(answer))
}

async fn page(axum::Extension(Recognised(caller)): axum::Extension<Recognised>) -> Html<String> {
    let content = if caller.is_ok() { FORM } else { SIGN_IN };
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Find faces – Prosopon</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/docs.css\"></head>\n\
         <body><main><h1>Find faces</h1>\n{content}\n</main></body></html>\n"
    ))
}

async fn answer(State(app): State<App>, form: Form) -> ApiResult<Response> {
    let upload = form.picture(&app, "file").await?;
    let ending = upload.file_name.rsplit_once('.').map(|(_, ending)| ending);
    let is_taken = |ending: &str| EXTENSIONS.contains(&&*ending.to_ascii_lowercase());
    if ending.is_some_and(|ending| !is_taken(ending)) {
        let message = "expected a file that ends in .png, .jpg, .jpeg or .gif";
        return Err(ApiError::new("unsupported_content_type", message));
    }
    app.run(move |state, models| {
        let found = recognise::detect(&state, models, &upload, Wanted::default())?;
        if found.faces.is_empty() {
            return Ok(Json(json!({"face_found_in_image": 0})).into_response());
        }
        let boxes = found.faces.iter().map(|face| Annotation {
            bounding_box: face.bounding_box,
            landmarks: None,
            label: None,
            color: subject_color(0),
        });
        let boxes: Vec<Annotation> = boxes.collect();
        let bytes = state.metrics.time(Stage::Draw, || {
            annotate(&found.image, &boxes).encode_jpeg(prosopon::image::JPEG_QUALITY)
        })?;
        Ok(([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response())
    })
    .await
}
