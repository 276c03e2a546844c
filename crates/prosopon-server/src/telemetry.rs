//! The request id, the log line and the metrics of every request.
//!
//! Log lines carry method, route, status, time, and the key's name. Never a picture, an embedding, a
//! key, a query string, or the name of a subject: routes are logged with their placeholders.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

use crate::access::Caller;
use crate::error::Logged;
use crate::settings::{LogFormat, Settings};
use crate::state::App;

/// The header that carries the request id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// Id of the request that is being answered; empty outside of one.
pub(crate) fn current_request_id() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Starts the log on standard error; the first call counts.
///
/// # Errors
/// What is wrong with the filter.
pub fn start_log(settings: &Settings) -> Result<(), String> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| error.to_string())?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    // A second log in one process, as in tests, is no error.
    let _ = match settings.log_format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.with_ansi(false).try_init(),
    };
    Ok(())
}

/// Gives the request an id, answers it within that, and writes what became of it.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let start = Instant::now();
    let method = method_name(request.method()).to_owned();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unknown", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id = %id);
    let mut response = CURRENT
        .scope(id.clone(), next.run(request))
        .instrument(span.clone())
        .await;
    let took = start.elapsed();
    let status = response.status().as_u16();
    app.metrics.answered(&method, &route, status, took);
    let caller = response.extensions().get::<Caller>();
    let key = caller
        .and_then(|caller| caller.name.as_deref())
        .unwrap_or("-");
    let (code, cause) = match response.extensions().get::<Logged>() {
        Some(logged) => (logged.code, logged.cause.as_deref()),
        None => ("-", None),
    };
    // To a microsecond: `4063.894`, not all digits that the fraction has.
    let millis = (took.as_secs_f64() * 1e6).round() / 1e3;
    span.in_scope(|| match cause {
        Some(cause) => tracing::error!(method, route, status, millis, key, code, cause, "failed"),
        None if route.starts_with("/health") || route == "/metrics" => {
            tracing::debug!(method, route, status, millis, "answered");
        }
        None => tracing::info!(method, route, status, millis, key, code, "answered"),
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Methods by name; those that nobody knows under one, since every name is counted for ever.
fn method_name(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::HEAD
        | Method::OPTIONS => method.as_str(),
        _ => "other",
    }
}

/// The client's id if it is one, else a new one.
fn request_id(request: &Request) -> String {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok());
    let is_id = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given
        .filter(is_id)
        .map_or_else(|| hex(&random::<8>()), str::to_owned)
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
