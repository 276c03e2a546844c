//! Whatever an export holds, importing it ends in an error that changes nothing, or in a gallery whose own export can be
//! imported.
#![no_main]

use std::sync::Mutex;

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::{begin, place, toys};
use prosopon_gallery::{Gallery, GalleryOptions, NewFace};

fn fresh(name: &str) -> Gallery {
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(place().join(format!("{name}{ending}")));
    }
    Gallery::open(place().join(name), GalleryOptions::default()).expect("a gallery")
}

fn seeds() -> Vec<Vec<u8>> {
    let gallery = fresh("seed");
    let empty = export(&gallery);
    for (name, value) in [("Anna", 0.1), ("Bert", 0.9)] {
        gallery
            .enrol(name, NewFace::new(toys::embedding(value)))
            .expect("a face");
    }
    let full = export(&gallery);
    let calibrated = r#"{"header":{"format":"prosopon-gallery","version":2,"binding":{"model":"m@0a1b2c3d","dimension":4}}}
{"calibration":{"model":"m@0a1b2c3d","created_millis":1750000000000,"rates":{"fmr":0.0001},"calibration":{"source":"our people","comparisons":100000,"points":[{"fmr":0.01,"similarity":0.25},{"fmr":0.001,"similarity":0.35}]}}}
{"subject":{"name":"Anna","external_id":"7","metadata":{"team":"blue"},"created_millis":1750000000000}}
{"face":{"subject":"Anna","embedding":"AAAAPwAAAD8AAAA/AAAAPw==","quality":{"confidence":0.99},"bounding_box":{"left":1.0,"top":2.0,"right":3.0,"bottom":4.0},"source":{"file_name":"a.jpg","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},"crop":{"media_type":"image/png","bytes":"AAAA"},"created_millis":1750000000001}}
{"end":{"subjects":1,"faces":1}}
"#;
    vec![empty, full, calibrated.as_bytes().to_vec()]
}

fn export(gallery: &Gallery) -> Vec<u8> {
    let mut out = Vec::new();
    gallery.export(&mut out).expect("an export");
    out
}

/// Empty; made anew whenever something was imported.
static EMPTY: Mutex<Option<Gallery>> = Mutex::new(None);

fuzz_target!(init: begin(seeds), |bytes: &[u8]| {
    let mut empty = EMPTY.lock().expect("one thread");
    let gallery = empty.take().unwrap_or_else(|| fresh("imported"));
    let Ok(report) = gallery.import(bytes) else {
        let counts = gallery.counts().expect("counts");
        assert_eq!((counts.subjects, counts.faces), (0, 0), "a failed import changes nothing");
        *empty = Some(gallery);
        return;
    };
    let copy = fresh("copy");
    let again = copy.import(&export(&gallery)[..]).expect("an export of our own");
    assert_eq!(again.subjects_added, report.subjects_added);
    assert_eq!(again.faces_added, report.faces_added);
});
