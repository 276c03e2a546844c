//! The APIs of other systems, for programs that were written for them; `docs/compat.md` says where
//! they differ.
//!
//! Handlers only translate. What goes wrong is an [`ApiError`] as everywhere; on its way out
//! [`speak`] says it in the shape that the API of its address has, whoever it comes from: a handler,
//! the limits, or nobody at all.

mod classify_image;
mod compreface;
mod confidence;
mod deepstack;
mod similarity;
mod upload;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prosopon::{BoundingBox, Image};
use prosopon_gallery::{NewFace, PictureHash, Source};

use crate::error::{ApiError, ApiResult, Given};
use crate::input::Upload;
use crate::models::LoadedModels;
use crate::recognise::{self, Choice, Wanted};
use crate::state::{App, State};

/// All routes of compatible APIs.
pub(crate) fn routes(app: &App) -> Router<App> {
    Router::new()
        .merge(compreface::routes(app))
        .merge(deepstack::routes())
        .merge(classify_image::routes())
        .merge(upload::routes())
}

/// Says errors in the shape of the API that the address belongs to.
pub(crate) async fn speak(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_below = |root: &str| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let say: fn(&ApiError) -> Response = if is_below(compreface::ROOT) {
        compreface::error_response
    } else if is_below(deepstack::ROOT) {
        deepstack::error_response
    } else {
        return next.run(request).await;
    };
    let response = next.run(request).await;
    let Some(Given(error)) = response.extensions().get::<Given>() else {
        return response;
    };
    let (said, body) = say(error).into_parts();
    let (mut head, _) = response.into_parts();
    head.status = said.status;
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(said.headers);
    if head.status != StatusCode::UNAUTHORIZED {
        head.headers.remove(header::WWW_AUTHENTICATE);
    }
    Response::from_parts(head, body)
}

/// An error's body and status.
fn said(status: StatusCode, body: impl serde::Serialize) -> Response {
    (status, axum::Json(body)).into_response()
}

/// The face on a picture, ready to be enrolled: there must be exactly one that is `wanted`.
///
/// # Errors
/// `face_not_found`, `multiple_faces`, and those of the stages.
fn face_to_enrol(
    app: &State,
    models: &LoadedModels,
    upload: &Upload,
    wanted: Wanted,
) -> ApiResult<NewFace> {
    let found = recognise::detect(app, models, upload, wanted)?;
    let detection = recognise::choose(&found.faces, Choice::One)?;
    let faces = recognise::embed(app, models, &found.image, vec![detection])?;
    let face = faces
        .first()
        .ok_or_else(|| ApiError::internal("no embedding for a face"))?;
    let source = Source {
        file_name: upload.file_name.clone(),
        sha256: PictureHash::of(&upload.bytes),
    };
    Ok(NewFace::of(face, Some(source), app.settings.keep_crops)?)
}

/// A box in whole pixels, inside the picture: clients cut it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
struct Pixels {
    x_min: i64,
    y_min: i64,
    x_max: i64,
    y_max: i64,
}

fn whole_pixels(bounding_box: &BoundingBox, image: &Image) -> Pixels {
    let inside = |value: f32, end: u32| (value.round() as i64).clamp(0, i64::from(end));
    Pixels {
        x_min: inside(bounding_box.left, image.width()),
        y_min: inside(bounding_box.top, image.height()),
        x_max: inside(bounding_box.right, image.width()),
        y_max: inside(bounding_box.bottom, image.height()),
    }
}
