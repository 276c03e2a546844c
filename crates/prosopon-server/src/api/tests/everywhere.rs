//! What holds for all endpoints: they are described, errors have one shape, keys are asked for.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::{picture, server};
use crate::testing::{RED, TestServer};

#[tokio::test]
async fn the_description_names_every_endpoint_and_only_real_ones() {
    let server = server();
    let api = server.get("/openapi.json").await.json();
    let paths = api["paths"].as_object().unwrap();
    assert!(paths.len() > 20);
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            assert!(
                operation["summary"].is_string(),
                "{method} {path} has no summary"
            );
            assert!(
                operation["responses"]["429"].is_object(),
                "{method} {path} has no errors"
            );
            let mut uri = path.replace("{gallery}", "default").replace("{id}", "1");
            if path == "/v1/events/stream" {
                // Only what is refused has an end.
                uri.push_str("?kind=none");
            }
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(uri)
                .body(Body::empty());
            let answer = server.send(request.unwrap()).await;
            assert_ne!(answer.status, 405, "{method} {path}");
            let is_there = answer.status != 404 || answer.code() != "not_found";
            assert!(is_there, "{method} {path}");
        }
    }
    let page = server.get("/docs").await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    for path in paths.keys() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
    }
}

#[tokio::test]
async fn errors_have_one_shape_and_an_id() {
    let server = server();
    let request = Request::post("/v1/detect")
        .header("x-request-id", "mine-1")
        .body(Body::empty());
    let answer = server.send(request.unwrap()).await;
    assert_eq!(answer.headers["x-request-id"], "mine-1");
    let body = answer.json();
    assert_eq!(
        (&body["request_id"], &body["error"]["code"]),
        (&json!("mine-1"), &json!("missing_picture"))
    );
    assert!(body["error"]["message"].is_string() && body["error"]["hint"].is_string());
    for (uri, status, code) in [
        ("/nothing", 404, "not_found"),
        ("/v1/galleries/nowhere", 404, "unknown_gallery"),
        ("/v1/galleries/default/subjects/7", 404, "unknown_subject"),
        ("/v1/galleries/default/subjects/x", 400, "invalid_parameter"),
        (
            "/v1/galleries/default/subjects?limit=x",
            400,
            "invalid_parameter",
        ),
        ("/v1/detect", 405, "method_not_allowed"),
    ] {
        let answer = server.get(uri).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{uri}"
        );
        assert_ne!(answer.json()["request_id"], "", "{uri}");
    }
    for (query, message) in [
        ("fmr=2", "expected a number from 1e-12 to 1 as `fmr`"),
        (
            "fmr=0.1&threshold=0.1",
            "expected `fmr` or `threshold`, found both",
        ),
        (
            "candidates=0",
            "expected a number from 1 to 100 as `candidates`, found 0",
        ),
        (
            "min_confidence=NaN",
            "expected a number from 0 to 1 as `min_confidence`, found NaN",
        ),
    ] {
        let answer = server
            .post_picture(&format!("/v1/identify?{query}"), picture(&[RED]))
            .await;
        assert_eq!(answer.json()["error"]["message"], message, "{query}");
    }
}

#[tokio::test]
async fn keys_are_required_where_others_can_reach_the_server() {
    let server = TestServer::new("listen = \"0.0.0.0:8420\"");
    let answer = server.get("/v1/galleries").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (401, "key_missing")
    );
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    for public in [
        "/health/live",
        "/health/ready",
        "/v1/session",
        "/openapi.json",
        "/docs",
    ] {
        assert_eq!(server.get(public).await.status, 200, "{public}");
    }
}

#[tokio::test]
async fn forms_have_a_limit_of_fields() {
    let server = server();
    let answer = async |n: usize| {
        let request = Request::post("/v1/detect")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(["a=1"].repeat(n).join("&")));
        server.send(request.unwrap()).await
    };
    let within = answer(1000).await.json();
    assert_eq!(within["error"]["code"], "missing_picture");
    let beyond = answer(1001).await;
    assert_eq!(beyond.status, 400);
    let message = &beyond.json()["error"]["message"];
    assert_eq!(message, "expected at most 1000 fields, found 1001");
}
