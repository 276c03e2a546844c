//! Whatever is asked through DeepStack's API, it is answered, and not by an internal error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::server::{FORM, answer, face, form, request};
use prosopon_fuzz::{begin, decoders_may_panic};

fn seeds() -> Vec<Vec<u8>> {
    let face = face();
    let image = form(&[
        ("image", "a.png", &face),
        ("min_confidence", "", b"0.4"),
        ("api_key", "", b"x"),
    ]);
    let person = form(&[("userid", "", b"Anna"), ("image", "a.png", &face)]);
    let pair = form(&[("image1", "a.png", &face), ("image2", "b.png", &face)]);
    let name = form(&[("userid", "", b"Anna")]);
    vec![
        request("POST", "/v1/vision/face", FORM, &image),
        request("POST", "/v1/vision/face/register", FORM, &person),
        request("POST", "/v1/vision/face/recognize", FORM, &image),
        request("POST", "/v1/vision/face/match", FORM, &pair),
        request("POST", "/v1/vision/face/list", FORM, b""),
        request("POST", "/v1/vision/face/delete", FORM, &name),
        request(
            "POST",
            "/v1/vision/face/delete",
            "application/x-www-form-urlencoded",
            b"userid=Anna",
        ),
        request(
            "POST",
            "/v1/vision/face",
            "application/json",
            br#"{"image":"aGk=","min_confidence":0.4}"#,
        ),
        request("POST", "/classify_image", FORM, &image),
        request("POST", "/upload", FORM, &image),
    ]
}

const ROOTS: [&str; 3] = ["/v1/vision", "/classify_image", "/upload"];

fuzz_target!(init: { decoders_may_panic(); begin(seeds) }, |input: &[u8]| answer(input, &ROOTS));
