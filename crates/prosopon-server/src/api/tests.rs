//! The native API on fake networks: what goes in, what comes out.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prosopon::testing::draw_face;
use prosopon::{Calibration, CalibrationPoint, Image, ModelId, Rates, StoredCalibration};
use serde_json::{Value, json};

use crate::testing::TestServer;

const RED: [u8; 3] = [200, 40, 40];
const BLUE: [u8; 3] = [40, 40, 200];

/// Reddish: its similarity to [`RED`] is 0.94.
const ORANGE: [u8; 3] = [200, 90, 40];

/// A picture with faces of these colours, each smaller than the one before.
fn picture(faces: &[[u8; 3]]) -> Vec<u8> {
    let mut image = Image::filled(400, 200, [255; 3]);
    for (i, skin) in (0..).zip(faces) {
        draw_face(&mut image, (10 + i * 110, 20, 100 - i * 20, 120), *skin);
    }
    image.encode_png().expect("a picture")
}

fn server() -> TestServer {
    TestServer::new("")
}

async fn enrol(server: &TestServer, name: &str, faces: &[[u8; 3]]) -> Value {
    let uri = format!("/v1/galleries/default/enrol?subject={name}");
    server.post_picture(&uri, picture(faces)).await.json()
}

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
async fn a_face_is_known_or_unknown_with_all_that_it_rests_on() {
    let server = server();
    enrol(&server, "ruth", &[RED]).await;
    let answer = server
        .post_picture("/v1/identify", picture(&[BLUE, RED]))
        .await
        .json();
    assert_eq!(
        (&answer["gallery"], &answer["gallery_subjects"]),
        (&json!("default"), &json!(1))
    );
    let (blue, red) = (
        &answer["faces"][0]["identification"],
        &answer["faces"][1]["identification"],
    );
    assert_eq!(
        (&blue["outcome"], &blue["subject"], &blue["subject_id"]),
        (&json!("unknown"), &Value::Null, &Value::Null)
    );
    assert_eq!(blue["candidates"][0]["accepted"], false);
    assert!(blue["similarity"].as_f64().unwrap() < blue["threshold"].as_f64().unwrap());
    assert_eq!(
        (&red["outcome"], &red["subject"], &red["subject_id"]),
        (&json!("known"), &json!("ruth"), &json!(1))
    );
    assert_eq!(
        (&red["fmr"], &red["fmr_supported"], &red["model"]),
        (&json!(0.001), &json!(true), &json!("fake@00000000"))
    );
    // By similarity instead: nothing is as close as that.
    let strict = server
        .post_picture("/v1/identify?threshold=1&candidates=1", picture(&[BLUE]))
        .await
        .json();
    let face = &strict["faces"][0]["identification"];
    assert_eq!(
        (&face["outcome"], &face["threshold"]),
        (&json!("unknown"), &json!(1.0))
    );
    // An empty gallery knows nobody, which is no error.
    server
        .json("POST", "/v1/galleries", &json!({"name": "empty"}))
        .await;
    let nobody = server
        .post_picture("/v1/identify?gallery=empty", picture(&[RED]))
        .await
        .json();
    let face = &nobody["faces"][0]["identification"];
    assert_eq!(
        (&face["outcome"], &face["similarity"], &face["candidates"]),
        (&json!("unknown"), &Value::Null, &json!([]))
    );
}

