//! `/v1/galleries/{gallery}/subjects`: the people of a gallery.

use axum::extract::State;
use axum::http::StatusCode;
use prosopon_gallery::{
    Gallery, ListOptions, Metadata, NewSubject, Subject, SubjectChange, SubjectId, SubjectSummary,
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Json, Path, Query};
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// Subjects on a page, at most.
const MAX_PAGE: usize = 1000;

/// An enrolled person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubjectJson {
    id: i64,
    name: String,
    /// Id in another system.
    external_id: Option<String>,
    /// Facts that the user keeps: a JSON object.
    #[schema(value_type = Object)]
    metadata: Metadata,
    /// When the subject was added, in milliseconds since 1970-01-01 UTC.
    created_millis: i64,
    n_faces: u64,
    /// A face to show the subject by; null if it has none.
    cover_face_id: Option<i64>,
}

impl From<SubjectSummary> for SubjectJson {
    fn from(summary: SubjectSummary) -> Self {
        let SubjectSummary {
            subject,
            n_faces,
            cover,
        } = summary;
        Self {
            id: subject.id.0,
            name: subject.name,
            external_id: subject.external_id,
            metadata: subject.metadata,
            created_millis: subject.created_millis,
            n_faces,
            cover_face_id: cover.map(|face| face.0),
        }
    }
}

/// A subject as it is now.
pub(crate) fn subject(gallery: &Gallery, id: SubjectId) -> ApiResult<SubjectJson> {
    let details = gallery.show(id)?;
    let summary = SubjectSummary {
        n_faces: details.faces.len() as u64,
        cover: details.faces.first().map(|face| face.id),
        subject: details.subject,
    };
    Ok(summary.into())
}

/// A page of subjects.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubjectPageJson {
    /// By name.
    subjects: Vec<SubjectJson>,
    /// To be passed as `after` for the next page; null at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only names that contain this, ignoring case.
    search: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A subject to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSubjectJson {
    /// 1 to 512 bytes, without blanks at its ends and control characters.
    #[schema(example = "Anna")]
    name: String,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Metadata,
}

/// What to change; what is left out stays as it is.
#[expect(
    clippy::option_option,
    reason = "null removes, nothing leaves as it is"
)]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubjectPatch {
    name: Option<String>,
    /// Null removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    /// In place of all that is there.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
}

/// Tells null from nothing.
#[expect(
    clippy::option_option,
    reason = "null removes, nothing leaves as it is"
)]
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Where to move the faces.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergeInto {
    /// Id of the subject that remains.
    into: i64,
}

/// What a merge did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Merged {
    /// The subject that remains.
    subject: SubjectJson,
    /// Faces that it got.
    moved: u64,
    /// Faces that it had already, of the same picture; they were deleted.
    duplicates: u64,
}

/// Runs `work` on a gallery that the caller may use, away from the async threads.
pub(crate) async fn on_gallery<T: Send + 'static>(
    app: &App,
    caller: Caller,
    name: String,
    work: impl FnOnce(&str, &Gallery, &dyn Fn(&'static str, &str)) -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let (name, gallery) = state.gallery(&caller, Some(&name))?;
        let audit = |action: &'static str, subject: &str| {
            let about = About {
                gallery: Some(&name),
                subject: Some(subject),
            };
            state.audit.record(&actor, action, about, "ok");
        };
        work(&name, &gallery, &audit)
    })
    .await
}

/// List subjects
#[utoipa::path(get, path = "/v1/galleries/{gallery}/subjects", tag = "Subjects",
    params(("gallery" = String, Path), ListQuery), responses((status = 200, body = SubjectPageJson)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(gallery): Path<String>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<SubjectPageJson>> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=MAX_PAGE).contains(&limit) {
        let message = format!("expected a number from 1 to {MAX_PAGE} as `limit`, found {limit}");
        return Err(ApiError::new("invalid_parameter", message));
    }
    on_gallery(&app, caller, gallery, move |_, gallery, _| {
        let page = gallery.list(&ListOptions {
            name_contains: query.search,
            after: query.after,
            limit,
        })?;
        Ok(axum::Json(SubjectPageJson {
            subjects: page.subjects.into_iter().map(SubjectJson::from).collect(),
            next: page.next,
        }))
    })
    .await
}

