//! Enrolment: what is added, and why the rest is not.

use serde_json::{Value, json};

use super::{enrol, picture, server};
use crate::testing::{BLUE, RED};

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
