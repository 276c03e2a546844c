//! Bodies, parameters, addresses and methods that make no sense.

use std::time::{Duration, Instant};

use super::{MIB, is_well, named};
use crate::client::{FORM, Request, form};
use crate::served::{Served, picture};

const JPEG: &str = "image/jpeg";
const JSON: &str = "application/json";

/// A posted body, and the status that is due.
struct Case {
    path: &'static str,
    what: &'static str,
    /// Empty for none.
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
}

fn case(
    path: &'static str,
    what: &'static str,
    content_type: &'static str,
    body: impl Into<Vec<u8>>,
    status: u16,
) -> Case {
    Case {
        path,
        what,
        content_type,
        body: body.into(),
        status,
    }
}

#[rustfmt::skip]
fn pictures(good: &[u8]) -> Vec<Case> {
    vec![
        case("/v1/detect", "no picture", "", [], 400),
        case("/v1/detect", "nothing as JPEG", JPEG, [], 400),
        case("/v1/detect", "no picture at all", JPEG, b"hello", 422),
        case("/v1/detect", "half a picture", JPEG, &good[..100], 422),
        case("/v1/detect", "a wrong type", "text/plain", good, 415),
        case("/v1/detect", "XML", "application/xml", b"<a/>", 415),
        case("/v1/detect", "a type of nonsense", "what is this", good, 415),
        case("/v1/detect", "a wrong type of picture", "image/png", b"<svg/>", 422),
    ]
}

#[rustfmt::skip]
fn forms(good: &[u8]) -> Vec<Case> {
    let (_, bytes) = form(&[("image", "a.jpg", good)]);
    let many: Vec<(&str, &str, &[u8])> = vec![("image", "a.jpg", b"x"); 2000];
    let long_name = "n".repeat(100_000);
    let long_head = [b"--limit\r\n".as_slice(), &vec![b'a'; MIB]].concat();
    vec![
        case("/v1/detect", "a form without a limit", "multipart/form-data", bytes.clone(), 400),
        case("/v1/detect", "another limit", "multipart/form-data; boundary=other", bytes.clone(), 400),
        case("/v1/detect", "half a form", FORM, &bytes[..bytes.len() / 2], 400),
        case("/v1/detect", "an empty form", FORM, b"--limit--\r\n", 400),
        case("/v1/detect", "another part", FORM, form(&[("photo", "a.jpg", good)]).1, 400),
        case("/v1/detect", "two pictures", FORM, form(&[("image", "a", good), ("image", "b", good)]).1, 400),
        case("/v1/detect", "2000 parts", FORM, form(&many).1, 400),
        case("/v1/detect", "a part's long name", FORM, form(&[(&long_name, "a", b"x")]).1, 400),
        case("/v1/detect", "a part's head without end", FORM, long_head, 400),
        case("/v1/verify", "one of two", FORM, form(&[("probe", "a", good)]).1, 400),
        case("/v1/verify", "a raw picture", JPEG, good, 400),
    ]
}

