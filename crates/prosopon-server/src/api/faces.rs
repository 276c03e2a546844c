//! `/v1/galleries/{gallery}/faces` and a subject's faces: show, list, crop, delete.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prosopon_gallery::{Face, FaceId, Gallery, SubjectId};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Path;
use super::subjects::on_gallery;
use super::types::BoundingBox;
use crate::access::Caller;
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// An enrolled face.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnrolledFace {
    id: i64,
    subject_id: i64,
    /// The model that made its embedding.
    model: String,
    /// The detector's, from 0 to 1.
    confidence: Option<f32>,
    face_width_px: Option<f32>,
    /// In pixels of the picture that it came from.
    bounding_box: Option<BoundingBox>,
    /// Name of that picture, as the client gave it.
    file_name: Option<String>,
    /// When it was enrolled, in milliseconds since 1970-01-01 UTC.
    created_millis: i64,
    /// Whether `…/crop` has a picture.
    has_crop: bool,
}

impl EnrolledFace {
    pub(crate) fn new(face: Face, gallery: &Gallery) -> ApiResult<Self> {
        let has_crop = gallery.crop(face.id)?.is_some();
        Ok(Self {
            id: face.id.0,
            subject_id: face.subject.0,
            model: face.model.to_string(),
            confidence: face.quality.confidence,
            face_width_px: face.quality.face_width_px,
            bounding_box: face.bounding_box.map(BoundingBox::from),
            file_name: face.source.map(|source| source.file_name),
            created_millis: face.created_millis,
            has_crop,
        })
    }
}

/// A subject's faces.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaceList {
    /// Oldest first.
    faces: Vec<EnrolledFace>,
}

/// List a subject's faces
#[utoipa::path(get, path = "/v1/galleries/{gallery}/subjects/{id}/faces", tag = "Subjects",
    params(("gallery" = String, Path), ("id" = i64, Path)), responses((status = 200, body = FaceList)))]
pub(crate) async fn of_subject(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
) -> ApiResult<axum::Json<FaceList>> {
    on_gallery(&app, caller, gallery, move |_, gallery, _| {
        let faces = gallery.show(SubjectId(id))?.faces;
        let faces = faces
            .into_iter()
            .map(|face| EnrolledFace::new(face, gallery));
        Ok(axum::Json(FaceList {
            faces: faces.collect::<ApiResult<_>>()?,
        }))
    })
    .await
}

/// Show a face
#[utoipa::path(get, path = "/v1/galleries/{gallery}/faces/{id}", tag = "Faces",
    params(("gallery" = String, Path), ("id" = i64, Path)), responses((status = 200, body = EnrolledFace)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
) -> ApiResult<axum::Json<EnrolledFace>> {
    on_gallery(&app, caller, gallery, move |_, gallery, _| {
        Ok(axum::Json(EnrolledFace::new(
            gallery.face(FaceId(id))?,
            gallery,
        )?))
    })
    .await
}

/// Show a face's picture
///
/// The small upright crop that was kept of it.
#[utoipa::path(get, path = "/v1/galleries/{gallery}/faces/{id}/crop", tag = "Faces",
    params(("gallery" = String, Path), ("id" = i64, Path)),
    responses((status = 200, content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png")))))]
pub(crate) async fn crop(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
) -> ApiResult<Response> {
    on_gallery(&app, caller, gallery, move |_, gallery, _| {
        let crop = gallery.crop(FaceId(id))?;
        let crop = crop
            .ok_or_else(|| ApiError::new("no_crop", format!("no picture was kept of face {id}")))?;
        // A number is never used again, so what it shows never changes.
        let headers = [
            (header::CONTENT_TYPE, crop.media_type),
            (header::CACHE_CONTROL, "private, max-age=3600".to_owned()),
        ];
        Ok((headers, crop.bytes).into_response())
    })
    .await
}

/// Delete a face
///
/// The bytes of embedding and picture do not stay on disk.
#[utoipa::path(delete, path = "/v1/galleries/{gallery}/faces/{id}", tag = "Faces",
    params(("gallery" = String, Path), ("id" = i64, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
) -> ApiResult<StatusCode> {
    on_gallery(&app, caller, gallery, move |_, gallery, audit| {
        let face = gallery.face(FaceId(id))?;
        let name = gallery.show(face.subject)?.subject.name;
        gallery.delete_face(FaceId(id))?;
        audit("face.delete", &name);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
