//! Pictures by address, where the operator has allowed it.
//!
//! A server that fetches what it is told to can be sent where the sender cannot go: to the machines
//! around it, to itself, to the metadata of its cloud. So a host's name is resolved once, every
//! address that it has must be one of the open internet, and the connection goes to exactly these
//! addresses: an answer of DNS that changes afterwards changes nothing. Each redirect is a new
//! address and is treated as such. No proxy, no cookie, no credentials.
//!
//! `ureq` speaks HTTP and TLS here, as it does for models: it takes a resolver of ours, so that
//! nothing but the checked addresses can be connected to, and it blocks, so that a fetch is a plain
//! loop on a thread with one deadline.

mod addresses;
mod location;

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use self::location::Location;
use crate::body::Intake;
use crate::error::{ApiError, ApiResult};
use crate::input::Upload;
use crate::settings::Settings;
use crate::state::App;

/// Pictures that are fetched at a time; others wait.
const MAX_FETCHES: usize = 8;

/// Time for a picture: waiting, names, connections, redirects and body together.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 3;

/// Addresses of a name that are tried; as many as `ureq` takes.
const MAX_ADDRESSES: usize = 16;

/// Bytes of the head of an answer.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Fetches the picture at `url`.
///
/// # Errors
/// `url_input_disabled`, `invalid_address`, `address_not_allowed`, `fetch_failed`, `too_busy`.
pub(crate) async fn picture(app: &App, url: &str) -> ApiResult<Upload> {
    if !app.settings.allow_url_input {
        return Err(ApiError::new(
            "url_input_disabled",
            "this server does not fetch pictures from addresses",
        )
        .with_hint("send the picture itself, or set `allow_url_input`"));
    }
    let bytes = app.fetcher.fetch(&app.intake, url).await?;
    Ok(Upload {
        bytes,
        file_name: String::new(),
    })
}

/// Fetches pictures.
pub(crate) struct Fetcher {
    network: Arc<Network>,
    slots: Arc<Semaphore>,
    max_bytes: u64,
    max_time: Duration,
}

/// The addresses of a host, with the port.
type Resolve = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// What a fetch may reach. Tests put their own here.
struct Network {
    resolve: Box<Resolve>,
    is_allowed: fn(IpAddr) -> bool,
}

impl Fetcher {
    pub(crate) fn new(settings: &Settings) -> Self {
        let max_mib = settings.max_file_mib.min(settings.max_buffered_mib);
        let network = Network {
            resolve: Box::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())),
            is_allowed: addresses::is_public,
        };
        Self::on(network, max_mib << 20, MAX_TIME)
    }

    fn on(network: Network, max_bytes: u64, max_time: Duration) -> Self {
        Self {
            network: Arc::new(network),
            slots: Arc::new(Semaphore::new(MAX_FETCHES)),
            max_bytes,
            max_time,
        }
    }

    /// The bytes at `url`; they count as received for as long as anybody has them.
    async fn fetch(&self, intake: &Intake, url: &str) -> ApiResult<Bytes> {
        let location = Location::parse(url)?;
        let deadline = Instant::now() + self.max_time;
        let memory = intake.reserve(self.max_bytes)?;
        let slot = Arc::clone(&self.slots).acquire_owned();
        let Ok(slot) = tokio::time::timeout_at(deadline.into(), slot).await else {
            return Err(
                ApiError::new("too_busy", "too many pictures are being fetched").retry_after(1),
            );
        };
        let slot = slot.map_err(ApiError::internal)?;
        let (network, max_bytes) = (Arc::clone(&self.network), self.max_bytes);
        let work = tokio::task::spawn_blocking(move || {
            // Held by the thread: a name that takes minutes to resolve must not free its slot.
            let _slot = slot;
            let bytes = network.follow(location, max_bytes, deadline)?;
            Ok(Bytes::from_owner(Kept::new(bytes, memory)))
        });
        match tokio::time::timeout_at(deadline.into(), work).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(ApiError::internal(error)),
            Err(_) => Err(too_slow()),
        }
    }
}

/// Bytes with the memory that they were promised.
struct Kept {
    bytes: Vec<u8>,
    _memory: OwnedSemaphorePermit,
}

