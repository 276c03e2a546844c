//! Albums through the API, on fake networks.

use prosopon::Image;
use prosopon::testing::draw_face;
use serde_json::{Value, json};

use crate::testing::{BLUE, RED, TestServer};

/// Shades of one colour are one person; `shade` tells pictures apart.
fn picture(skins: &[[u8; 3]], shade: u8) -> Vec<u8> {
    let mut image = Image::filled(300, 150, [255, 255, 255 - shade]);
    for (i, skin) in (0..).zip(skins) {
        draw_face(&mut image, (10 + i * 110, 20, 80, 100), *skin);
    }
    image.encode_png().expect("a picture")
}

/// An album with two pictures of a red and two of a blue person, grouped.
async fn grouped() -> TestServer {
    let server = TestServer::new("");
    let made = server
        .json("POST", "/v1/albums", &json!({"name": "summer"}))
        .await;
    assert_eq!(made.status, 201);
    let parts: Vec<_> = [RED, RED, BLUE, BLUE]
        .iter()
        .zip(1..)
        .map(|(skin, shade)| ("image", "beach/photo.png", picture(&[*skin], shade)))
        .collect();
    let answer = server.post_form("/v1/albums/summer/pictures", &parts).await;
    assert_eq!(answer.json()["added"].as_array().unwrap().len(), 4);
    group(&server, &json!({})).await;
    server
}

async fn group(server: &TestServer, how: &Value) -> Value {
    let answer = server.json("POST", "/v1/albums/summer/group", how).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()
}

async fn groups(server: &TestServer) -> Vec<Value> {
    let answer = server.get("/v1/albums/summer/groups").await.json();
    answer["groups"].as_array().unwrap().clone()
}

async fn decide(server: &TestServer, decision: &Value) -> (u16, Value) {
    let uri = "/v1/albums/summer/decisions";
    let answer = server.json("POST", uri, decision).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn pictures_are_grouped_and_known_ones_noticed() {
    let server = grouped().await;
    let album = server.get("/v1/albums/summer").await.json();
    assert_eq!((&album["faces"], &album["groups"]), (&json!(4), &json!(2)));
    let all = groups(&server).await;
    assert!(
        all.iter()
            .all(|group| group["faces"] == 2 && group["name"].is_null())
    );

    let again = picture(&[RED], 1);
    let broken = b"\x89PNG\r\n\x1a\nnot much".to_vec();
    let parts = [("image", "a.png", again), ("image", "b.png", broken)];
    let answer = server.post_form("/v1/albums/summer/pictures", &parts).await;
    let answer = answer.json();
    let reasons = |i: usize| answer["rejected"][i]["reason"].clone();
    assert_eq!(reasons(0), "duplicate");
    assert_ne!(reasons(1), "duplicate");
    assert_eq!(answer["rejected"][1]["file_name"], "b.png");

    let details = server.get("/v1/albums/summer/groups/1").await.json();
    assert_eq!(details["faces"][0]["file_name"], "photo.png");
    let face = &details["faces"][0]["id"];
    let crop = server
        .get(&format!("/v1/albums/summer/faces/{face}/crop"))
        .await;
    assert_eq!(crop.headers["content-type"], "image/jpeg");
    assert!(crop.body.starts_with(b"\xff\xd8"));
}

#[tokio::test]
async fn decisions_are_kept_and_taken_back() {
    let server = grouped().await;
    let (status, answer) = decide(&server, &json!({"kind": "merge", "into": 1, "from": [2]})).await;
    assert_eq!(
        (status, &answer["decision"]["kind"]),
        (200, &json!("merge"))
    );
    decide(
        &server,
        &json!({"kind": "name", "group": 1, "name": "Anna"}),
    )
    .await;
    group(&server, &json!({"again": true, "threshold": 0.9})).await;
    let all = groups(&server).await;
    assert_eq!((all.len(), &all[0]["name"]), (1, &json!("Anna")));
    assert_eq!(all[0]["confirmed"], 4);

    let enrolled = server
        .json("POST", "/v1/albums/summer/groups/1/enrol", &json!({}))
        .await
        .json();
    assert_eq!(
        (&enrolled["subject"], &enrolled["added"]),
        (&json!("Anna"), &json!(4))
    );

    for _ in 0..2 {
        assert_eq!(
            server
                .json("POST", "/v1/albums/summer/undo", &json!({}))
                .await
                .status,
            200
        );
    }
    assert_eq!(groups(&server).await.len(), 2);
    let empty = server
        .json("POST", "/v1/albums/summer/undo", &json!({}))
        .await;
    assert_eq!(
        (empty.status.as_u16(), empty.code()),
        (409, "nothing_to_undo".to_owned())
    );
    server
        .json("POST", "/v1/albums/summer/redo", &json!({}))
        .await;
    assert_eq!(groups(&server).await.len(), 1);
    let history = server.get("/v1/albums/summer/decisions").await.json();
    assert_eq!(history["decisions"].as_array().unwrap().len(), 2);
    let audit = server.get("/v1/audit").await.json().to_string();
    for action in [
        "album.create",
        "album.add",
        "album.group",
        "album.decide",
        "album.enrol",
    ] {
        assert!(audit.contains(action), "{action}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = grouped().await;
    for (decision, expected) in [
        (
            json!({"kind": "merge", "into": 1, "from": [1]}),
            (409, "same_group"),
        ),
        (
            json!({"kind": "name", "group": 9, "name": "x"}),
            (404, "unknown_group"),
        ),
        (
            json!({"kind": "name", "group": 1, "name": " "}),
            (422, "invalid_name"),
        ),
        (json!({"kind": "split", "faces": []}), (409, "no_faces")),
        (json!({"kind": "wish"}), (400, "invalid_request")),
    ] {
        let (status, answer) = decide(&server, &decision).await;
        let code = answer["error"]["code"].as_str().unwrap_or_default();
        assert_eq!((status, code), expected);
    }
    let unnamed = server
        .json("POST", "/v1/albums/summer/groups/1/enrol", &json!({}))
        .await;
    assert_eq!(unnamed.code(), "group_without_name");
    let twice = server
        .json("POST", "/v1/albums", &json!({"name": "summer"}))
        .await;
    assert_eq!(
        (twice.status.as_u16(), twice.code()),
        (409, "album_exists".to_owned())
    );
    let rate = json!({"fmr": 1e-4, "threshold": 0.4});
    let both = server.json("POST", "/v1/albums/summer/group", &rate).await;
    assert_eq!(both.status, 400);
    assert_eq!(server.delete("/v1/albums/summer").await.status, 204);
    assert_eq!(
        server.get("/v1/albums/summer").await.code(),
        "unknown_album"
    );
}
