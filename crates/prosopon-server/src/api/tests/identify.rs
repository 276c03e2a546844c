//! Who a face is, and whether two pictures show the same person.

use serde_json::{Value, json};

use super::{enrol, picture, server};
use crate::testing::{BLUE, RED};

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