/// Add a subject
///
/// Without faces; `POST …/enrol` adds subject and faces at once.
#[utoipa::path(post, path = "/v1/galleries/{gallery}/subjects", tag = "Subjects",
    params(("gallery" = String, Path)), request_body = NewSubjectJson, responses((status = 201, body = SubjectJson)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(gallery): Path<String>,
    Json(new): Json<NewSubjectJson>,
) -> ApiResult<(StatusCode, axum::Json<SubjectJson>)> {
    on_gallery(&app, caller, gallery, move |_, gallery, audit| {
        let new = NewSubject {
            name: new.name,
            external_id: new.external_id,
            metadata: new.metadata,
        };
        let id = gallery.add_subject(&new)?;
        audit("subject.create", &new.name);
        Ok((StatusCode::CREATED, axum::Json(subject(gallery, id)?)))
    })
    .await
}

/// Show a subject
#[utoipa::path(get, path = "/v1/galleries/{gallery}/subjects/{id}", tag = "Subjects",
    params(("gallery" = String, Path), ("id" = i64, Path)), responses((status = 200, body = SubjectJson)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
) -> ApiResult<axum::Json<SubjectJson>> {
    on_gallery(&app, caller, gallery, move |_, gallery, _| {
        Ok(axum::Json(subject(gallery, SubjectId(id))?))
    })
    .await
}

/// Change a subject
///
/// Its name, external id or metadata.
#[utoipa::path(patch, path = "/v1/galleries/{gallery}/subjects/{id}", tag = "Subjects",
    params(("gallery" = String, Path), ("id" = i64, Path)), request_body = SubjectPatch,
    responses((status = 200, body = SubjectJson)))]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
    Json(patch): Json<SubjectPatch>,
) -> ApiResult<axum::Json<SubjectJson>> {
    on_gallery(&app, caller, gallery, move |_, gallery, audit| {
        let change = SubjectChange {
            name: patch.name,
            external_id: patch.external_id,
            metadata: patch.metadata,
        };
        let Subject { name, .. } = gallery.change(SubjectId(id), &change)?;
        audit("subject.change", &name);
        Ok(axum::Json(subject(gallery, SubjectId(id))?))
    })
    .await
}

/// Delete a subject
///
/// With all its faces; the bytes of embeddings and pictures do not stay on disk.
#[utoipa::path(delete, path = "/v1/galleries/{gallery}/subjects/{id}", tag = "Subjects",
    params(("gallery" = String, Path), ("id" = i64, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
) -> ApiResult<StatusCode> {
    on_gallery(&app, caller, gallery, move |_, gallery, audit| {
        let name = gallery.show(SubjectId(id))?.subject.name;
        gallery.delete_subject(SubjectId(id))?;
        audit("subject.delete", &name);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Merge a subject into another
///
/// The other one gets all faces and keeps its name; this one is deleted.
#[utoipa::path(post, path = "/v1/galleries/{gallery}/subjects/{id}/merge", tag = "Subjects",
    params(("gallery" = String, Path), ("id" = i64, Path)), request_body = MergeInto,
    responses((status = 200, body = Merged)))]
pub(crate) async fn merge(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
    Json(merge): Json<MergeInto>,
) -> ApiResult<axum::Json<Merged>> {
    on_gallery(&app, caller, gallery, move |_, gallery, audit| {
        let name = gallery.show(SubjectId(id))?.subject.name;
        let report = gallery.merge(SubjectId(id), SubjectId(merge.into))?;
        let subject = subject(gallery, report.subject)?;
        audit("subject.merge", &format!("{name} into {}", subject.name));
        Ok(axum::Json(Merged {
            subject,
            moved: report.moved,
            duplicates: report.duplicates,
        }))
    })
    .await
}
