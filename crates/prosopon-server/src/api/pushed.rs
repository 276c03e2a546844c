//! Frames that another machine sends: over a WebSocket, or in one request that goes on.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::response::Response;
use prosopon::Image;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use super::extract::Path;
use super::keys::unbound;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::body::next_chunk;
use crate::cameras::Running;
use crate::cameras::mjpeg::Pictures;
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// Where frames are sent to. Bodies are not received whole there.
pub(crate) const FRAMES: &str = "/v1/cameras/{id}/frames";

/// Largest frame in bytes: a 4K JPEG of high quality has about half of it.
const MAX_FRAME_BYTES: usize = 8 << 20;

/// Frames that follow each other faster are left out undecoded: more than this is told by no camera.
const MIN_STEP: Duration = Duration::from_millis(15);

/// How long the next frame may take until the connection is given up, whatever else is sent.
const MAX_SILENCE: Duration = Duration::from_mins(1);

/// How often it is looked whether the sender still may.
const CHECK_EVERY: Duration = Duration::from_secs(10);

/// What came of the frames of a request.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct PushedJson {
    /// Frames that were taken; of those only the newest are looked at.
    taken: u64,
    /// Frames that came too fast and were left out.
    left_out: u64,
    /// Frames that are no pictures.
    unusable: u64,
}

/// Somebody who sends frames to a camera.
struct Sender {
    app: App,
    caller: Caller,
    running: Arc<Running>,
    counts: PushedJson,
    last: Option<Instant>,
    checked: Instant,
    /// Memory for a frame of the largest size.
    _memory: OwnedSemaphorePermit,
}

impl Sender {
    async fn new(app: &App, caller: &Caller, id: i64) -> ApiResult<Self> {
        unbound(caller)?;
        let memory = app.intake.reserve(MAX_FRAME_BYTES as u64)?;
        let (state, actor) = (Arc::clone(app), Actor::from(caller));
        let running = app.compute.store(move || {
            let running = state.cameras.watched(id)?;
            if running.pusher.is_none() {
                let message = format!("camera {id} gets its frames itself");
                return Err(ApiError::new("camera_not_pushed", message)
                    .with_hint("frames are taken by cameras with the address `push:`"));
            }
            let outcome = format!("camera {id}");
            state
                .audit
                .record(&actor, "camera.push", About::default(), outcome);
            Ok(running)
        });
        Ok(Self {
            app: Arc::clone(app),
            caller: caller.clone(),
            running: running.await?,
            counts: PushedJson::default(),
            last: None,
            checked: Instant::now(),
            _memory: memory,
        })
    }

    /// Takes a frame, if it is time for one; whether the sender may go on.
    async fn take(&mut self, jpeg: Bytes) -> ApiResult<bool> {
        // Nothing else is waited for when many that are left out have come at once.
        tokio::task::coop::consume_budget().await;
        let now = Instant::now();
        if self.last.is_some_and(|last| now - last < MIN_STEP) {
            self.counts.left_out += 1;
            return Ok(true);
        }
        self.last = Some(now);
        if now - self.checked > CHECK_EVERY {
            self.checked = now;
            let still_may = self.app.access.still_admits(&self.caller);
            if !still_may || *self.app.stopping.borrow() {
                return Ok(false);
            }
        }
        let app = Arc::clone(&self.app);
        let decode = move || Ok(Image::decode(&jpeg, &app.limits));
        let decoded = self.app.compute.decode(decode).await?;
        if let (Ok(image), Some(pusher)) = (decoded, &self.running.pusher) {
            self.counts.taken += 1;
            Ok(pusher.push(image))
        } else {
            self.counts.unusable += 1;
            Ok(true)
        }
    }
}

/// Send frames over a WebSocket
///
/// To a camera with the address `push:`. Each binary message is a JPEG picture of at most 8 MiB; only the newest is looked
/// at. The server sends nothing but pongs, and closes when the camera is stopped.
#[utoipa::path(get, path = "/v1/cameras/{id}/frames", tag = "Cameras", params(("id" = i64, Path)),
    responses((status = 101, description = "The WebSocket.")))]
pub(crate) async fn socket(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    request: Request,
) -> ApiResult<Response> {
    let sender = Sender::new(&app, &caller, id).await?;
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &app)
        .await
        .map_err(|error| {
            ApiError::new(
                "invalid_request",
                format!("expected a WebSocket, found {error}"),
            )
            .with_hint("without one, `POST` the frames")
        })?;
    let upgrade = upgrade
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| receive(socket, sender)))
}

