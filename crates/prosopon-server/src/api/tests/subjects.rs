//! Subjects and their faces: added, changed, merged, listed, deleted.

use serde_json::{Value, json};

use super::{enrol, server};
use crate::testing::BLUE;

#[tokio::test]
async fn subjects_are_added_and_changed() {
    let server = server();
    let all = "/v1/galleries/default/subjects";
    let facts = json!({"name": "ruth", "external_id": "7", "metadata": {"team": "red"}});
    let added = server.json("POST", all, &facts).await;
    assert_eq!(added.status, 201);
    let ruth = added.json();
    assert_eq!(ruth["external_id"], "7");
    assert_eq!(ruth["metadata"]["team"], "red");
    let taken = server.json("POST", all, &facts).await;
    assert_eq!(
        (taken.status.as_u16(), taken.code().as_str()),
        (409, "name_taken")
    );
    enrol(&server, "ben", &[BLUE]).await;

    let one = format!("{all}/{}", ruth["id"]);
    let change = async |change: Value| server.json("PATCH", &one, &change).await;
    let renamed = change(json!({"name": "Ruth", "external_id": null}))
        .await
        .json();
    assert_eq!(renamed["name"], "Ruth");
    assert_eq!(renamed["external_id"], Value::Null);
    assert_eq!(renamed["metadata"]["team"], "red");
    assert_eq!(change(json!({"name": "ben"})).await.code(), "name_taken");
    assert_eq!(change(json!({"name": " "})).await.code(), "invalid_name");
    assert_eq!(server.get(&one).await.json(), renamed);
}

#[tokio::test]
async fn subjects_are_merged_and_deleted() {
    let server = server();
    let all = "/v1/galleries/default/subjects";
    let ruth = server
        .json("POST", all, &json!({"name": "ruth"}))
        .await
        .json();
    let ben = enrol(&server, "ben", &[BLUE]).await["subject_id"].clone();
    let into = json!({"into": ruth["id"]});
    let merged = server
        .json("POST", &format!("{all}/{ben}/merge"), &into)
        .await
        .json();
    assert_eq!(merged["moved"], 1);
    assert_eq!(merged["subject"]["name"], "ruth");
    assert_eq!(merged["subject"]["n_faces"], 1);

    let one = format!("{all}/{}", ruth["id"]);
    let faces = server.get(&format!("{one}/faces")).await.json();
    let face = &faces["faces"][0];
    assert_eq!(face["has_crop"], true);
    assert_eq!(face["subject_id"], ruth["id"]);
    let at = format!("/v1/galleries/default/faces/{}", face["id"]);
    let crop = server.get(&format!("{at}/crop")).await;
    assert_eq!(crop.status, 200);
    assert_eq!(crop.headers["content-type"], "image/jpeg");
    assert_eq!(server.delete(&at).await.status, 204);
    assert_eq!(server.get(&at).await.code(), "unknown_face");
    assert_eq!(server.delete(&one).await.status, 204);
    assert_eq!(server.get(&one).await.code(), "unknown_subject");
    assert_eq!(
        server.get(all).await.json(),
        json!({"subjects": [], "next": null})
    );

    let entries = server.app.audit.entries(None, 100).unwrap();
    let actions: Vec<String> = entries
        .into_iter()
        .rev()
        .map(|entry| entry.action)
        .collect();
    let expected = [
        "subject.create",
        "enrol",
        "subject.merge",
        "face.delete",
        "subject.delete",
    ];
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn subjects_are_listed_page_by_page() {
    let server = server();
    for name in ["anna", "ben", "cem", "dora"] {
        server
            .json(
                "POST",
                "/v1/galleries/default/subjects",
                &json!({"name": name}),
            )
            .await;
    }
    let mut seen = Vec::new();
    let mut uri = "/v1/galleries/default/subjects?limit=3".to_owned();
    loop {
        let page = server.get(&uri).await.json();
        seen.extend(
            page["subjects"]
                .as_array()
                .unwrap()
                .iter()
                .map(|s| s["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        uri = format!("/v1/galleries/default/subjects?limit=3&after={next}");
    }
    assert_eq!(seen, ["anna", "ben", "cem", "dora"]);
    let found = server
        .get("/v1/galleries/default/subjects?search=E")
        .await
        .json();
    assert_eq!(found["subjects"].as_array().unwrap().len(), 2);
    assert_eq!(
        server
            .get("/v1/galleries/default/subjects?limit=0")
            .await
            .code(),
        "invalid_parameter"
    );
}
