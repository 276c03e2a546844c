//! How many connections there may be, and how long one may wait for its reader.
//!
//! Every connection holds a file descriptor, of which a process has about a thousand: without a limit
//! whoever opens enough of them keeps the server from its own files. The time for the head of a
//! request is limited by the HTTP layer, that for its body in `body.rs`; the time in which an answer
//! must be taken is limited here.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready as ready_or_return};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Connections at a time.
const MAX_CONNECTIONS: usize = 512;

/// Of these, from one address; loopback may have all, since a proxy may stand there.
const MAX_PER_ADDRESS: usize = 256;

/// Time in which a client must take some of an answer.
const MAX_STALL: Duration = Duration::from_mins(1);

/// Accepts connections while there are not too many.
#[derive(Clone)]
pub(crate) struct Limited {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    max_stall: Duration,
}

impl Default for Limited {
    fn default() -> Self {
        Self {
            open: Arc::default(),
            max_stall: MAX_STALL,
        }
    }
}

impl Limited {
    fn admit(&self, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = open.values().sum();
        let own = open.entry(address).or_insert(0);
        if total >= MAX_CONNECTIONS || (*own >= MAX_PER_ADDRESS && !address.is_loopback()) {
            if *own == 0 {
                open.remove(&address);
            }
            return None;
        }
        *own += 1;
        Some(Place {
            open: Arc::clone(&self.open),
            address,
        })
    }
}

impl<S> Accept<TcpStream, S> for Limited {
    type Stream = Connection;
    type Service = S;
    type Future = Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let admitted = stream.peer_addr().and_then(|peer| {
            let place = self.admit(peer.ip().to_canonical()).ok_or_else(|| {
                tracing::debug!("too many connections: one was closed");
                io::Error::other("too many connections")
            })?;
            stream.set_nodelay(true)?;
            Ok(Connection {
                stream,
                stalled: Box::pin(sleep(self.max_stall)),
                max_stall: self.max_stall,
                is_stalled: false,
                _place: place,
            })
        });
        ready(admitted.map(|connection| (connection, service)))
    }
}

/// One of the connections that there may be; given back when it is dropped.
struct Place {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// A connection that ends if its client takes nothing for too long.
pub(crate) struct Connection {
    stream: TcpStream,
    stalled: Pin<Box<Sleep>>,
    max_stall: Duration,
    is_stalled: bool,
    _place: Place,
}

impl Connection {
    /// Passes on what a write came to; an error once writes have been pending for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_stalled = false;
            return written;
        }
        if !self.is_stalled {
            self.is_stalled = true;
            let deadline = Instant::now() + self.max_stall;
            self.stalled.as_mut().reset(deadline);
        }
        ready_or_return!(self.stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn connections_are_counted_by_address_and_in_all() {
        let limited = Limited::default();
        let (near, far, other) = (
            [127, 0, 0, 1].into(),
            [8, 8, 8, 8].into(),
            [9, 9, 9, 9].into(),
        );
        let mut places: Vec<Place> = std::iter::from_fn(|| limited.admit(far)).collect();
        assert_eq!(places.len(), MAX_PER_ADDRESS);
        places.extend(std::iter::from_fn(|| limited.admit(near)));
        assert_eq!(places.len(), MAX_CONNECTIONS);
        assert!(limited.admit(other).is_none());
        places.pop();
        assert!(limited.admit(other).is_some());
        drop(places);
        assert!(limited.open.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_takes_nothing_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let limited = Limited {
            max_stall: Duration::from_millis(200),
            ..Limited::default()
        };
        let (mut server, ()) = limited.accept(stream, ()).await.unwrap();
        client.write_all(b"?").await.unwrap();
        let mut question = [0];
        server.read_exact(&mut question).await.unwrap();
        // More than the buffers of both ends hold.
        let error = server.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
