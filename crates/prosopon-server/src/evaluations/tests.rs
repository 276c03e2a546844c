//! Evaluations over the API, on fake networks.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use prosopon::Image;
use prosopon::testing::draw_face;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::jobs::{MAX_IDLE, MAX_KEPT, SWEEP};
use crate::testing::{BLUE, RED, TestServer};

const GREEN: [u8; 3] = [40, 200, 40];

/// A picture with one face of this colour in its middle, and a smaller one of another in its corner.
fn picture(skin: [u8; 3]) -> Vec<u8> {
    let mut image = Image::filled(300, 200, [255; 3]);
    draw_face(&mut image, (0, 0, 40, 50), [120, 120, 120]);
    draw_face(&mut image, (100, 40, 100, 120), skin);
    image.encode_png().expect("a picture")
}

fn no_face() -> Vec<u8> {
    let image = Image::filled(60, 60, [255; 3]);
    image.encode_png().expect("a picture")
}

/// The people and their pictures.
fn people() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("anna/1.png", picture(RED)),
        ("anna/2.png", picture([205, 45, 45])),
        ("ben/1.png", picture(BLUE)),
        ("ben/2.png", picture([45, 45, 205])),
        ("carla/1.png", picture(GREEN)),
        ("carla/2.png", no_face()),
    ]
}

async fn begin(server: &TestServer, body: Value) -> i64 {
    let answer = server.json("POST", "/v1/evaluations", &body).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    answer.json()["id"].as_i64().expect("a number")
}

