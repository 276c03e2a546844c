//! Keys while the server runs, the audit log, and what the log must not hold.

use serde_json::Value;

use crate::client::Request;
use crate::served::{Served, picture};

fn audit(server: &Served, more: &[&str]) -> Vec<Value> {
    let args = [&["audit", "--json", "--limit", "1000"], more].concat();
    let output = server.place.run(&args);
    assert!(output.status.success(), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    document["entries"].as_array().expect("a list").clone()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, or one story")]
fn keys_come_and_go_while_the_server_runs_and_all_is_written_down() {
    let settings = [
        ("require_keys", "always"),
        ("threads", "1"),
        ("log_format", "json"),
        ("log", "debug"),
    ];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    let place = &server.place;
    assert!(
        server.log().contains("there is no API key yet"),
        "{}",
        server.log()
    );
    let key = place.key("front door", "admin", &[]);
    let ask = || {
        Request::new("GET", "/v1/galleries")
            .key(&key)
            .send(server.address)
            .status
    };
    assert_eq!(ask(), 200);

    // Things to be written down, by name and with a secret in every place where one may stand.
    let face = picture();
    let path = "/v1/galleries/default/enrol?subject=Zaphod%20Beeblebrox";
    let enrolled = Request::new("POST", path)
        .key(&key)
        .body("image/jpeg", face.as_slice())
        .send(server.address)
        .expect(201)
        .json();
    Request::new("POST", "/v1/identify?_secret_parameter=1")
        .key(&key)
        .body("image/jpeg", face.as_slice())
        .send(server.address)
        .expect(200);
    Request::new("GET", "/v1/galleries/default/subjects?search=Zaphod")
        .key(&key)
        .send(server.address)
        .expect(200);
    Request::new("GET", "/somewhere/Zaphod")
        .key(&key)
        .send(server.address)
        .expect(404);
    Request::new("GET", "/v1/galleries")
        .key("a-wrong-secret")
        .send(server.address)
        .expect(401);
    let session = Request::new("POST", "/v1/session")
        .json(format!(r#"{{"key": "{key}"}}"#))
        .send(server.address)
        .expect(200);
    let cookie = session.header("set-cookie").expect("a cookie").to_owned();
    let token = cookie.split(['=', ';']).nth(1).expect("a token");
    let made = Request::new("POST", "/v1/keys")
        .key(&key)
        .json(r#"{"name": "made by another", "scopes": ["identify"]}"#)
        .send(server.address)
        .expect(201)
        .json();
    let other = made["key"].as_str().expect("a key");
    Request::new("DELETE", format!("/v1/keys/{}", made["id"]))
        .key(&key)
        .send(server.address)
        .expect(204);
    let subject = format!("/v1/galleries/default/subjects/{}", enrolled["subject_id"]);
    Request::new("DELETE", subject)
        .key(&key)
        .send(server.address)
        .expect(204);

    let list = place.run(&["keys", "list"]);
    let list = String::from_utf8(list.stdout).expect("text");
    assert!(
        list.contains("front door") && list.contains("revoked"),
        "{list}"
    );
    assert!(!list.contains(&key) && !list.contains(other), "{list}");
    assert!(place.run(&["keys", "revoke", "1"]).status.success());
    assert_eq!(ask(), 401);
    assert_eq!(place.run(&["keys", "revoke", "99"]).status.code(), Some(2));

    let entries = audit(&server, &[]);
    let actions: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    for action in [
        "enrol",
        "identify",
        "session.open",
        "key.create",
        "key.revoke",
        "subject.delete",
    ] {
        assert!(actions.contains(&action), "no {action} in {actions:?}");
    }
    let enrolment = entries
        .iter()
        .find(|entry| entry["action"] == "enrol")
        .expect("an entry");
    assert_eq!(enrolment["key"], "front door");
    assert_eq!(enrolment["subject"], "Zaphod Beeblebrox");
    assert_eq!(enrolment["address"], "127.0.0.1");
    let text = serde_json::to_string(&entries).expect("JSON");
    for secret in [&key, other, token, "a-wrong-secret", "secret_parameter"] {
        assert!(!text.contains(secret), "{secret} in the audit log");
    }
    // No picture and no embedding: entries are short.
    assert!(entries.iter().all(|entry| entry.to_string().len() < 600));
    let page = audit(&server, &["--before", &entries[0]["id"].to_string()]);
    assert_eq!(page[0], entries[1]);
    let shown = String::from_utf8(place.run(&["audit"]).stdout).expect("text");
    assert!(
        shown.contains("Zaphod Beeblebrox") && shown.contains("front door"),
        "{shown}"
    );

    let log = server.log();
    for secret in [
        &key,
        other,
        token,
        "a-wrong-secret",
        "Zaphod",
        "Beeblebrox",
        "secret_parameter",
        "subject=",
    ] {
        assert!(!log.contains(secret), "{secret} in the log: {log}");
    }
    let answered = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["route"] == "/v1/galleries/{gallery}/enrol")
        .expect("a line for the enrolment");
    assert_eq!(
        (&answered["status"], &answered["key"]),
        (&201.into(), &"front door".into())
    );
    for file in ["server.db", "server.db-wal", "gallery.db"] {
        let bytes = std::fs::read(place.path("home").join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains(&key) && !text.contains(token),
            "a secret in {file}"
        );
    }
}

#[test]
fn the_log_for_people_has_no_secrets_either() {
    let settings = [
        ("require_keys", "always"),
        ("threads", "1"),
        ("log", "debug"),
    ];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    let key = server.place.key("front door", "enrol", &[]);
    Request::new("POST", "/v1/galleries/default/enrol?subject=Zaphod")
        .key(&key)
        .body("image/jpeg", picture())
        .send(server.address)
        .expect(201);
    Request::new("POST", "/v1/galleries/default/subjects")
        .key(&key)
        .json(r#"{"name": "Zaphod"}"#)
        .send(server.address)
        .expect(409);
    let bearer =
        Request::new("GET", "/v1/galleries").header("authorization", format!("Bearer {key}"));
    bearer.send(server.address).expect(200);
    // The line of the last request.
    let log = server.log_with("route=\"/v1/galleries\"");
    assert!(
        log.contains("/v1/galleries/{gallery}/enrol") && log.contains("front door"),
        "{log}"
    );
    for secret in [&key, "Zaphod", "subject="] {
        assert!(!log.contains(secret), "{secret} in the log: {log}");
    }
}
