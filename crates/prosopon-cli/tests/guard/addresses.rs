//! Pictures by address, where that is on: nothing in here is reached.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Request;
use crate::served::Served;

#[test]
fn addresses_in_here_are_refused() {
    let settings = [("threads", "1"), ("allow_url_input", "true")];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    // What is in here: another service on this machine, and the server itself.
    let inside = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = inside.local_addr().expect("an address").port();
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reached);
    std::thread::spawn(move || {
        for _ in inside.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let ask = |body: serde_json::Value| {
        let request = Request::new("POST", "/v1/detect").json(body.to_string());
        request.send(server.address)
    };
    let own = server.address.port();
    for (url, status, code) in [
        (
            format!("http://127.0.0.1:{port}/"),
            403,
            "address_not_allowed",
        ),
        (
            format!("http://localhost:{port}/"),
            403,
            "address_not_allowed",
        ),
        (
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            403,
            "address_not_allowed",
        ),
        (
            format!("http://0.0.0.0:{own}/v1/keys"),
            403,
            "address_not_allowed",
        ),
        (
            format!("https://127.0.0.1:{own}/"),
            403,
            "address_not_allowed",
        ),
        (
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            403,
            "address_not_allowed",
        ),
        (
            "http://[fd00:ec2::254]/latest/meta-data/".to_owned(),
            403,
            "address_not_allowed",
        ),
        ("http://10.0.0.1/".to_owned(), 403, "address_not_allowed"),
        (
            "http://192.168.1.1:8080/".to_owned(),
            403,
            "address_not_allowed",
        ),
        ("http://100.64.0.1/".to_owned(), 403, "address_not_allowed"),
        (
            format!("http://user:secret@127.0.0.1:{port}/"),
            400,
            "invalid_address",
        ),
        (format!("ftp://127.0.0.1:{port}/"), 400, "invalid_address"),
        ("file:///etc/passwd".to_owned(), 400, "invalid_address"),
        ("picture.jpg".to_owned(), 400, "invalid_address"),
        (String::new(), 400, "invalid_address"),
        ("http://nowhere.invalid/".to_owned(), 422, "fetch_failed"),
    ] {
        let start = Instant::now();
        let answer = ask(json!({ "url": url }));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{url}"
        );
        assert!(start.elapsed() < Duration::from_secs(12), "{url}");
    }
    // However it is spelt, and whatever the resolver here makes of it.
    for host in [
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
        "localhost.",
    ] {
        let answer = ask(json!({ "url": format!("http://{host}:{port}/") }));
        assert!(
            matches!(answer.status, 403 | 422),
            "{host}: {}",
            answer.status
        );
    }
    let many = vec![json!({"url": "http://127.0.0.1/"}); 21];
    let answer = Request::new("POST", "/v1/galleries/default/enrol?subject=a")
        .json(json!({ "images": many }).to_string())
        .send(server.address)
        .expect(400);
    assert_eq!(answer.code(), "invalid_request");
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}