#[tokio::test]
async fn pictures_are_compared() {
    let server = server();
    let verify = async |query: &str, probe: &[[u8; 3]], reference: &[[u8; 3]]| {
        let parts = [
            ("probe", "a.png", picture(probe)),
            ("reference", "b.png", picture(reference)),
        ];
        server
            .post_form(&format!("/v1/verify{query}"), &parts)
            .await
    };
    let same = verify("", &[RED], &[RED]).await.json();
    assert_eq!(
        (&same["outcome"], &same["pairs"][0]["outcome"]),
        (&json!("same"), &json!("same"))
    );
    assert_eq!(
        verify("", &[RED], &[BLUE]).await.json()["outcome"],
        "different"
    );
    let several = verify("", &[RED], &[BLUE, RED]).await;
    assert_eq!(
        (several.status.as_u16(), several.code().as_str()),
        (422, "multiple_faces")
    );
    assert_eq!(
        verify("?faces=largest", &[RED], &[BLUE, RED]).await.json()["outcome"],
        "different"
    );
    let all = verify("?faces=all", &[RED], &[BLUE, RED]).await.json();
    assert_eq!(
        (&all["outcome"], &all["pairs"][0]["reference_face"]),
        (&json!("same"), &json!(1))
    );
    assert_eq!(all["pairs"].as_array().unwrap().len(), 2);
    let none = verify("", &[RED], &[]).await;
    assert_eq!(
        (none.status.as_u16(), none.code().as_str()),
        (422, "face_not_found")
    );
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

#[tokio::test]
async fn each_picture_of_an_enrolment_has_its_own_outcome() {
    let server = server();
    enrol(&server, "ben", &[BLUE]).await;
    let parts = [
        ("image", "red.png", picture(&[RED])),
        ("image", "red again.png", picture(&[RED])),
        ("image", "two.png", picture(&[RED, BLUE])),
        ("image", "none.png", picture(&[])),
        ("image", "text.png", b"no picture".to_vec()),
        ("image", "blue.png", picture(&[[42, 40, 200]])),
    ];
    let answer = server
        .post_form("/v1/galleries/default/enrol?subject=ruth", &parts)
        .await;
    assert_eq!(answer.status, 201);
    let answer = answer.json();
    assert_eq!(
        (&answer["subject"], &answer["is_new_subject"]),
        (&json!("ruth"), &json!(true))
    );
    let added = answer["added"].as_array().unwrap();
    assert_eq!(
        (added.len(), &added[0]["file_name"]),
        (1, &json!("red.png"))
    );
    let rejected = answer["rejected"].as_array().unwrap();
    let reasons: Vec<_> = rejected
        .iter()
        .map(|r| (r["index"].as_u64().unwrap(), r["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        reasons,
        [
            (1, "duplicate"),
            (2, "multiple_faces"),
            (3, "face_not_found"),
            (4, "not_a_picture"),
            (5, "looks_like_another_subject"),
        ]
    );
    assert_eq!(rejected[4]["subject"], "ben");

    let again = server
        .post_form("/v1/galleries/default/enrol?subject=ruth", &parts[..1])
        .await;
    assert_eq!(
        (again.status.as_u16(), again.json()["subject_id"].as_i64()),
        (200, answer["subject_id"].as_i64())
    );
    let taken = server
        .post_picture(
            "/v1/galleries/default/enrol?subject=ruth&faces=largest&allow_conflict=true",
            picture(&[BLUE, RED]),
        )
        .await;
    assert_eq!(
        taken.json()["added"][0]["face"]["bounding_box"]["left"],
        10.0
    );
    let at = server
        .post_picture(
            "/v1/galleries/default/enrol?subject=ruth&face_at=130,60",
            picture(&[BLUE, RED]),
        )
        .await;
    assert_eq!(at.json()["added"][0]["face"]["bounding_box"]["left"], 120.0);
    let beside = server
        .post_picture(
            "/v1/galleries/default/enrol?subject=ruth&face_at=390,190",
            picture(&[BLUE, RED]),
        )
        .await;
    assert_eq!(beside.json()["rejected"][0]["reason"], "face_not_found");
    let small = server
        .post_picture(
            "/v1/galleries/default/enrol?subject=eve&min_face_px=101",
            picture(&[RED]),
        )
        .await;
    assert_eq!(
        (
            &small.json()["rejected"][0]["reason"],
            &small.json()["subject_id"]
        ),
        (&json!("face_too_small"), &Value::Null)
    );
    let unsure = server
        .post_picture(
            "/v1/galleries/default/enrol?subject=eve&min_confidence=0.995",
            picture(&[RED]),
        )
        .await;
    assert_eq!(unsure.json()["rejected"][0]["reason"], "low_confidence");
    // A drawn face is one colour: nothing in it is sharp.
    let flat = server
        .post_picture(
            "/v1/galleries/default/enrol?subject=eve&min_quality=0.1",
            picture(&[RED]),
        )
        .await;
    assert_eq!(flat.json()["rejected"][0]["reason"], "low_quality");
}

#[tokio::test]
async fn subjects_are_added_and_changed() {
    let server = server();
    let all = "/v1/galleries/default/subjects";
    let facts = json!({"name": "ruth", "external_id": "7", "metadata": {"team": "red"}});
    let added = server.json("POST", all, &facts).await;
    assert_eq!(added.status, 201);
    let ruth = added.json();
    assert_eq!(ruth["external_id"], "7");
    assert_eq!(ruth["metadata"]["team"], "red");
    let taken = server.json("POST", all, &facts).await;
    assert_eq!(
        (taken.status.as_u16(), taken.code().as_str()),
        (409, "name_taken")
    );
    enrol(&server, "ben", &[BLUE]).await;

    let one = format!("{all}/{}", ruth["id"]);
    let change = async |change: Value| server.json("PATCH", &one, &change).await;
    let renamed = change(json!({"name": "Ruth", "external_id": null}))
        .await
        .json();
    assert_eq!(renamed["name"], "Ruth");
    assert_eq!(renamed["external_id"], Value::Null);
    assert_eq!(renamed["metadata"]["team"], "red");
    assert_eq!(change(json!({"name": "ben"})).await.code(), "name_taken");
    assert_eq!(change(json!({"name": " "})).await.code(), "invalid_name");
    assert_eq!(server.get(&one).await.json(), renamed);
}

#[tokio::test]
async fn subjects_are_merged_and_deleted() {
    let server = server();
    let all = "/v1/galleries/default/subjects";
    let ruth = server
        .json("POST", all, &json!({"name": "ruth"}))
        .await
        .json();
    let ben = enrol(&server, "ben", &[BLUE]).await["subject_id"].clone();
    let into = json!({"into": ruth["id"]});
    let merged = server
        .json("POST", &format!("{all}/{ben}/merge"), &into)
        .await
        .json();
    assert_eq!(merged["moved"], 1);
    assert_eq!(merged["subject"]["name"], "ruth");
    assert_eq!(merged["subject"]["n_faces"], 1);

    let one = format!("{all}/{}", ruth["id"]);
    let faces = server.get(&format!("{one}/faces")).await.json();
    let face = &faces["faces"][0];
    assert_eq!(face["has_crop"], true);
    assert_eq!(face["subject_id"], ruth["id"]);
    let at = format!("/v1/galleries/default/faces/{}", face["id"]);
    let crop = server.get(&format!("{at}/crop")).await;
    assert_eq!(crop.status, 200);
    assert_eq!(crop.headers["content-type"], "image/jpeg");
    assert_eq!(server.delete(&at).await.status, 204);
    assert_eq!(server.get(&at).await.code(), "unknown_face");
    assert_eq!(server.delete(&one).await.status, 204);
    assert_eq!(server.get(&one).await.code(), "unknown_subject");
    assert_eq!(
        server.get(all).await.json(),
        json!({"subjects": [], "next": null})
    );

    let entries = server.app.audit.entries(None, 100).unwrap();
    let actions: Vec<String> = entries
        .into_iter()
        .rev()
        .map(|entry| entry.action)
        .collect();
    let expected = [
        "subject.create",
        "enrol",
        "subject.merge",
        "face.delete",
        "subject.delete",
    ];
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn subjects_are_listed_page_by_page() {
    let server = server();
    for name in ["anna", "ben", "cem", "dora"] {
        server
            .json(
                "POST",
                "/v1/galleries/default/subjects",
                &json!({"name": name}),
            )
            .await;
    }
    let mut seen = Vec::new();
    let mut uri = "/v1/galleries/default/subjects?limit=3".to_owned();
    loop {
        let page = server.get(&uri).await.json();
        seen.extend(
            page["subjects"]
                .as_array()
                .unwrap()
                .iter()
                .map(|s| s["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        uri = format!("/v1/galleries/default/subjects?limit=3&after={next}");
    }
    assert_eq!(seen, ["anna", "ben", "cem", "dora"]);
    let found = server
        .get("/v1/galleries/default/subjects?search=E")
        .await
        .json();
    assert_eq!(found["subjects"].as_array().unwrap().len(), 2);
    assert_eq!(
        server
            .get("/v1/galleries/default/subjects?limit=0")
            .await
            .code(),
        "invalid_parameter"
    );
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

/// Decisions by these rates, on a table that takes even [`BLUE`] for [`RED`] at 1e-3.
fn lenient(rates: Rates) -> StoredCalibration {
    StoredCalibration {
        model: ModelId::new("fake@00000000"),
        created_millis: 1,
        rates,
        calibration: Calibration {
            source: "people without colours".to_owned(),
            comparisons: 1_000_000,
            points: vec![
                CalibrationPoint::new(1e-1, -0.5),
                CalibrationPoint::new(1e-4, -0.2),
            ],
        },
    }
}

fn picks(value: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| value[name].clone()).collect()
}

#[tokio::test]
async fn between_two_rates_a_face_is_uncertain() {
    let server = TestServer::new("fmr = 2e-6");
    enrol(&server, "ruth", &[RED]).await;
    let identify = async |query: &str, skin| {
        let uri = format!("/v1/identify{query}");
        let answer = server.post_picture(&uri, picture(&[skin])).await.json();
        answer["faces"][0]["identification"].clone()
    };
    let fields = ["outcome", "subject", "perhaps", "uncertain_fmr"];
    let two_answers = identify("", ORANGE).await;
    assert_eq!(
        picks(&two_answers, &fields),
        json!(["unknown", null, null, null])
    );
    let uncertain = identify("?uncertain_fmr=1e-4", ORANGE).await;
    assert_eq!(
        picks(&uncertain, &fields),
        json!(["uncertain", null, "ruth", 1e-4])
    );
    assert_eq!(uncertain["uncertain_threshold"], json!(0.8));
    assert_eq!(uncertain["candidates"][0]["accepted"], false);
    let known = identify("?uncertain_fmr=1e-4", RED).await;
    assert_eq!(picks(&known, &fields), json!(["known", "ruth", null, 1e-4]));

    let compare = async |query: &str| {
        let parts = [
            ("probe", "a.png", picture(&[RED])),
            ("reference", "b.png", picture(&[ORANGE])),
        ];
        server
            .post_form(&format!("/v1/verify{query}"), &parts)
            .await
    };
    assert_eq!(compare("").await.json()["outcome"], "different");
    let answer = compare("?uncertain_fmr=1e-4").await.json();
    assert_eq!(answer["outcome"], "uncertain");
    assert_eq!(answer["pairs"][0]["outcome"], "uncertain");
    let wrong = compare("?fmr=1e-3&uncertain_fmr=1e-4").await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code().as_str()),
        (400, "invalid_parameter")
    );
    assert_eq!(
        compare("?uncertain_fmr=2").await.code(),
        "invalid_parameter"
    );

    let audit = server.get("/v1/audit").await.json();
    let outcomes: Vec<&str> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["outcome"].as_str())
        .collect();
    assert!(outcomes.contains(&"uncertain"), "{outcomes:?}");
    assert!(
        outcomes.contains(&"0 known, 1 uncertain, 0 unknown"),
        "{outcomes:?}"
    );
    assert!(outcomes.contains(&"1 known, 0 unknown"), "{outcomes:?}");
}

#[tokio::test]
async fn a_gallerys_own_calibration_and_rates_decide_in_it() {
    let server = TestServer::new("uncertain_fmr = 0.05");
    enrol(&server, "ruth", &[RED]).await;
    let blue = || picture(&[BLUE]);
    let fields = [
        "outcome",
        "fmr",
        "uncertain_fmr",
        "calibration",
        "calibration_source",
    ];
    let identify = async || {
        let answer = server.post_picture("/v1/identify", blue()).await.json();
        picks(&answer["faces"][0]["identification"], &fields)
    };
    assert_eq!(
        identify().await,
        json!(["unknown", 1e-3, 0.05, "catalogue", "tests"])
    );

    let gallery = server.app.galleries.get("default").unwrap();
    let set = |rates| gallery.set_calibration(Some(&lenient(rates))).unwrap();
    let own = "people without colours";
    set(Rates::default());
    assert_eq!(
        identify().await,
        json!(["known", 1e-3, 0.05, "gallery", own])
    );
    set(Rates {
        fmr: Some(1e-5),
        uncertain_fmr: Some(1e-2),
    });
    assert_eq!(
        identify().await,
        json!(["uncertain", 1e-5, 1e-2, "gallery", own])
    );
    let galleries = server.get("/v1/galleries").await.json();
    let decision = &galleries["galleries"][0]["decision"];
    assert_eq!(
        picks(decision, &fields[1..]),
        json!([1e-5, 1e-2, "gallery", own])
    );
    let parts = [
        ("probe", "a.png", blue()),
        ("reference", "b.png", picture(&[RED])),
    ];
    let verified = server.post_form("/v1/verify", &parts).await.json();
    assert_eq!(verified["outcome"], "uncertain");
    server
        .json("POST", "/v1/galleries", &json!({"name": "office"}))
        .await;
    let elsewhere = server
        .post_form("/v1/verify?gallery=office", &parts)
        .await
        .json();
    assert_eq!(picks(&elsewhere, &fields[..2]), json!(["different", 1e-3]));

    // Clients of other systems know two answers only.
    let recognize = async || {
        let uri = "/v1/vision/face/recognize";
        let answer = server.post_form(uri, &[("image", "a.png", blue())]).await;
        answer.json()["predictions"][0]["userid"].clone()
    };
    assert_eq!(recognize().await, "unknown");
    set(Rates::default());
    assert_eq!(recognize().await, "ruth");

    // What was measured for another model says nothing about this one.
    drop(gallery);
    let office = server.app.galleries.get("office").unwrap();
    let mut foreign = lenient(Rates::default());
    foreign.model = ModelId::new("other@00000000");
    office.set_calibration(Some(&foreign)).unwrap();
    let shown = server.get("/v1/galleries/office").await.json();
    assert_eq!(shown["decision"]["calibration"], "catalogue");
}
