//! `/v1/trainings` on a fake detector and embedder: what goes in is drawn, what learns is real.

use std::time::Duration;

use prosopon::Image;
use prosopon::testing::draw_face;
use serde_json::{Value, json};

use crate::testing::{Answer, BLUE, RED, TestServer};

/// A picture with one face; with `i` its colour and place change a little.
fn face([r, g, b]: [u8; 3], i: u8) -> Vec<u8> {
    let mut image = Image::filled(200, 200, [255 - i; 3]);
    let skin = [r.saturating_sub(i * 3), g + i * 2, b.saturating_sub(i * 2)];
    draw_face(&mut image, (10 + u32::from(i) * 4, 20, 100, 120), skin);
    image.encode_png().expect("a picture")
}

async fn begin(server: &TestServer, what: &Value) -> Answer {
    server.json("POST", "/v1/trainings", what).await
}

/// Sends `n` pictures of each class.
async fn send(server: &TestServer, id: u64, n: u8) -> Value {
    let mut parts = Vec::new();
    for i in 0..n {
        for (class, colour) in [("rot", RED), ("blau", BLUE)] {
            parts.push(("image", format!("{class}/{i}.png"), face(colour, i)));
        }
    }
    let parts: Vec<(&str, &str, Vec<u8>)> = parts
        .iter()
        .map(|(part, name, bytes)| (*part, name.as_str(), bytes.clone()))
        .collect();
    let uri = format!("/v1/trainings/{id}/pictures");
    server.post_form(&uri, &parts).await.json()
}

async fn start(server: &TestServer, id: u64) -> Answer {
    let uri = format!("/v1/trainings/{id}/start");
    server.json("POST", &uri, &json!({})).await
}

/// Waits until the training has ended.
async fn ended(server: &TestServer, id: u64) -> Value {
    for _ in 0..3000 {
        let training = server.get(&format!("/v1/trainings/{id}")).await.json();
        if ["done", "failed"].contains(&training["stage"].as_str().unwrap()) {
            return training;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("training {id} never ends");
}

#[tokio::test]
async fn pictures_become_a_classifier_that_answers() {
    let server = TestServer::new("");
    let choices = &server.get("/v1/trainings").await.json()["choices"];
    assert_eq!(choices["features"][0], "embedding");
    assert_eq!(choices["two_eyes"], false);
    for (learner, n_versions) in [("scale+svc", 1), ("all", 2)] {
        let what = json!({"name": "colours", "learner": learner});
        let begun = begin(&server, &what).await;
        assert_eq!(begun.status, 201, "{:?}", begun.body);
        let id = begun.json()["id"].as_u64().unwrap();
        let received = send(&server, id, 10).await;
        assert_eq!(
            (&received["added"], &received["unusable"]),
            (&json!(20), &json!([]))
        );
        assert_eq!(start(&server, id).await.status, 202);
        let training = ended(&server, id).await;
        assert_eq!(training["stage"], "done", "{training}");
        assert_eq!(training["result"]["version"], n_versions);
        assert_eq!(
            training["classes"][0],
            json!({"class": "blau", "pictures": 10})
        );
        let n_cells = training["cells"].as_array().unwrap().len();
        assert_eq!(n_cells > 5, learner == "all", "{training}");
        let card = &training["result"]["card"];
        assert_eq!(card["classes"], json!(["blau", "rot"]));
        assert!(
            card["metrics"]["accuracy"].as_f64().unwrap() > 0.9,
            "{card}"
        );
    }
    let answer = server
        .post_picture("/v1/classifiers/colours/predict", face(BLUE, 3))
        .await
        .json();
    assert_eq!(
        (&answer["version"], &answer["faces"][0]["class"]),
        (&json!(1), &json!("blau"))
    );
    let report = server
        .get("/v1/classifiers/colours/versions/2/report")
        .await;
    let html = String::from_utf8(report.body.to_vec()).unwrap();
    assert!(html.contains("<svg") && html.contains("colours") && !html.contains("<script"));
    let log = server.get("/v1/audit").await.json().to_string();
    assert!(
        log.contains("training 1, colours: embedding, scale+svc"),
        "{log}"
    );
}

#[tokio::test]
async fn a_folder_of_the_server_is_read_and_bad_pictures_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..6 {
        for (class, colour) in [("rot", RED), ("blau", BLUE)] {
            let path = folder.path().join("set").join(class);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join(format!("{i}.png")), face(colour, i)).unwrap();
        }
    }
    std::fs::write(folder.path().join("set/rot/broken.png"), b"no picture").unwrap();
    let empty = Image::filled(100, 100, [255; 3]).encode_png().unwrap();
    std::fs::write(folder.path().join("set/rot/empty.png"), empty).unwrap();
    std::fs::write(folder.path().join("set/beside.png"), face(RED, 1)).unwrap();
    let server = TestServer::new(&format!("train_dir = {:?}", folder.path()));
    assert_eq!(
        server.get("/v1/trainings").await.json()["folders"],
        json!([".", "set"])
    );
    let what = json!({"name": "colours", "folder": "set", "learner": "centroid"});
    let id = begin(&server, &what).await.json()["id"].as_u64().unwrap();
    let training = ended(&server, id).await;
    assert_eq!(training["stage"], "done", "{training}");
    assert_eq!(
        (&training["done"], &training["total"]),
        (&json!(15), &json!(15))
    );
    let mut reasons: Vec<&str> = training["unusable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["reason"].as_str().unwrap())
        .collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        ["face_not_found", "missing_class", "not_a_picture"]
    );
    let elsewhere = begin(&server, &json!({"name": "a", "folder": "../x"})).await;
    assert_eq!(elsewhere.code(), "unknown_folder");
}

