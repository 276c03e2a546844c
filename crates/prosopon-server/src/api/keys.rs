//! `/v1/keys` and `/v1/audit`: what an administrator sees to.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Json, Path, Query};
use crate::access::Caller;
use crate::access::keys::{KeyId, KeyRecord, NewKey, Scope, now_millis};
use crate::audit::{About, Actor, Entry};
use crate::database::DatabaseError;
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// Milliseconds in a day.
const DAY_MILLIS: i64 = 86_400_000;

/// Entries of the audit log on a page, at most.
const MAX_PAGE: usize = 1000;

/// All keys, revoked ones too.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    keys: Vec<KeyRecord>,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKeyJson {
    /// What to call it, 1 to 100 bytes.
    #[schema(example = "front door")]
    name: String,
    scopes: Vec<Scope>,
    /// The only gallery that it is for.
    gallery: Option<String>,
    /// Days after which it ends, 1 to 36500.
    #[schema(minimum = 1, maximum = 36500)]
    expires_in_days: Option<i64>,
}

/// A key that was made; this is the only time that it is shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedKey {
    #[serde(flatten)]
    record: KeyRecord,
    key: String,
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Invalid { message } => Self::new("invalid_parameter", message),
            DatabaseError::CameraExists { .. } => {
                Self::new("camera_exists", error).with_hint("choose another name")
            }
            DatabaseError::Sqlite { source, .. }
                if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) =>
            {
                Self::disk_full(source)
            }
            error => Self::internal(error),
        }
    }
}

/// Keys of one gallery have no business with the server as a whole.
pub(super) fn unbound(caller: &Caller) -> ApiResult<()> {
    match &caller.gallery {
        None => Ok(()),
        Some(own) => {
            let message = format!("expected a key for all galleries, found one for `{own}`");
            Err(ApiError::new("other_gallery", message))
        }
    }
}

/// List keys
#[utoipa::path(get, path = "/v1/keys", tag = "Keys", responses((status = 200, body = KeyList)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> ApiResult<axum::Json<KeyList>> {
    unbound(&caller)?;
    app.store(move |state| {
        Ok(axum::Json(KeyList {
            keys: state.access.keys.list()?,
        }))
    })
    .await
}

/// Make a key
///
/// The key is in the answer and nowhere else.
#[utoipa::path(post, path = "/v1/keys", tag = "Keys", request_body = NewKeyJson,
    responses((status = 201, body = CreatedKey)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewKeyJson>,
) -> ApiResult<(StatusCode, axum::Json<CreatedKey>)> {
    unbound(&caller)?;
    if new
        .expires_in_days
        .is_some_and(|days| !(1..=36_500).contains(&days))
    {
        return Err(ApiError::new(
            "invalid_parameter",
            "expected a number from 1 to 36500 as `expires_in_days`",
        ));
    }
    let actor = Actor::from(&caller);
    app.store(move |state| {
        if let Some(gallery) = &new.gallery {
            state.galleries.get(gallery)?;
        }
        let (record, key) = state.access.keys.create(&NewKey {
            name: new.name,
            scopes: new.scopes,
            gallery: new.gallery,
            expires_millis: new
                .expires_in_days
                .map(|days| now_millis() + days * DAY_MILLIS),
            secret: None,
        })?;
        let outcome = format!("key {} `{}`", record.id, record.name);
        state
            .audit
            .record(&actor, "key.create", About::default(), outcome);
        Ok((StatusCode::CREATED, axum::Json(CreatedKey { record, key })))
    })
    .await
}

/// Revoke a key
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "Keys", params(("id" = i64, Path)), responses((status = 204)))]
pub(crate) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<StatusCode> {
    unbound(&caller)?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        if !state.access.keys.revoke(KeyId(id))? {
            return Err(ApiError::new("unknown_key", format!("unknown key {id}")));
        }
        state
            .audit
            .record(&actor, "key.revoke", About::default(), format!("key {id}"));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// `next` of the page before.
    after: Option<i64>,
    /// At most so many, 1 to 1000; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// Newest first.
    entries: Vec<Entry>,
    /// To be passed as `after` for the next page; null at the end.
    next: Option<i64>,
}

/// Read the audit log
///
/// Who did what, when, about whom, and what came of it. Newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "Keys", params(AuditQuery), responses((status = 200, body = AuditPage)))]
pub(crate) async fn audit(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> ApiResult<axum::Json<AuditPage>> {
    unbound(&caller)?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=MAX_PAGE).contains(&limit) {
        let message = format!("expected a number from 1 to {MAX_PAGE} as `limit`, found {limit}");
        return Err(ApiError::new("invalid_parameter", message));
    }
    app.store(move |state| {
        let mut entries = state.audit.entries(query.after, limit + 1)?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.id);
        Ok(axum::Json(AuditPage { entries, next }))
    })
    .await
}