#[rustfmt::skip]
fn json() -> Vec<Case> {
    let zeros = format!(r#"{{"images": [{}0]}}"#, "0,".repeat(15 * MIB));
    let nested = |n| format!(r#"{{"image": {}{}}}"#, "[".repeat(n), "]".repeat(n));
    vec![
        case("/v1/detect", "JSON of nothing", JSON, [], 400),
        case("/v1/detect", "half of JSON", JSON, br#"{"image": "AA"#, 400),
        case("/v1/detect", "a JSON list", JSON, b"[]", 400),
        case("/v1/detect", "a JSON number", JSON, br#"{"image": 1}"#, 400),
        case("/v1/detect", "base64 of nonsense", JSON, br#"{"image": "*!*"}"#, 400),
        case("/v1/detect", "a JSON picture that is none", JSON, br#"{"image": "AAAA"}"#, 422),
        case("/v1/detect", "no UTF-8", JSON, b"{\"image\": \"\xff\xfe\"}", 400),
        case("/v1/detect", "JSON of 15 million values", JSON, zeros, 400),
        case("/v1/detect", "JSON 100,000 deep", JSON, nested(100_000), 400),
        case("/v1/detect", "JSON 1000 deep", JSON, nested(1000), 400),
        case("/v1/detect", "an address where that is off", JSON, br#"{"url": "http://127.0.0.1/"}"#, 403),
    ]
}

#[rustfmt::skip]
fn parameters(good: &[u8]) -> Vec<Case> {
    vec![
        case("/v1/detect?min_confidence=2", "a parameter out of range", JPEG, good, 400),
        case("/v1/detect?min_confidence=NaN", "no number", JPEG, good, 400),
        case("/v1/detect?min_confidence=", "an empty parameter", JPEG, good, 400),
        case("/v1/detect?max_faces=-1", "a negative number", JPEG, good, 400),
        case("/v1/detect?max_faces=99999999999999999999", "a huge number", JPEG, good, 400),
        case("/v1/identify?fmr=0", "a rate of nothing", JPEG, good, 400),
        case("/v1/identify?fmr=0.1&threshold=0.1", "both", JPEG, good, 400),
        case("/v1/identify?gallery=../../etc", "a path", JPEG, good, 404),
        case("/v1/identify?treshold=0.9", "a misspelt parameter", JPEG, good, 400),
        case("/v1/detect?threshold=0.9", "a parameter of another endpoint", JPEG, good, 400),
        case("/v1/galleries/default/enrol", "nobody", JPEG, good, 400),
        case("/v1/galleries/default/enrol?subject=", "an empty name", JPEG, good, 422),
        case("/v1/galleries/default/enrol?subject=a&face_at=x", "a point of nonsense", JPEG, good, 400),
    ]
}

#[rustfmt::skip]
fn subjects_galleries_and_keys(good: &[u8]) -> Vec<Case> {
    let metadata = format!(r#"{{"name": "a", "metadata": {{"a": [{}0]}}}}"#, "0,".repeat(5 * MIB));
    vec![
        case("/v1/galleries/default/subjects/999/faces", "no such subject", JPEG, good, 404),
        case("/v1/galleries/default/subjects/abc/faces", "no number", JPEG, good, 400),
        case("/v1/galleries/default/subjects/99999999999999999999/faces", "no such number", JPEG, good, 400),
        case("/v1/galleries", "a name with a path", JSON, br#"{"name": "../x"}"#, 400),
        case("/v1/galleries", "an unknown member", JSON, br#"{"name": "x", "y": 1}"#, 400),
        case("/v1/galleries", "no JSON", "text/plain", br#"{"name": "x"}"#, 415),
        case("/v1/galleries/default/subjects", "metadata without end", JSON, metadata, 413),
        case("/v1/keys", "no scopes", JSON, br#"{"name": "x", "scopes": []}"#, 400),
        case("/v1/keys", "an unknown scope", JSON, br#"{"name": "x", "scopes": ["root"]}"#, 400),
    ]
}

#[rustfmt::skip]
fn addresses(good: &[u8]) -> Vec<Case> {
    vec![
        case("/%ff%fe", "an address of nonsense", JPEG, good, 404),
        case("/v1/galleries/%ff/enrol?subject=a", "a gallery that is no text", JPEG, good, 400),
        case("/../../etc/passwd", "a path upwards", JPEG, good, 404),
    ]
}

#[test]
fn a_picture_is_taken_as_curl_sends_it() {
    let Some(server) = Served::start(&[("threads", "1")]) else {
        return;
    };
    // `curl --data-binary @photo.jpg`, without a word about the type.
    let form = "application/x-www-form-urlencoded";
    let request = Request::new("POST", "/v1/detect?_=17").body(form, picture());
    let found = request.send(server.address).expect(200).json();
    assert_eq!(found["faces"].as_array().expect("a list").len(), 1);

    let request = Request::new("POST", "/v1/identify?treshold=0.9").body(form, picture());
    let refused = request.send(server.address).expect(400).json();
    assert_eq!(refused["error"]["hint"], "did you mean `threshold`?");
}

#[test]
fn bodies_that_make_no_sense_are_answered_in_words() {
    let Some(server) = Served::start(&[("threads", "1"), ("requests_per_minute", "0")]) else {
        return;
    };
    let good = picture();
    is_well(&server, &good);
    let (before, _) = server.memory_mib();
    let cases: Vec<Case> = [
        pictures(&good),
        forms(&good),
        json(),
        parameters(&good),
        subjects_galleries_and_keys(&good),
        addresses(&good),
    ]
    .into_iter()
    .flatten()
    .collect();
    for case in &cases {
        let what = case.what;
        let mut request = Request::new("POST", case.path);
        if case.content_type.is_empty() {
            request.body.clone_from(&case.body);
        } else {
            request = request.body(case.content_type, case.body.clone());
        }
        let start = Instant::now();
        let answer = request.send(server.address);
        assert_eq!(
            answer.status,
            case.status,
            "{what}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        named(&answer, what);
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{what}: {:?}",
            start.elapsed()
        );
    }
    println!("{} bodies", cases.len());
    for (method, path) in [
        ("PUT", "/v1/detect"),
        ("GET", "/v1/detect"),
        ("BREW", "/v1/detect"),
        ("TRACE", "/health/live"),
    ] {
        let answer = Request::new(method, path).send(server.address).expect(405);
        assert_eq!(answer.code(), "method_not_allowed", "{method}");
    }
    is_well(&server, &good);
    let (after, most) = server.memory_mib();
    println!("memory: {before} MiB, then {after} MiB, at most {most} MiB");
    assert!(most < before + 700, "{before} MiB, at most {most} MiB");
}
