//! One request: names resolved and checked once, redirects checked anew, limits of size and time.
//!
//! `ureq` speaks HTTP and TLS here, as it does for models: it takes a resolver of ours, so that
//! nothing but the checked addresses can be connected to, and it blocks, so that a fetch is a plain
//! loop on a thread with one deadline.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ureq::http::HeaderMap;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::addresses;
use crate::date::Moment;
use crate::error::FetchError;
use crate::location::Location;

/// Redirects that are followed.
pub const MAX_REDIRECTS: usize = 3;

/// Addresses of a name that are tried; as many as `ureq` takes.
const MAX_ADDRESSES: usize = 16;

/// Bytes of the head of an answer.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// The addresses of a host, with the port.
type Resolve = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// What may be reached, and how names become addresses.
pub struct Network {
    resolve: Box<Resolve>,
    is_allowed: fn(IpAddr) -> bool,
}

/// When a fetch must be over: waiting, names, connections, redirects and body together.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    within: Duration,
}

impl Deadline {
    /// `within` from now.
    pub fn after(within: Duration) -> Self {
        Self {
            at: Instant::now() + within,
            within,
        }
    }

    /// The moment itself.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The error for what took longer.
    pub fn passed(&self) -> FetchError {
        FetchError::TooSlow {
            within: self.within,
        }
    }

    fn left(&self) -> Result<Duration, FetchError> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.passed());
        }
        Ok(left)
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Header `Accept`.
    pub accept: &'a str,
    /// Header `User-Agent`.
    pub user_agent: &'a str,
    /// Largest body in bytes.
    pub max_bytes: u64,
    /// When it must be over.
    pub deadline: Deadline,
    /// What the server said of an earlier answer: it may then say that nothing has changed.
    pub validators: Option<&'a Validators>,
}

/// By what a server tells whether something has changed (RFC 9110, section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// Header `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Header `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether the server said nothing of the kind.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    fn of(headers: &HeaderMap) -> Self {
        let text = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Self {
            etag: text("etag"),
            last_modified: text("last-modified"),
        }
    }
}

/// What a server answered in the end.
#[derive(Debug)]
pub enum Answer {
    /// The thing itself.
    Body(Body),
    /// What the request's validators stand for is still right.
    NotModified,
}

/// What was fetched.
pub struct Body {
    /// The bytes as they were sent, whole.
    pub bytes: Vec<u8>,
    /// Where they came from, after all redirects.
    pub location: Location,
    /// For asking again.
    pub validators: Validators,
}

/// Leaves the bytes out, so that pictures never reach a log.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes from {})", self.bytes.len(), self.location)
    }
}

/// What a server answered at one address.
enum Reply {
    Body(Vec<u8>, Validators),
    Redirect(String),
    NotModified,
}

impl Network {
    /// The open internet alone, by the system's resolver.
    pub fn public() -> Self {
        Self::with(system, addresses::is_public)
    }

    /// Every network that this machine reaches, itself too.
    pub fn any() -> Self {
        Self::with(system, |_| true)
    }

    /// Resolves names by `resolve`, and reaches only what `is_allowed` allows.
    pub fn with(
        resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
        is_allowed: fn(IpAddr) -> bool,
    ) -> Self {
        Self {
            resolve: Box::new(resolve),
            is_allowed,
        }
    }