#[tokio::test]
async fn data_that_nothing_can_be_learnt_from_is_said() {
    let server = TestServer::new("");
    // One class only; its pictures are there all the same.
    let id = begin(&server, &json!({"name": "one"})).await.json()["id"]
        .as_u64()
        .unwrap();
    let parts: Vec<(&str, &str, Vec<u8>)> = vec![
        ("image", "rot/1.png", face(RED, 1)),
        ("image", "rot/2.png", face(RED, 2)),
    ];
    server
        .post_form(&format!("/v1/trainings/{id}/pictures"), &parts)
        .await;
    start(&server, id).await;
    let training = ended(&server, id).await;
    assert_eq!(
        (&training["stage"], &training["error"]["code"]),
        (&json!("failed"), &json!("untrainable"))
    );
    assert!(
        training["error"]["message"]
            .as_str()
            .unwrap()
            .contains("two classes"),
        "{training}"
    );
    // None at all.
    let id = begin(&server, &json!({"name": "none"})).await.json()["id"]
        .as_u64()
        .unwrap();
    start(&server, id).await;
    assert_eq!(ended(&server, id).await["error"]["code"], "untrainable");
    assert!(
        server.get("/v1/classifiers").await.json()["classifiers"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn one_training_runs_at_a_time_and_can_be_cancelled() {
    let server = TestServer::new("");
    let first = begin(&server, &json!({"name": "a"})).await.json()["id"]
        .as_u64()
        .unwrap();
    let second = begin(&server, &json!({"name": "b"})).await;
    assert_eq!(
        (second.status.as_u16(), second.code().as_str()),
        (429, "training_under_way")
    );
    assert!(second.headers.contains_key("retry-after"));
    let uri = format!("/v1/trainings/{first}");
    assert_eq!(server.delete(&uri).await.status, 204);
    assert_eq!(server.get(&uri).await.code(), "unknown_training");
    // One that learns ends soon after, and leaves nothing.
    let what = json!({"name": "net", "learner": "network:hobbit", "epochs": 1000});
    let begun = begin(&server, &what).await.json();
    let id = begun["id"].as_u64().unwrap_or_else(|| panic!("{begun}"));
    send(&server, id, 6).await;
    assert_eq!(start(&server, id).await.status, 202);
    assert!(start(&server, id).await.status.is_client_error());
    let uri = format!("/v1/trainings/{id}");
    for _ in 0..3000 {
        let training = server.get(&uri).await.json();
        if !training["epochs"].as_array().unwrap().is_empty() {
            assert!(training["epochs"][0]["loss"].as_f64().unwrap() > 0.0);
            break;
        }
        assert_eq!(training["stage"], "training", "{training}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.delete(&uri).await.status, 204);
    let mut tries = 0;
    while begin(&server, &json!({"name": "c"})).await.status != 201 {
        tries += 1;
        assert!(tries < 3000, "the cancelled training never ends");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        server.get("/v1/classifiers/net").await.code(),
        "unknown_classifier"
    );
}

#[tokio::test]
async fn what_cannot_be_trained_is_refused_before_any_picture() {
    let server = TestServer::new("");
    for (what, status, code) in [
        (json!({"name": "../x"}), 400, "invalid_name"),
        (
            json!({"name": "a", "learner": "magic"}),
            400,
            "invalid_parameter",
        ),
        (
            json!({"name": "a", "learner": "network:none"}),
            400,
            "invalid_parameter",
        ),
        (
            json!({"name": "a", "learner": "network:hobbit", "epochs": 0}),
            400,
            "invalid_parameter",
        ),
        (
            json!({"name": "a", "learner": "network:hobbit", "feature": "lbp"}),
            400,
            "invalid_parameter",
        ),
        (
            json!({"name": "a", "feature": "smell"}),
            400,
            "invalid_parameter",
        ),
        (
            json!({"name": "a", "held_out": 0.9}),
            400,
            "invalid_parameter",
        ),
        (json!({"name": "a", "two_eyes": true}), 409, "tool_missing"),
        (
            json!({"name": "a", "folder": "x"}),
            403,
            "training_folders_disabled",
        ),
        (json!({"name": "a", "colour": 1}), 400, "invalid_request"),
        (json!({}), 400, "invalid_request"),
    ] {
        let answer = begin(&server, &what).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{what}"
        );
    }
    let id = begin(&server, &json!({"name": "a"})).await.json()["id"]
        .as_u64()
        .unwrap();
    let uri = format!("/v1/trainings/{id}/pictures");
    let nowhere = server
        .post_form(&uri, &[("image", "1.png", face(RED, 1))])
        .await;
    assert_eq!(nowhere.json()["unusable"][0]["reason"], "missing_class");
    assert_eq!(server.post_form(&uri, &[]).await.code(), "missing_picture");
}
