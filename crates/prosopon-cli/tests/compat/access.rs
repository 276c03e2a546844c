//! Keys, as CompreFace refuses them.

use serde_json::json;

use crate::http::Body;
use crate::pictures::{ANNA, person};
use crate::server::Collection;

/// Every endpoint that takes a key: method, path, kind of service, whether it changes people.
const ENDPOINTS: &[(&str, &str, &str, bool)] = &[
    ("GET", "/recognition/subjects", "Recognition", true),
    ("GET", "/recognition/subjects/", "Recognition", true),
    ("POST", "/recognition/subjects", "Recognition", true),
    ("DELETE", "/recognition/subjects", "Recognition", true),
    ("PUT", "/recognition/subjects/a", "Recognition", true),
    ("DELETE", "/recognition/subjects/a", "Recognition", true),
    ("GET", "/recognition/faces", "Recognition", true),
    ("POST", "/recognition/faces?subject=a", "Recognition", true),
    ("DELETE", "/recognition/faces", "Recognition", true),
    ("POST", "/recognition/faces/delete", "Recognition", true),
    ("DELETE", "/recognition/faces/ID", "Recognition", true),
    ("GET", "/recognition/faces/ID/img", "Recognition", true),
    ("POST", "/recognition/faces/ID/verify", "Recognition", false),
    ("POST", "/recognition/recognize", "Recognition", false),
    (
        "POST",
        "/recognition/embeddings/recognize",
        "Recognition",
        false,
    ),
    (
        "POST",
        "/recognition/embeddings/faces/ID/verify",
        "Recognition",
        false,
    ),
    ("POST", "/detection/detect", "Detection", false),
    ("POST", "/verification/verify", "Verification", false),
    (
        "POST",
        "/verification/embeddings/verify",
        "Verification",
        false,
    ),
];

#[test]
fn every_endpoint_asks_for_a_key() {
    let Some(all) = Collection::new() else { return };
    let weak = all.server.key(&all.gallery, "identify");
    let wrong = "00000000-0000-0000-0000-0000000000aa";
    for (method, path, service, changes) in ENDPOINTS {
        let id = "00000000-0000-4000-8000-000000000001";
        let path = format!("/api/v1{}", path.replace("ID", id));
        let send = |key: &str| {
            let body = matches!(*method, "POST" | "PUT").then(|| Body::json(&json!({})));
            all.server.send(method, &path, key, body)
        };
        assert_eq!(send("").error(400, 20), "Missing request header: x-api-key");
        assert_eq!(
            send("letmein").error(400, 26),
            "Service API key should be UUID"
        );
        if *changes {
            assert_eq!(
                send(&weak).error(404, 10),
                format!("{service} service with API Key {weak} not found")
            );
        } else {
            let answer = send(&weak).json();
            assert_ne!(answer["code"], 10, "{path}: {answer}");
        }
        // Wrong keys are counted, so only a few are tried.
        if path.contains("verify") || path.contains("detect") {
            assert_eq!(
                send(wrong).error(404, 10),
                format!("{service} service with API Key {wrong} not found")
            );
        }
    }
}

#[test]
fn a_key_opens_its_own_gallery_only() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    all.enrol("anna", &anna);
    let other = Collection::new().unwrap();
    assert_eq!(other.subjects(), json!([]));
    let [form, _] = Body::both(&[("file", &anna)]);
    let answer = other
        .post("/api/v1/recognition/recognize", form)
        .expect(200);
    assert_eq!(answer["result"][0]["subjects"], json!([]));
    // The same people are there for the native API.
    let native = all.get(&format!("/v1/galleries/{}/subjects", all.gallery));
    assert_eq!(native.expect(200)["subjects"][0]["name"], "anna");
}
