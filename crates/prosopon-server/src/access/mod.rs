//! Who is asking, and what they may do.
//!
//! [`recognise_caller`] runs for every request and notes who it is; it refuses nobody for lack of a
//! key, since compatible APIs refuse in words of their own. [`require`] stands before the native
//! endpoints. Galleries are only to be had through [`Caller::gallery`], which holds a key to its own.

pub(crate) mod keys;
mod rate;
mod session;

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use self::keys::{KeyId, Scope};
pub(crate) use self::rate::Rate;
pub(crate) use self::session::{COOKIE, Sessions, cookie};
use crate::error::{ApiError, ApiResult};
use crate::settings::{RequireKeys, Settings};
use crate::state::App;

/// Wrong keys that an address may send in a minute.
pub(crate) const WRONG_KEYS_PER_MINUTE: u32 = 30;

/// Somebody who may ask something.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The key; none where no key is required and none was sent.
    pub(crate) key: Option<KeyId>,
    /// The key's name, for log and audit.
    pub(crate) name: Option<String>,
    pub(crate) scopes: Vec<Scope>,
    /// The only gallery that the key is for.
    pub(crate) gallery: Option<String>,
    pub(crate) address: IpAddr,
}

/// Who is asking, or why that is not known.
#[derive(Debug, Clone)]
pub(crate) struct Recognised(pub(crate) Result<Caller, Denied>);

/// Why somebody may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No key was sent.
    NoKey,
    /// A key that is unknown, has expired or was revoked.
    WrongKey,
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NoKey => ApiError::new("key_missing", "expected an API key, found none")
                .with_hint("send it as `x-api-key`; `prosopon keys create` makes one"),
            Denied::WrongKey => ApiError::new(
                "key_invalid",
                "the API key is unknown, has expired or was revoked",
            )
            .with_hint("`prosopon keys list` shows the keys that are valid"),
        }
    }
}

impl Caller {
    fn of(record: keys::KeyRecord, address: IpAddr) -> Self {
        Self {
            key: Some(record.id),
            name: Some(record.name),
            scopes: record.scopes,
            gallery: record.gallery,
            address,
        }
    }

