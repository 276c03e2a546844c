//! The form at `/upload`.

use prosopon::{DecodeLimits, Image};
use serde_json::json;

use crate::http::{Body, send};
use crate::pictures::{ANNA, nobody, person};
use crate::server::{Collection, Server};

#[test]
fn a_picture_comes_back_with_boxes() {
    let (Some(server), Some(anna)) = (Server::start(&[]), person(ANNA, 0)) else {
        return;
    };
    let page = server.send("GET", "/upload", "", None);
    let html = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(html.contains(r#"<form method="post" enctype="multipart/form-data">"#));
    assert!(!html.contains("<script") && !html.contains("<style"));
    let post = |name: &str, bytes: &[u8]| {
        let body = Body::parts(&[("file", name, bytes)]);
        server.send("POST", "/upload", "", Some(body))
    };
    let answer = post("a.jpg", &anna);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "image/jpeg")
    );
    let drawn = Image::decode(&answer.bytes, &DecodeLimits::default()).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (250, 250));
    let original = Image::decode(&anna, &DecodeLimits::default()).unwrap();
    let changed = drawn
        .pixels()
        .iter()
        .zip(original.pixels())
        .filter(|(a, b)| a.abs_diff(**b) > 60)
        .count();
    assert!(changed > 100, "{changed}");
    assert_eq!(
        post("b.png", &nobody()).expect(200),
        json!({"face_found_in_image": 0})
    );
    assert_eq!(
        post("a.txt", &anna).expect(415)["error"]["code"],
        "unsupported_content_type"
    );
    assert_eq!(post("", b"").status, 422);
    // A page from elsewhere must not send the form in the user's name.
    let url = server.url("/upload");
    let foreign = [("origin", "https://evil.example")];
    let body = Body::parts(&[("file", "a.jpg", &anna)]);
    assert_eq!(send("POST", &url, &foreign, Some(body)).status, 403);
}

#[test]
fn where_keys_are_required_the_browser_must_be_signed_in() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let server = &all.server;
    let page = server.send("GET", "/upload", "", None);
    let html = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(html.contains(r#"<a href="/">Sign in</a>"#) && !html.contains("<form"));
    let body = Body::parts(&[("file", "a.jpg", &anna)]);
    let refused = server.send("POST", "/upload", "", Some(body.clone()));
    assert_eq!(refused.status, 401);
    let key = Body::json(&json!({"key": all.key}));
    let signed_in = server.send("POST", "/v1/session", "", Some(key));
    let cookie = signed_in
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let cookie = [("cookie", cookie.as_str())];
    let answer = send("POST", &server.url("/upload"), &cookie, Some(body));
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "image/jpeg")
    );
    let page = send("GET", &server.url("/upload"), &cookie, None);
    assert!(String::from_utf8(page.bytes).unwrap().contains("<form"));
}
