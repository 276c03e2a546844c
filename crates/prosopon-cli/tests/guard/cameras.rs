//! Cameras of the server: passwords that nobody sees, pages from elsewhere that get no WebSocket, streams that end.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Request;
use crate::common::shared;
use crate::served::{Place, Served};

const PASSWORD: &str = "hunter2-very-secret";

fn add(server: &Served, camera: &Value) -> Value {
    Request::new("POST", "/v1/cameras")
        .json(camera.to_string())
        .send(server.address)
        .expect(201)
        .json()
}

/// Asks for a camera until `is_so`.
fn until(server: &Served, id: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let camera = server.get(&format!("/v1/cameras/{id}")).expect(200).json();
        if is_so(&camera) {
            return camera;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{camera}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_cameras_password_is_nowhere_to_be_seen_and_survives() {
    let Some(place) = Place::new() else { return };
    let settings = [
        ("threads", "1"),
        ("camera_hosts", "127.0.0.1"),
        ("log", "debug"),
    ];
    let server = Served::start_in(&place, &settings);
    // Nobody listens there.
    let address = format!("rtsp://127.0.0.1:9/live?token={PASSWORD}");
    let camera = json!({"name": "Gate", "address": address, "user": "admin", "password": PASSWORD});
    let added = add(&server, &camera);
    assert_eq!(added["address"], "rtsp://***@127.0.0.1:9/live?token=***");
    let is_in_trouble = |camera: &Value| {
        ["lost", "failed"].contains(&camera["state"]["status"].as_str().unwrap_or(""))
    };
    let told = until(&server, &added["id"], is_in_trouble).to_string();
    let audit = server.get("/v1/audit").expect(200).json().to_string();
    assert!(audit.contains("camera.create"), "{audit}");
    let metrics = server.get("/metrics").expect(200);
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let listed = server.get("/v1/cameras").expect(200).json().to_string();
    for text in [&told, &audit, &metrics, &listed, &server.log()] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    server.kill();
    for file in ["home/server.db", "home/server.db-wal", "home/events.db"] {
        let bytes = std::fs::read(place.path(file)).unwrap_or_default();
        let is_there = bytes
            .windows(PASSWORD.len())
            .any(|part| part == PASSWORD.as_bytes());
        assert!(!is_there, "{file}");
    }
    let server = Served::start_in(&place, &settings);
    let again = until(&server, &added["id"], is_in_trouble);
    assert_eq!(again["address"], added["address"]);
    assert!(!server.log().contains(PASSWORD));
    server.kill();
    // Without the key beside it, the database tells nothing.
    std::fs::remove_file(place.path("home/server.key")).expect("the key");
    let server = Served::start_in(&place, &settings);
    let camera = until(&server, &added["id"], |camera| {
        camera["state"]["status"] == "failed"
    });
    assert_eq!(
        (&camera["address"], &camera["name"]),
        (&Value::Null, &json!("Gate"))
    );
}

#[test]
fn a_camera_that_stays_off_is_one_line_in_the_log() {
    let settings = [("threads", "1"), ("camera_hosts", "127.0.0.1")];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    // Nobody listens there.
    let added = add(
        &server,
        &json!({"name": "Gate", "address": "rtsp://127.0.0.1:9/live"}),
    );
    until(&server, &added["id"], |camera| {
        camera["state"]["n_lost"].as_u64() >= Some(4)
    });
    let log = server.log_with("lost a source");
    assert_eq!(log.matches("lost a source").count(), 1, "{log}");
}

/// A message of a WebSocket, as clients send it (RFC 6455, section 5.2); masked with nothing.
fn message(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_be_bytes();
    [&[0x82, 0xff], &length[..], &[0; 4], bytes].concat()
}

#[test]
fn frames_come_over_a_web_socket_from_our_own_pages_only() {
    let Some(server) = Served::start(&[("threads", "1")]) else {
        return;
    };
    let Some(picture) = shared("data/video/lin-manuel-miranda.png") else {
        return;
    };
    let added = add(&server, &json!({"name": "a", "address": "push:"}));
    let upgrade = |origin: &str| {
        let request = format!(
            "GET /v1/cameras/{}/frames HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\norigin: {origin}\r\n\r\n",
            added["id"], server.address
        );
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).expect("it takes it");
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("an answer");
        (stream, String::from_utf8_lossy(&head).into_owned())
    };
    let (_, refused) = upgrade("http://elsewhere.example");
    assert_eq!(refused, "HTTP/1.1 403");
    let (mut stream, taken) = upgrade(&format!("http://{}", server.address));
    assert_eq!(taken, "HTTP/1.1 101");
    let picture = std::fs::read(picture).expect("a picture");
    stream.write_all(&message(&picture)).expect("it takes it");
    let seen = until(&server, &added["id"], |camera| {
        camera["state"]["n_frames"] == 1
    });
    assert_eq!(seen["state"]["status"], "running");
    // What is larger than any frame ends the connection, not the server.
    let _ = stream.write_all(&message(&vec![0; 9 << 20]));
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    server.get("/health/ready").expect(200);
}

/// Streams have no end of their own; the server's end must not wait for them.
#[test]
fn a_server_that_is_stopped_ends_its_streams() {
    let Some(mut server) = Served::start(&[("threads", "1")]) else {
        return;
    };
    let mut streams = Vec::new();
    let added = add(&server, &json!({"name": "a", "address": "push:"}));
    for path in [
        "/v1/events/stream".to_owned(),
        format!("/v1/cameras/{}/preview", added["id"]),
    ] {
        let mut stream = server.connect();
        let request = Request::new("GET", path).bytes(&server.address.to_string());
        stream.write_all(&request).expect("it takes it");
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("an answer");
        assert_eq!(&head, b"HTTP/1.1 200");
        streams.push(stream);
    }
    let start = Instant::now();
    server.terminate();
    assert!(server.wait().success());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}
