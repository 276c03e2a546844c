//! Errors that no handler makes are in CompreFace's shape, too.

use crate::http::{Answer, Body, send};
use crate::pictures::nobody;
use crate::server::{Collection, Server};

#[test]
fn limits_and_addresses_speak_as_compreface_does() {
    let Some(all) = Collection::new() else { return };
    for path in [
        "/api/v1/nothing",
        "/api/v1/recognition/recognize/more",
        "/api/v1",
    ] {
        all.get(path).error(404, 0);
    }
    all.get("/api/v1/recognition/recognize").error(405, 0);
    let text = Body::parts(&[]);
    all.post("/api/v1/recognition/recognize", text)
        .error(400, 34);
    let large = Body::fields(vec![b'x'; 33 << 20]);
    let refused = all.post("/api/v1/recognition/recognize", large);
    refused.error(413, 0);
    assert!(!refused.header("x-request-id").is_empty());
    // The native API keeps its own.
    assert!(all.get("/v1/nothing").expect(404)["error"]["code"].is_string());
}

#[test]
fn too_many_wrong_keys() {
    let Some(server) = Server::start(&[("PROSOPON_REQUIRE_KEYS", "always")]) else {
        return;
    };
    let mut refused = None;
    for i in 0..40 {
        let key = format!("00000000-0000-0000-0000-{i:012}");
        let answer = server.send("GET", "/api/v1/recognition/faces", &key, None);
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.error(404, 10);
    }
    let refused = refused.expect("a limit");
    refused.error(429, 0);
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
}

#[test]
fn a_full_queue_says_when_to_come_back() {
    let Some(server) = Server::start(&[("PROSOPON_QUEUE", "1")]) else {
        return;
    };
    let url = server.url("/api/v1/detection/detect");
    let [form, _] = Body::both(&[("file", &nobody())]);
    let answers = std::thread::scope(|scope| {
        let client = || -> Vec<Answer> {
            let request = |_| send("POST", &url, &[], Some(form.clone()));
            (0..5).map(request).collect()
        };
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(client)).collect();
        let answers = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        answers.collect::<Vec<_>>()
    });
    let refused: Vec<_> = answers.iter().filter(|a| a.status == 503).collect();
    assert!(!refused.is_empty());
    for answer in refused {
        answer.error(503, 0);
        assert_eq!(answer.header("retry-after"), "1");
    }
    for answer in answers.iter().filter(|a| a.status != 503) {
        answer.error(400, 28);
    }
}
