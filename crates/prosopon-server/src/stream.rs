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
use tokio::time::{Interval, MissedTickBehavior, interval};

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
    /// Goes on from one wait to the next: what comes more often must not put it off.
    checks: Interval,
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
        checks: checks(CHECK_EVERY),
    };
    (outlet, Body::new(Parts(waiting)))
}

fn checks(every: Duration) -> Interval {
    let mut checks = interval(every);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    checks
}

impl Outlet {
    /// Writes a part as soon as there is room; whether anybody takes it, and still may.
    pub(crate) async fn write(&mut self, part: impl Into<Bytes>) -> bool {
        let parts = self.parts.clone();
        let sent = self.wait_for(parts.send(part.into())).await;
        sent.is_some_and(|sent| sent.is_ok())
    }

    /// Waits for `something`; none when the reader has gone, may no longer read, or the server stops.
    pub(crate) async fn wait_for<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        let mut stopping = self.stopping.clone();
        tokio::pin!(something);
        loop {
            tokio::select! {
                biased;
                _ = self.checks.tick() => {
                    if !self.app.access.still_admits(&self.caller) {
                        return None;
                    }
                }
                () = self.parts.closed() => return None,
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return None,
                result = &mut something => return Some(result),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::time::sleep;

    use super::*;
    use crate::access::keys::{NewKey, Scope};
    use crate::body::next_chunk;
    use crate::testing::TestServer;

    /// Longer than any of these streams goes on once its key is revoked.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// A server with a key, and an answer for that key that is checked every few milliseconds.
    fn answer() -> (TestServer, Outlet, Body) {
        let server = TestServer::new("");
        let key = NewKey {
            name: "a".to_owned(),
            scopes: vec![Scope::Cameras],
            gallery: None,
            expires_millis: None,
            secret: None,
        };
        let (key, _) = server.app.access.keys.create(&key).unwrap();
        let caller = Caller {
            key: Some(key.id),
            name: Some(key.name),
            scopes: key.scopes,
            gallery: None,
            address: [127, 0, 0, 1].into(),
        };
        let (mut outlet, body) = endless(&server.app, &caller);
        outlet.checks = checks(Duration::from_millis(20));
        (server, outlet, body)
    }

    fn revoke(server: &TestServer, outlet: &Outlet) {
        let key = outlet.caller.key.unwrap();
        assert!(server.app.access.keys.revoke(key).unwrap());
    }

    #[tokio::test]
    async fn a_revoked_key_ends_a_stream_whose_parts_come_before_each_check() {
        let (server, mut outlet, _body) = answer();
        let step = Duration::from_millis(1);
        for _ in 0..30 {
            assert!(outlet.wait_for(sleep(step)).await.is_some());
        }
        revoke(&server, &outlet);
        let start = Instant::now();
        while outlet.wait_for(sleep(step)).await.is_some() {
            assert!(start.elapsed() < PATIENCE);
        }
    }

    #[tokio::test]
    async fn a_revoked_key_ends_a_stream_that_only_writes() {
        let (server, mut outlet, mut body) = answer();
        let reader = tokio::spawn(async move { while next_chunk(&mut body).await.is_some() {} });
        assert!(outlet.write("a").await);
        revoke(&server, &outlet);
        let start = Instant::now();
        while outlet.write("b").await {
            assert!(start.elapsed() < PATIENCE);
        }
        drop(outlet);
        reader.await.unwrap();
    }

    #[tokio::test]
    async fn a_revoked_key_ends_a_stream_that_nobody_reads() {
        let (server, mut outlet, _body) = answer();
        for _ in 0..MAX_WAITING {
            assert!(outlet.write("a").await);
        }
        revoke(&server, &outlet);
        let written = tokio::time::timeout(PATIENCE, outlet.write("b")).await;
        assert!(!written.unwrap());
    }
}
