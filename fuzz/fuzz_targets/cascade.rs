//! Whatever a cascade file holds, reading it ends in an error or in a cascade that can search.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon::classic::{Cascade, GrayImage, MultiScale};
use prosopon_fuzz::begin;

const UPRIGHT: &str = r#"<opencv_storage><cascade><stageType>BOOST</stageType><featureType>HAAR</featureType>
<height>4</height><width>4</width><stageNum>1</stageNum><stages><_><maxWeakCount>1</maxWeakCount>
<stageThreshold>0.5</stageThreshold><weakClassifiers><_><internalNodes>0 -1 0 1.5e-2</internalNodes>
<leafValues>1. -1.</leafValues></_></weakClassifiers></_></stages><features><_><rects>
<_>0 0 4 4 -1.</_><_>0 0 2 4 2.</_></rects><tilted>0</tilted></_></features></cascade></opencv_storage>"#;

fn seeds() -> Vec<String> {
    let tilted = UPRIGHT
        .replace("0 0 4 4 -1.", "2 0 2 2 -1.")
        .replace("0 0 2 4 2.", "2 0 1 2 2.")
        .replace("<tilted>0", "<tilted>1");
    vec![UPRIGHT.to_owned(), tilted]
}

fuzz_target!(init: begin(seeds), |text: &str| {
    if let Ok(cascade) = Cascade::from_xml(text) {
        let pixels = (0..40 * 30).map(|i: u32| (i * 37 % 251) as u8).collect();
        if let Some(picture) = GrayImage::new(40, 30, pixels) {
            cascade.detect_multi_scale(&picture, &MultiScale::default());
        }
    }
});
