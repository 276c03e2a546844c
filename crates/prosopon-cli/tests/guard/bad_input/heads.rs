//! Heads without end or sense, pipelines, and requests within others.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use super::{MIB, exchanged};
use crate::client::read_answer;
use crate::served::Served;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn heads_have_limits_and_pipelines_are_answered_in_order() {
    let Some(server) = Served::start(&[("threads", "1"), ("requests_per_minute", "0")]) else {
        return;
    };
    let many = (0..500).fold(String::new(), |mut all, i| {
        let _ = write!(all, "x-{i}: a\r\n");
        all
    });
    let long = format!("x-long: {}\r\n", "a".repeat(2 * MIB));
    let path = format!("/{}", "a".repeat(200_000));
    for (what, request) in [
        (
            "500 headers",
            format!("GET /v1/galleries HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"),
        ),
        (
            "a header of 2 MiB",
            format!("GET /v1/galleries HTTP/1.1\r\nhost: localhost\r\n{long}\r\n"),
        ),
        (
            "a long address",
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ),
        (
            "HTTP/2 without asking",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ),
        ("HTTP/9", "GET / HTTP/9.9\r\n\r\n".to_owned()),
        (
            "TLS",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}".to_owned(),
        ),
    ] {
        let (answer, _) = exchanged(&server, request.as_bytes(), PATIENCE);
        let text = String::from_utf8_lossy(&answer);
        let is_refused = text.is_empty() || text.starts_with("HTTP/1.1 4");
        assert!(is_refused, "{what}: {text}");
    }

    let mut stream = server.connect();
    let requests = (0..20).fold(String::new(), |mut all, i| {
        let _ = write!(
            all,
            "GET /health/live HTTP/1.1\r\nhost: localhost\r\nx-request-id: n{i}\r\n\r\n"
        );
        all
    });
    stream.write_all(requests.as_bytes()).expect("sent");
    for i in 0..20 {
        let answer = read_answer(&mut stream).expect("an answer").expect(200);
        assert_eq!(
            answer.header("x-request-id"),
            Some(format!("n{i}").as_str())
        );
    }
    // A request smuggled into another one's body stays a body.
    let smuggled = "POST /v1/detect HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/keys HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (answer, _) = exchanged(&server, smuggled.as_bytes(), PATIENCE);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
}
