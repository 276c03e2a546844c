//! Pages of other sites: which may call the API, and what the others get of a server without keys.

use crate::client::Request;
use crate::served::Served;

#[test]
fn listed_origins_may_call_and_no_others() {
    let settings = [
        ("require_keys", "always"),
        ("threads", "1"),
        ("cors_origins", "https://photos.example"),
    ];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    let key = server.place.key("page", "identify", &[]);
    for (origin, allowed) in [
        ("https://photos.example", Some("https://photos.example")),
        ("http://photos.example", None),
        ("https://photos.example.evil.example", None),
        ("https://evil.example", None),
        ("null", None),
    ] {
        let preflight = Request::new("OPTIONS", "/v1/detect")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-api-key")
            .send(server.address);
        assert_eq!(
            preflight.header("access-control-allow-origin"),
            allowed,
            "{origin}"
        );
        let asked = Request::new("GET", "/v1/galleries")
            .key(&key)
            .header("origin", origin);
        let asked = asked.send(server.address).expect(200);
        assert_eq!(
            asked.header("access-control-allow-origin"),
            allowed,
            "{origin}"
        );
        // Keys travel in headers; cookies never go along.
        assert_eq!(
            asked.header("access-control-allow-credentials"),
            None,
            "{origin}"
        );
    }
}

/// Without keys the machine's own user may do everything, and no page that they look at.
#[test]
fn pages_from_elsewhere_do_not_reach_a_server_without_keys() {
    let Some(server) = Served::start(&[("threads", "1")]) else {
        return;
    };
    let port = server.address.port();
    for (host, allowed) in [
        (format!("127.0.0.1:{port}"), true),
        (format!("localhost:{port}"), true),
        (format!("LocalHost:{port}"), true),
        (format!("[::1]:{port}"), true),
        ("localhost".to_owned(), true),
        (format!("rebound.example:{port}"), false),
        (format!("127.0.0.1.rebound.example:{port}"), false),
        (format!("localhost.rebound.example:{port}"), false),
        (format!("127.0.0.1@rebound.example:{port}"), false),
        ("0.0.0.0".to_owned(), false),
        (format!("192.168.0.1:{port}"), false),
    ] {
        for (method, path) in [
            ("GET", "/v1/galleries"),
            ("GET", "/"),
            ("POST", "/v1/detect"),
        ] {
            let request = Request::new(method, path).header("host", host.clone());
            let answer = request.send(server.address);
            if allowed {
                assert_ne!(answer.status, 403, "{host} {path}");
            } else if answer.status != 400 {
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (403, "host_not_allowed"),
                    "{host} {path}"
                );
            }
        }
    }
    let own = format!("http://{}", server.address);
    for (name, value, allowed) in [
        ("origin", own.as_str(), true),
        ("origin", "http://elsewhere.example", false),
        ("origin", "null", false),
        ("origin", "http://127.0.0.1:1", false),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "none", true),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "cross-site", false),
    ] {
        for (method, path) in [
            ("POST", "/v1/galleries"),
            ("DELETE", "/v1/galleries/x"),
            ("PATCH", "/v1/galleries/x/subjects/1"),
        ] {
            let answer = Request::new(method, path)
                .header(name, value)
                .json("{}")
                .send(server.address);
            let refused = answer.status == 403 && answer.code() == "cross_site";
            assert_eq!(
                refused, !allowed,
                "{method} {path} {name}: {value}: {}",
                answer.status
            );
        }
    }
    // An unknown key is as good as none here, also for this.
    for path in [
        "/api/v1/recognition/subjects",
        "/v1/vision/face/delete",
        "/v1/galleries",
    ] {
        let request = Request::new("POST", path).key("00000000-0000-4000-8000-000000000000");
        let answer = request
            .header("origin", "http://elsewhere.example")
            .json("{}")
            .send(server.address);
        // CompreFace has its own words and statuses.
        let text = String::from_utf8_lossy(&answer.body);
        let refused = (400..=403).contains(&answer.status);
        assert!(
            refused && (text.contains("another site") || text.contains("key_invalid")),
            "{path}: {text}"
        );
    }
    // What is read is not shown to them.
    let read = Request::new("GET", "/v1/galleries").header("origin", "http://elsewhere.example");
    let read = read.send(server.address).expect(200);
    assert_eq!(read.header("access-control-allow-origin"), None);
    assert_eq!(
        read.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
}
