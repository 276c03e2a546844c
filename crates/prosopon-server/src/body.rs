//! Receiving a request whole, within limits of size, time and memory.
//!
//! Handlers work on requests that have arrived: a slow client holds neither a thread nor a place in
//! the queue. What is too large is read on and thrown away for a while, since a client that is
//! still sending would see a broken connection instead of the answer.

use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::error::{ApiError, ApiResult};
use crate::settings::Settings;
use crate::state::App;

/// Unit of the memory that requests share, in bytes.
const UNIT: u64 = 1024;

/// How much of a refused request is read on, at most.
const MAX_DRAINED_BYTES: u64 = 256 << 20;

/// How long.
const MAX_DRAIN: Duration = Duration::from_secs(20);

/// Limits of what is received.
pub(crate) struct Intake {
    max_bytes: u64,
    timeout: Duration,
    /// Memory left, in [`UNIT`]s.
    memory: Arc<Semaphore>,
}

impl Intake {
    pub(crate) fn new(settings: &Settings) -> Self {
        let units = (settings.max_buffered_mib << 20) / UNIT;
        Self {
            max_bytes: settings.max_body_mib << 20,
            timeout: Duration::from_secs(settings.body_timeout_secs),
            memory: Arc::new(Semaphore::new(units as usize)),
        }
    }
}

/// Receives the request before it goes on to the handler.
pub(crate) async fn receive(State(app): State<App>, request: Request, next: Next) -> Response {
    let intake = &app.intake;
    let (head, body) = request.into_parts();
    let length = head.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let chunked = head.headers.contains_key(header::TRANSFER_ENCODING);
    if length.unwrap_or(0) == 0 && !chunked {
        return next.run(Request::from_parts(head, Body::empty())).await;
    }
    let expected = length.unwrap_or(intake.max_bytes).min(intake.max_bytes);
    let units = expected.div_ceil(UNIT) as u32;
    let Ok(memory) = Arc::clone(&intake.memory).try_acquire_many_owned(units) else {
        drain(body).await;
        return ApiError::new("too_busy", "too many requests are being received")
            .with_hint(
                "try again; the setting `max_buffered_mib` says how much memory they may take",
            )
            .retry_after(1)
            .into_response();
    };
    let response = match intake.read(length, body).await {
        Ok(bytes) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Err(error) => error.into_response(),
    };
    drop(memory);
    response
}

impl Intake {
    async fn read(&self, length: Option<u64>, body: Body) -> ApiResult<Bytes> {
        if length.is_some_and(|length| length > self.max_bytes) {
            drain(body).await;
            return Err(self.too_large(length));
        }
        let deadline = Instant::now() + self.timeout;
        let mut bytes = Vec::with_capacity(length.unwrap_or(0) as usize);
        let mut body = body;
        loop {
            match timeout_at(deadline, next_chunk(&mut body)).await {
                Err(_) => {
                    let secs = self.timeout.as_secs();
                    let message = format!(
                        "expected the request within {secs} s, received {} bytes",
                        bytes.len()
                    );
                    return Err(ApiError::new("body_timeout", message));
                }
                Ok(None) => return Ok(bytes.into()),
                Ok(Some(Err(_))) => {
                    let message = format!(
                        "the request ends after {} bytes, before it is complete",
                        bytes.len()
                    );
                    return Err(ApiError::new("incomplete_body", message));
                }
                Ok(Some(Ok(chunk))) if bytes.len() as u64 + chunk.len() as u64 > self.max_bytes => {
                    drain(body).await;
                    return Err(self.too_large(None));
                }
                Ok(Some(Ok(chunk))) => bytes.extend_from_slice(&chunk),
            }
        }
    }

    fn too_large(&self, found: Option<u64>) -> ApiError {
        let found = found.map_or_else(|| "more".to_owned(), |bytes| bytes.to_string());
        let message = format!(
            "expected a request of at most {} bytes, found {found}",
            self.max_bytes
        );
        ApiError::new("body_too_large", message)
            .with_hint("send fewer or smaller pictures; the setting `max_body_mib` is the limit")
    }
}

async fn next_chunk(body: &mut Body) -> Option<Result<Bytes, BoxError>> {
    use axum::body::HttpBody;
    use std::pin::Pin;
    loop {
        let frame =
            std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(error.into())),
        }
    }
}

/// Reads on without keeping anything.
async fn drain(mut body: Body) {
    let deadline = Instant::now() + MAX_DRAIN;
    let mut drained = 0;
    while let Ok(Some(Ok(chunk))) = timeout_at(deadline, next_chunk(&mut body)).await {
        drained += chunk.len() as u64;
        if drained > MAX_DRAINED_BYTES {
            break;
        }
    }
}
