//! Cameras and events on fake networks, with frames that are pushed.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use prosopon::Image;
use prosopon::testing::draw_face;
use serde_json::{Value, json};

use crate::testing::{Answer, BLUE, RED, TestServer};

/// A frame with a face of this colour; PNG, since the fake networks know colours exactly.
fn frame(skin: Option<[u8; 3]>) -> Vec<u8> {
    let mut image = Image::filled(320, 240, [255; 3]);
    if let Some(skin) = skin {
        draw_face(&mut image, (100, 60, 100, 120), skin);
        // A face without anything on it is too blurred to say who it is.
        for y in 61..179 {
            for x in 101..199 {
                let start = 3 * (y * 320 + x);
                let is_light = (x / 4 + y / 4) % 2 == 0;
                for level in &mut image.pixels_mut()[start..start + 3] {
                    *level = if is_light { *level + 30 } else { *level - 30 };
                }
            }
        }
    }
    image.encode_png().expect("a picture")
}

async fn add(server: &TestServer, camera: &Value) -> Answer {
    server.json("POST", "/v1/cameras", camera).await
}

/// Pushes so many frames, at the pace of a camera.
async fn push(server: &TestServer, id: &Value, picture: &[u8], n: usize) -> Value {
    let mut counts = json!(null);
    for _ in 0..n {
        let head = format!("--x\r\ncontent-length: {}\r\n\r\n", picture.len());
        let body = [head.as_bytes(), picture, b"\r\n--x--"].concat();
        let request = Request::post(format!("/v1/cameras/{id}/frames"))
            .header("content-type", "multipart/x-mixed-replace; boundary=x")
            .body(Body::from(body))
            .expect("a request");
        let answer = server.send(request).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        counts = answer.json();
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    counts
}

/// Asks until `is_so`; the last answer.
async fn until(server: &TestServer, uri: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = server.get(uri).await.json();
        if is_so(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Pushes a picture over and over until `is_so` of the answer at `uri`; the last answer.
async fn push_until(
    server: &TestServer,
    id: &Value,
    picture: &[u8],
    uri: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        push(server, id, picture, 3).await;
        let answer = server.get(uri).await.json();
        if is_so(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{answer}");
    }
}

async fn enrol(server: &TestServer, name: &str, skin: [u8; 3]) {
    let uri = format!("/v1/galleries/default/enrol?subject={name}");
    assert_eq!(
        server.post_picture(&uri, frame(Some(skin))).await.status,
        201
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_pushed_is_recognised_and_leaves() {
    let server = TestServer::new("");
    enrol(&server, "ruth", RED).await;
    let camera = json!({"name": "Door", "address": "push:", "every": 1});
    let added = add(&server, &camera).await;
    assert_eq!(added.status, 201);
    let id = added.json()["id"].clone();
    let counts = push(&server, &id, &frame(Some(RED)), 1).await;
    assert_eq!(counts["taken"], 1);
    let uri = format!("/v1/cameras/{id}");
    let picture = frame(Some(RED));
    let camera = push_until(&server, &id, &picture, &uri, |camera| {
        camera["state"]["tracks"][0]["identity"] == "known"
    })
    .await;
    let state = &camera["state"];
    assert_eq!(state["status"], "running");
    assert_eq!(state["tracks"][0]["subject"], "ruth");
    assert_eq!(state["frame_size"], json!([320, 240]));
    let events = until(&server, "/v1/events", |page| {
        page["events"]
            .as_array()
            .is_some_and(|events| events.len() >= 2)
    })
    .await;
    let kinds: Vec<&str> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["appeared", "recognised"]);
    let recognised = &events["events"][0];
    assert_eq!(recognised["camera"], "Door");
    assert_eq!(recognised["subject"]["name"], "ruth");
    let crop = server
        .get(&format!(
            "/v1/events/{}/crop",
            recognised["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(crop.headers["content-type"], "image/jpeg");
    // Stopped: whoever was there has left.
    let stopped = server
        .json("POST", &format!("{uri}/stop"), &json!({}))
        .await;
    assert_eq!(stopped.json()["state"]["status"], "stopped");
    let left = server.get("/v1/events?kind=left&camera=Door").await.json();
    assert_eq!(left["events"][0]["subject"]["name"], "ruth");
    for (path, code) in [
        ("preview", "camera_not_running"),
        ("frame.jpg", "camera_not_running"),
    ] {
        assert_eq!(server.get(&format!("{uri}/{path}")).await.code(), code);
    }
    let purged = server
        .delete("/v1/events?before=2100-01-01T00:00:00Z")
        .await;
    assert_eq!(purged.json()["removed"], 3);
    let metrics = server.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(
        metrics.contains("prosopon_camera_frames_total{camera=\"1\"}"),
        "{metrics}"
    );
    server.app.cameras.stop_all();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_drawn_for_whoever_looks() {
    let server = TestServer::new("");
    let id = add(&server, &json!({"name": "a", "address": "push:"}))
        .await
        .json()["id"]
        .clone();
    let uri = format!("/v1/cameras/{id}/frame.jpg");
    let picture = frame(Some(BLUE));
    let (answer, ()) = tokio::join!(server.get(&uri), async {
        push(&server, &id, &picture, 10).await;
    });
    assert_eq!(answer.headers["content-type"], "image/jpeg");
    let seen = Image::decode(&answer.body, &prosopon::DecodeLimits::default()).unwrap();
    assert_eq!((seen.width(), seen.height()), (320, 240));
    // A stream ends with its camera.
    let uri = format!("/v1/cameras/{id}/preview");
    let (answer, ()) = tokio::join!(server.get(&uri), async {
        push(&server, &id, &picture, 10).await;
        server.delete(&format!("/v1/cameras/{id}")).await;
    });
    let body = answer.body;
    let n = body
        .windows(4)
        .filter(|window| window == &[0xff, 0xd8, 0xff, 0xe0])
        .count();
    assert!(n >= 2, "{n} pictures");
    assert!(body.starts_with(b"--prosopon-frame\r\ncontent-type: image/jpeg\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_followed_from_where_they_were_left() {
    let server = TestServer::new("");
    let id = add(
        &server,
        &json!({"name": "a", "address": "push:", "every": 1}),
    )
    .await
    .json()["id"]
        .clone();
    let uri = "/v1/events?kind=unknown";
    push_until(&server, &id, &frame(Some(BLUE)), uri, |page| {
        page["events"][0].is_object()
    })
    .await;
    let follow = async |last: Option<&str>| {
        let mut request = Request::get("/v1/events/stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let body = server.send(request.body(Body::empty()).unwrap()).await.body;
        String::from_utf8(body.to_vec()).unwrap()
    };
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server
            .json("POST", &format!("/v1/cameras/{id}/stop"), &json!({}))
            .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.app.stopping.send_replace(true);
    };
    let (all, since, new, ()) =
        tokio::join!(follow(Some("0")), follow(Some("1")), follow(None), stop);
    let ids = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.strip_prefix("id: "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(ids(&all), ["1", "2", "3"]);
    assert_eq!(ids(&since), ["2", "3"]);
    assert_eq!(ids(&new), ["3"]);
    assert!(new.contains("event: left\ndata: {\"sequence\":3,"), "{new}");
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "one camera's life")]
async fn cameras_are_checked_kept_and_never_tell_their_secrets() {
    let server = TestServer::new("camera_hosts = [\"10.9.9.9\"]\nmax_cameras = 2");
    let camera = json!({
        "name": " Front door ", "address": "rtsp://10.9.9.9/live?token=hunter2",
        "user": "admin", "password": "hunter2", "enabled": false,
    });
    let added = add(&server, &camera).await;
    assert_eq!(added.status, 201, "{:?}", added.body);
    let json = added.json();
    assert_eq!(json["name"], "Front door");
    assert_eq!(json["address"], "rtsp://***@10.9.9.9/live?token=***");
    assert_eq!(
        (&json["has_login"], &json["state"]["status"]),
        (&json!(true), &json!("stopped"))
    );
    for (change, code) in [
        (
            json!({"name": "Front door", "address": "push:"}),
            "camera_exists",
        ),
        (json!({"name": "a/b", "address": "push:"}), "invalid_name"),
        (
            json!({"name": "x", "address": "rtsp://10.9.9.8/"}),
            "address_not_allowed",
        ),
        (
            json!({"name": "x", "address": "/etc/passwd"}),
            "address_not_allowed",
        ),
        (
            json!({"name": "x", "address": "ftp://a/"}),
            "invalid_address",
        ),
        (
            json!({"name": "x", "address": "push:", "user": "u"}),
            "invalid_parameter",
        ),
        (
            json!({"name": "x", "address": "push:", "every": 0}),
            "invalid_parameter",
        ),
        (
            json!({"name": "x", "address": "push:", "attributes": ["mood"]}),
            "invalid_parameter",
        ),
        (
            json!({"name": "x", "address": "push:", "gallery": "none"}),
            "unknown_gallery",
        ),
        (
            json!({"name": "x", "address": "push:", "colour": 1}),
            "invalid_request",
        ),
    ] {
        let answer = add(&server, &change).await;
        assert_eq!(answer.code(), code, "{change}");
    }
    let pushed = json!({"name": "p", "address": "push:", "enabled": false});
    assert_eq!(add(&server, &pushed).await.status, 201);
    let third = json!({"name": "q", "address": "push:"});
    assert_eq!(add(&server, &third).await.code(), "too_many_cameras");
    let uri = "/v1/cameras/1";
    let moved = server
        .json(
            "PATCH",
            uri,
            &json!({"address": "rtsp://10.9.9.9/other", "fmr": 1e-4}),
        )
        .await;
    assert_eq!(moved.json()["address"], "rtsp://***@10.9.9.9/other");
    assert_eq!(moved.json()["fmr"], 1e-4);
    let back = server
        .json("PATCH", uri, &json!({"fmr": null, "name": "Gate"}))
        .await
        .json();
    assert_eq!(
        (&back["fmr"], &back["name"]),
        (&Value::Null, &json!("Gate"))
    );
    let listed = server.get("/v1/cameras").await.json();
    assert_eq!(listed["cameras"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/v1/cameras/9").await.code(), "unknown_camera");
    let request = Request::post("/v1/cameras/1/frames")
        .body(Body::empty())
        .unwrap();
    assert_eq!(server.send(request).await.code(), "camera_not_running");
    assert_eq!(
        server.get("/v1/cameras/2/frames").await.code(),
        "camera_not_running"
    );
    assert_eq!(server.delete(uri).await.status, 204);
    assert_eq!(server.delete(uri).await.code(), "unknown_camera");
    let audit = server.get("/v1/audit").await.json().to_string();
    assert!(
        audit.contains("camera.create")
            && audit.contains("camera.change")
            && audit.contains("camera.delete")
    );
    // Neither files nor audit log know the password.
    let folder = server.folder();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.windows(7).any(|window| window == b"hunter2"),
                "{}",
                path.display()
            );
        }
    }
    assert!(!audit.contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_is_enabled_runs_again_after_a_restart() {
    let server = TestServer::new("");
    add(&server, &json!({"name": "a", "address": "push:"})).await;
    add(
        &server,
        &json!({"name": "b", "address": "push:", "enabled": false}),
    )
    .await;
    server.app.cameras.stop_all();
    assert_eq!(
        server.get("/v1/cameras/1").await.json()["state"]["status"],
        "stopped"
    );
    server.app.cameras.start_all(&server.app);
    until(&server, "/v1/cameras/1", |camera| {
        camera["state"]["status"] == "waiting"
    })
    .await;
    assert_eq!(
        server.get("/v1/cameras/2").await.json()["state"]["status"],
        "stopped"
    );
    push(&server, &json!(1), &frame(None), 2).await;
    until(&server, "/v1/cameras/1", |camera| {
        camera["state"]["status"] == "running"
    })
    .await;
    server.app.cameras.stop_all();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_session_keeps_its_names() {
    let server = TestServer::new("");
    enrol(&server, "ruth", RED).await;
    let opened = server.json("POST", "/v1/live", &json!({})).await;
    assert_eq!(opened.status, 201);
    let uri = format!("/v1/live/{}", opened.json()["id"].as_str().unwrap());
    let mut last = json!(null);
    for _ in 0..40 {
        last = server
            .post_picture(&format!("{uri}/frames"), frame(Some(RED)))
            .await
            .json();
        if last["tracks"][0]["identity"] == "known" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    let track = &last["tracks"][0];
    assert_eq!(
        (&track["identity"], &track["subject"]),
        (&json!("known"), &json!("ruth")),
        "{last}"
    );
    assert_eq!(last["challenge"], Value::Null);
    let challenge = server
        .json("POST", &format!("{uri}/challenge"), &json!({}))
        .await;
    assert_eq!(challenge.code(), "tool_missing");
    let audit = server.get("/v1/audit").await.json();
    assert_eq!(
        (
            &audit["entries"][0]["action"],
            &audit["entries"][0]["subject"]
        ),
        (&json!("live"), &json!("ruth"))
    );
    assert_eq!(server.delete(&uri).await.status, 204);
    assert_eq!(server.delete(&uri).await.code(), "unknown_live_session");
    let gone = server
        .json("POST", "/v1/live", &json!({"gallery": "none"}))
        .await;
    assert_eq!(gone.code(), "unknown_gallery");
    // Nothing of it is stored.
    assert_eq!(server.get("/v1/events").await.json()["events"], json!([]));
}

#[tokio::test]
async fn a_page_from_elsewhere_opens_no_web_socket() {
    let server = TestServer::new("");
    for (origin, code) in [
        (Some("http://evil.example"), "cross_site"),
        (None, "unknown_camera"),
    ] {
        let mut request = Request::get("/v1/cameras/1/frames")
            .header("upgrade", "websocket")
            .header("connection", "upgrade")
            .header("host", "localhost:8420");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.code(), code, "{origin:?}");
    }
}
