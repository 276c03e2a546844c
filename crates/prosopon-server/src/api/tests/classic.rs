//! `/v1/classic` on a fake network, with and without a cascade.

use prosopon::classic::{Cascade, View};
use prosopon::testing::draw_face;
use prosopon::{DecodeLimits, Image};
use serde_json::{Value, json};

use crate::models::Cascades;
use crate::testing::{RED, TestServer};

/// A cascade of one stage that takes every window of 20 × 20 pixels whose left half is darker than its right
/// half.
const DARK_LEFT: &str = r#"<?xml version="1.0"?>
<opencv_storage><cascade type_id="opencv-cascade-classifier"><stageType>BOOST</stageType>
<featureType>HAAR</featureType><height>20</height><width>20</width>
<stageParams><maxWeakCount>1</maxWeakCount></stageParams>
<featureParams><maxCatCount>0</maxCatCount></featureParams><stageNum>1</stageNum>
<stages><_><maxWeakCount>1</maxWeakCount><stageThreshold>0.5</stageThreshold>
<weakClassifiers><_><internalNodes>0 -1 0 -0.5</internalNodes><leafValues>1. 0.</leafValues></_></weakClassifiers></_></stages>
<features><_><rects><_>0 0 10 20 1.</_><_>10 0 10 20 -1.</_></rects><tilted>0</tilted></_></features>
</cascade></opencv_storage>"#;

fn picture() -> Vec<u8> {
    let mut image = Image::filled(120, 90, [255; 3]);
    draw_face(&mut image, (30, 20, 40, 50), RED);
    image.encode_png().expect("a picture")
}

/// Black on the left of one place, white on the right.
fn edge() -> Vec<u8> {
    let mut image = Image::filled(60, 40, [128; 3]);
    for y in 10..30 {
        for x in 20..40 {
            let at = (y * 60 + x) * 3;
            let level = if x < 30 { 0 } else { 255 };
            image.pixels_mut()[at..at + 3].fill(level);
        }
    }
    image.encode_png().expect("a picture")
}

fn with_cascades() -> TestServer {
    let cascade = Cascade::from_xml(DARK_LEFT).expect("a cascade");
    TestServer::with_cascades(Cascades {
        face: Some(cascade.clone()),
        eye: Some(cascade),
    })
}

#[tokio::test]
async fn views_are_drawn_in_the_size_that_is_wanted() {
    let server = TestServer::new("");
    let listed = server.get("/v1/classic").await.json();
    let views = listed["views"].as_array().unwrap();
    assert_eq!(views.len(), View::ALL.len());
    for view in views {
        let uri = format!("/v1/classic/view?view={}", view["name"].as_str().unwrap());
        let answer = server.post_picture(&uri, picture()).await;
        assert_eq!(answer.status, 200, "{uri}");
        assert_eq!(answer.headers["content-type"], "image/png");
        let drawn = Image::decode(&answer.body, &DecodeLimits::default()).unwrap();
        assert!(
            drawn.width().abs_diff(120) <= 2 && drawn.height().abs_diff(90) <= 2,
            "{uri}"
        );
        assert!(!view["about"].as_str().unwrap().is_empty());
    }
    let answer = server
        .post_picture("/v1/classic/view?view=magnitude&max_side=60", picture())
        .await;
    let drawn = Image::decode(&answer.body, &DecodeLimits::default()).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (60, 45));
    for query in [
        "view=nosuch",
        "",
        "view=gray&max_side=4",
        "view=gray&max_side=9999",
    ] {
        let answer = server
            .post_picture(&format!("/v1/classic/view?{query}"), picture())
            .await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.code()),
            (400, "invalid_parameter"),
            "{query}"
        );
    }
    let answer = server
        .post_picture("/v1/classic/view?view=gray", b"no picture".to_vec())
        .await;
    assert_eq!(answer.code(), "not_a_picture");
}

#[tokio::test]
async fn the_network_finds_faces_and_a_missing_cascade_is_told() {
    let server = TestServer::new("");
    let answer = server
        .post_picture("/v1/classic/faces", picture())
        .await
        .json();
    let face = &answer["faces"][0];
    assert_eq!(face["bounding_box"]["left"], 30.0);
    assert_eq!(
        (&face["eyes"], &face["neighbors"]),
        (&Value::Null, &Value::Null)
    );
    assert!(face["confidence"].as_f64().unwrap() > 0.5);
    let listed = server.get("/v1/classic").await.json();
    assert_eq!(listed["eyes"], false);
    assert_eq!(listed["detectors"][1]["installed"], false);
    assert_eq!(
        listed["detectors"][1]["install"],
        "prosopon models pull haar"
    );
    for query in ["detector=haar", "eyes=true"] {
        let answer = server
            .post_picture(&format!("/v1/classic/faces?{query}"), picture())
            .await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.code()),
            (404, "cascade_missing"),
            "{query}"
        );
        let hint = answer.json()["error"]["hint"].to_string();
        assert!(hint.contains("prosopon models pull haar"), "{hint}");
    }
}

#[tokio::test]
async fn cascades_find_places_and_what_is_within_them() {
    let server = with_cascades();
    let listed = server.get("/v1/classic").await.json();
    assert_eq!(
        (&listed["eyes"], &listed["detectors"][1]["install"]),
        (&json!(true), &Value::Null)
    );
    let uri = "/v1/classic/faces?detector=haar&min_neighbors=0&eyes=true";
    let answer = server.post_picture(uri, edge()).await.json();
    let faces = answer["faces"].as_array().unwrap();
    assert!(!faces.is_empty(), "{answer:#}");
    for (i, face) in faces.iter().enumerate() {
        let b = &face["bounding_box"];
        // Every window straddles the edge at 30, but for the rounding of sizes.
        assert!(b["left"].as_f64().unwrap() < 32.0 && b["right"].as_f64().unwrap() > 28.0);
        assert_eq!(face["confidence"], Value::Null);
        // Every face would be a search of its own.
        assert_eq!(face["eyes"].is_array(), i < 100);
    }
    let areas: Vec<f64> = faces
        .iter()
        .map(|face| {
            let side = |a: &str, b: &str| {
                let of = |key: &str| face["bounding_box"][key].as_f64().unwrap();
                of(b) - of(a)
            };
            side("left", "right") * side("top", "bottom")
        })
        .collect();
    assert!(areas.is_sorted_by(|a, b| a >= b), "{areas:?}");
    let strict = server
        .post_picture("/v1/classic/faces?detector=haar&min_neighbors=100", edge())
        .await
        .json();
    assert!(strict["faces"].as_array().unwrap().len() < faces.len());
    for query in [
        "scale_factor=1.01",
        "scale_factor=3",
        "min_neighbors=101",
        "detector=dog",
    ] {
        let answer = server
            .post_picture(&format!("/v1/classic/faces?{query}"), edge())
            .await;
        assert_eq!(answer.code(), "invalid_parameter", "{query}");
    }
}
