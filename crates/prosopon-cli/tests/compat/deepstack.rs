//! The face API of DeepStack.

use serde_json::{Value, json};

use crate::http::Body;
use crate::pictures::{AMELIA, ANNA, AZRA, nobody, person, side_by_side};
use crate::server::Collection;

const FACE: &str = "/v1/vision/face";

fn picture(bytes: &[u8]) -> Body {
    Body::parts(&[("image", "a.jpg", bytes)])
}

fn named(name: &str, bytes: &[u8]) -> Body {
    Body::parts(&[("userid", "", name.as_bytes()), ("image", "a.jpg", bytes)])
}

fn no_face() -> Value {
    json!({"success": false, "code": 500, "error": "No face found in image", "predictions": []})
}

#[test]
fn faces_are_registered_recognised_and_deleted() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let post = |path: &str, body| all.post(&format!("{FACE}{path}"), body);
    let added = post("/register", named("anna", &anna)).expect(200);
    assert_eq!(added, json!({"success": true, "message": "face added"}));
    // Several pictures at once, under the names that clients use.
    let (first, second) = (person(AMELIA, 0).unwrap(), person(AMELIA, 1).unwrap());
    let several = Body::parts(&[
        ("userid", "", b"amelia"),
        ("image1", "1.jpg", &first),
        ("image2", "2.jpg", &second),
    ]);
    post("/register", several).expect(200);
    let listed = post("/list", Body::fields("")).expect(200);
    assert_eq!(
        listed,
        json!({"success": true, "faces": ["amelia", "anna"]})
    );
    let native = all
        .get(&format!("/v1/galleries/{}", all.gallery))
        .expect(200);
    assert_eq!(native["faces"], 3);

    let both = side_by_side(&person(AZRA, 0).unwrap(), &person(ANNA, 1).unwrap());
    let answer = post("/recognize", picture(&both)).expect(200);
    assert_eq!(answer["success"], true);
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 2);
    let (known, stranger) = (&predictions[0], &predictions[1]);
    let members: Vec<&String> = known.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["confidence", "userid", "x_max", "x_min", "y_max", "y_min"]
    );
    assert_eq!(known["userid"], "anna");
    assert!(known["confidence"].as_f64().unwrap() > 0.5);
    assert!(known["x_min"].as_i64().unwrap() >= 250);
    assert_eq!(
        (&stranger["userid"], &stranger["confidence"]),
        (&json!("unknown"), &json!(0.0))
    );
    let sure = Body::parts(&[("min_confidence", "", b"1"), ("image", "a.jpg", &both)]);
    let answer = post("/recognize", sure).expect(200);
    assert_eq!(answer["predictions"][0]["userid"], "unknown");
    let unsure = Body::parts(&[("min_confidence", "", b"0"), ("image", "a.jpg", &both)]);
    let answer = post("/recognize", unsure).expect(200);
    assert_ne!(answer["predictions"][1]["userid"], "unknown");

    for _ in 0..2 {
        let deleted = post("/delete", Body::fields("userid=anna")).expect(200);
        assert_eq!(deleted, json!({"success": true}));
    }
    let listed = post("/list", Body::fields("")).expect(200);
    assert_eq!(listed["faces"], json!(["amelia"]));
}

#[test]
fn faces_are_found_and_compared() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let (again, amelia) = (person(ANNA, 1).unwrap(), person(AMELIA, 0).unwrap());
    let found = all
        .post(FACE, picture(&side_by_side(&anna, &amelia)))
        .expect(200);
    let predictions = found["predictions"].as_array().unwrap();
    assert_eq!((predictions.len(), &found["success"]), (2, &json!(true)));
    assert!(predictions[0].get("userid").is_none());
    let nothing = all.post(FACE, picture(&nobody())).expect(200);
    assert_eq!(nothing, json!({"success": true, "predictions": []}));
    let compare = |a: &[u8], b: &[u8]| {
        let body = Body::parts(&[("image1", "a.jpg", a), ("image2", "b.jpg", b)]);
        all.post(&format!("{FACE}/match"), body).expect(200)
    };
    let same = compare(&anna, &again);
    assert_eq!(same["success"], true);
    assert!(same["similarity"].as_f64().unwrap() > 0.5);
    assert!(compare(&anna, &amelia)["similarity"].as_f64().unwrap() < 0.5);
    assert_eq!(compare(&anna, &nobody()), no_face());
}

#[test]
fn a_picture_without_a_face_has_its_own_sentence() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let recognised = all.post(&format!("{FACE}/recognize"), picture(&nobody()));
    assert_eq!(recognised.expect(200), no_face());
    let registered = all.post(&format!("{FACE}/register"), named("x", &nobody()));
    assert_eq!(registered.expect(200), no_face());
    // All pictures or none.
    let empty = nobody();
    let several = Body::parts(&[
        ("userid", "", b"x"),
        ("image", "1.jpg", &anna),
        ("image", "2.png", &empty),
    ]);
    let registered = all.post(&format!("{FACE}/register"), several);
    assert_eq!(registered.expect(200), no_face());
    let listed = all
        .post(&format!("{FACE}/list"), Body::fields(""))
        .expect(200);
    assert_eq!(listed["faces"], json!([]));
    let two = side_by_side(&anna, &anna);
    let error = all
        .post(&format!("{FACE}/register"), named("x", &two))
        .expect(422);
    assert_eq!(
        (&error["success"], &error["code"]),
        (&json!(false), &json!(422))
    );
    assert!(error["error"].is_string());
    let error = all
        .post(&format!("{FACE}/register"), picture(&anna))
        .expect(400);
    assert_eq!(error["success"], false);
    let broken = all.post(FACE, picture(b"no picture"));
    assert_eq!(broken.expect(422)["success"], false);
    let unknown = all.get(&format!("{FACE}/elsewhere")).expect(404);
    assert_eq!(unknown["success"], false);
}

#[test]
fn the_key_may_stand_in_the_form() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let server = &all.server;
    let keyed = |key: &str| {
        Body::parts(&[
            ("api_key", "", key.as_bytes()),
            ("userid", "", b"anna"),
            ("image", "a.jpg", &anna),
        ])
    };
    let register = format!("{FACE}/register");
    server
        .send("POST", &register, "", Some(keyed(&all.key)))
        .expect(200);
    let list = |body: String| {
        let path = format!("{FACE}/list");
        server.send("POST", &path, "", Some(Body::fields(body)))
    };
    assert_eq!(
        list(format!("api_key={}", all.key)).expect(200)["faces"],
        json!(["anna"])
    );
    assert_eq!(list(String::new()).expect(401)["success"], false);
    assert_eq!(list("api_key=wrong".to_owned()).expect(401)["code"], 401);
    let weak = server.key(&all.gallery, "identify");
    server
        .send("POST", &register, "", Some(keyed(&weak)))
        .expect(403);
}
