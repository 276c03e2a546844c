//! `/recognition/subjects`.

use serde_json::json;

use crate::http::Body;
use crate::pictures::{AMELIA, ANNA, person};
use crate::server::Collection;

const SUBJECTS: &str = "/api/v1/recognition/subjects";

fn named(name: &str) -> Body {
    Body::json(&json!({"subject": name}))
}

#[test]
fn subjects_are_added_listed_and_deleted() {
    let Some(all) = Collection::new() else { return };
    assert_eq!(all.get(SUBJECTS).expect(200), json!({"subjects": []}));
    let added = all.post(SUBJECTS, named("ben")).expect(201);
    assert_eq!(added, json!({"subject": "ben"}));
    let slash = format!("{SUBJECTS}/");
    all.post(&slash, named("Ärzte & Söhne")).expect(201);
    assert_eq!(
        all.post(SUBJECTS, named("ben")).error(400, 43),
        "Subject already exists"
    );
    for path in [SUBJECTS, &slash] {
        let listed = all.get(path).expect(200);
        assert_eq!(listed, json!({"subjects": ["ben", "Ärzte & Söhne"]}));
    }
    let path = format!("{SUBJECTS}/%C3%84rzte%20%26%20S%C3%B6hne");
    let deleted = all.delete(&path).expect(200);
    assert_eq!(deleted, json!({"subject": "Ärzte & Söhne"}));
    assert_eq!(
        all.delete(&format!("{SUBJECTS}/nobody")).error(404, 42),
        "Subject nobody not found"
    );
    all.post(SUBJECTS, named("cleo")).expect(201);
    assert_eq!(all.delete(SUBJECTS).expect(200), json!({"deleted": 2}));
    assert_eq!(all.subjects(), json!([]));
}

#[test]
fn names_that_cannot_be() {
    let Some(all) = Collection::new() else { return };
    for (body, message) in [
        (named(""), "Subject name is empty"),
        (named("  "), "Subject name is empty"),
        (Body::json(&json!({})), "Subject name is empty"),
        (
            named(&"x".repeat(51)),
            "Subject name size must be between 1 and 50",
        ),
    ] {
        assert_eq!(all.post(SUBJECTS, body).error(400, 26), message);
    }
    all.post(SUBJECTS, named(" blank")).error(400, 26);
    all.post(SUBJECTS, Body::json(&json!([]))).error(400, 36);
    all.post(SUBJECTS, named(&"ü".repeat(50))).expect(201);
}

#[test]
fn renaming_merges_where_the_name_is_taken() {
    let (Some(all), Some(anna), Some(amelia)) =
        (Collection::new(), person(ANNA, 0), person(AMELIA, 0))
    else {
        return;
    };
    let (first, second) = (all.enrol("one", &anna), all.enrol("two", &amelia));
    let rename = |from: &str, to: &str| all.put(&format!("{SUBJECTS}/{from}"), named(to));
    assert_eq!(rename("one", "one").expect(200), json!({"updated": false}));
    assert_eq!(rename("one", "uno").expect(200), json!({"updated": true}));
    assert_eq!(all.subjects(), json!(["two", "uno"]));
    assert_eq!(rename("uno", "two").expect(200), json!({"updated": true}));
    assert_eq!(all.subjects(), json!(["two"]));
    let faces = all.get("/api/v1/recognition/faces").expect(200);
    // The faces keep their ids.
    assert_eq!(
        faces["faces"],
        json!([{"image_id": first, "subject": "two"}, {"image_id": second, "subject": "two"}])
    );
    assert_eq!(rename("one", "x").error(404, 42), "Subject one not found");
    assert_eq!(rename("one", "one").error(404, 42), "Subject one not found");
    assert_eq!(rename("two", "").error(400, 26), "Subject name is empty");
    // The members that the SDK adds are passed over.
    let body = json!({"subject": "three", "api_endpoint": "two"});
    let renamed = all.put(&format!("{SUBJECTS}/two"), Body::json(&body));
    assert_eq!(renamed.expect(200), json!({"updated": true}));
}
