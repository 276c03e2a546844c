//! Endpoints that take embeddings.

use serde_json::{Value, json};

use crate::http::Body;
use crate::pictures::{AMELIA, ANNA, person};
use crate::server::Collection;

fn embedding(all: &Collection, picture: &[u8]) -> Value {
    let [form, _] = Body::both(&[("file", picture)]);
    let path = "/api/v1/detection/detect?face_plugins=calculator";
    all.post(path, form).expect(200)["result"][0]["embedding"].clone()
}

#[test]
fn embeddings_are_recognised_and_compared() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let (again, amelia) = (
        embedding(&all, &person(ANNA, 1).unwrap()),
        embedding(&all, &person(AMELIA, 1).unwrap()),
    );
    let recognize = "/api/v1/recognition/embeddings/recognize";
    let body = Body::json(&json!({"embeddings": [again, amelia]}));
    let nobody = all.post(recognize, body.clone()).expect(200);
    assert_eq!(nobody["result"][1]["similarities"], json!([]));
    let id = all.enrol("anna", &anna);
    all.enrol("amelia", &person(AMELIA, 0).unwrap());
    let answer = all.post(recognize, body.clone()).expect(200);
    let result = answer["result"].as_array().unwrap();
    assert_eq!(result.len(), 2);
    assert_eq!(result[0]["embedding"], again);
    for (row, name) in result.iter().zip(["anna", "amelia"]) {
        assert_eq!(row["similarities"].as_array().unwrap().len(), 1);
        assert_eq!(row["similarities"][0]["subject"], name);
        assert!(row["similarities"][0]["similarity"].as_f64().unwrap() > 0.5);
    }
    let two = all
        .post(&format!("{recognize}?prediction_count=2"), body)
        .expect(200);
    assert_eq!(
        two["result"][0]["similarities"].as_array().unwrap().len(),
        2
    );

    let one = format!("/api/v1/recognition/embeddings/faces/{id}/verify");
    let body = Body::json(&json!({"embeddings": [amelia, again]}));
    let answer = all.post(&one, body).expect(200);
    let result = answer["result"].as_array().unwrap();
    assert_eq!(result[0]["embedding"], again);
    assert!(result[0]["similarity"].as_f64().unwrap() > 0.5);
    assert!(result[1]["similarity"].as_f64().unwrap() < 0.5);

    let verify = "/api/v1/verification/embeddings/verify";
    let body = Body::json(&json!({"source": again, "targets": [amelia, again]}));
    let answer = all.post(verify, body).expect(200);
    let result = answer["result"].as_array().unwrap();
    assert_eq!(result[0]["embedding"], again);
    assert_eq!(result[0]["similarity"], 1.0);
    assert_eq!(result[0].as_object().unwrap().len(), 2);
}

#[test]
fn embeddings_that_cannot_be() {
    let (Some(all), Some(anna)) = (Collection::new(), person(ANNA, 0)) else {
        return;
    };
    let id = all.enrol("anna", &anna);
    let recognize = "/api/v1/recognition/embeddings/recognize";
    let one = format!("/api/v1/recognition/embeddings/faces/{id}/verify");
    let verify = "/api/v1/verification/embeddings/verify";
    for path in [recognize, &one] {
        let short = Body::json(&json!({"embeddings": [[1.0, 2.0, 3.0]]}));
        assert_eq!(
            all.post(path, short).error(400, 37),
            "512 embeddings were expected, but 3 were provided"
        );
        all.post(path, Body::json(&json!({"embeddings": []})))
            .error(400, 26);
        all.post(path, Body::json(&json!({"embeddings": [vec![0.0; 512]]})))
            .error(400, 36);
        all.post(path, Body::json(&json!({"embeddings": "many"})))
            .error(400, 36);
        all.post(path, Body::json(&json!({}))).error(400, 36);
    }
    let foreign =
        "/api/v1/recognition/embeddings/faces/00000000-0000-4000-8000-000000000001/verify";
    let body = Body::json(&json!({"embeddings": [vec![1.0; 512]]}));
    all.post(foreign, body.clone()).error(404, 44);
    all.post(&format!("{recognize}?prediction_count=0"), body)
        .error(400, 26);
    let body = json!({"source": [1.0, 2.0], "targets": [[1.0]]});
    all.post(verify, Body::json(&body)).error(400, 37);
    let body = json!({"source": [], "targets": [[1.0]]});
    all.post(verify, Body::json(&body)).error(400, 37);
    let body = json!({"source": [1.0], "targets": []});
    all.post(verify, Body::json(&body)).error(400, 26);
}
