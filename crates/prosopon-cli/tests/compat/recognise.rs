//! `/recognition/recognize`, `/detection/detect`, and the comparison with one enrolled face.

use serde_json::{Value, json};

use crate::http::Body;
use crate::pictures::{AMELIA, ANNA, AZRA, nobody, person, side_by_side};
use crate::server::{Collection, Server};

const RECOGNIZE: &str = "/api/v1/recognition/recognize";
const DETECT: &str = "/api/v1/detection/detect";

/// With Anna and Amelia enrolled by their first pictures.
fn enrolled() -> Option<Collection> {
    let all = Collection::new()?;
    all.enrol("anna", &person(ANNA, 0)?);
    all.enrol("amelia", &person(AMELIA, 0)?);
    Some(all)
}

fn members(value: &Value) -> Vec<&str> {
    let object = value.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

/// At most five decimals.
fn assert_rounded(value: &Value) {
    let text = value.to_string();
    let decimals = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    assert!(decimals <= 5, "{text}");
}

#[test]
fn people_are_recognised_by_both_kinds_of_request() {
    let Some(all) = enrolled() else { return };
    for body in Body::both(&[("file", &person(ANNA, 1).unwrap())]) {
        let answer = all.post(RECOGNIZE, body).expect(200);
        assert_eq!(members(&answer), ["result"]);
        let face = &answer["result"][0];
        assert_eq!(members(face), ["box", "subjects"]);
        assert_eq!(
            members(&face["box"]),
            ["probability", "x_max", "x_min", "y_max", "y_min"]
        );
        for side in ["x_min", "y_min", "x_max", "y_max"] {
            assert!(
                (0..=250).contains(&face["box"][side].as_i64().unwrap()),
                "{face}"
            );
        }
        assert!(face["box"]["x_min"].as_i64() < face["box"]["x_max"].as_i64());
        let subjects = face["subjects"].as_array().unwrap();
        assert_eq!(subjects.len(), 1);
        assert_eq!(members(&subjects[0]), ["similarity", "subject"]);
        assert_eq!(subjects[0]["subject"], "anna");
        assert!(number(&subjects[0]["similarity"]) > 0.5, "{face}");
        assert_rounded(&subjects[0]["similarity"]);
        assert_rounded(&face["box"]["probability"]);
    }
    let audit = all.server.audit();
    let entry = audit.iter().find(|entry| entry["gallery"] == all.gallery);
    let entry = entry.unwrap();
    assert_eq!(
        (&entry["action"], &entry["outcome"]),
        (&json!("identify"), &json!("1 known, 0 unknown"))
    );
}

#[test]
fn the_nearest_subject_is_named_however_far_it_is() {
    let Some(all) = enrolled() else { return };
    let [form, _] = Body::both(&[("file", &person(AZRA, 0).unwrap())]);
    let one = all.post(RECOGNIZE, form.clone()).expect(200);
    let nearest = &one["result"][0]["subjects"][0];
    assert!(number(&nearest["similarity"]) < 0.5, "{nearest}");
    let both = all.post(&format!("{RECOGNIZE}?prediction_count=5"), form.clone());
    let both = both.expect(200);
    let subjects = both["result"][0]["subjects"].as_array().unwrap();
    assert_eq!(subjects.len(), 2);
    assert!(number(&subjects[0]["similarity"]) >= number(&subjects[1]["similarity"]));
    let empty = Collection::new().unwrap();
    let nobody = empty.post(RECOGNIZE, form).expect(200);
    assert_eq!(nobody["result"][0]["subjects"], json!([]));
}

#[test]
fn faces_come_biggest_first_with_what_was_asked_for() {
    let Some(all) = enrolled() else { return };
    let both = side_by_side(&person(AMELIA, 1).unwrap(), &person(ANNA, 1).unwrap());
    for body in Body::both(&[("file", &both)]) {
        let answer = all.post(RECOGNIZE, body.clone()).expect(200);
        let names: Vec<&Value> = (0..2)
            .map(|i| &answer["result"][i]["subjects"][0]["subject"])
            .collect();
        assert_eq!(names, ["anna", "amelia"]);
        let limited = all
            .post(&format!("{RECOGNIZE}?limit=1"), body.clone())
            .expect(200);
        assert_eq!(limited["result"].as_array().unwrap().len(), 1);
        assert_eq!(limited["result"][0], answer["result"][0]);
        let query = "face_plugins=age,gender,landmarks,calculator,mask,pose&status=true";
        let all_plugins = all.post(&format!("{RECOGNIZE}?{query}"), body).expect(200);
        assert_eq!(members(&all_plugins), ["plugins_versions", "result"]);
        let versions = &all_plugins["plugins_versions"];
        assert_eq!(members(versions), ["calculator", "detector"]);
        assert_eq!(versions["calculator"], "fr-feature@87aacdfe");
        let face = &all_plugins["result"][0];
        assert_eq!(
            members(face),
            [
                "box",
                "embedding",
                "execution_time",
                "landmarks",
                "subjects"
            ]
        );
        assert_eq!(face["embedding"].as_array().unwrap().len(), 512);
        let landmarks = face["landmarks"].as_array().unwrap();
        assert_eq!(landmarks.len(), 5);
        // The left eye is left of the right one, both above the mouth.
        assert!(landmarks[0][0].as_i64() < landmarks[1][0].as_i64());
        assert!(landmarks[0][1].as_i64() < landmarks[3][1].as_i64());
        assert!(number(&face["execution_time"]["detector"]) > 0.0);
        assert!(number(&face["execution_time"]["calculator"]) > 0.0);
    }
}

#[test]
fn parameters_that_cannot_be() {
    let Some(all) = enrolled() else { return };
    let [form, _] = Body::both(&[("file", &person(ANNA, 1).unwrap())]);
    let send = |query: &str| all.post(&format!("{RECOGNIZE}?{query}"), form.clone());
    assert_eq!(
        send("limit=-1").error(400, 26),
        "Limit should be equal or greater than 0"
    );
    send("prediction_count=0").error(400, 26);
    send("prediction_count=-1").error(400, 26);
    send("det_prob_threshold=2").error(400, 26);
    send("limit=few").error(400, 36);
    send("status=perhaps").error(400, 36);
    send("&limit=0&det_prob_threshold=&status=True").expect(200);
    for path in [RECOGNIZE, DETECT] {
        for body in Body::both(&[("file", &nobody())]) {
            let message = all.post(path, body).error(400, 28);
            assert_eq!(message, "No face is found in the given image");
        }
        all.post(path, Body::parts(&[("picture", "a.jpg", b"x")]))
            .error(400, 34);
        all.post(path, Body::parts(&[("file", "a.svg", b"x")]))
            .error(400, 21);
    }
    send("det_prob_threshold=1").error(400, 28);
}

#[test]
fn a_picture_that_is_a_face_already() {
    let Some(all) = enrolled() else { return };
    // The kept picture of an enrolled face is what the embedder saw.
    let listed = all
        .get("/api/v1/recognition/faces?subject=anna")
        .expect(200);
    let id = listed["faces"][0]["image_id"].as_str().unwrap().to_owned();
    let crop = all
        .get(&format!("/api/v1/recognition/faces/{id}/img"))
        .bytes;
    let [form, _] = Body::both(&[("file", &crop)]);
    let path = format!("{RECOGNIZE}?detect_faces=false&face_plugins=landmarks");
    let answer = all.post(&path, form).expect(200);
    let face = &answer["result"][0];
    assert_eq!(
        face["box"],
        json!({"probability": 1.0, "x_min": 0, "y_min": 0, "x_max": 112, "y_max": 112})
    );
    assert_eq!(members(face), ["box", "subjects"]);
    assert_eq!(face["subjects"][0]["subject"], "anna");
    assert!(number(&face["subjects"][0]["similarity"]) > 0.99, "{face}");
    // Without detection a picture without a face is one, too.
    let [form, _] = Body::both(&[("file", &nobody())]);
    all.post(&format!("{RECOGNIZE}?detect_faces=false"), form)
        .expect(200);
}

#[test]
fn faces_are_detected() {
    let Some(all) = enrolled() else { return };
    let both = side_by_side(&person(AMELIA, 1).unwrap(), &person(ANNA, 1).unwrap());
    for body in Body::both(&[("file", &both)]) {
        let answer = all.post(DETECT, body.clone()).expect(200);
        assert_eq!(members(&answer), ["result"]);
        assert_eq!(answer["result"].as_array().unwrap().len(), 2);
        assert_eq!(members(&answer["result"][0]), ["box"]);
        assert!(answer["result"][0]["box"]["x_min"].as_i64().unwrap() >= 250);
        let query = "limit=1&face_plugins=calculator&status=true&detect_faces=false";
        let answer = all.post(&format!("{DETECT}?{query}"), body).expect(200);
        let faces = answer["result"].as_array().unwrap();
        assert_eq!(faces.len(), 1);
        assert_eq!(members(&faces[0]), ["box", "embedding", "execution_time"]);
    }
}

#[test]
fn a_picture_is_compared_with_one_enrolled_face() {
    let Some(all) = enrolled() else { return };
    let id = all.enrol("anna", &person(ANNA, 0).unwrap());
    let path = format!("/api/v1/recognition/faces/{id}/verify");
    for body in Body::both(&[("file", &person(ANNA, 1).unwrap())]) {
        let answer = all.post(&path, body).expect(200);
        let face = &answer["result"][0];
        assert_eq!(members(face), ["box", "similarity", "subject"]);
        assert_eq!(face["subject"], "anna");
        assert!(number(&face["similarity"]) > 0.5, "{face}");
        assert_rounded(&face["similarity"]);
    }
    let [other, _] = Body::both(&[("file", &person(AMELIA, 1).unwrap())]);
    let answer = all
        .post(&format!("{path}?status=true"), other.clone())
        .expect(200);
    assert!(number(&answer["result"][0]["similarity"]) < 0.5);
    assert_eq!(members(&answer), ["plugins_versions", "result"]);
    let [empty, _] = Body::both(&[("file", &nobody())]);
    all.post(&path, empty).error(400, 28);
    let foreign = "/api/v1/recognition/faces/00000000-0000-4000-8000-000000000001/verify";
    assert_eq!(
        all.post(foreign, other).error(404, 44),
        "Image 00000000-0000-4000-8000-000000000001 not found"
    );
}

#[test]
fn a_row_for_each_face_where_that_is_set() {
    let (Some(server), Some(anna)) = (
        Server::start(&[("PROSOPON_COMPREFACE_ROWS", "face")]),
        person(ANNA, 0),
    ) else {
        return;
    };
    let send = |method: &str, path: &str, picture: &[u8]| {
        let [form, _] = Body::both(&[("file", picture)]);
        server.send(method, path, "", Some(form))
    };
    let second = person(ANNA, 1).unwrap();
    for (name, picture) in [
        ("anna", &anna),
        ("anna", &second),
        ("amelia", &person(AMELIA, 0).unwrap()),
    ] {
        let path = format!("/api/v1/recognition/faces?subject={name}");
        send("POST", &path, picture).expect(201);
    }
    let answer = send("POST", &format!("{RECOGNIZE}?prediction_count=9"), &anna);
    let answer = answer.expect(200);
    let rows = answer["result"][0]["subjects"].as_array().unwrap();
    let names: Vec<&Value> = rows.iter().map(|row| &row["subject"]).collect();
    assert_eq!(names, ["anna", "anna", "amelia"]);
    assert!(number(&rows[0]["similarity"]) > 0.9999);
    // Without that setting these addresses do not exist.
    let id = "00000000-0000-4000-8000-000000000001";
    let path = format!("/api/v1/static/{id}/images/{id}");
    assert_eq!(
        server.send("GET", &path, "", None).error(404, 0),
        "there is nothing at this address"
    );
    // Where no key is required, an old one does no harm, however often it comes.
    for _ in 0..40 {
        let old = "00000000-0000-0000-0000-000000000002";
        let listed = server.send("GET", "/api/v1/recognition/subjects", old, None);
        assert_eq!(listed.expect(200), json!({"subjects": ["amelia", "anna"]}));
    }
    assert!(server.is_running());
}
