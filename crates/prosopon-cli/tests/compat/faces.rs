//! `/recognition/faces`.

use serde_json::{Value, json};

use crate::http::{Body, send};
use crate::pictures::{AMELIA, ANNA, nobody, person, side_by_side};
use crate::server::Collection;

const FACES: &str = "/api/v1/recognition/faces";

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

#[test]
fn a_face_makes_its_subject() {
    let (Some(all), Some(first), Some(second)) =
        (Collection::new(), person(ANNA, 0), person(ANNA, 1))
    else {
        return;
    };
    let path = format!("{FACES}?subject=anna&det_prob_threshold=0.5");
    let [form, _] = Body::both(&[("file", &first)]);
    let [_, json] = Body::both(&[("file", &second)]);
    let mut ids = Vec::new();
    for body in [form, json] {
        let added = all.post(&path, body).expect(201);
        assert_eq!(added["subject"], "anna");
        let id = added["image_id"].as_str().unwrap().to_owned();
        assert!(is_uuid(&id), "{id}");
        assert_eq!(added.as_object().unwrap().len(), 2);
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(all.subjects(), json!(["anna"]));
    // The same picture again is the same face.
    assert_eq!(all.enrol("anna", &first), ids[0]);
    let audit = all.server.audit();
    let entry = audit.iter().find(|entry| entry["gallery"] == all.gallery);
    let entry = entry.unwrap();
    assert_eq!(
        (&entry["action"], &entry["subject"]),
        (&json!("enrol"), &json!("anna"))
    );
}

#[test]
fn pictures_that_cannot_be_enrolled() {
    let (Some(all), Some(anna), Some(amelia)) =
        (Collection::new(), person(ANNA, 0), person(AMELIA, 0))
    else {
        return;
    };
    let path = format!("{FACES}?subject=anna");
    let two = side_by_side(&anna, &amelia);
    for body in Body::both(&[("file", &nobody())]) {
        assert_eq!(
            all.post(&path, body).error(400, 28),
            "No face is found in the given image"
        );
    }
    for body in Body::both(&[("file", &two)]) {
        assert_eq!(
            all.post(&path, body).error(400, 31),
            "More than one face in the source image"
        );
    }
    let sure = format!("{path}&det_prob_threshold=1");
    let [form, _] = Body::both(&[("file", &anna)]);
    all.post(&sure, form.clone()).error(400, 28);
    all.post(FACES, form.clone()).error(400, 33);
    let message = all.post(&format!("{FACES}?subject="), form.clone());
    assert_eq!(message.error(400, 26), "Subject name is empty");
    all.post(&format!("{FACES}?subject={}", "x".repeat(51)), form)
        .error(400, 26);
    all.post(&path, Body::parts(&[("image", "a.jpg", &anna)]))
        .error(400, 34);
    all.post(&path, Body::json(&json!({}))).error(400, 34);
    let text = Body::parts(&[("file", "notes.txt", &anna)]);
    assert_eq!(
        all.post(&path, text).error(400, 21),
        "File [notes.txt] has an unavailable extension"
    );
    all.post(&path, Body::parts(&[("file", "a.jpg", b"no picture")]))
        .error(400, 21);
    all.post(
        &path,
        Body::parts(&[("file", "a.jpg", &anna[..anna.len() / 2])]),
    )
    .error(400, 36);
    all.post(&path, Body::json(&json!({"file": "*"})))
        .error(400, 36);
    // Nobody was added by any of these.
    assert_eq!(all.subjects(), json!([]));
    // The name of the file matters only if it has an ending.
    let plain = Body::parts(&[("file", "blob", &anna)]);
    all.post(&path, plain).expect(201);
}

#[test]
fn faces_are_listed_page_by_page() {
    let (Some(all), Some(anna), Some(amelia)) =
        (Collection::new(), person(ANNA, 0), person(AMELIA, 0))
    else {
        return;
    };
    let second = person(ANNA, 1).unwrap();
    let ids = [
        all.enrol("anna", &anna),
        all.enrol("amelia", &amelia),
        all.enrol("anna", &second),
    ];
    let example = |i: usize, subject: &str| json!({"image_id": ids[i], "subject": subject});
    assert_eq!(
        all.get(FACES).expect(200),
        json!({
            "faces": [example(0, "anna"), example(1, "amelia"), example(2, "anna")],
            "page_number": 0, "page_size": 20, "total_pages": 1, "total_elements": 3
        })
    );
    assert_eq!(
        all.get(&format!("{FACES}?page=1&size=2")).expect(200),
        json!({
            "faces": [example(2, "anna")],
            "page_number": 1, "page_size": 2, "total_pages": 2, "total_elements": 3
        })
    );
    assert_eq!(
        all.get(&format!("{FACES}?subject=anna&size=1")).expect(200),
        json!({
            "faces": [example(0, "anna")],
            "page_number": 0, "page_size": 1, "total_pages": 2, "total_elements": 2
        })
    );
    let nobody = all.get(&format!("{FACES}?subject=nobody")).expect(200);
    assert_eq!(
        (&nobody["faces"], &nobody["total_pages"]),
        (&json!([]), &json!(0))
    );
    all.get(&format!("{FACES}?page=-1")).error(400, 26);
    all.get(&format!("{FACES}?size=0")).error(400, 26);
    all.get(&format!("{FACES}?size=many")).error(400, 36);
}

#[test]
fn faces_are_deleted_one_by_one_several_or_all() {
    let (Some(all), Some(anna), Some(amelia)) =
        (Collection::new(), person(ANNA, 0), person(AMELIA, 0))
    else {
        return;
    };
    let (first, second) = (all.enrol("anna", &anna), all.enrol("amelia", &amelia));
    let third = all.enrol("anna", &person(ANNA, 1).unwrap());
    let foreign = "00000000-0000-4000-8000-000000000001";
    assert_eq!(
        all.delete(&format!("{FACES}/{first}")).expect(200),
        json!({"image_id": first, "subject": "anna"})
    );
    for gone in [&first, foreign] {
        assert_eq!(
            all.delete(&format!("{FACES}/{gone}")).error(404, 44),
            format!("Image {gone} not found")
        );
    }
    all.delete(&format!("{FACES}/17")).error(400, 36);
    let several = Body::json(&json!([second, first, foreign, second]));
    assert_eq!(
        all.post(&format!("{FACES}/delete"), several).expect(200),
        json!([{"image_id": second, "subject": "amelia"}])
    );
    let malformed = Body::json(&json!(["17"]));
    all.post(&format!("{FACES}/delete"), malformed)
        .error(400, 36);
    let fourth = all.enrol("amelia", &amelia);
    assert_ne!(fourth, second);
    let deleted = all.delete(&format!("{FACES}?subject=anna")).expect(200);
    assert_eq!(deleted, json!({"deleted": 1}));
    let deleted = all.delete(&format!("{FACES}?subject=nobody")).expect(200);
    assert_eq!(deleted, json!({"deleted": 0}));
    all.delete(&format!("{FACES}/{third}")).error(404, 44);
    assert_eq!(all.delete(FACES).expect(200), json!({"deleted": 1}));
    // Subjects stay, even without faces.
    assert_eq!(all.subjects(), json!(["amelia", "anna"]));
}

#[test]
fn pictures_of_faces() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let id = all.enrol("anna", &anna);
    let picture = all.get(&format!("{FACES}/{id}/img"));
    assert_eq!(picture.status, 200);
    assert_eq!(picture.header("content-type"), "application/octet-stream");
    assert!(picture.bytes.starts_with(&[0xff, 0xd8, 0xff]));
    let fixed = all
        .server
        .url(&format!("/api/v1/static/{}/images/{id}", all.key));
    let fixed = send("GET", &fixed, &[], None);
    assert_eq!(fixed.bytes, picture.bytes);
    assert_eq!(fixed.header("cache-control"), "public, max-age=31536000");
    let wrong = "00000000-0000-0000-0000-000000000002";
    let url = all
        .server
        .url(&format!("/api/v1/static/{wrong}/images/{id}"));
    assert_eq!(
        send("GET", &url, &[], None).error(404, 10),
        format!("Recognition service with API Key {wrong} not found")
    );
    // An id means nothing in another gallery.
    let other = Collection::new().unwrap();
    other.enrol("anna", &anna);
    other.get(&format!("{FACES}/{id}/img")).error(404, 44);
    let Value::Array(faces) = other.get(FACES).expect(200)["faces"].take() else {
        panic!("a list");
    };
    assert_ne!(faces[0]["image_id"], id);
}
