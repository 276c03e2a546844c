//! By which rates and on which calibration is decided: the request's, the gallery's, the server's.

use prosopon::{Calibration, CalibrationPoint, ModelId, Rates, StoredCalibration};
use serde_json::{Value, json};

use super::{enrol, picture};
use crate::testing::{BLUE, RED, TestServer};

/// Reddish: its similarity to [`RED`] is 0.94.
const ORANGE: [u8; 3] = [200, 90, 40];

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
