//! Receiving a request whole, within limits of size, time and memory.
//!
//! Handlers work on requests that have arrived: a slow client holds neither a thread nor a place in
//! the queue. What is too large is read on and thrown away for a while, since a client that is
//! still sending would see a broken connection instead of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::access::Recognised;
use crate::api::pushed;
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
    /// What of it callers may have that show no valid key in a header: they must not keep out those
    /// that do.
    strangers: Arc<Semaphore>,
}

impl Intake {
    pub(crate) fn new(settings: &Settings) -> Self {
        let pool = |mib: u64| Arc::new(Semaphore::new(((mib << 20) / UNIT) as usize));
        let (all, one) = (settings.max_buffered_mib, settings.max_body_mib);
        Self {
            max_bytes: one << 20,
            timeout: Duration::from_secs(settings.body_timeout_secs),
            memory: pool(all),
            strangers: pool((all / 4).max(one)),
        }
    }

    /// Units of memory that `bytes` take.
    pub(crate) fn units(bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
    }

    /// Room for `bytes` that are going to be received.
    ///
    /// # Errors
    /// `too_busy`.
    pub(crate) fn reserve(&self, bytes: u64) -> ApiResult<OwnedSemaphorePermit> {
        let memory = Arc::clone(&self.memory).try_acquire_many_owned(Self::units(bytes));
        memory.map_err(|_| too_busy())
    }
}

fn too_busy() -> ApiError {
    ApiError::new("too_busy", "too many requests are being received")
        .with_hint("try again; the setting `max_buffered_mib` says how much memory they may take")
        .retry_after(1)
}

/// The memory that a request has taken. It grows with what has arrived, not with what was announced:
/// announcing costs nothing.
struct Room {
    pools: Vec<(Arc<Semaphore>, Option<OwnedSemaphorePermit>)>,
    units: u32,
}

impl Room {
    fn new(intake: &Intake, is_known: bool) -> Self {
        let mut pools = Vec::new();
        // The smaller pool first: what it refuses takes nothing from the other.
        if !is_known {
            pools.push((Arc::clone(&intake.strangers), None));
        }
        pools.push((Arc::clone(&intake.memory), None));
        Self { pools, units: 0 }
    }

    /// Takes what is missing for `bytes` in all.
    fn grow(&mut self, bytes: u64) -> ApiResult<()> {
        let missing = Intake::units(bytes).saturating_sub(self.units);
        for (pool, held) in &mut self.pools {
            let more = Arc::clone(pool).try_acquire_many_owned(missing);
            let more = more.map_err(|_| too_busy())?;
            match held {
                Some(held) => held.merge(more),
                None => *held = Some(more),
            }
        }
        self.units += missing;
        Ok(())
    }

    /// Gives back all of it.
    fn release(&mut self) {
        for (_, held) in &mut self.pools {
            *held = None;
        }
        self.units = 0;
    }
}

/// Receives the request before it goes on to the handler.
pub(crate) async fn receive(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_endless = request
        .extensions()
        .get::<MatchedPath>()
        .is_some_and(|route| route.as_str() == pushed::FRAMES && request.method() == Method::POST);
    if is_endless {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(head, Body::empty())).await;
    }
    let is_known = head
        .extensions
        .get::<Recognised>()
        .is_some_and(|recognised| recognised.0.is_ok());
    let mut room = Room::new(&app.intake, is_known);
    let response = match app.intake.read(&head.headers, body, &mut room).await {
        Ok(bytes) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Err(error) => error.into_response(),
    };
    drop(room);
    response
}

/// Throws away what is still to come of a request that is refused before it is received.
pub(crate) async fn discard(request: Request) {
    let (head, body) = request.into_parts();
    drain(&head.headers, body).await;
}

