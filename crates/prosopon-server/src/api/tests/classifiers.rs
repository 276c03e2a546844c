//! `/v1/classifiers` on a fake detector and embedder, with classifiers that are really trained on their faces.

use prosopon::Image;
use prosopon::prepare::PrepareOptions;
use prosopon::testing::draw_face;
use prosopon_train::classifier::{Card, Classifier, Model};
use prosopon_train::input::{Extractor, FaceSearch, Faces, Input, Tools, Values};
use prosopon_train::learn::Samples;
use prosopon_train::pipeline::Pipeline;
use prosopon_train::registry::{CLASSIFIER_FILE, NewFile};
use serde_json::{Value, json};

use crate::testing::{Answer, BLUE, RED, TestServer};

/// A picture with faces of these colours, from left to right.
fn image(faces: &[[u8; 3]]) -> Image {
    let mut image = Image::filled(400, 200, [255; 3]);
    for (i, skin) in (0..).zip(faces) {
        draw_face(&mut image, (10 + i * 110, 20, 100, 120), *skin);
    }
    image
}

fn picture(faces: &[[u8; 3]]) -> Vec<u8> {
    image(faces).encode_png().expect("a picture")
}

fn search(detector: &str) -> FaceSearch {
    FaceSearch {
        detector: detector.to_owned(),
        model: detector.to_owned(),
        min_confidence: 0.5,
        nms_iou: 0.4,
        min_face_px: 0.0,
        input_side: None,
        scale_factor: None,
        min_neighbors: None,
        require_eyes: None,
    }
}

/// A classifier that is trained on the embeddings of two red and two blue faces, and calls them so.
fn trained(server: &TestServer, red: &str, blue: &str, search: FaceSearch) -> Vec<u8> {
    let models = server.app.compute.models().expect("models");
    let input = Input {
        faces: Faces::Found(search),
        prepare: PrepareOptions::default(),
        values: Values::Features {
            names: "embedding".to_owned(),
            embedder: Some("fake@00000000".to_owned()),
        },
    };
    let tools = Tools {
        detector: Some(models.engine.detector()),
        embedder: Some(models.engine.embedder()),
        ..Tools::default()
    };
    let seen = Input {
        faces: Faces::Found(self::search("fake-detector")),
        ..input.clone()
    };
    let extractor = Extractor::new(seen, tools).expect("an extractor");
    let faces = image(&[RED, [190, 50, 40], BLUE]);
    let mut values: Vec<f32> = Vec::new();
    for face in extractor.faces(&faces).expect("faces") {
        values.extend(face.values);
    }
    for face in extractor.faces(&image(&[[50, 40, 190]])).expect("faces") {
        values.extend(face.values);
    }
    let width = values.len() / 4;
    let features = ndarray::Array2::from_shape_vec((4, width), values).expect("four faces");
    let mut classes = vec![red.to_owned(), blue.to_owned()];
    classes.sort();
    let of = |name: &str| {
        classes
            .iter()
            .position(|class| class == name)
            .expect("a class")
    };
    let labels = [of(red), of(red), of(blue), of(blue)];
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    let pipeline: Pipeline = "centroid".parse().expect("a pipeline");
    let card = Card {
        name: "colours".to_owned(),
        created: "2026-01-01T00:00:00Z".to_owned(),
        program: "tests".to_owned(),
        command: "train /secret/place".to_owned(),
        classes,
        input,
        learner: pipeline.to_string(),
        reject_below: Some(0.4),
        n_training: 4,
        n_held_out: 0,
        seed: 0,
        metrics: None,
        intended_use: String::new(),
    };
    let model = Model::Pipeline(pipeline.fit(&samples, 2, 0).expect("a model"));
    Classifier { card, model }.to_bytes().expect("bytes")
}

fn add(server: &TestServer, name: &str, bytes: &[u8]) -> u32 {
    let file = |name, bytes| NewFile { name, bytes };
    let files = [
        file(CLASSIFIER_FILE, bytes),
        file("report.html", b"<!doctype html><title>R</title>"),
    ];
    server
        .app
        .classifiers
        .registry
        .add(name, &files)
        .expect("a version")
}

/// A server with two versions of a classifier, which call the same faces by other names.
fn server(settings: &str) -> TestServer {
    let server = TestServer::new(settings);
    for (red, blue) in [("rot", "blau"), ("rouge", "bleu")] {
        let bytes = trained(&server, red, blue, search("fake-detector"));
        add(&server, "colours", &bytes);
    }
    server
}

async fn predict(server: &TestServer, query: &str, faces: &[[u8; 3]]) -> Answer {
    let uri = format!("/v1/classifiers/colours/predict{query}");
    server.post_picture(&uri, picture(faces)).await
}

/// The version that answered, and the classes of the faces.
fn said(answer: &Answer) -> (u64, Vec<String>) {
    let json = answer.json();
    let faces = json["faces"].as_array().unwrap_or_else(|| panic!("{json}"));
    let class = |face: &Value| face["class"].as_str().unwrap().to_owned();
    (
        json["version"].as_u64().unwrap(),
        faces.iter().map(class).collect(),
    )
}

