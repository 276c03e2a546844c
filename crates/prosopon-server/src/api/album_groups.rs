//! The groups of an album: looking at them, and what is decided about them.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prosopon_gallery::album::{Album, AlbumFace, AlbumFaceId, Decision, Group, GroupId};
use prosopon_gallery::{Enrolment, EnrolmentRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::albums::{file_name, on_album};
use super::extract::{Json, Path, Query};
use super::types::BoundingBox;
use crate::access::Caller;
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// Groups on a page, at most.
const MAX_PAGE: usize = 1000;

/// The faces of one person, as far as is known.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupJson {
    /// Kept as long as the group has faces.
    id: i64,
    /// Null unless somebody said who it is.
    name: Option<String>,
    faces: u64,
    pictures: u64,
    /// Faces of which it was decided that they are in this group.
    confirmed: u64,
    /// The face to show the group by.
    cover: i64,
}

impl From<Group> for GroupJson {
    fn from(group: Group) -> Self {
        Self {
            id: group.id.0,
            name: group.name,
            faces: group.n_faces,
            pictures: group.n_pictures,
            confirmed: group.n_confirmed,
            cover: group.cover.0,
        }
    }
}

/// A part of the groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupPage {
    /// Those with a name first, then by falling number of faces.
    groups: Vec<GroupJson>,
    /// How many there are in all.
    total: usize,
}

/// Which part.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Groups to pass over.
    offset: Option<usize>,
    /// Groups to show, 200 unless given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A face of an album.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlbumFaceJson {
    id: i64,
    /// The name of the picture's file.
    file_name: String,
    /// In pixels of the picture.
    bounding_box: BoundingBox,
    /// The detector's, from 0 to 1.
    confidence: f32,
    /// Whether it was decided that it is in this group.
    is_confirmed: bool,
}

impl From<AlbumFace> for AlbumFaceJson {
    fn from(face: AlbumFace) -> Self {
        Self {
            id: face.id.0,
            file_name: file_name(&face.picture_name),
            bounding_box: face.bounding_box.into(),
            confidence: face.confidence,
            is_confirmed: face.is_confirmed,
        }
    }
}

/// A group with its faces.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupDetails {
    group: GroupJson,
    faces: Vec<AlbumFaceJson>,
}

/// List groups
#[utoipa::path(get, path = "/v1/albums/{album}/groups", tag = "Albums",
    params(("album" = String, Path), PageQuery), responses((status = 200, body = GroupPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(album): Path<String>,
    Query(query): Query<PageQuery>,
) -> ApiResult<axum::Json<GroupPage>> {
    let limit = query.limit.unwrap_or(200);
    if !(1..=MAX_PAGE).contains(&limit) {
        let message = format!("expected a number from 1 to {MAX_PAGE} as `limit`, found {limit}");
        return Err(ApiError::new("invalid_parameter", message));
    }
    on_album(&app, caller, album, move |_, album, _| {
        let groups = album.groups()?;
        let total = groups.len();
        let page = groups.into_iter().skip(query.offset.unwrap_or(0));
        Ok(axum::Json(GroupPage {
            groups: page.take(limit).map(GroupJson::from).collect(),
            total,
        }))
    })
    .await
}

/// Show a group
#[utoipa::path(get, path = "/v1/albums/{album}/groups/{id}", tag = "Albums",
    params(("album" = String, Path), ("id" = i64, Path)), responses((status = 200, body = GroupDetails)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path((album, id)): Path<(String, i64)>,
) -> ApiResult<axum::Json<GroupDetails>> {
    on_album(&app, caller, album, move |_, album, _| {
        let faces = album.faces_of(GroupId(id))?;
        Ok(axum::Json(GroupDetails {
            group: album.group(GroupId(id))?.into(),
            faces: faces.into_iter().map(AlbumFaceJson::from).collect(),
        }))
    })
    .await
}

/// Show a face's picture
///
/// The small upright crop that was kept of it.
#[utoipa::path(get, path = "/v1/albums/{album}/faces/{id}/crop", tag = "Albums",
    params(("album" = String, Path), ("id" = i64, Path)),
    responses((status = 200, content((Vec<u8> = "image/jpeg")))))]
