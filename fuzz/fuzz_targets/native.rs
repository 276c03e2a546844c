//! Whatever is asked of the server's own API, in forms, JSON or as a picture, it answers, and not by an internal error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::server::{FORM, answer, face, form, request};
use prosopon_fuzz::{begin, decoders_may_panic};

const JSON: &str = "application/json";

fn seeds() -> Vec<Vec<u8>> {
    let (face, picture) = (face(), "image/png");
    let image = form(&[("image", "a.png", &face)]);
    let pair = form(&[("image1", "a.png", &face), ("image2", "b.png", &face)]);
    let (post, get) = ("POST", "GET");
    let gallery = |rest: &str| format!("/v1/galleries/default/{rest}");
    let album = |rest: &str| format!("/v1/albums/summer/{rest}");
    let mut seeds = vec![
        request(post, "/v1/detect?max_faces=1&min_confidence=0.5&min_face_px=4", picture, &face),
        request(post, "/v1/detect", JSON, br#"{"image":"data:image/png;base64,aGk=","images":[{"url":"http://a.example"},"aGk="]}"#),
        request(post, "/v1/embed", FORM, &image),
        request(post, "/v1/verify?threshold=0.3", FORM, &pair),
        request(post, "/v1/identify?gallery=default&fmr=1e-3&uncertain_fmr=0.01&limit=3", FORM, &image),
        request(post, "/v1/annotate", FORM, &image),
        request(post, "/v1/classic/view?view=gradients&max_side=64", FORM, &image),
        request(post, "/v1/classic/faces?eyes=true&scale_factor=1.1", FORM, &image),
        request(post, &gallery("enrol?subject=Anna&faces=largest&min_quality=0.1"), FORM, &image),
        request(post, &gallery("subjects"), JSON, br#"{"name":"Anna","external_id":"7","metadata":{"team":"blue"}}"#),
        request("PATCH", &gallery("subjects/1"), JSON, br#"{"name":"Bert","metadata":null}"#),
        request(get, &gallery("subjects?search=a&limit=2&after=A"), "", b""),
        request(post, &gallery("subjects/1/merge"), JSON, br#"{"from":2}"#),
        request(post, &gallery("subjects/1/faces?face_at=12,8"), FORM, &image),
        request("DELETE", &gallery("faces/1"), "", b""),
        request(get, &gallery("faces/1/crop"), "", b""),
        request(post, "/v1/galleries", JSON, br#"{"name":"work"}"#),
        request(post, "/v1/albums", JSON, br#"{"name":"summer"}"#),
        request(post, &album("pictures"), FORM, &image),
        request(post, &album("group"), JSON, br#"{"fmr":1e-4,"again":true,"allow_twice":false}"#),
        request(post, &album("decisions"), JSON, br#"{"kind":"move","faces":[1,2],"to":1}"#),
        request(post, &album("groups/1/enrol"), JSON, br#"{"gallery":"default"}"#),
        request(post, &album("undo"), "", b""),
        request(get, &album("groups?offset=1&limit=2"), "", b""),
        request(get, "/v1/events?since=2026-01-01T00:00:00Z&kind=left,unknown&limit=3&before=9", "", b""),
        request("DELETE", "/v1/events?before=2026-01-01T00:00:00Z", "", b""),
        request(post, "/v1/cameras", JSON, br#"{"name":"door","address":"push:","fmr":1e-4}"#),
        request(post, "/v1/keys", JSON, br#"{"name":"x","scope":"identify","gallery":"default"}"#),
        request(post, "/v1/session", JSON, br#"{"key":"x"}"#),
        request(post, "/v1/evaluations", JSON, br#"{"kind":"pairs"}"#),
        request(post, "/v1/live", JSON, b"{}"),
    ];
    let percent = "application/x-www-form-urlencoded";
    seeds.push(request(
        "POST",
        "/v1/detect",
        percent,
        b"image=aGk%3D&max_faces=1",
    ));
    seeds
}

fuzz_target!(init: { decoders_may_panic(); begin(seeds) }, |input: &[u8]| answer(input, &["/"]));
