//! `POST /classify_image`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::http::Body;
use crate::pictures::{AMELIA, ANNA, nobody, person, side_by_side};
use crate::server::Collection;

fn data_url(picture: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(picture))
}

/// As a browser encodes a field.
fn encoded(text: &str) -> String {
    let text = text.replace('+', "%2B").replace('/', "%2F");
    text.replace('=', "%3D").replace(':', "%3A")
}

#[test]
fn faces_are_instances_of_classes() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    all.enrol("anna", &anna);
    all.enrol("amelia", &person(AMELIA, 0).unwrap());
    let both = side_by_side(&person(AMELIA, 1).unwrap(), &person(ANNA, 1).unwrap());
    let url = data_url(&both);
    for body in [
        Body::fields(format!("image_data={}", encoded(&url))),
        Body::parts(&[("image_data", "", url.as_bytes())]),
        Body::parts(&[("image_data", "a.jpg", &both)]),
        Body::json(&json!({"image_data": url})),
    ] {
        let answer = all.post("/classify_image", body).expect(200);
        let faces = answer.as_array().unwrap();
        assert_eq!(faces.len(), 2);
        for (face, (name, class)) in faces.iter().zip([("anna", 1), ("amelia", 0)]) {
            let members: Vec<&String> = face.as_object().unwrap().keys().collect();
            assert_eq!(members, ["class", "class_dictionary", "class_probability"]);
            assert_eq!(face["class"], name);
            assert_eq!(face["class_dictionary"], json!({"amelia": 0, "anna": 1}));
            let percent = face["class_probability"].as_array().unwrap();
            assert!(percent[class].as_f64().unwrap() > 90.0, "{face}");
            let sum: f64 = percent.iter().map(|p| p.as_f64().unwrap()).sum();
            assert!((sum - 100.0).abs() < 0.02, "{face}");
        }
    }
    let body = || Body::json(&json!({"image_data": data_url(&nobody())}));
    assert_eq!(all.post("/classify_image", body()).expect(200), json!([]));
    let refused = all.server.send("POST", "/classify_image", "", Some(body()));
    assert_eq!(refused.expect(401)["error"]["code"], "key_missing");
    let other = all.post("/classify_image?gallery=default", body());
    assert_eq!(other.expect(403)["error"]["code"], "other_gallery");
}
