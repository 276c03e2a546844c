//! Whatever is asked through CompreFace's API, it is answered, and not by an internal error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::server::{FORM, answer, face, form, request};
use prosopon_fuzz::{begin, decoders_may_panic};

const JSON: &str = "application/json";

fn seeds() -> Vec<Vec<u8>> {
    let face = face();
    let file = form(&[("file", "a.png", &face)]);
    let pair = form(&[
        ("source_image", "a.png", &face),
        ("target_image", "b.png", &face),
    ]);
    let root = "/api/v1/recognition";
    let at = |path: &str| format!("{root}{path}");
    let id = "00000000-0000-4000-8000-000000000001";
    vec![
        request("POST", &at("/subjects"), JSON, br#"{"subject":"Anna"}"#),
        request("GET", &at("/subjects"), "", b""),
        request("PUT", &at("/subjects/Anna"), JSON, br#"{"subject":"Bert"}"#),
        request("DELETE", &at("/subjects/Anna%20B"), "", b""),
        request(
            "POST",
            &at("/faces?subject=Anna&det_prob_threshold=0.8"),
            FORM,
            &file,
        ),
        request(
            "POST",
            &at("/faces?subject=Anna"),
            JSON,
            br#"{"file":"aGk="}"#,
        ),
        request("GET", &at("/faces?page=0&size=20&subject=Anna"), "", b""),
        request("DELETE", &at("/faces?subject=Anna"), "", b""),
        request(
            "POST",
            &at("/faces/delete"),
            JSON,
            format!("[\"{id}\"]").as_bytes(),
        ),
        request("GET", &at(&format!("/faces/{id}/img")), "", b""),
        request(
            "POST",
            &at("/recognize?limit=1&prediction_count=2&face_plugins=age,landmarks&status=true"),
            FORM,
            &file,
        ),
        request("POST", &at(&format!("/faces/{id}/verify")), FORM, &file),
        request(
            "POST",
            &at("/embeddings/recognize?prediction_count=1"),
            JSON,
            br#"{"embeddings":[[1e38,0.5,-2]]}"#,
        ),
        request(
            "POST",
            &at(&format!("/embeddings/faces/{id}/verify")),
            JSON,
            br#"{"embeddings":[[1,2,3]]}"#,
        ),
        request(
            "POST",
            "/api/v1/detection/detect?det_prob_threshold=0.5",
            FORM,
            &file,
        ),
        request("POST", "/api/v1/verification/verify", FORM, &pair),
        request(
            "POST",
            "/api/v1/verification/embeddings/verify",
            JSON,
            br#"{"source":[1,0],"targets":[[0,1],[1e38,1e38]]}"#,
        ),
        request("GET", &format!("/api/v1/static/x/images/{id}"), "", b""),
    ]
}

fuzz_target!(init: { decoders_may_panic(); begin(seeds) }, |input: &[u8]| answer(input, &["/api/v1"]));