/// Waits until the evaluation has ended.
async fn ended(server: &TestServer, id: i64) -> Value {
    for _ in 0..500 {
        let shown = server.get(&format!("/v1/evaluations/{id}")).await.json();
        if ["done", "failed"].contains(&shown["stage"].as_str().unwrap_or("")) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the evaluation does not end");
}

/// What the figures of [`people`] are, however the pictures came.
fn check(shown: &Value) {
    assert_eq!(shown["stage"], "done", "{shown:#}");
    assert_eq!(
        (&shown["done"], &shown["without_face"]),
        (&json!(7), &json!(1))
    );
    assert_eq!(shown["n_unusable"], 1);
    let result = &shown["result"];
    assert_eq!(
        (&result["people"], &result["undetected"]),
        (&json!(3), &json!(1))
    );
    // Of each person one pair; Carla's has a picture without a face.
    assert_eq!(
        (&result["genuine"], &result["undetected_genuine"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(result["model"], "fake@00000000");
    assert_eq!(result["identification"]["gallery_identities"], 3);
    assert!(
        !result["worst_impostor"]
            .as_array()
            .expect("a list")
            .is_empty()
    );
}

#[tokio::test]
async fn pictures_that_are_sent_become_figures_and_a_page() {
    let server = TestServer::new("");
    let id = begin(&server, json!({})).await;
    let uri = format!("/v1/evaluations/{id}/pictures");
    let all = people();
    for some in all.chunks(4) {
        let parts: Vec<_> = some
            .iter()
            .map(|(name, bytes)| ("image", *name, bytes.clone()))
            .collect();
        let added = server.post_form(&uri, &parts).await;
        assert_eq!(
            (added.status.as_u16(), added.json()["added"].as_u64()),
            (200, Some(some.len() as u64))
        );
    }
    // Sent again, it is the same picture; without a folder nobody knows who it is.
    let again = server
        .post_form(&uri, &[("image", "anna/1.png", picture(RED))])
        .await;
    assert_eq!(again.json()["added"], 1);
    let bad = server
        .post_form(&uri, &[("image", "anna.png", picture(RED))])
        .await;
    assert_eq!(bad.json()["unusable"][0]["reason"], "missing_identity");

    let report = format!("/v1/evaluations/{id}/report");
    assert_eq!(server.get(&report).await.code(), "evaluation_state");
    let finish = format!("/v1/evaluations/{id}/finish");
    let finished = server.json("POST", &finish, &json!({})).await;
    assert_eq!(finished.status, 202);
    check(&ended(&server, id).await);
    assert_eq!(
        server.json("POST", &finish, &json!({})).await.code(),
        "evaluation_state"
    );
    let late = server
        .post_form(&uri, &[("image", "anna/9.png", picture(RED))])
        .await;
    assert_eq!(late.code(), "evaluation_state");

    let page = server.get(&report).await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"]
        .to_str()
        .expect("text");
    assert!(
        policy.ends_with("; sandbox") && !policy.contains("script"),
        "{policy}"
    );
    assert_eq!(page.headers["x-frame-options"], "SAMEORIGIN");
    let html = String::from_utf8(page.body.to_vec()).expect("text");
    for part in ["Accuracy", "fake@00000000", "<svg", "anna"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<script"));

    let list = server.get("/v1/evaluations").await.json();
    assert_eq!(list["evaluations"][0]["stage"], "done");
    assert_eq!(
        (&list["evaluations"][0]["result"], &list["folders"]),
        (&Value::Null, &Value::Null)
    );
    let one = format!("/v1/evaluations/{id}");
    assert_eq!(server.delete(&one).await.status, 204);
    assert_eq!(server.get(&one).await.code(), "unknown_evaluation");
    assert_eq!(server.get(&report).await.code(), "unknown_evaluation");
}

fn write_people(folder: &Path) {
    for (name, bytes) in people() {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    fs::write(folder.join("anna/broken.jpg"), b"no picture").expect("a file");
}

#[tokio::test]
async fn a_folder_that_is_named_gives_the_same() {
    let root = tempfile::tempdir().expect("a folder");
    write_people(&root.path().join("people"));
    fs::create_dir(root.path().join("empty")).expect("a folder");
    let server = TestServer::new(&format!("evaluate_dir = '{}'", root.path().display()));
    let list = server.get("/v1/evaluations").await.json();
    assert_eq!(list["folders"], json!([".", "empty", "people"]));
    let id = begin(&server, json!({"folder": "people"})).await;
    let shown = ended(&server, id).await;
    check(&shown);
    assert_eq!(
        (&shown["total"], &shown["folder"]),
        (&json!(7), &json!("people"))
    );
    assert_eq!(shown["unusable"][0]["name"], "anna/broken.jpg");

    for (folder, code) in [
        ("..", "unknown_folder"),
        ("/etc", "unknown_folder"),
        ("people/../..", "unknown_folder"),
        ("missing", "unknown_folder"),
        ("empty", "too_few_pictures"),
    ] {
        let answer = server
            .json("POST", "/v1/evaluations", &json!({"folder": folder}))
            .await;
        assert_eq!(answer.code(), code, "{folder}");
    }
    let closed = TestServer::new("");
    let answer = closed
        .json("POST", "/v1/evaluations", &json!({"folder": "people"}))
        .await;
    assert_eq!(answer.code(), "evaluation_folders_disabled");
}

#[tokio::test]
async fn too_few_pictures_are_an_outcome() {
    let server = TestServer::new("");
    let id = begin(&server, json!({})).await;
    let uri = format!("/v1/evaluations/{id}/pictures");
    server
        .post_form(&uri, &[("image", "anna/1.png", picture(RED))])
        .await;
    server
        .json("POST", &format!("/v1/evaluations/{id}/finish"), &json!({}))
        .await;
    let shown = ended(&server, id).await;
    assert_eq!(
        (&shown["stage"], &shown["error"]["code"]),
        (&json!("failed"), &json!("too_few_pictures"))
    );
}

#[tokio::test]
async fn who_deletes_it_stops_it() {
    let server = TestServer::new("");
    let id = begin(&server, json!({})).await;
    let one = format!("/v1/evaluations/{id}");
    assert_eq!(server.delete(&one).await.status, 204);
    let uri = format!("{one}/pictures");
    let parts = [("image", "a/1.png", picture(RED))];
    let late = server.post_form(&uri, &parts).await;
    assert_eq!(late.code(), "unknown_evaluation");
    // Its place is free again.
    begin(&server, json!({})).await;
    begin(&server, json!({})).await;
    let full = server.json("POST", "/v1/evaluations", &json!({})).await;
    assert_eq!(
        (full.code().as_str(), full.status.as_u16()),
        ("too_many_evaluations", 429)
    );
}

#[tokio::test]
async fn only_so_many_are_under_way_and_kept() {
    let server = TestServer::new("");
    let another = || super::begin(&server.app, None);
    let first = another().unwrap();
    another().unwrap();
    let refused = another().map(|e| e.id).unwrap_err();
    assert_eq!(
        (refused.code, refused.retry_after),
        ("too_many_evaluations", Some(10))
    );
    for _ in 0..MAX_KEPT {
        first.end(Err(ApiError::internal("a test")));
        let newest = another().unwrap();
        newest.end(Err(ApiError::internal("a test")));
    }
    assert_eq!(server.app.evaluations.all().len(), MAX_KEPT);
    // The one that still waits for pictures is kept, the oldest finished one is not.
    assert!(server.app.evaluations.get(2).is_ok());
    let gone = server.app.evaluations.get(first.id).map(|e| e.id);
    assert_eq!(gone.unwrap_err().code, "unknown_evaluation");
}

#[tokio::test]
async fn old_ones_are_forgotten() {
    let server = TestServer::new("");
    let evaluation = super::begin(&server.app, None).unwrap();
    let Some(long_ago) = Instant::now().checked_sub(MAX_IDLE + SWEEP) else {
        return;
    };
    evaluation.progress().changed = long_ago;
    let gone = server.app.evaluations.get(evaluation.id).map(|e| e.id);
    assert_eq!(gone.unwrap_err().code, "unknown_evaluation");
}