pub(crate) async fn crop(
    State(app): State<App>,
    caller: Caller,
    Path((album, id)): Path<(String, i64)>,
) -> ApiResult<Response> {
    on_album(&app, caller, album, move |_, album, _| {
        let crop = album.crop(AlbumFaceId(id))?;
        // Another album of this name would use the numbers anew, so it is asked for again each time.
        let headers = [(header::CONTENT_TYPE, crop.media_type)];
        Ok((headers, crop.bytes).into_response())
    })
    .await
}

/// What is decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum DecisionRequest {
    /// A group is this person; without a name, nobody known.
    Name { group: i64, name: Option<String> },
    /// The groups `from` are the same person as `into`.
    Merge { into: i64, from: Vec<i64> },
    /// These faces of one group are another person.
    Split { faces: Vec<i64> },
    /// Two groups are not the same person.
    Apart { a: i64, b: i64 },
    /// These faces belong to the group `to`.
    Move { faces: Vec<i64>, to: i64 },
}

/// A decision on record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionJson {
    id: i64,
    /// `name`, `merge`, `split`, `apart` or `move`.
    kind: String,
    /// The same for people, in one line.
    summary: String,
    is_undone: bool,
    /// When, in milliseconds since 1970-01-01 UTC.
    decided_millis: i64,
}

impl From<Decision> for DecisionJson {
    fn from(decision: Decision) -> Self {
        Self {
            id: decision.id,
            kind: decision.kind.as_str().to_owned(),
            summary: decision.summary,
            is_undone: decision.is_undone,
            decided_millis: decision.decided_millis,
        }
    }
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decided {
    decision: DecisionJson,
    /// The group that a split made; null otherwise.
    new_group: Option<i64>,
}

/// All decisions about an album.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    /// Oldest first; those that were taken back are at the end.
    decisions: Vec<DecisionJson>,
}

/// Decide about groups
///
/// The faces of the groups that a decision is about are confirmed: grouping leaves them where they are. What was
/// undone before can no longer be redone.
#[utoipa::path(post, path = "/v1/albums/{album}/decisions", tag = "Albums", params(("album" = String, Path)),
    request_body = DecisionRequest, responses((status = 200, body = Decided)))]
pub(crate) async fn decide(
    State(app): State<App>,
    caller: Caller,
    Path(album): Path<String>,
    Json(request): Json<DecisionRequest>,
) -> ApiResult<axum::Json<Decided>> {
    on_album(&app, caller, album, move |_, album, audit| {
        let (decision, new_group) = request.carry_out(album)?;
        audit("album.decide", decision.kind.as_str());
        Ok(axum::Json(Decided {
            decision: decision.into(),
            new_group: new_group.map(|group| group.0),
        }))
    })
    .await
}

impl DecisionRequest {
    fn carry_out(self, album: &Album) -> ApiResult<(Decision, Option<GroupId>)> {
        let faces = |faces: Vec<i64>| faces.into_iter().map(AlbumFaceId).collect::<Vec<_>>();
        let decision = match self {
            Self::Name { group, name } => album.name(GroupId(group), name.as_deref())?,
            Self::Merge { into, from } => {
                let from: Vec<GroupId> = from.into_iter().map(GroupId).collect();
                album.merge(GroupId(into), &from)?
            }
            Self::Split { faces: split } => {
                let (decision, new) = album.split(&faces(split))?;
                return Ok((decision, Some(new)));
            }
            Self::Apart { a, b } => album.apart(GroupId(a), GroupId(b))?,
            Self::Move { faces: moved, to } => album.move_faces(&faces(moved), GroupId(to))?,
        };
        Ok((decision, None))
    }
}

/// List decisions
#[utoipa::path(get, path = "/v1/albums/{album}/decisions", tag = "Albums", params(("album" = String, Path)),
    responses((status = 200, body = History)))]
