//! `/recognition/subjects`: the people of the gallery.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prosopon_gallery::{Gallery, GalleryError, ListOptions, NewSubject};
use serde::Serialize;

use super::errors::no_subject;
use super::query::checked_name;
use super::types::{Deleted, SubjectName};
use crate::access::Caller;
use crate::api::extract::Path;
use crate::api::subjects::on_gallery;
use crate::error::{ApiError, ApiResult};
use crate::input::Form;
use crate::state::App;

/// Names that are read at a time.
const PAGE: usize = 1000;

#[derive(Serialize)]
pub(super) struct SubjectNames {
    subjects: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Updated {
    updated: bool,
}

pub(super) async fn list(State(app): State<App>, caller: Caller) -> ApiResult<Json<SubjectNames>> {
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, |_, gallery, _| {
        let subjects = names(gallery)?;
        Ok(Json(SubjectNames { subjects }))
    })
    .await
}

/// The names of all subjects, in order.
pub(in crate::compat) fn names(gallery: &Gallery) -> ApiResult<Vec<String>> {
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = gallery.list(&ListOptions {
            name_contains: None,
            after,
            limit: PAGE,
        })?;
        names.extend(page.subjects.into_iter().map(|s| s.subject.name));
        after = page.next;
        if after.is_none() {
            return Ok(names);
        }
    }
}

pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    form: Form,
) -> ApiResult<(StatusCode, Json<SubjectName>)> {
    let subject = named(&form)?;
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, move |_, gallery, audit| {
        gallery.add_subject(&NewSubject::named(&subject))?;
        audit("subject.create", &subject);
        Ok((StatusCode::CREATED, Json(SubjectName { subject })))
    })
    .await
}

/// Gives a subject another name; if another subject has that, it gets the faces.
pub(super) async fn rename(
    State(app): State<App>,
    caller: Caller,
    Path(old): Path<String>,
    form: Form,
) -> ApiResult<Json<Updated>> {
    let new = named(&form)?;
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, move |_, gallery, audit| {
        let known = |error| or_no_subject(error, &old);
        if old == new {
            gallery.show(&old).map_err(known)?;
            return Ok(Json(Updated { updated: false }));
        }
        match gallery.rename(&old, &new) {
            Err(GalleryError::NameTaken { .. }) => {
                gallery.merge(&old, &new).map_err(known)?;
                audit("subject.merge", &format!("{old} into {new}"));
            }
            renamed => {
                renamed.map_err(known)?;
                audit("subject.change", &new);
            }
        }
        Ok(Json(Updated { updated: true }))
    })
    .await
}

pub(super) async fn delete_one(
    State(app): State<App>,
    caller: Caller,
    Path(subject): Path<String>,
) -> ApiResult<Json<SubjectName>> {
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, move |_, gallery, audit| {
        gallery
            .delete_subject(&subject)
            .map_err(|error| or_no_subject(error, &subject))?;
        audit("subject.delete", &subject);
        Ok(Json(SubjectName { subject }))
    })
    .await
}

pub(super) async fn delete_all(State(app): State<App>, caller: Caller) -> ApiResult<Json<Deleted>> {
    let name = caller.gallery(None)?;
    on_gallery(&app, caller, name, |_, gallery, audit| {
        let counts = gallery.clear()?;
        audit("subject.delete", "all subjects");
        Ok(Json(Deleted {
            deleted: counts.subjects,
        }))
    })
    .await
}

/// The name in the body.
fn named(form: &Form) -> ApiResult<String> {
    let name = form.text("subject").unwrap_or_default();
    checked_name(&name)?;
    Ok(name)
}

fn or_no_subject(error: GalleryError, name: &str) -> ApiError {
    match error {
        GalleryError::UnknownSubject { .. } => no_subject(name),
        error => error.into(),
    }
}