    /// Whether the caller has `scope`, by itself or through a wider one.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|own| own.includes(scope))
    }

    /// Refuses what the caller may not do.
    ///
    /// # Errors
    /// `scope_missing`.
    pub(crate) fn must(&self, scope: Scope) -> ApiResult<()> {
        if self.may(scope) {
            return Ok(());
        }
        let own: Vec<&str> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        let message = format!(
            "expected a key with scope `{}`, found {}",
            scope.as_str(),
            own.join(", ")
        );
        Err(ApiError::new("scope_missing", message))
    }

    /// The name of the gallery to use: the one asked for, else the key's own, else the default.
    ///
    /// # Errors
    /// `other_gallery`.
    pub(crate) fn gallery(&self, asked: Option<&str>) -> ApiResult<String> {
        match (&self.gallery, asked) {
            (Some(own), Some(asked)) if own != asked => {
                let message =
                    format!("expected gallery `{own}`, to which the key belongs, found `{asked}`");
                Err(ApiError::new("other_gallery", message))
            }
            (Some(own), _) => Ok(own.clone()),
            (None, Some(asked)) => Ok(asked.to_owned()),
            (None, None) => Ok(crate::galleries::DEFAULT.to_owned()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        match parts.extensions.get::<Recognised>() {
            Some(Recognised(Ok(caller))) => Ok(caller.clone()),
            Some(Recognised(Err(denied))) => Err((*denied).into()),
            None => Err(ApiError::internal("a route without the access layer")),
        }
    }
}

/// Whether callers need a key.
pub(crate) fn keys_required(settings: &Settings) -> bool {
    match settings.require_keys {
        RequireKeys::Always => true,
        RequireKeys::Never => false,
        RequireKeys::Auto => !settings.listen.ip().is_loopback(),
    }
}

/// Notes who is asking. Refuses what no browser of ours sends, and too many requests.
pub(crate) async fn recognise_caller(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = peer.ip().to_canonical();
    let recognised = app.access.recognise(request.headers(), address);
    if let Err(error) = app
        .access
        .check_origin(&request, &recognised)
        .and_then(|()| app.access.count(&recognised, address))
    {
        // A client that sends its picture first and reads then would see a broken connection.
        crate::body::discard(request).await;
        return error.into_response();
    }
    let caller = recognised.0.as_ref().ok().cloned();
    request.extensions_mut().insert(recognised);
    let mut response = next.run(request).await;
    if let Some(caller) = caller {
        response.extensions_mut().insert(caller);
    }
    response
}

/// Lets only callers with `scope` through.
pub(crate) async fn require(
    State(scope): State<Scope>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    match caller.must(scope) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Keys, sessions and limits.
pub(crate) struct Access {
    pub(crate) required: bool,
    /// Only loopback names are this server: no other page can have itself resolved to it.
    only_loopback: bool,
    cors_origins: Vec<String>,
    scheme: &'static str,
    pub(crate) keys: keys::KeyStore,
    pub(crate) sessions: Sessions,
    requests: Rate,
    wrong_keys: Rate,
}

impl Access {
    pub(crate) fn new(settings: &Settings, keys: keys::KeyStore) -> Self {
        let required = keys_required(settings);
        Self {
            required,
            only_loopback: !required && settings.listen.ip().is_loopback(),
            cors_origins: settings.cors_origins.clone(),
            scheme: if settings.tls_certificate.is_some() {
                "https"
            } else {
                "http"
            },
            keys,
            sessions: Sessions::new(settings.session_hours),
            requests: Rate::new(settings.requests_per_minute),
            wrong_keys: Rate::new(WRONG_KEYS_PER_MINUTE),
        }
    }

    /// Whether somebody who was recognised a while ago would be now: the key has been neither revoked nor ended.
    pub(crate) fn still_admits(&self, caller: &Caller) -> bool {
        caller.key.is_none_or(|key| self.keys.by_id(key).is_some())
    }

    /// Who sent these headers.
    pub(crate) fn recognise(&self, headers: &HeaderMap, address: IpAddr) -> Recognised {
        if let Some(key) = sent_key(headers) {
            return Recognised(self.by_key(key, address));
        }
        let session = cookie(headers).and_then(|token| self.sessions.find(token));
        if let Some(record) = session.and_then(|id| self.keys.by_id(id)) {
            return Recognised(Ok(Caller::of(record, address)));
        }
        Recognised(self.without_key(address))
    }

    /// Whose key this is.
    pub(crate) fn by_key(&self, key: &str, address: IpAddr) -> Result<Caller, Denied> {
        let record = self.keys.find(key).ok_or(Denied::WrongKey)?;
        Ok(Caller::of(record, address))
    }

    /// Somebody who shows no key: may do everything where none is required.
    pub(crate) fn without_key(&self, address: IpAddr) -> Result<Caller, Denied> {
        if self.required {
            return Err(Denied::NoKey);
        }
        Ok(Caller {
            key: None,
            name: None,
            scopes: vec![Scope::Admin],
            gallery: None,
            address,
        })
    }

    /// Refuses requests that a page from elsewhere makes a browser send: those carry the cookie, or
    /// come from this machine, without the user's knowledge.
    fn check_origin(&self, request: &Request, recognised: &Recognised) -> ApiResult<()> {
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST)
            .or_else(|| {
                request
                    .uri()
                    .authority()
                    .map(axum::http::uri::Authority::as_str)
            })
            .unwrap_or("");
        if self.only_loopback && !host.is_empty() && !is_loopback_name(host) {
            let message = format!("expected a loopback address as host, found `{host}`");
            return Err(ApiError::new("host_not_allowed", message).with_hint(
                "to be reached by another name, listen on another address and make keys",
            ));
        }
        // A WebSocket begins as a GET, and any page may open one with the user's cookie.
        let is_upgrade = headers.contains_key(header::UPGRADE);
        if matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        ) && !is_upgrade
        {
            return Ok(());
        }
        // A valid key is known to whoever sends it, a cookie is not. Where keys are required, nobody
        // gains anything without one; where they are not, an invalid one must not open anything.
        let needs_no_check = match &recognised.0 {
            Ok(caller) => caller.key.is_some() && sent_key(headers).is_some(),
            Err(_) => self.required,
        };
        if needs_no_check {
            return Ok(());
        }
        // What the browser says of itself counts more than a comparison of ours: behind a proxy that
        // speaks HTTPS the scheme is not the one that is seen here.
        let origin = text(header::ORIGIN);
        let is_allowed = origin.is_some_and(|origin| {
            let own = format!("{}://{host}", self.scheme);
            origin == own || self.cors_origins.iter().any(|allowed| allowed == origin)
        });
        let foreign = match text(header::HeaderName::from_static("sec-fetch-site")) {
            Some("same-origin" | "none") => false,
            Some(_) => !is_allowed,
            None => origin.is_some() && !is_allowed,
        };
        if foreign {
            return Err(ApiError::new(
                "cross_site",
                "the request comes from a page of another site",
            )
            .with_hint("the setting `cors_origins` lists the sites that may call the API"));
        }
        Ok(())
    }

    fn count(&self, recognised: &Recognised, address: IpAddr) -> ApiResult<()> {
        let too_many = |secs: u64, what: &str| {
            ApiError::new("too_many_requests", format!("too many {what} in a minute"))
                .retry_after(secs)
        };
        match &recognised.0 {
            // Where no key is required there is nothing to be guessed, and clients of compatible
            // APIs send the key of the system that they came from.
            Err(Denied::WrongKey) if self.required => self
                .wrong_keys
                .take(&network(address))
                .map_err(|secs| too_many(secs, "wrong keys")),
            Ok(Caller { key: Some(id), .. }) => self
                .requests
                .take(&format!("key {id}"))
                .map_err(|secs| too_many(secs, "requests")),
            _ => self
                .requests
                .take(&network(address))
                .map_err(|secs| too_many(secs, "requests")),
        }
    }

    /// Notes a wrong key at the sign-in form.
    pub(crate) fn count_wrong_key(&self, address: IpAddr) -> ApiResult<()> {
        self.count(&Recognised(Err(Denied::WrongKey)), address)
    }
}

/// What is counted together: an address, or the network of 2^64 that a single customer has in IPv6.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("address {address}"),
        IpAddr::V6(address) => format!("network {:x}", address.to_bits() >> 64),
    }
}

/// The key in the headers, wherever it may stand. Never in an address: those end up in logs.
fn sent_key(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.to_str().unwrap_or(""));
    }
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names() {
        for host in [
            "localhost",
            "LOCALHOST:8420",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8420",
            "a.localhost",
        ] {
            assert!(is_loopback_name(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:8420",
            "localhost.evil.example",
            "[2001:db8::1]",
            "10.0.0.1",
        ] {
            assert!(!is_loopback_name(host), "{host}");
        }
    }

    #[test]
    fn keys_are_read_from_headers_only() {
        let mut headers = HeaderMap::new();
        assert_eq!(sent_key(&headers), None);
        headers.insert(header::AUTHORIZATION, "Basic abc".parse().unwrap());
        assert_eq!(sent_key(&headers), None);
        headers.insert(header::AUTHORIZATION, "bearer abc".parse().unwrap());
        assert_eq!(sent_key(&headers), Some("abc"));
        headers.insert("x-api-key", "def".parse().unwrap());
        assert_eq!(sent_key(&headers), Some("def"));
    }
}
