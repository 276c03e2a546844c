//! `/recognition/faces`: the enrolled faces of the gallery.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prosopon_gallery::{Face, FaceListOptions, FacePage, Gallery, GalleryError, SubjectKey};
use serde::Serialize;

use super::errors::invalid;
use super::image_id;
use super::looking::picture;
use super::query::Parameters;
use super::types::{Deleted, Example};
use crate::access::Caller;
use crate::api::extract::{Json as Body, Path};
use crate::api::subjects::on_gallery;
use crate::audit::{About, Actor};
use crate::compat::face_to_enrol;
use crate::error::ApiResult;
use crate::input::Form;
use crate::metrics::Stage;
use crate::state::App;

/// Faces on a page, unless something else is asked for.
const DEFAULT_PAGE: i64 = 20;

/// Faces on a page, at most.
const MAX_PAGE: i64 = 2000;

/// A page of enrolled faces.
#[derive(Serialize)]
pub(super) struct Examples {
    faces: Vec<Example>,
    page_number: i64,
    page_size: i64,
    total_pages: u64,
    total_elements: u64,
}

pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    form: Form,
) -> ApiResult<(StatusCode, Json<Example>)> {
    let (subject, wanted) = (parameters.subject()?, parameters.wanted()?);
    let (name, gallery) = app.find_gallery(&caller, None).await?;
    let upload = picture(&app, &form, "file").await?;
    let actor = Actor::from(&caller);
    let face = app
        .run(move |state, models| face_to_enrol(&state, models, &upload, wanted))
        .await?;
    app.store(move |state| {
        let enrolment = state
            .metrics
            .time(Stage::Store, || gallery.enrol(&subject, face))?;
        let face = gallery.face(enrolment.face())?;
        let about = About {
            gallery: Some(&name),
            subject: Some(&subject),
        };
        state.audit.record(&actor, "enrol", about, "1 added");
        let image_id = image_id::of(&name, &face);
        Ok((StatusCode::CREATED, Json(Example { image_id, subject })))
    })
    .await
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> ApiResult<Json<Examples>> {
    let page = parameters.number("page")?.unwrap_or(0);
    let size = parameters.number("size")?.unwrap_or(DEFAULT_PAGE);
    if page < 0 {
        return Err(invalid("page should be equal or greater than 0"));
    }
    if size < 1 {
        return Err(invalid("size should be equal or greater than 1"));
    }
    let size = size.min(MAX_PAGE);
    let subject = parameters.text("subject").map(str::to_owned);
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, move |name, gallery, _| {
        let offset = page.saturating_mul(size) as usize;
        let FacePage { faces, total } =
            page_of(gallery, subject.as_deref(), offset, size as usize)?;
        Ok(Json(Examples {
            faces: faces.into_iter().map(|face| example(name, face)).collect(),
            page_number: page,
            page_size: size,
            total_pages: total.div_ceil(size as u64),
            total_elements: total,
        }))
    })
    .await
}

/// Faces of all subjects or of one; none if nobody has that name.
fn page_of(
    gallery: &Gallery,
    subject: Option<&str>,
    offset: usize,
    limit: usize,
) -> ApiResult<FacePage> {
    let options = FaceListOptions {
        subject: subject.map(SubjectKey::Name),
        offset,
        limit,
    };
    match gallery.list_faces(options) {
        Err(GalleryError::UnknownSubject { .. }) => Ok(FacePage {
            faces: Vec::new(),
            total: 0,
        }),
        page => Ok(page?),
    }
}

fn example(gallery: &str, (face, subject): (Face, String)) -> Example {
    Example {
        image_id: image_id::of(gallery, &face),
        subject,
    }
}

/// Deletes the faces of one subject or of all; the subjects stay.
pub(super) async fn delete_of_subject(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> ApiResult<Json<Deleted>> {
    let subject = parameters.text("subject").map(str::to_owned);
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, move |_, gallery, audit| {
        let faces = page_of(gallery, subject.as_deref(), 0, i64::MAX as usize)?.faces;
        let ids: Vec<_> = faces.iter().map(|(face, _)| face.id).collect();
        let deleted = gallery.delete_faces(&ids)?.len() as u64;
        audit("face.delete", subject.as_deref().unwrap_or("all subjects"));
        Ok(Json(Deleted { deleted }))
    })
    .await
}

pub(super) async fn delete_one(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Example>> {
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, move |name, gallery, audit| {
        let face = image_id::find(name, gallery, &id)?;
        let subject = gallery.show(face.subject)?.subject.name;
        gallery.delete_face(face.id)?;
        audit("face.delete", &subject);
        Ok(Json(example(name, (face, subject))))
    })
    .await
}

/// Deletes those of the listed faces that are there.
pub(super) async fn delete_several(
    State(app): State<App>,
    caller: Caller,
    Body(ids): Body<Vec<String>>,
) -> ApiResult<Json<Vec<Example>>> {
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, move |name, gallery, audit| {
        let mut known = Vec::new();
        for id in &ids {
            match image_id::find(name, gallery, id) {
                Ok(face) => known.push(face.id),
                Err(error) if error.code == "unknown_face" => {}
                Err(error) => return Err(error),
            }
        }
        let deleted = gallery.delete_faces(&known)?;
        for (_, subject) in &deleted {
            audit("face.delete", subject);
        }
        let deleted = deleted.into_iter().map(|face| example(name, face));
        Ok(Json(deleted.collect()))
    })
    .await
}

/// The small picture that was kept of the face; nothing if none was.
pub(super) async fn image(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let bytes = kept(&app, caller, id).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

/// The bytes of the picture that was kept of a face.
pub(super) async fn kept(app: &App, caller: Caller, id: String) -> ApiResult<Vec<u8>> {
    let name = caller.gallery(None)?;
    on_gallery(app, caller, name, move |name, gallery, _| {
        let face = image_id::find(name, gallery, &id)?;
        let crop = gallery.crop(face.id)?;
        Ok(crop.map(|crop| crop.bytes).unwrap_or_default())
    })
    .await
}