pub(crate) async fn history(
    State(app): State<App>,
    caller: Caller,
    Path(album): Path<String>,
) -> ApiResult<axum::Json<History>> {
    on_album(&app, caller, album, move |_, album, _| {
        let decisions = album.history()?.into_iter();
        Ok(axum::Json(History {
            decisions: decisions.map(DecisionJson::from).collect(),
        }))
    })
    .await
}

/// Take back the last decision
#[utoipa::path(post, path = "/v1/albums/{album}/undo", tag = "Albums", params(("album" = String, Path)),
    responses((status = 200, body = Decided)))]
pub(crate) async fn undo(
    State(app): State<App>,
    caller: Caller,
    Path(album): Path<String>,
) -> ApiResult<axum::Json<Decided>> {
    on_album(&app, caller, album, move |_, album, audit| {
        let decision = album.undo()?.into();
        audit("album.undo", "ok");
        Ok(axum::Json(Decided {
            decision,
            new_group: None,
        }))
    })
    .await
}

/// Decide again what was taken back last
#[utoipa::path(post, path = "/v1/albums/{album}/redo", tag = "Albums", params(("album" = String, Path)),
    responses((status = 200, body = Decided)))]
pub(crate) async fn redo(
    State(app): State<App>,
    caller: Caller,
    Path(album): Path<String>,
) -> ApiResult<axum::Json<Decided>> {
    on_album(&app, caller, album, move |_, album, audit| {
        let decision = album.redo()?.into();
        audit("album.redo", "ok");
        Ok(axum::Json(Decided {
            decision,
            new_group: None,
        }))
    })
    .await
}

/// A group to enrol.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolGroup {
    /// The gallery; the default one unless given.
    gallery: Option<String>,
}

/// What was enrolled.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnrolledGroup {
    gallery: String,
    /// The group's name.
    subject: String,
    subject_id: Option<i64>,
    added: usize,
    /// Faces that the subject has already.
    duplicates: usize,
}

/// Enrol a group in a gallery
///
/// Under its name; faces that the subject has already are passed over.
#[utoipa::path(post, path = "/v1/albums/{album}/groups/{id}/enrol", tag = "Albums",
    params(("album" = String, Path), ("id" = i64, Path)), request_body = EnrolGroup,
    responses((status = 200, body = EnrolledGroup)))]
pub(crate) async fn enrol(
    State(app): State<App>,
    caller: Caller,
    Path((album, id)): Path<(String, i64)>,
    Json(asked): Json<EnrolGroup>,
) -> ApiResult<axum::Json<EnrolledGroup>> {
    let gallery = caller.gallery(asked.gallery.as_deref())?;
    on_album(&app, caller, album, move |state, album, audit| {
        let subject = album.group(GroupId(id))?.name.ok_or_else(|| {
            ApiError::new("group_without_name", format!("group {id} has no name"))
                .with_hint("say who it is first")
        })?;
        let target = state.galleries.get(&gallery)?;
        let keep_crops = state.settings.keep_crops;
        let faces = album.faces_to_enrol(GroupId(id))?.into_iter();
        let requests: Vec<EnrolmentRequest> = faces
            .map(|mut face| {
                if let Some(source) = &mut face.source {
                    source.file_name = file_name(&source.file_name);
                }
                face.crop = face.crop.filter(|_| keep_crops);
                EnrolmentRequest {
                    subject: subject.clone(),
                    face,
                }
            })
            .collect();
        let outcomes = target.enrol_batch(&requests)?;
        let is_new = |outcome: &&Enrolment| matches!(outcome, Enrolment::Added { .. });
        let added = outcomes.iter().filter(is_new).count();
        audit("album.enrol", &format!("{added} added to {gallery}"));
        Ok(axum::Json(EnrolledGroup {
            gallery,
            subject_id: outcomes.first().map(|outcome| outcome.subject().0),
            subject,
            added,
            duplicates: outcomes.len() - added,
        }))
    })
    .await
}
