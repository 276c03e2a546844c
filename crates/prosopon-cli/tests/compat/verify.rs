//! `/verification/verify`, and what its numbers mean.

use serde_json::Value;

use crate::http::Body;
use crate::pictures::{AMELIA, ANNA, nobody, person, side_by_side};
use crate::server::Collection;

const VERIFY: &str = "/api/v1/verification/verify";

#[test]
fn one_face_is_compared_with_all_of_the_other_picture() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let (again, amelia) = (person(ANNA, 1).unwrap(), person(AMELIA, 0).unwrap());
    let two = side_by_side(&again, &amelia);
    for body in Body::both(&[("source_image", &anna), ("target_image", &two)]) {
        let answer = all.post(VERIFY, body.clone()).expect(200);
        let [result] = &answer["result"].as_array().unwrap()[..] else {
            panic!("{answer}");
        };
        let members: Vec<&String> = result.as_object().unwrap().keys().collect();
        assert_eq!(members, ["face_matches", "source_image_face"]);
        let matches = result["face_matches"].as_array().unwrap();
        let similarities: Vec<f64> = matches
            .iter()
            .map(|face| face["similarity"].as_f64().unwrap())
            .collect();
        // Best first, although the other face is bigger.
        assert!(
            similarities[0] > 0.5 && similarities[1] < 0.5,
            "{similarities:?}"
        );
        assert!(matches[0]["box"]["x_max"].as_i64().unwrap() <= 250);
        let path = format!("{VERIFY}?limit=1&status=true&face_plugins=landmarks");
        let limited = all.post(&path, body).expect(200);
        let result = &limited["result"][0];
        assert_eq!(result["face_matches"].as_array().unwrap().len(), 1);
        assert!(result["face_matches"][0]["box"]["x_min"].as_i64().unwrap() >= 250);
        assert!(result["plugins_versions"]["detector"].is_string());
        assert!(result["source_image_face"]["landmarks"].is_array());
        assert!(limited.get("plugins_versions").is_none());
    }
}

#[test]
fn the_source_must_have_one_face() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let (two, nobody) = (side_by_side(&anna, &anna), nobody());
    let both = |source: &[u8], target: &[u8]| {
        Body::both(&[("source_image", source), ("target_image", target)])
    };
    for body in both(&two, &anna) {
        assert_eq!(
            all.post(&format!("{VERIFY}?limit=1"), body).error(400, 31),
            "More than one face in the source image"
        );
    }
    for body in both(&nobody, &anna).into_iter().chain(both(&anna, &nobody)) {
        assert_eq!(
            all.post(VERIFY, body).error(400, 28),
            "No face is found in the given image"
        );
    }
    for missing in ["source_image", "target_image"] {
        for body in Body::both(&[(missing, &anna)]) {
            all.post(VERIFY, body).error(400, 34);
        }
    }
}

/// 0.5 is the similarity at the threshold for a false match rate of 1e-3.
#[test]
fn the_middle_of_the_scale_is_the_models_own_threshold() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let models = all.get("/v1/models").expect(200);
    let threshold = |fmr: f64| {
        let points = models["calibration"].as_array().unwrap().iter();
        let point = points.clone().find(|point| point["fmr"] == fmr);
        point.map(|point| point["threshold"].as_f64().unwrap())
    };
    let (Some(middle), Some(high)) = (threshold(1e-3), threshold(1e-5)) else {
        panic!("{models}");
    };
    let distance = |cosine: f64| (2.0 - 2.0 * cosine).sqrt();
    let c0 = distance(middle);
    let c1 = 0.8_f64.atanh() / (c0 - distance(high));
    for (name, i) in [(ANNA, 1), (AMELIA, 0)] {
        let other = person(name, i).unwrap();
        let native = Body::parts(&[("probe", "a.jpg", &anna), ("reference", "b.jpg", &other)]);
        let native = all.post("/v1/verify", native).expect(200);
        let cosine = native["similarity"].as_f64().unwrap();
        let [form, _] = Body::both(&[("source_image", &anna), ("target_image", &other)]);
        let answer = all.post(VERIFY, form).expect(200);
        let similarity = &answer["result"][0]["face_matches"][0]["similarity"];
        let expected = (((c0 - distance(cosine)) * c1).tanh() + 1.0) / 2.0;
        let found = similarity.as_f64().unwrap();
        assert!((found - expected).abs() < 2e-5, "{found} {expected}");
        assert_eq!(found > 0.5, native["outcome"] == Value::from("same"));
    }
}
