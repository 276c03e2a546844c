//! Requests that are changed at random.

use std::io;
use std::time::Duration;

use prosopon_gallery::synthetic::Rng;

use super::{exchanged, is_well};
use crate::client::{Request, form};
use crate::served::{Served, picture};

#[test]
fn a_thousand_malformed_requests_leave_no_trace() {
    let Some(server) = Served::start(&[
        ("threads", "1"),
        ("requests_per_minute", "0"),
        ("body_timeout_secs", "2"),
    ]) else {
        return;
    };
    let good = picture();
    is_well(&server, &good);
    let (before, _) = server.memory_mib();
    let host = server.address.to_string();
    let (form_type, form_bytes) = form(&[("image", "a.jpg", &good[..2000])]);
    let seeds = [
        Request::new("POST", "/v1/detect?min_confidence=0.5")
            .body(&form_type, form_bytes)
            .bytes(&host),
        Request::new("POST", "/v1/detect")
            .json(r#"{"image": "AAAA", "x": [1, 2, {"a": null}]}"#)
            .bytes(&host),
        Request::new("PATCH", "/v1/galleries/default/subjects/1")
            .json(r#"{"name": "a"}"#)
            .bytes(&host),
        Request::new("GET", "/v1/galleries/default/subjects?search=a&limit=3").bytes(&host),
        Request::new("POST", "/v1/detect")
            .header("transfer-encoding", "chunked")
            .body("image/jpeg", b"5\r\nhello\r\n0\r\n\r\n".as_slice())
            .bytes(&host),
    ];
    let mut rng = Rng::new(20_261_122);
    let (mut answered, mut closed) = ([0; 6], 0);
    for round in 0..1000 {
        let mut bytes = seeds[rng.below(seeds.len())].clone();
        for _ in 0..=rng.below(4) {
            mangle(&mut bytes, &mut rng);
        }
        let (answer, end) = exchanged(&server, &bytes, Duration::from_secs(10));
        // A server that has had enough may close before all was sent.
        match end {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
                panic!(
                    "round {round}: {error}: {}",
                    String::from_utf8_lossy(&bytes)
                )
            }
            _ => {}
        }
        let text = String::from_utf8_lossy(&answer);
        match text
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse::<usize>().ok())
        {
            None => closed += 1,
            Some(status) => {
                let sent = String::from_utf8_lossy(&bytes);
                assert!(
                    (100..500).contains(&status),
                    "round {round}: {text}\n\n{sent}"
                );
                answered[status / 100] += 1;
            }
        }
    }
    println!("1000 malformed requests: {answered:?} by hundreds, {closed} without an answer");
    // The seeds are well formed, so some of their kind are; most must not be.
    assert!(answered[4] > 500, "{answered:?}");
    is_well(&server, &good);
    let (after, _) = server.memory_mib();
    assert!(after < before + 200, "{before} MiB grew to {after} MiB");
}

/// One random change to a request.
fn mangle(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let head_end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(0);
    let at = rng.below(bytes.len().max(1));
    let in_head = rng.below(head_end.max(1));
    let lines = [
        "content-length: 5",
        "content-length: -1",
        "content-length: 99999999999999999999",
        "content-length: 5, 6",
        "transfer-encoding: chunked",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: identity",
        "host: a\r\nhost: b",
        "expect: 100-continue",
        "expect: x",
        "content-type: multipart/form-data; boundary=\"",
        "content-type: \u{1}",
        "cookie: ;;==;",
        "x-api-key: \u{e4}",
        "authorization: Bearer",
        "origin: \u{0}",
        "connection: upgrade\r\nupgrade: h2c",
        "x-request-id: ../../a\u{7f}",
        "accept: ,,,",
        ": nothing",
        " folded",
        "content-encoding: gzip",
        "range: bytes=0-18446744073709551615",
        "content-length : 3",
    ];
    match rng.below(9) {
        0 => bytes[at.min(head_end)] = rng.below(256) as u8,
        1 => bytes.truncate(at),
        2 => {
            let end = (in_head + rng.below(30)).min(bytes.len());
            bytes.drain(in_head..end);
        }
        3 => {
            let noise: Vec<u8> = (0..rng.below(50)).map(|_| rng.below(256) as u8).collect();
            bytes.splice(in_head..in_head, noise);
        }
        4 | 5 => {
            let line_end = bytes.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
            let line = format!("\r\n{}", lines[rng.below(lines.len())]);
            bytes.splice(line_end..line_end, line.into_bytes());
        }
        6 => {
            if let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
                bytes.splice(end..end + 2, *b"\n");
            }
        }
        7 => {
            let last = bytes.len().saturating_sub(1);
            bytes[at.max(head_end).min(last)] ^= 1 << rng.below(8);
        }
        _ => {
            let space = bytes.iter().position(|byte| *byte == b' ').unwrap_or(0);
            let long = "/%2e%2e;a=b&&&&".repeat(rng.below(20));
            bytes.splice(space..=space, format!(" {long}").into_bytes());
        }
    }
    if bytes.is_empty() {
        bytes.push(b'\r');
    }
}
