//! Answers that go on: previews and events, for as long as somebody takes them.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::Frame;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::access::Caller;
use crate::state::App;

/// Parts of an answer that may wait for a slow reader.
const MAX_WAITING: usize = 4;

/// How often it is looked whether whoever takes an answer still may.
const CHECK_EVERY: Duration = Duration::from_secs(10);

/// The writing end of an answer that goes on.
pub(crate) struct Outlet {
    parts: mpsc::Sender<Bytes>,
    stopping: watch::Receiver<bool>,
    app: App,
    caller: Caller,
}

/// The body that [`Outlet`] writes.
struct Parts(mpsc::Receiver<Bytes>);

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.0.poll_recv(context);
        part.map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// An answer for `caller` and the end that it is written at.
pub(crate) fn endless(app: &App, caller: &Caller) -> (Outlet, Body) {
    let (parts, waiting) = mpsc::channel(MAX_WAITING);
    let outlet = Outlet {
        parts,
        stopping: app.stopping.subscribe(),
        app: Arc::clone(app),
        caller: caller.clone(),
    };
    (outlet, Body::new(Parts(waiting)))
}

impl Outlet {
    /// Writes a part as soon as there is room; whether anybody takes it.
    pub(crate) async fn write(&self, part: impl Into<Bytes>) -> bool {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            sent = self.parts.send(part.into()) => sent.is_ok(),
            _ = stopping.wait_for(|is_stopping| *is_stopping) => false,
        }
    }

    /// Waits for `something`; none when the reader has gone, may no longer read, or the server stops.
    pub(crate) async fn wait_for<T>(&self, something: impl Future<Output = T>) -> Option<T> {
        let mut stopping = self.stopping.clone();
        tokio::pin!(something);
        loop {
            tokio::select! {
                result = &mut something => return Some(result),
                () = self.parts.closed() => return None,
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return None,
                () = tokio::time::sleep(CHECK_EVERY) => {
                    if !self.still_may() {
                        return None;
                    }
                }
            }
        }
    }

    /// Whether the key has been neither revoked nor ended meanwhile.
    pub(crate) fn still_may(&self) -> bool {
        let access = &self.app.access;
        self.caller
            .key
            .is_none_or(|key| access.keys.by_id(key).is_some())
    }
}
