//! Pictures in all their forms, the faces that are found on them, and pictures that are drawn on.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{picture, server};
use crate::testing::{BLUE, RED};

#[tokio::test]
async fn every_form_of_a_picture_gives_the_same() {
    let server = server();
    let bytes = picture(&[BLUE, RED]);
    let text = STANDARD.encode(&bytes);
    let raw = server.post_picture("/v1/detect", bytes.clone()).await;
    assert_eq!(raw.status, 200);
    let answer = raw.json();
    assert_eq!(
        (&answer["width"], &answer["height"]),
        (&json!(400), &json!(200))
    );
    assert_eq!(answer["faces"].as_array().unwrap().len(), 2);
    let first = &answer["faces"][0];
    assert_eq!(
        first["bounding_box"],
        json!({"left": 10.0, "top": 20.0, "right": 110.0, "bottom": 140.0})
    );
    assert_eq!(
        first["bounding_box_normalized"],
        json!({"left": 0.025, "top": 0.1, "right": 0.275, "bottom": 0.7})
    );
    assert!(first.get("embedding").is_none() && first.get("identification").is_none());
    let form = server
        .post_form("/v1/detect", &[("image", "a.png", bytes)])
        .await;
    let plain = server
        .json("POST", "/v1/detect", &json!({"image": text}))
        .await;
    let url = format!("data:image/png;base64,{text}");
    let url = server
        .json("POST", "/v1/detect", &json!({"image": url}))
        .await;
    for other in [form, plain, url] {
        assert_eq!(other.json(), answer);
    }
}

#[tokio::test]
async fn faces_come_largest_first_and_as_many_as_wanted() {
    let server = server();
    let bytes = picture(&[BLUE, RED, RED]);
    for (query, expected) in [
        ("", 3),
        ("?max_faces=0", 3),
        ("?max_faces=2", 2),
        ("?min_face_px=61", 2),
        ("?min_confidence=0.985", 1),
    ] {
        let answer = server
            .post_picture(&format!("/v1/embed{query}"), bytes.clone())
            .await
            .json();
        let faces = answer["faces"].as_array().unwrap();
        assert_eq!(faces.len(), expected, "{query}");
        assert_eq!(faces[0]["bounding_box"]["left"], 10.0, "{query}");
        assert!(faces[0]["embedding"].as_array().unwrap().len() > 1);
    }
}

#[tokio::test]
async fn annotation_gives_a_picture_back() {
    let server = server();
    let jpeg = server
        .post_picture("/v1/annotate", picture(&[RED, BLUE]))
        .await;
    assert_eq!(jpeg.headers["content-type"], "image/jpeg");
    assert_eq!(jpeg.headers["x-prosopon-faces"], "2");
    assert!(jpeg.body.starts_with(&[0xff, 0xd8]));
    let request = Request::post("/v1/annotate?labels=none")
        .header("content-type", "image/png")
        .header("accept", "image/png")
        .header("content-length", picture(&[RED]).len())
        .body(Body::from(picture(&[RED])));
    let png = server.send(request.unwrap()).await;
    assert_eq!(png.headers["content-type"], "image/png");
    assert!(png.body.starts_with(b"\x89PNG"));
}