impl Kept {
    fn new(bytes: Vec<u8>, mut memory: OwnedSemaphorePermit) -> Self {
        let needed = Intake::units(bytes.len() as u64) as usize;
        // What was reserved for a picture of the largest size goes back.
        drop(memory.split(memory.num_permits().saturating_sub(needed)));
        Self {
            bytes,
            _memory: memory,
        }
    }
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a server answered.
enum Answer {
    Body(Vec<u8>),
    Redirect(String),
}

impl Network {
    fn follow(
        &self,
        mut location: Location,
        max_bytes: u64,
        deadline: Instant,
    ) -> ApiResult<Vec<u8>> {
        for _ in 0..=MAX_REDIRECTS {
            let addresses = self.addresses(&location)?;
            match ask(&location, addresses, max_bytes, deadline)? {
                Answer::Body(bytes) => return Ok(bytes),
                Answer::Redirect(to) => location = location.redirected(&to)?,
            }
        }
        Err(failed(&format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// The addresses to connect to, all of them checked. One that is not allowed spoils the others:
    /// no honest name has both kinds.
    fn addresses(&self, location: &Location) -> ApiResult<Vec<SocketAddr>> {
        // The system's resolver takes old ways of writing IPv4 too (`0x7f.1`, `2130706433`); what
        // counts is what comes out.
        let mut addresses = (self.resolve)(&location.host, location.port)
            .map_err(|_| failed("a name that cannot be resolved"))?;
        if addresses.is_empty() {
            return Err(failed("a name without addresses"));
        }
        if !addresses.iter().all(|at| (self.is_allowed)(at.ip())) {
            // Which address it is would be news about the network in here.
            return Err(ApiError::new(
                "address_not_allowed",
                "the address leads to a network that pictures are not fetched from",
            )
            .with_hint(
                "only pictures on the public internet are fetched; send the picture itself",
            ));
        }
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }
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
    max_bytes: u64,
    deadline: Instant,
) -> ApiResult<Answer> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(too_slow());
    }
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(left))
        .max_idle_connections(0)
        .max_response_header_size(MAX_HEAD_BYTES)
        .user_agent("prosopon")
        .accept("image/*, */*;q=0.5")
        .accept_encoding("identity")
        .build();
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Pinned(addresses));
    let mut response = agent
        .get(&location.uri)
        .call()
        .map_err(|error| describe(&error))?;
    let status = response.status().as_u16();
    match status {
        200 => {}
        301 | 302 | 303 | 307 | 308 => {
            let to = response.headers().get("location");
            let to = to.and_then(|to| to.to_str().ok());
            let to = to.ok_or_else(|| failed("a redirect to nowhere"))?;
            return Ok(Answer::Redirect(to.to_owned()));
        }
        status => return Err(failed(&format!("status {status}"))),
    }
    let too_large = || failed(&format!("more than {max_bytes} bytes"));
    let length = response.body().content_length();
    if length.is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(length.unwrap_or(0) as usize);
    let mut body = response.body_mut().as_reader().take(max_bytes + 1);
    let mut chunk = [0; 16 << 10];
    loop {
        if Instant::now() >= deadline {
            return Err(too_slow());
        }
        match body.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(too_slow()),
            Err(error) => return Err(describe(&ureq::Error::from(error))),
        }
    }
    if bytes.len() as u64 > max_bytes {
        return Err(too_large());
    }
    if length.is_some_and(|length| length != bytes.len() as u64) {
        return Err(failed("an answer that ends too early"));
    }
    Ok(Answer::Body(bytes))
}

/// What went wrong, in words that tell nothing about the network in here.
fn describe(error: &ureq::Error) -> ApiError {
    match error {
        ureq::Error::Timeout(_) => too_slow(),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => failed("no valid certificate"),
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::TimedOut => too_slow(),
            // `rustls` reports through I/O errors while it shakes hands.
            io::ErrorKind::InvalidData => failed("an answer that cannot be read"),
            _ => failed("no connection, or one that broke"),
        },
        ureq::Error::ConnectionFailed => failed("no connection"),
        _ => failed("an answer that is no HTTP"),
    }
}

fn failed(found: &str) -> ApiError {
    ApiError::new(
        "fetch_failed",
        format!("expected a picture at the address, found {found}"),
    )
}

fn too_slow() -> ApiError {
    let secs = MAX_TIME.as_secs();
    ApiError::new(
        "fetch_failed",
        format!("the picture did not arrive from its address within {secs} s"),
    )
}

#[cfg(test)]
mod tests;
