//! `prosopon serve --check`: is the server ready that runs with these settings? For the health check of a container,
//! which has no other program to ask with, and for scripts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use prosopon_server::Settings;
use serde::Serialize;

use crate::failure::{Exit, Failure};
use crate::output::{Format, print_value};

/// A server that takes longer than this to say that it is ready is not.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Answer {
    address: String,
    is_ready: bool,
    /// HTTP status; null if nobody answered.
    status: Option<u16>,
    /// Why it is not ready; null if it is.
    message: Option<String>,
}

/// Asks the address that `settings` listen on.
///
/// # Errors
/// A port that is chosen at the start (0) cannot be asked; the answer cannot be written.
pub(super) fn run(settings: &Settings, format: Format) -> Result<Exit, Failure> {
    if settings.listen.port() == 0 {
        let message =
            "expected the port of a server, found 0, which means any that is free: `listen`";
        return Err(Failure::new(Exit::Usage, "invalid_setting", message)
            .with_hint("give the port that the server printed: `--listen 127.0.0.1:8420`"));
    }
    let is_https = settings.tls_certificate.is_some();
    let scheme = if is_https { "https" } else { "http" };
    let address = format!("{scheme}://{}", reachable(settings.listen));
    let (status, message) = match ask(&format!("{address}/health/ready")) {
        Ok(200) => (Some(200), None),
        Ok(503) => (Some(503), Some("models are being loaded".to_owned())),
        Ok(status) => (
            Some(status),
            Some(format!("expected 200 or 503, found {status}")),
        ),
        Err(error) => (None, Some(error.to_string())),
    };
    let answer = Answer {
        is_ready: message.is_none(),
        address,
        status,
        message,
    };
    print_value(format, &answer, || match &answer.message {
        None => format!("ready: {}", answer.address),
        Some(message) => format!("not ready: {message}: {}", answer.address),
    })?;
    Ok(if answer.is_ready {
        Exit::Success
    } else {
        Exit::No
    })
}

/// The status that the server answers with.
fn ask(url: &str) -> Result<u16, ureq::Error> {
    // Nothing is told to the other side, and its certificate is for the name that clients use, not for loopback.
    let tls = ureq::tls::TlsConfig::builder()
        .disable_verification(true)
        .build();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .tls_config(tls)
        .build()
        .into();
    Ok(agent.get(url).call()?.status().as_u16())
}

/// Where a server that listens on `address` can be asked from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
