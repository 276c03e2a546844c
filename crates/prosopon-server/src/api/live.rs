//! `/v1/live`: the camera of a browser, frame by frame, with tracks that keep their names.

use axum::extract::State;
use axum::http::StatusCode;
use prosopon::DecisionRequest;
use prosopon_video::liveness::ChallengeState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Json, Path};
use super::types::DecideQuery;
use crate::access::Caller;
use crate::audit::{Actor, Seen};
use crate::cameras::now::TrackJson;
use crate::error::ApiResult;
use crate::input::Form;
use crate::recognise;
use crate::state::App;

/// A session to open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLive {
    /// The gallery; the key's own or `default` if not given.
    gallery: Option<String>,
    /// False match rate of decisions; the gallery's if not given.
    fmr: Option<f64>,
    /// Least similarity, instead of a rate.
    threshold: Option<f32>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiveJson {
    id: String,
    gallery: String,
}

/// What a frame showed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiveFrameJson {
    width: u32,
    height: u32,
    gallery: String,
    /// Faces that are being followed.
    tracks: Vec<TrackJson>,
    /// How the challenge stands; null if there is none.
    #[schema(value_type = Option<Object>)]
    challenge: Option<ChallengeState>,
}

/// A challenge that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChallengeJson {
    /// `waiting` with the `step` to do, `n_done` and `n_steps`; `passed`; or `failed` with a `reason`.
    #[schema(value_type = Object)]
    challenge: ChallengeState,
}

/// Open a live session
///
/// For frames that a browser takes itself. A session is over after 30 s without a frame; nothing of it is stored.
#[utoipa::path(post, path = "/v1/live", tag = "Live", request_body = NewLive, responses((status = 201, body = LiveJson)))]
pub(crate) async fn open(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewLive>,
) -> ApiResult<(StatusCode, axum::Json<LiveJson>)> {
    let (gallery, _) = app.find_gallery(&caller, new.gallery.as_deref()).await?;
    let asked = DecideQuery {
        fmr: new.fmr,
        uncertain_fmr: None,
        threshold: new.threshold,
    };
    let asked: DecisionRequest = asked.asked()?;
    app.store(move |state| {
        let id = state.live.open(&state, &caller, gallery.clone(), asked)?;
        Ok((StatusCode::CREATED, axum::Json(LiveJson { id, gallery })))
    })
    .await
}

/// Send a frame of a live session
///
/// Answers with the faces that are there: a face keeps its number and its name from frame to frame. One frame of a session
/// at a time.
#[utoipa::path(post, path = "/v1/live/{id}/frames", tag = "Live", params(("id" = String, Path)),
    request_body(content((Vec<u8> = "application/octet-stream"), (crate::openapi::PictureForm = "multipart/form-data"), (crate::openapi::PictureJson = "application/json"))),
    responses((status = 200, body = LiveFrameJson)))]
pub(crate) async fn frame(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    form: Form,
) -> ApiResult<axum::Json<LiveFrameJson>> {
    let session = app.live.get(&caller, &id)?;
    let upload = form.picture(&app, "image").await?;
    let actor = Actor::from(&caller);
    app.run(move |state, models| {
        let image = recognise::decode(&state, &upload)?;
        let (width, height) = (image.width(), image.height());
        let look = session.look(models, image)?;
        state.metrics.looked(look.tracks.len());
        if !look.decided.is_empty() {
            let seen = look.decided.iter().map(|event| match &event.subject {
                Some(subject) => Seen::Known(&subject.name),
                None => Seen::Unknown,
            });
            state
                .audit
                .identified(&actor, "live", &session.gallery, seen);
        }
        Ok(axum::Json(LiveFrameJson {
            width,
            height,
            gallery: session.gallery.clone(),
            tracks: look.tracks,
            challenge: look.challenge,
        }))
    })
    .await
}

/// Challenge who is in front of the camera
///
/// Asks for steps of chance, such as to blink or to turn the head: no recording can know them beforehand. How it stands is
/// in the answers to the frames that follow.
#[utoipa::path(post, path = "/v1/live/{id}/challenge", tag = "Live", params(("id" = String, Path)),
    responses((status = 200, body = ChallengeJson)))]
pub(crate) async fn challenge(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<ChallengeJson>> {
    let session = app.live.get(&caller, &id)?;
    app.compute
        .run(move |models| {
            Ok(axum::Json(ChallengeJson {
                challenge: session.challenge(models)?,
            }))
        })
        .await
}

/// End a live session
#[utoipa::path(delete, path = "/v1/live/{id}", tag = "Live", params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn close(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<StatusCode> {
    app.live.close(&caller, &id)?;
    Ok(StatusCode::NO_CONTENT)
}
