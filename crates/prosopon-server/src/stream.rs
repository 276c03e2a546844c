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
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

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
    /// They go on from one wait to the next: parts may come more often than it is looked.
    checks: Interval,
}

/// The body that [`Outlet`] writes.
pub(crate) struct Parts(pub(crate) mpsc::Receiver<Bytes>);

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
    checked_every(CHECK_EVERY, app, caller)
}

fn checked_every(period: Duration, app: &App, caller: &Caller) -> (Outlet, Body) {
    let (parts, waiting) = mpsc::channel(MAX_WAITING);
    let mut checks = interval_at(Instant::now() + period, period);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let outlet = Outlet {
        parts,
        stopping: app.stopping.subscribe(),
        app: Arc::clone(app),
        caller: caller.clone(),
        checks,
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
    pub(crate) async fn wait_for<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        let mut stopping = self.stopping.clone();
        tokio::pin!(something);
        loop {
            tokio::select! {
                result = &mut something => return Some(result),
                () = self.parts.closed() => return None,
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return None,
                _ = self.checks.tick() => {
                    if !still_may(&self.app, &self.caller) {
                        return None;
                    }
                }
            }
        }
    }
}

/// Whether the key has been neither revoked nor ended meanwhile.
fn still_may(app: &App, caller: &Caller) -> bool {
    caller
        .key
        .is_none_or(|key| app.access.keys.by_id(key).is_some())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::sleep;

    use super::*;
    use crate::access::keys::KeyId;
    use crate::testing::TestServer;

    #[tokio::test]
    async fn a_revoked_key_ends_what_keeps_coming() {
        let server = TestServer::new("");
        let caller = |key| Caller {
            key,
            name: None,
            scopes: Vec::new(),
            gallery: None,
            address: Ipv4Addr::LOCALHOST.into(),
        };
        let parts = async |key| {
            let period = Duration::from_millis(50);
            let (mut outlet, _body) = checked_every(period, &server.app, &caller(key));
            for n in 0..100 {
                if outlet.wait_for(sleep(period / 5)).await.is_none() {
                    return n;
                }
            }
            100
        };
        assert!(parts(Some(KeyId(1))).await < 100, "no such key");
        assert_eq!(parts(None).await, 100, "no key is needed");
    }
}
