//! `/v1/events`: what cameras saw.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use prosopon_video::EventKind;
use prosopon_video::store::{Filter, StoredEvent};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Path, Query};
use super::keys::unbound;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult};
use crate::events::{event_id, unknown};
use crate::state::App;
use crate::stream::{Outlet, endless};

/// Events on a page, at most.
const MAX_PAGE: usize = 1000;

/// Events that a stream reads at once.
const CHUNK: usize = 100;

/// How often a stream says that it is still there, and looks for events that other programs stored.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Where a stream goes on (HTML standard, section 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which events.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Of the camera of this name.
    camera: Option<String>,
    /// Of these kinds, with commas in between: appeared, recognised, unknown, left, `spoof_suspected`.
    kind: Option<String>,
    /// Of the person of this name.
    subject: Option<String>,
    /// Not before this time (RFC 3339).
    since: Option<String>,
    /// Before this time (RFC 3339).
    until: Option<String>,
}

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// `next` of the page before.
    before: Option<u64>,
    /// At most so many, 1 to 1000; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AfterQuery {
    /// The number of the last event that is known; the header `Last-Event-ID` counts more. Only new events if not given.
    after: Option<u64>,
}

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PurgeQuery {
    /// All from before this time (RFC 3339).
    before: String,
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventJson {
    /// Rises with every event, and is never given twice.
    sequence: u64,
    /// Whether there is a picture of the face.
    has_crop: bool,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    event: prosopon_video::Event,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// Newest first.
    events: Vec<EventJson>,
    /// To be passed as `before` for the next page; null at the end.
    next: Option<u64>,
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Purged {
    removed: u64,
}

impl From<StoredEvent> for EventJson {
    fn from(stored: StoredEvent) -> Self {
        Self {
            sequence: stored.sequence,
            has_crop: stored.has_crop,
            event: stored.event,
        }
    }
}

impl EventQuery {
    fn filter(&self) -> ApiResult<Filter> {
        let kinds = self.kind.as_deref().unwrap_or("").split(',').map(str::trim);
        let kinds = kinds.filter(|name| !name.is_empty()).map(|name| {
            EventKind::from_name(name).ok_or_else(|| {
                let known = EventKind::ALL.map(EventKind::name).join(", ");
                let message = format!("expected kinds out of {known} as `kind`, found `{name}`");
                ApiError::new("invalid_parameter", message)
            })
        });
        Ok(Filter {
            camera: self.camera.clone().filter(|camera| !camera.is_empty()),
            kinds: kinds.collect::<ApiResult<_>>()?,
            subject: self.subject.clone().filter(|subject| !subject.is_empty()),
            since: time("since", self.since.as_deref())?,
            until: time("until", self.until.as_deref())?,
            ..Filter::default()
        })
    }
}

fn time(name: &str, text: Option<&str>) -> ApiResult<Option<Timestamp>> {
    let parse = |text: &str| {
        text.parse().map_err(|_| {
            let message =
                format!("expected a time such as 2026-01-31T08:00:00Z as `{name}`, found `{text}`");
            ApiError::new("invalid_parameter", message)
        })
    };
    text.filter(|text| !text.is_empty()).map(parse).transpose()
}

/// List events
///
/// Newest first.
#[utoipa::path(get, path = "/v1/events", tag = "Events", params(EventQuery, PageQuery), responses((status = 200, body = EventPage)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<EventQuery>,
    Query(page): Query<PageQuery>,
) -> ApiResult<axum::Json<EventPage>> {
    unbound(&caller)?;
    let limit = page.limit.unwrap_or(100);
    if !(1..=MAX_PAGE).contains(&limit) {
        let message = format!("expected a number from 1 to {MAX_PAGE} as `limit`, found {limit}");
        return Err(ApiError::new("invalid_parameter", message));
    }
    let filter = Filter {
        before_sequence: page.before,
        limit: Some(limit),
        ..query.filter()?
    };
    app.store(move |state| {
        let mut events = state.events.store.list(&filter)?;
        events.reverse();
        let next = events.last().filter(|_| events.len() == limit);
        Ok(axum::Json(EventPage {
            next: next.map(|stored| stored.sequence),
            events: events.into_iter().map(EventJson::from).collect(),
        }))
    })
    .await
}

/// Show the face of an event
///
/// The best crop of the track so far, as a JPEG.
#[utoipa::path(get, path = "/v1/events/{id}/crop", tag = "Events", params(("id" = String, Path)),
    responses((status = 200, description = "The crop.", body = Vec<u8>, content_type = "image/jpeg")))]