async fn receive(mut socket: WebSocket, mut sender: Sender) {
    let mut stopping = sender.app.stopping.subscribe();
    let mut deadline = Instant::now() + MAX_SILENCE;
    let (code, reason) = loop {
        let message = tokio::select! {
            message = timeout_at(deadline, socket.recv()) => message,
            _ = stopping.wait_for(|is_stopping| *is_stopping) => break (close_code::AWAY, "the server stops"),
        };
        match message {
            Err(_) => break (close_code::POLICY, "no frame for a minute"),
            // Gone, or a message that is too large.
            Ok(None | Some(Err(_) | Ok(Message::Close(_)))) => return,
            Ok(Some(Ok(Message::Binary(jpeg)))) => match sender.take(jpeg).await {
                Ok(true) => deadline = Instant::now() + MAX_SILENCE,
                Ok(false) | Err(_) => break (close_code::AWAY, "the camera is stopped"),
            },
            Ok(Some(Ok(Message::Text(_)))) => {
                break (close_code::UNSUPPORTED, "expected binary messages");
            }
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
        }
    };
    let close = CloseFrame {
        code,
        reason: reason.into(),
    };
    let _ = socket.send(Message::Close(Some(close))).await;
}

/// Send frames in a request
///
/// To a camera with the address `push:`. The body is `multipart/x-mixed-replace`, or JPEG after JPEG; it may go on for as
/// long as frames come, such as from `ffmpeg -i INPUT -f mpjpeg URL`. Only the newest frame is looked at.
#[utoipa::path(post, path = "/v1/cameras/{id}/frames", tag = "Cameras", params(("id" = i64, Path)),
    request_body(content((Vec<u8> = "multipart/x-mixed-replace"), (Vec<u8> = "image/jpeg"))),
    responses((status = 200, description = "The body has ended.", body = PushedJson)))]
pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    request: Request,
) -> ApiResult<axum::Json<PushedJson>> {
    let mut sender = Sender::new(&app, &caller, id).await?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let mut pictures = Pictures::of(content_type, MAX_FRAME_BYTES)?;
    let mut body = request.into_body();
    let mut stopping = app.stopping.subscribe();
    let mut deadline = Instant::now() + MAX_SILENCE;
    loop {
        let chunk = tokio::select! {
            chunk = timeout_at(deadline, next_chunk(&mut body)) => chunk,
            _ = stopping.wait_for(|is_stopping| *is_stopping) => break,
        };
        match chunk {
            Err(_) => {
                return Err(ApiError::new(
                    "body_timeout",
                    "expected a frame within 60 s, received none",
                ));
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => {
                return Err(ApiError::new(
                    "incomplete_body",
                    "the request ends within a frame",
                ));
            }
            Ok(Some(Ok(bytes))) => pictures.push(&bytes),
        }
        while let Some(picture) = pictures.next()? {
            if !sender.take(picture.into()).await? {
                return Ok(axum::Json(sender.counts));
            }
            deadline = Instant::now() + MAX_SILENCE;
        }
    }
    Ok(axum::Json(sender.counts))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use serde_json::json;
    use tokio::time::timeout;

    use super::*;
    use crate::testing::TestServer;

    /// A server with one thread, and somebody who sends to a camera of it.
    async fn sender() -> (TestServer, Sender) {
        let server = TestServer::new("");
        let camera = json!({"name": "a", "address": "push:"});
        let camera = server.json("POST", "/v1/cameras", &camera).await.json();
        let address = [127, 0, 0, 1].into();
        let caller = server.app.access.without_key(address).unwrap();
        let id = camera["id"].as_i64().unwrap();
        let sender = Sender::new(&server.app, &caller, id).await.unwrap();
        (server, sender)
    }

    #[tokio::test]
    async fn as_many_frames_are_decoded_at_a_time_as_there_are_threads() {
        let (server, mut sender) = sender().await;
        let (release, gate) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let app = Arc::clone(&server.app);
        let other = tokio::spawn(async move {
            let work = move || {
                let _ = (begin.send(()), gate.recv());
                Ok(())
            };
            app.compute.decode(work).await
        });
        begun.await.unwrap();
        let picture = Image::filled(8, 8, [9; 3]).encode_jpeg(80).unwrap();
        {
            let mut taken = std::pin::pin!(sender.take(picture.into()));
            let early = timeout(Duration::from_millis(100), &mut taken).await;
            assert!(early.is_err());
            drop(release);
            assert!(taken.await.unwrap());
        }
        other.await.unwrap().unwrap();
        assert_eq!(sender.counts.taken, 1);
    }

    #[tokio::test]
    async fn many_frames_at_once_let_others_run() {
        let (_server, mut sender) = sender().await;
        // All of them come too fast.
        sender.last = Some(Instant::now() + MAX_SILENCE);
        let has_run = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&has_run);
        tokio::spawn(async move { runs.store(true, Ordering::Relaxed) });
        for _ in 0..10_000 {
            assert!(sender.take(Bytes::new()).await.unwrap());
        }
        assert_eq!(sender.counts.left_out, 10_000);
        assert!(has_run.load(Ordering::Relaxed));
    }
}