fn owned(classes: &[&str]) -> Vec<String> {
    classes.iter().map(|&class| class.to_owned()).collect()
}

#[tokio::test]
async fn every_face_has_a_class_and_the_probability_of_every_class() {
    let server = server("");
    let answer = predict(&server, "", &[BLUE, RED]).await;
    assert_eq!(said(&answer), (1, owned(&["blau", "rot"])));
    let json = answer.json();
    assert_eq!(
        (&json["classifier"], &json["width"]),
        (&json!("colours"), &json!(400))
    );
    let face = &json["faces"][0];
    assert_eq!(face["bounding_box"]["left"], 10.0);
    assert_eq!(face["bounding_box_normalized"]["top"], 0.1);
    assert_eq!(face["rejected"], false);
    let all = face["probabilities"].as_array().unwrap();
    let names: Vec<&str> = all.iter().map(|p| p["class"].as_str().unwrap()).collect();
    assert_eq!(names, ["blau", "rot"]);
    let sum: f64 = all.iter().map(|p| p["probability"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-9);
    assert_eq!(all[0]["probability"], face["probability"]);
    // No face is an empty list, and no error.
    assert_eq!(said(&predict(&server, "", &[]).await), (1, vec![]));
    let log = server.get("/v1/audit").await.json();
    let entry = &log["entries"][1];
    assert_eq!(entry["action"], "classify");
    assert_eq!(entry["outcome"], "colours@1: 2 classified, 0 rejected");
    assert_eq!(entry["subject"], "blau, rot");
    let metrics = server.get("/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let line = r#"prosopon_classified_faces_total{classifier="colours",version="1"} 2"#;
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn versions_are_promoted_and_rolled_back() {
    let server = server("");
    for (query, version) in [
        ("?version=candidate", 2),
        ("?version=2", 2),
        ("?version=stable", 1),
    ] {
        assert_eq!(
            said(&predict(&server, query, &[RED]).await).0,
            version,
            "{query}"
        );
    }
    let promote = async |body| {
        server
            .json("POST", "/v1/classifiers/colours/promote", &body)
            .await
    };
    let json = promote(json!({})).await.json();
    assert_eq!(
        (&json["stable"], &json["candidate"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(
        said(&predict(&server, "", &[RED]).await),
        (2, owned(&["rouge"]))
    );
    let rollback = "/v1/classifiers/colours/rollback";
    let json = server.json("POST", rollback, &json!({})).await.json();
    assert_eq!(
        (&json["stable"], &json["candidate"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        said(&predict(&server, "", &[RED]).await),
        (1, owned(&["rot"]))
    );
    let again = server.json("POST", rollback, &json!({})).await;
    assert_eq!(
        (again.status.as_u16(), again.code().as_str()),
        (409, "nothing_before")
    );
    let unknown = promote(json!({"version": 9})).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code().as_str()),
        (404, "unknown_version")
    );
    // What happened is told, and what lies on the server's disk is told to administrators only.
    let shown = server.get("/v1/classifiers/colours").await.json();
    let actions: Vec<&str> = shown["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["add", "add", "promote", "rollback"]);
    assert_eq!(
        shown["versions"][0]["card"]["classes"],
        json!(["blau", "rot"])
    );
    assert_eq!(shown["versions"][0]["has_report"], true);
    assert_eq!(
        server.get("/v1/classifiers").await.json()["classifiers"][0],
        shown
    );
    let report = server
        .get("/v1/classifiers/colours/versions/1/report")
        .await;
    assert_eq!(report.headers["content-type"], "text/html; charset=utf-8");
    let policy = report.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.ends_with("sandbox"));
}

#[tokio::test]
async fn deleting_asks_twice_about_what_is_stable() {
    let server = server("");
    let refused = server.delete("/v1/classifiers/colours?version=1").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (409, "stable_version")
    );
    let forced = server
        .delete("/v1/classifiers/colours?version=1&force=true")
        .await;
    assert_eq!(forced.status, 204);
    assert_eq!(said(&predict(&server, "", &[RED]).await).0, 2);
    assert_eq!(server.delete("/v1/classifiers/colours").await.status, 204);
    let gone = predict(&server, "", &[RED]).await;
    assert_eq!(
        (gone.status.as_u16(), gone.code().as_str()),
        (404, "unknown_classifier")
    );
    // The same name and number again are another classifier.
    let bytes = trained(&server, "rosso", "blu", search("fake-detector"));
    add(&server, "colours", &bytes);
    assert_eq!(
        said(&predict(&server, "", &[RED]).await),
        (1, owned(&["rosso"]))
    );
}

/// What another process promotes is noticed; until it is loaded the old version answers, and nobody is refused.
#[tokio::test(flavor = "multi_thread")]
async fn promotions_by_others_are_seen_and_no_request_is_lost() {
    let server = std::sync::Arc::new(server(""));
    assert_eq!(said(&predict(&server, "", &[RED]).await).0, 1);
    let mut asked = tokio::task::JoinSet::new();
    for i in 0..50 {
        let server = std::sync::Arc::clone(&server);
        asked.spawn(async move {
            if i == 25 {
                let registry = &server.app.classifiers.registry;
                registry.promote("colours", None).expect("a promotion");
            }
            let answer = predict(&server, "", &[RED]).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            said(&answer)
        });
    }
    for (version, classes) in asked.join_all().await {
        assert_eq!(
            classes,
            owned(&[if version == 1 { "rot" } else { "rouge" }])
        );
    }
    let mut tries = 0;
    while said(&predict(&server, "", &[RED]).await).0 != 2 {
        tries += 1;
        assert!(tries < 500, "the new version never answers");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_version_that_cannot_be_used_never_takes_over() {
    let server = server("");
    let mut broken = trained(&server, "a", "b", search("fake-detector"));
    broken[100] ^= 1;
    let version = add(&server, "colours", &broken);
    assert_eq!(said(&predict(&server, "", &[RED]).await).0, 1);
    let promotion = server
        .json(
            "POST",
            "/v1/classifiers/colours/promote",
            &json!({"version": version}),
        )
        .await;
    assert_eq!(
        (promotion.status.as_u16(), promotion.code().as_str()),
        (409, "unusable_classifier")
    );
    let asked = predict(&server, "?version=3", &[RED]).await;
    assert_eq!(asked.code(), "unusable_classifier");
    assert!(!String::from_utf8_lossy(&asked.body).contains("classifier.prosopon"));
    // Another process may promote it all the same.
    server
        .app
        .classifiers
        .registry
        .promote("colours", Some(version))
        .unwrap();
    for _ in 0..5 {
        assert_eq!(said(&predict(&server, "", &[RED]).await).0, 1);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let shown = server.get("/v1/classifiers/colours").await.json();
    assert!(
        shown["versions"][2]["problem"]
            .as_str()
            .unwrap()
            .contains("changed or cut off")
    );
}

#[tokio::test]
async fn what_a_classifier_needs_and_the_server_lacks_is_said() {
    let server = TestServer::new("");
    let eyes = FaceSearch {
        require_eyes: Some(2),
        ..search("fake-detector")
    };
    for (name, search, message) in [
        (
            "other",
            search("haar"),
            "the detector `haar` is not installed",
        ),
        ("eyes", eyes, "the Haar cascade for eyes is not installed"),
    ] {
        let bytes = trained(&server, "a", "b", search);
        add(&server, name, &bytes);
        let uri = format!("/v1/classifiers/{name}/predict");
        let answer = server.post_picture(&uri, picture(&[RED])).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (409, "tool_missing")
        );
        let error = &answer.json()["error"];
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{error}"
        );
        assert!(!error["hint"].is_null());
    }
}

#[tokio::test]
async fn names_and_versions_that_make_no_sense_are_refused() {
    let server = server("");
    for (uri, status, code) in [
        ("/v1/classifiers/..%2Fx", 400, "invalid_name"),
        ("/v1/classifiers/none", 404, "unknown_classifier"),
        ("/v1/classifiers/%00", 400, "invalid_name"),
        (
            "/v1/classifiers/colours/versions/7/report",
            404,
            "unknown_version",
        ),
    ] {
        let answer = server.get(uri).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{uri}"
        );
    }
    let version = predict(&server, "?version=newest", &[RED]).await;
    assert_eq!(
        (version.status.as_u16(), version.code().as_str()),
        (400, "invalid_version")
    );
    let refused = predict(&server, "", &[]).await;
    assert_eq!(refused.status, 200);
    let nothing = server
        .json("POST", "/v1/classifiers/colours/predict", &json!({}))
        .await;
    assert_eq!(nothing.code(), "missing_picture");
}

#[tokio::test]
async fn classify_image_answers_with_the_classifier_of_the_settings() {
    let server = server("classifier = \"colours\"");
    let ask = async |uri: &str, faces: &[[u8; 3]]| {
        let parts = [("image_data", "a.png", picture(faces))];
        server.post_form(uri, &parts).await
    };
    let faces = ask("/classify_image", &[BLUE, RED]).await.json();
    assert_eq!(faces.as_array().unwrap().len(), 2);
    let face = &faces[0];
    assert_eq!(face["class"], "blau");
    assert_eq!(face["class_dictionary"], json!({"blau": 0, "rot": 1}));
    let percent: Vec<f64> = face["class_probability"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_f64().unwrap())
        .collect();
    assert!(
        (percent.iter().sum::<f64>() - 100.0).abs() < 0.02,
        "{percent:?}"
    );
    assert!(percent[0] > percent[1]);
    assert_eq!(face.as_object().unwrap().len(), 3);
    assert_eq!(ask("/classify_image", &[]).await.json(), json!([]));
    // A gallery that is named is asked as before.
    let gallery = ask("/classify_image?gallery=default", &[RED]).await.json();
    assert_eq!(gallery, json!([]));
    assert_eq!(
        server.get("/v1/classifiers/colours").await.json()["answers_classify_image"],
        true
    );
}