pub(crate) async fn crop(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    unbound(&caller)?;
    let id = event_id(&id)?;
    app.store(move |state| {
        let store = &state.events.store;
        let Some(jpeg) = store.crop(&id)? else {
            return Err(match store.event(&id)? {
                Some(_) => ApiError::new("no_crop", "there is no picture of the event"),
                None => unknown(),
            });
        };
        // An event never changes; the picture is nobody else's.
        let headers = [
            (header::CONTENT_TYPE, "image/jpeg"),
            (header::CACHE_CONTROL, "private, max-age=3600"),
        ];
        Ok((headers, jpeg).into_response())
    })
    .await
}

/// Remove events
///
/// With their pictures; what has not been delivered of them never will be. Scope `admin`.
#[utoipa::path(delete, path = "/v1/events", tag = "Events", params(PurgeQuery), responses((status = 200, body = Purged)))]
pub(crate) async fn purge(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PurgeQuery>,
) -> ApiResult<axum::Json<Purged>> {
    unbound(&caller)?;
    let before = time("before", Some(&query.before))?;
    let before =
        before.ok_or_else(|| ApiError::new("invalid_parameter", "expected a time as `before`"))?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let removed = state.events.store.purge(before)?;
        let outcome = format!("{removed} events from before {before}");
        state
            .audit
            .record(&actor, "events.purge", About::default(), outcome);
        Ok(axum::Json(Purged { removed }))
    })
    .await
}

/// Follow events
///
/// Server-Sent Events: each has its number as `id`, its kind as `event`, and JSON as `data`. A client that was away sends
/// the last number as `Last-Event-ID` (browsers do by themselves) and gets what it missed, if it was not removed meanwhile.
#[utoipa::path(get, path = "/v1/events/stream", tag = "Events", params(EventQuery, AfterQuery),
    responses((status = 200, description = "Events without end.", body = String, content_type = "text/event-stream")))]
pub(crate) async fn stream(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<EventQuery>,
    Query(after): Query<AfterQuery>,
) -> ApiResult<Response> {
    unbound(&caller)?;
    let filter = query.filter()?;
    let last = headers
        .get(LAST_EVENT_ID)
        .and_then(|id| id.to_str().ok()?.parse().ok());
    let after = if let Some(after) = last.or(after.after) {
        after
    } else {
        app.store(move |state| Ok(state.events.store.last_sequence()?))
            .await?
    };
    let (outlet, body) = endless(&app, &caller);
    tokio::spawn(follow(Arc::clone(&app), outlet, filter, after));
    // Proxies that gather answers would hold events back.
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

/// Writes what is stored, from `after` on, and then what comes.
async fn follow(app: App, mut outlet: Outlet, filter: Filter, mut after: u64) {
    let mut new = app.events.subscribe();
    if !outlet.write("retry: 2000\n\n").await {
        return;
    }
    loop {
        new.mark_unchanged();
        let next = Filter {
            after_sequence: Some(after),
            limit: Some(CHUNK),
            ..filter.clone()
        };
        let read = app
            .store(move |state| Ok(state.events.store.list(&next)?))
            .await;
        let events = match read {
            Ok(events) => events,
            Err(error) => {
                tracing::error!(cause = ?error.cause, "could not read events for a stream");
                return;
            }
        };
        let is_all = events.len() < CHUNK;
        for stored in events {
            after = stored.sequence;
            let Some(text) = message(stored) else {
                continue;
            };
            if !outlet.write(text).await {
                return;
            }
        }
        if !is_all {
            continue;
        }
        match outlet.wait_for(timeout(HEARTBEAT, new.changed())).await {
            None | Some(Ok(Err(_))) => return,
            Some(Ok(Ok(()))) => {}
            Some(Err(_)) => {
                if !outlet.write(":\n\n").await {
                    return;
                }
            }
        }
    }
}

/// An event as a message of a stream; none if it cannot be written as JSON.
fn message(stored: StoredEvent) -> Option<String> {
    let (id, kind) = (stored.sequence, stored.event.kind.name());
    let json = serde_json::to_string(&EventJson::from(stored)).ok()?;
    Some(format!("id: {id}\nevent: {kind}\ndata: {json}\n\n"))
}
