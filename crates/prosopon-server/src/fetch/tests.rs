//! Fetches from a server on loopback, within the limits of memory and time.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

use prosopon_fetch::testing::{OUTSIDE, Web, is_outside, ok, status};

use super::*;
use crate::settings::Settings;

fn intake(settings: &str) -> Intake {
    let settings = Settings::load(None, |_| None, settings.parse().unwrap()).unwrap();
    Intake::new(&settings.settings)
}

/// Every name is outside.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a resolver")]
fn outside(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(vec![(OUTSIDE, port).into()])
}

fn fetcher(max_time: Duration) -> Fetcher {
    Fetcher::on(Network::with(outside, is_outside), 1 << 20, max_time)
}

#[test]
fn errors_have_the_codes_of_the_api() {
    let web = Web::at(OUTSIDE, 0, |head, stream| match head.path() {
        "/a.jpg" => ok(stream, b"picture"),
        _ => status(stream, "404 Not Found", ""),
    });
    let closed = Fetcher::on(Network::public(), 1 << 20, MAX_TIME);
    let open = fetcher(Duration::from_secs(2));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let intake = intake("");
    let code = |fetcher: &Fetcher, url: &str| {
        let result = runtime.block_on(fetcher.fetch(&intake, url));
        result.map_or_else(|error| error.code, |_| "ok")
    };
    assert_eq!(code(&open, &web.url("/a.jpg")), "ok");
    assert_eq!(code(&open, &web.url("/b.jpg")), "fetch_failed");
    assert_eq!(code(&open, "file:///etc/passwd"), "invalid_address");
    assert_eq!(code(&closed, &web.url("/a.jpg")), "address_not_allowed");
    assert_eq!(web.connections(), 2);
}

#[test]
fn a_resolver_that_hangs_does_not_hold_the_request() {
    let slow = |_: &str, _| {
        thread::sleep(Duration::from_secs(3));
        Ok(Vec::new())
    };
    let network = Network::with(slow, is_outside);
    let fetcher = Arc::new(Fetcher::on(network, 1 << 20, Duration::from_millis(200)));
    let intake = Arc::new(intake(""));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let start = Instant::now();
    let codes: Vec<&str> = runtime.block_on(async {
        let mut fetches = Vec::new();
        for _ in 0..MAX_FETCHES + 2 {
            let (fetcher, intake) = (Arc::clone(&fetcher), Arc::clone(&intake));
            fetches.push(tokio::spawn(async move {
                fetcher
                    .fetch(&intake, "http://slow.example/")
                    .await
                    .unwrap_err()
                    .code
            }));
        }
        let mut codes = Vec::new();
        for fetch in fetches {
            codes.push(fetch.await.unwrap());
        }
        codes
    });
    assert!(start.elapsed() < Duration::from_secs(2));
    runtime.shutdown_background();
    // The last two never got a slot: those of hanging names are not given out again.
    let refused = codes.iter().filter(|code| **code == "too_busy").count();
    assert_eq!((refused, codes.len()), (2, MAX_FETCHES + 2), "{codes:?}");
}

#[test]
fn fetched_bytes_count_as_received_until_they_are_gone() {
    let web = Web::at(OUTSIDE, 0, |_, stream| ok(stream, &[7; 5000]));
    let fetcher = fetcher(Duration::from_secs(2));
    let intake = intake("max_buffered_mib = 32");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let url = format!("http://photos.example:{}/", web.port());
    let bytes = runtime.block_on(fetcher.fetch(&intake, &url)).unwrap();
    assert_eq!(intake.reserve(32 << 20).unwrap_err().code, "too_busy");
    assert!(intake.reserve((32 << 20) - 5120).is_ok());
    drop(bytes);
    assert!(intake.reserve(32 << 20).is_ok());
}
