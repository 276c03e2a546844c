//! Every operation that the server describes × everybody who may ask for it.

use super::operations::Need::Public;
use super::operations::Reach::Own;
use super::operations::{COMPATIBLE, NO_PICTURE, OPERATIONS};
use super::somebody::{Proof, everybody};
use crate::client::Request;
use crate::served::{Place, Served};

/// Each operation of the description is in the table, with or without a key in both, and the other way round.
fn the_table_is_what_is_described(server: &Served) {
    let api = server.get("/openapi.json").expect(200).json();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let known = OPERATIONS
                .iter()
                .find(|row| row.0 == method.to_uppercase() && row.1 == path);
            let known = known.unwrap_or_else(|| {
                panic!("{method} {path} is not in the table of operations: who may use it?")
            });
            let says_key = operation.get("security").is_some();
            assert_eq!(says_key, known.3 != Public, "security of {method} {path}");
            described.push((method.to_uppercase(), path.clone()));
        }
    }
    for row in OPERATIONS {
        let is_described = described.iter().any(|(m, p)| m == row.0 && p == row.1);
        assert!(is_described, "{} {} is gone", row.0, row.1);
    }
}

fn a_key_of_one_gallery_sees_no_other(server: &Served) {
    let bound = server
        .place
        .key("looks around", "identify", &["--gallery", "other"]);
    for path in ["/v1/galleries", "/v1/system"] {
        let seen = Request::new("GET", path)
            .key(&bound)
            .send(server.address)
            .expect(200)
            .json();
        let names: Vec<_> = seen["galleries"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|gallery| gallery["name"].clone())
            .collect();
        assert_eq!(names, ["other"], "{path}");
    }
    let own = Request::new("POST", "/v1/identify")
        .key(&bound)
        .json(NO_PICTURE);
    own.send(server.address).expect(422);
}

#[test]
fn everybody_may_do_what_they_may_and_nothing_else() {
    let Some(place) = Place::new() else {
        return;
    };
    let folder = place.path("").display().to_string();
    let settings = [
        ("require_keys", "always"),
        ("requests_per_minute", "0"),
        ("threads", "1"),
        // There is nothing to be evaluated in it.
        ("evaluate_dir", &folder),
    ];
    let server = Served::start_in(&place, &settings);
    let admin = server.place.key("first", "admin", &[]);
    Request::new("POST", "/v1/galleries")
        .key(&admin)
        .json(r#"{"name": "other"}"#)
        .send(server.address)
        .expect(201);
    the_table_is_what_is_described(&server);

    let mut asked = 0;
    for (n, somebody) in everybody(&server).iter().enumerate() {
        for (i, (method, _, path, need, reach, body)) in OPERATIONS.iter().enumerate() {
            if (*method, *path) == ("DELETE", "/v1/session") {
                // It works for everybody and ends what the others need; `sessions.rs` has it.
                continue;
            }
            let address = (n * 4 + i / 10) as u8;
            let answer = somebody.ask(method, path, body, server.address, address);
            let who = format!(
                "{} ({:?}, bound: {})",
                somebody.name, somebody.proof, somebody.is_bound
            );
            let what = format!("{who}: {method} {path}: {}", answer.status);
            let is_no_key = somebody.scope.is_none() && somebody.proof == Proof::Cookie;
            let due = match somebody.refusal(method, *need, *reach) {
                Some((401, _)) if is_no_key => Some((401, "key_missing")),
                due => due,
            };
            match due {
                Some((status, code)) => {
                    assert_eq!(
                        (answer.status, answer.code().as_str()),
                        (status, code),
                        "{what}"
                    );
                    let asks = answer.header("www-authenticate");
                    assert_eq!(asks.is_some(), status == 401, "{what}");
                }
                None => {
                    assert!(
                        !matches!(answer.status, 401 | 403 | 405 | 429 | 500..),
                        "{what}"
                    );
                }
            }
            assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
            assert_eq!(
                answer.header("x-content-type-options"),
                Some("nosniff"),
                "{what}"
            );
            asked += 1;
        }
        for (method, path, need) in COMPATIBLE {
            let answer = somebody.ask(method, path, "", server.address, (n * 4 + 3) as u8);
            let text = String::from_utf8_lossy(&answer.body).to_lowercase();
            let what = format!(
                "{} ({:?}): {method} {path}: {} {text}",
                somebody.name, somebody.proof, answer.status
            );
            match somebody.refusal(method, *need, Own) {
                // CompreFace's own words speak of the key, too.
                Some((_, code)) => {
                    let word = if code == "cross_site" { "site" } else { "key" };
                    assert!(
                        (400..500).contains(&answer.status) && text.contains(word),
                        "{what}"
                    );
                }
                None => assert!(answer.status < 500 && !text.contains("key"), "{what}"),
            }
            asked += 1;
        }
    }
    // What was turned away has left nothing behind.
    let people = Request::new("GET", "/v1/galleries/default")
        .key(&admin)
        .send(server.address);
    assert_eq!(people.expect(200).json()["faces"], 0);
    println!(
        "{asked} requests: {} operations, each by everybody",
        OPERATIONS.len() + COMPATIBLE.len()
    );
    a_key_of_one_gallery_sees_no_other(&server);
}