impl Intake {
    async fn read(&self, headers: &HeaderMap, mut body: Body, room: &mut Room) -> ApiResult<Bytes> {
        let length = body.size_hint().exact();
        if length.is_some_and(|length| length > self.max_bytes) {
            drain(headers, body).await;
            return Err(self.too_large(length));
        }
        let deadline = Instant::now() + self.timeout;
        // Memory is given by the system when it is written to, not now.
        let mut bytes = Vec::with_capacity(length.unwrap_or(0) as usize);
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
                Ok(Some(Ok(chunk))) => {
                    let total = bytes.len() as u64 + chunk.len() as u64;
                    let refused = if total > self.max_bytes {
                        Err(self.too_large(None))
                    } else {
                        room.grow(total)
                    };
                    if let Err(error) = refused {
                        drop((bytes, chunk));
                        // What is thrown away takes none, however long it comes.
                        room.release();
                        drain(headers, body).await;
                        return Err(error);
                    }
                    bytes.extend_from_slice(&chunk);
                }
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

pub(crate) async fn next_chunk(body: &mut Body) -> Option<Result<Bytes, BoxError>> {
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

/// Reads on without keeping anything. A client that asked before sending (RFC 9110, section 10.1.1)
/// has not sent it, and need not.
async fn drain(headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let deadline = Instant::now() + MAX_DRAIN;
    let mut drained = 0;
    while let Ok(Some(Ok(chunk))) = timeout_at(deadline, next_chunk(&mut body)).await {
        drained += chunk.len() as u64;
        if drained > MAX_DRAINED_BYTES {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intake(settings: &str) -> Intake {
        let settings = Settings::load(None, |_| None, settings.parse().unwrap()).unwrap();
        Intake::new(&settings.settings)
    }

    #[test]
    fn strangers_leave_room_for_callers_with_a_key() {
        let intake = intake("max_buffered_mib = 8\nmax_body_mib = 1");
        let mut strangers: Vec<Room> = (0..3).map(|_| Room::new(&intake, false)).collect();
        assert!(strangers[0].grow(1 << 20).is_ok());
        assert!(strangers[1].grow(1 << 20).is_ok());
        assert_eq!(strangers[2].grow(1).unwrap_err().code, "too_busy");
        let mut known: Vec<Room> = (0..6).map(|_| Room::new(&intake, true)).collect();
        assert!(known.iter_mut().all(|room| room.grow(1 << 20).is_ok()));
        assert!(Room::new(&intake, true).grow(1).is_err());
        drop(strangers);
        assert!(Room::new(&intake, false).grow(1 << 20).is_ok());
    }

    #[test]
    fn room_grows_by_what_is_missing() {
        let intake = intake("max_buffered_mib = 1\nmax_body_mib = 1");
        let mut room = Room::new(&intake, true);
        for bytes in [1, 1000, 1024, 1025, 5000, 1 << 20] {
            room.grow(bytes).unwrap();
            assert_eq!(
                intake.memory.available_permits() as u32,
                1024 - Intake::units(bytes)
            );
        }
        assert!(room.grow((1 << 20) + 1).is_err());
        drop(room);
        assert_eq!(intake.memory.available_permits(), 1024);
    }

    /// A body of chunks, and the memory that was free each time that one was asked for.
    struct Chunks {
        left: std::vec::IntoIter<usize>,
        memory: Arc<Semaphore>,
        free: Arc<std::sync::Mutex<Vec<usize>>>,
    }

    impl axum::body::HttpBody for Chunks {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            let free = self.memory.available_permits();
            self.free.lock().unwrap().push(free);
            let next = self.left.next();
            let frame = next.map(|len| Ok(http_body::Frame::data(vec![0; len].into())));
            std::task::Poll::Ready(frame)
        }
    }

    #[tokio::test]
    async fn what_is_thrown_away_holds_no_memory() {
        const HALF: usize = 1 << 19;
        let intake = intake("max_buffered_mib = 2\nmax_body_mib = 1");
        for (held, code) in [(0, "body_too_large"), (1400, "too_busy")] {
            let _held = Arc::clone(&intake.memory).try_acquire_many_owned(held);
            let all = 2048 - held as usize;
            let free = Arc::<std::sync::Mutex<Vec<usize>>>::default();
            let body = Body::new(Chunks {
                left: vec![HALF; 4].into_iter(),
                memory: Arc::clone(&intake.memory),
                free: Arc::clone(&free),
            });
            let mut room = Room::new(&intake, true);
            let refused = intake.read(&HeaderMap::new(), body, &mut room).await;
            assert_eq!(refused.unwrap_err().code, code);
            let free = free.lock().unwrap();
            assert_eq!(free[..2], [all, all - 512], "{code}");
            let kept = free.len() - 1;
            assert_eq!((kept, free[kept]), (4, all), "{code}: {free:?}");
            // From the one that was refused on.
            let first = if code == "too_busy" { 2 } else { 3 };
            assert!(
                free[first..].iter().all(|free| *free == all),
                "{code}: {free:?}"
            );
        }
    }
}