    /// Fetches what is at `location`, through at most [`MAX_REDIRECTS`] redirects, each of them
    /// checked like the first address. Blocks until it has arrived whole, or failed. No proxy, no
    /// cookie, no credentials.
    ///
    /// # Errors
    /// Every kind of [`FetchError`]: redirects may lead to invalid addresses, too.
    pub fn fetch(
        &self,
        mut location: Location,
        request: &Request<'_>,
    ) -> Result<Answer, FetchError> {
        for _ in 0..=MAX_REDIRECTS {
            let addresses = self.addresses(&location)?;
            match ask(&location, addresses, request)? {
                Reply::Body(bytes, validators) => {
                    return Ok(Answer::Body(Body {
                        bytes,
                        location,
                        validators,
                    }));
                }
                Reply::NotModified => return Ok(Answer::NotModified),
                Reply::Redirect(to) => location = location.joined(&to)?,
            }
        }
        Err(answer(&format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// The addresses to connect to, all of them checked. One that is not allowed spoils the others:
    /// no honest name has both kinds.
    fn addresses(&self, location: &Location) -> Result<Vec<SocketAddr>, FetchError> {
        let unreachable = |found| FetchError::Unreachable { found };
        // The system's resolver takes old ways of writing IPv4 too (`0x7f.1`, `2130706433`); what
        // counts is what comes out.
        let mut addresses = (self.resolve)(location.host(), location.port())
            .map_err(|_| unreachable("a name that cannot be resolved"))?;
        if addresses.is_empty() {
            return Err(unreachable("a name without addresses"));
        }
        if !addresses.iter().all(|at| (self.is_allowed)(at.ip())) {
            // Which address it is would be news about the network in here.
            return Err(FetchError::NotPublic);
        }
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }
}

fn system(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// Gives `ureq` the addresses that were checked, whatever it asks for.
#[derive(Debug)]
struct Pinned(Vec<SocketAddr>);

impl Resolver for Pinned {
    fn resolve(
        &self,
        _: &ureq::http::Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut resolved = self.empty();
        for address in &self.0 {
            resolved.push(*address);
        }
        Ok(resolved)
    }
}

fn ask(
    location: &Location,
    addresses: Vec<SocketAddr>,
    request: &Request<'_>,
) -> Result<Reply, FetchError> {
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(request.deadline.left()?))
        .max_idle_connections(0)
        .max_response_header_size(MAX_HEAD_BYTES)
        .user_agent(request.user_agent)
        .accept(request.accept)
        .accept_encoding("identity")
        .build();
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Pinned(addresses));
    let mut call = agent.get(location.uri());
    if let Some(Validators {
        etag,
        last_modified,
    }) = request.validators
    {
        let conditions = [
            ("if-none-match", etag),
            ("if-modified-since", last_modified),
        ];
        for (name, value) in conditions {
            if let Some(value) = value {
                call = call.header(name, value);
            }
        }
    }
    let mut response = call
        .call()
        .map_err(|error| describe(&error, &request.deadline))?;
    match response.status().as_u16() {
        200 => {}
        301 | 302 | 303 | 307 | 308 => {
            let to = response.headers().get("location");
            let to = to.and_then(|to| to.to_str().ok());
            let to = to.ok_or_else(|| answer("a redirect to nowhere"))?;
            return Ok(Reply::Redirect(to.to_owned()));
        }
        304 if request.validators.is_some() => return Ok(Reply::NotModified),
        status => {
            let retry_after = retry_after(response.headers());
            return Err(FetchError::Status {
                status,
                retry_after,
            });
        }
    }
    let validators = Validators::of(response.headers());
    let bytes = read_whole(response.body_mut(), request)?;
    Ok(Reply::Body(bytes, validators))
}

fn read_whole(body: &mut ureq::Body, request: &Request<'_>) -> Result<Vec<u8>, FetchError> {
    let most = request.max_bytes;
    let length = body.content_length();
    if length.is_some_and(|length| length > most) {
        return Err(FetchError::TooLarge { most });
    }
    let mut bytes = Vec::with_capacity(length.unwrap_or(0) as usize);
    let mut body = body.as_reader().take(most + 1);
    let mut chunk = [0; 16 << 10];
    loop {
        request.deadline.left()?;
        match body.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(describe(&ureq::Error::from(error), &request.deadline)),
        }
    }
    if bytes.len() as u64 > most {
        return Err(FetchError::TooLarge { most });
    }
    if length.is_some_and(|length| length != bytes.len() as u64) {
        return Err(FetchError::Unreachable {
            found: "one that ends too early",
        });
    }
    Ok(bytes)
}

/// Header `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(secs) = text.parse() {
        return Some(Duration::from_secs(secs));
    }
    Some(Moment::from_http_date(text)?.time_left())
}

/// What went wrong, in words that tell nothing about the network in here.
fn describe(error: &ureq::Error, deadline: &Deadline) -> FetchError {
    let unreachable = |found| FetchError::Unreachable { found };
    match error {
        ureq::Error::Timeout(_) => deadline.passed(),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => answer("no valid certificate"),
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::TimedOut => deadline.passed(),
            // `rustls` reports through I/O errors while it shakes hands.
            io::ErrorKind::InvalidData => answer("one that cannot be read"),
            _ => unreachable("no connection, or one that broke"),
        },
        ureq::Error::ConnectionFailed => unreachable("no connection"),
        _ => answer("one that is no HTTP"),
    }
}

fn answer(found: &str) -> FetchError {
    FetchError::Answer {
        found: found.to_owned(),
    }
}

#[cfg(test)]
mod tests;
