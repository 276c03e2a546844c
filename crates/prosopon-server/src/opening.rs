//! The first bytes of a connection: HTTP/1.1, and soon.
//!
//! The HTTP layer looks at them to tell HTTP/1.1 from HTTP/2, and waits for them as long as it takes; only a server that
//! does so serves web sockets. Here whoever says nothing is left, and who speaks HTTP/2 as well: there one
//! connection would hold any number of requests.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What HTTP/2 begins with (RFC 9113, section 3.4), and no method of HTTP/1.1.
const HTTP2: &[u8] = b"PRI";

/// An acceptor whose connections have to begin soon.
#[derive(Clone)]
pub(crate) struct Http1Only<A> {
    inner: A,
    patience: Duration,
}

impl<A> Http1Only<A> {
    /// Leaves who says nothing for `patience`.
    pub(crate) fn new(inner: A, patience: Duration) -> Self {
        Self { inner, patience }
    }
}

type Accepting<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl<I, S, A> Accept<I, S> for Http1Only<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Opening<A::Stream>;
    type Service = A::Service;
    type Future = Accepting<(Self::Stream, Self::Service)>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepted = self.inner.accept(stream, service);
        let patience = self.patience;
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            let opening = Opening {
                stream,
                state: State::Begins { n_like_http2: 0 },
                deadline: Box::pin(sleep(patience)),
            };
            Ok((opening, service))
        })
    }
}

/// A connection whose first bytes are looked at.
pub(crate) struct Opening<S> {
    stream: S,
    state: State,
    deadline: Pin<Box<Sleep>>,
}

enum State {
    /// Every byte so far could be HTTP/2's.
    Begins {
        n_like_http2: usize,
    },
    Open,
}

impl<S: AsyncRead + Unpin> AsyncRead for Opening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n_before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let State::Begins { mut n_like_http2 } = self.state else {
            return read;
        };
        if read.is_pending() {
            ready!(self.deadline.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        for byte in &buffer.filled()[n_before..] {
            if *byte != HTTP2[n_like_http2] {
                self.state = State::Open;
                return read;
            }
            n_like_http2 += 1;
            if n_like_http2 == HTTP2.len() {
                buffer.set_filled(n_before);
                return Poll::Ready(Err(io::Error::other("HTTP/2 is not spoken here")));
            }
        }
        self.state = State::Begins { n_like_http2 };
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opening<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    fn opening() -> (DuplexStream, Opening<DuplexStream>) {
        let (client, stream) = duplex(64);
        let opening = Opening {
            stream,
            state: State::Begins { n_like_http2: 0 },
            deadline: Box::pin(sleep(Duration::from_millis(50))),
        };
        (client, opening)
    }

    #[tokio::test]
    async fn requests_pass_and_may_take_their_time_afterwards() {
        let (mut client, mut server) = opening();
        client.write_all(b"P").await.unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).await.unwrap();
        client.write_all(b"OST").await.unwrap();
        let mut rest = [0; 3];
        server.read_exact(&mut rest).await.unwrap();
        assert_eq!((&byte, &rest), (b"P", b"OST"));
        tokio::spawn(async move {
            sleep(Duration::from_millis(120)).await;
            client.write_all(b" /").await.unwrap();
        });
        let mut late = [0; 2];
        server.read_exact(&mut late).await.unwrap();
        assert_eq!(&late, b" /");
    }

    #[tokio::test]
    async fn http2_is_refused_however_it_comes() {
        for parts in [&[&b"PRI * HTTP/2.0"[..]][..], &[b"P", b"R", b"I"]] {
            let (mut client, mut server) = opening();
            for part in parts {
                client.write_all(part).await.unwrap();
            }
            let mut all = Vec::new();
            let error = server.read_to_end(&mut all).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Other);
        }
    }

    #[tokio::test]
    async fn who_says_nothing_is_left() {
        for start in [&b""[..], b"PR"] {
            let (mut client, mut server) = opening();
            client.write_all(start).await.unwrap();
            let mut all = Vec::new();
            let error = server.read_to_end(&mut all).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{start:?}");
        }
    }
}
