//! The door of `examples/door.rs` opens for whom it should and for nobody else.

#[path = "../examples/door.rs"]
#[expect(dead_code, reason = "its `main` is that of the example")]
mod door;
#[path = "../../prosopon/tests/common/processes.rs"]
mod processes;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use door::{Refusal, decide};
use jiff::{SignedDuration, Timestamp};
use processes::{connect, free_port};
use prosopon_video::StoredEvent;
use prosopon_video::deliver::Secret;
use prosopon_video::deliver::sign::sign;
use serde_json::{Value, json};

const SECRET: &str = "a secret that is only for this test";

/// Anna, live, at a low rate, just now.
fn anna() -> Value {
    let now = Timestamp::now();
    json!({
        "sequence": 1, "has_crop": false,
        "id": prosopon_video::EventId::random().expect("random numbers"),
        "kind": "recognised", "camera": "door", "track": 1,
        "at": now, "position": 1.0, "since": now,
        "subject": {"id": 1, "name": "Anna", "metadata": {"door": true}},
        "similarity": 0.6, "threshold": 0.45, "fmr": 1e-5, "liveness": 0.8,
        "attributes": {},
        "bounding_box": {"left": 0.0, "top": 0.0, "right": 9.0, "bottom": 9.0},
        "frame_size": [640, 480],
    })
}

fn with(field: &str, value: Value) -> StoredEvent {
    let mut event = anna();
    *event.pointer_mut(field).expect("a field") = value;
    serde_json::from_value(event).expect("an event")
}

#[test]
fn only_allowed_live_people_at_a_low_rate_come_in() {
    let now = Timestamp::now();
    let event: StoredEvent = serde_json::from_value(anna()).expect("an event");
    assert_eq!(decide(&event, false, now), Ok("Anna"));
    assert_eq!(decide(&event, true, now), Err(Refusal::Replayed));
    let earlier = json!(now - SignedDuration::from_secs(60));
    for (field, value, refusal) in [
        ("/kind", json!("left"), Refusal::NotRecognised),
        ("/subject", Value::Null, Refusal::NotRecognised),
        ("/at", earlier, Refusal::Late),
        ("/fmr", json!(1e-3), Refusal::Rate),
        ("/fmr", Value::Null, Refusal::Rate),
        ("/similarity", json!(0.44), Refusal::Dissimilar),
        ("/threshold", Value::Null, Refusal::Dissimilar),
        ("/liveness", json!(0.5), Refusal::NotLive),
        ("/liveness", Value::Null, Refusal::NotLive),
        ("/subject/metadata", json!({}), Refusal::NotAllowed),
        ("/subject/metadata/door", json!("true"), Refusal::NotAllowed),
    ] {
        assert_eq!(
            decide(&with(field, value), false, now),
            Err(refusal),
            "{field}"
        );
    }
}

#[test]
fn messages_are_checked_and_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let (secret, trail) = (folder.path().join("secret"), folder.path().join("audit"));
    std::fs::write(&secret, SECRET).expect("a file");
    let port = free_port();
    let (place, audit) = (format!("127.0.0.1:{port}"), trail.clone());
    std::thread::spawn(move || {
        door::run(&place, &secret, &audit).map_err(|error| error.to_string())
    });

    let post = |body: &str, key: &str, sent: Timestamp| -> String {
        let key = Secret::new(key, "a test").expect("long enough");
        let signature = sign(&key, sent, body.as_bytes());
        let mut stream = connect(port, Duration::from_secs(10));
        write!(
            stream,
            "POST / HTTP/1.1\r\nprosopon-timestamp: {}\r\nprosopon-signature: {signature}\r\n\
             content-length: {}\r\n\r\n{body}",
            sent.as_second(),
            body.len()
        )
        .expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).expect("a status").to_owned()
    };
    let now = Timestamp::now();
    let body = anna().to_string();
    assert_eq!(post(&body, "another secret, and as long", now), "401");
    let hour_ago = now - SignedDuration::from_hours(1);
    assert_eq!(post(&body, SECRET, hour_ago), "401");
    assert_eq!(post("{}", SECRET, now), "422");
    assert!(std::fs::read_to_string(&trail).expect("a trail").is_empty());
    assert_eq!(post(&body, SECRET, now), "204");
    assert_eq!(post(&body, SECRET, now), "204");

    let trail = std::fs::read_to_string(&trail).expect("a trail");
    let entries: Vec<Value> = trail
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["opened"], &entries[0]["subject"]),
        (&json!(true), &json!("Anna"))
    );
    assert_eq!(entries[1]["opened"], false);
    assert_eq!(entries[1]["refusal"], "Replayed");
}
