//! Whatever a recogniser's file holds before its digest, reading it ends in an error or in a recogniser that answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon::classic::GrayImage;
use prosopon::classic::recogniser::{FaceSample, Recogniser, RecogniserMethod, RecogniserOptions};
use prosopon_fuzz::{begin, with_digest, without_digest};

fn picture(seed: u32, (width, height): (u32, u32)) -> Option<GrayImage> {
    let level = |i: u32| (i.wrapping_mul(37 + seed) % 251) as u8;
    GrayImage::new(width, height, (0..width * height).map(level).collect())
}

fn seeds() -> Vec<Vec<u8>> {
    let methods = [
        RecogniserMethod::Lbph,
        RecogniserMethod::Eigen,
        RecogniserMethod::Fisher,
    ];
    let of = |method| {
        let samples: Vec<FaceSample> = (0..6)
            .map(|i| FaceSample {
                picture: picture(i, (16, 16)).expect("a picture"),
                label: i % 2,
            })
            .collect();
        let mut options = RecogniserOptions::new(method);
        options.lbph.grid = (2, 2);
        let names = vec!["anna".to_owned(), "bert".to_owned()];
        let recogniser = Recogniser::train(&options, names, &samples).expect("a recogniser");
        without_digest(recogniser.to_bytes())
    };
    methods.into_iter().map(of).collect()
}

fuzz_target!(init: begin(seeds), |content: &[u8]| {
    let Ok(recogniser) = Recogniser::from_bytes(&with_digest(content)) else {
        return;
    };
    let again = recogniser.to_bytes();
    assert!(Recogniser::from_bytes(&again).is_ok(), "what was read can be written and read again");
    let sides = recogniser.sides();
    if sides.0 * sides.1 <= 128 * 128
        && let Some(picture) = picture(1, sides)
    {
        let found = recogniser.predict(&picture).expect("a face of its size");
        let _ = recogniser.name(found.label);
        recogniser.candidates(&picture).expect("a face of its size");
    }
});
