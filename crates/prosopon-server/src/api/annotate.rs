//! `POST /v1/annotate`: the picture with boxes and names on it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use prosopon::annotate::{NamedFace, annotate as draw, name_annotations};
use prosopon::{Decision, Image};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::extract::Query;
use super::identify::{Question, SearchQuery};
use super::types::{DecideQuery, DetectQuery};
use crate::access::Caller;
use crate::error::ApiResult;
use crate::input::Form;
use crate::metrics::Stage;
use crate::recognise::Identified;
use crate::state::App;

/// The header that says how many faces were found.
pub(crate) const FACES: HeaderName = HeaderName::from_static("x-prosopon-faces");

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnnotateQuery {
    /// What is written on the boxes: `names` (default) or `none`.
    #[param(inline)]
    labels: Option<Labels>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Labels {
    Names,
    None,
}

/// Draw who is on a picture
///
/// The upright picture with a box around each face and the name of its subject.
#[utoipa::path(post, path = "/v1/annotate", tag = "Recognition", params(AnnotateQuery, SearchQuery, DetectQuery, DecideQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (crate::openapi::PictureForm = "multipart/form-data"), (crate::openapi::PictureJson = "application/json"))),
    responses((status = 200, description = "The picture; the header `x-prosopon-faces` is the number of faces.",
        content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png")))))]
pub(crate) async fn annotate(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<AnnotateQuery>,
    question: Question,
    form: Form,
) -> ApiResult<Response> {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let as_png = accept.is_some_and(|accept| accept.trim().starts_with("image/png"));
    let with_names = query.labels != Some(Labels::None);
    question
        .answer(
            &app,
            &caller,
            &form,
            "annotate",
            move |app, _, _, identified| {
                let (media_type, bytes) = app.metrics.time(Stage::Draw, || {
                    let drawn = drawn(&identified, with_names);
                    if as_png {
                        drawn.encode_png().map(|bytes| ("image/png", bytes))
                    } else {
                        let quality = prosopon::image::JPEG_QUALITY;
                        drawn
                            .encode_jpeg(quality)
                            .map(|bytes| ("image/jpeg", bytes))
                    }
                })?;
                let n_faces = identified.found.faces.len().to_string();
                let headers = [
                    (header::CONTENT_TYPE, media_type.to_owned()),
                    (header::CACHE_CONTROL, "no-store".to_owned()),
                    (FACES, n_faces),
                ];
                Ok((headers, bytes).into_response())
            },
        )
        .await
}

/// The picture with a box, and if wanted a name, on each face.
pub(crate) fn drawn(identified: &Identified, with_names: bool) -> Image {
    let faces = identified.found.faces.iter().enumerate();
    let named: Vec<NamedFace<'_>> = faces
        .map(|(i, face)| {
            let best = identified.best(i);
            let named = best.filter(|(_, decision)| *decision != Decision::NoMatch);
            NamedFace {
                bounding_box: face.detection.bounding_box,
                subject: named.map(|(best, _)| (&*best.name, best.similarity.value())),
                is_uncertain: named.is_some_and(|(_, decision)| decision == Decision::Uncertain),
            }
        })
        .collect();
    let mut annotations = name_annotations(&named);
    if !with_names {
        for annotation in &mut annotations {
            annotation.label = None;
        }
    }
    draw(&identified.found.image, &annotations)
}
