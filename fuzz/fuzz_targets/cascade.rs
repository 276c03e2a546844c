//! Whatever a cascade file holds, reading it ends in an error or in a cascade that can search.
//!
//!     cargo +nightly fuzz run cascade -- -max_total_time=600
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon::classic::{Cascade, GrayImage, MultiScale};

fuzz_target!(|text: &str| {
    if let Ok(cascade) = Cascade::from_xml(text) {
        let pixels = (0..40 * 30).map(|i: u32| (i * 37 % 251) as u8).collect();
        if let Some(picture) = GrayImage::new(40, 30, pixels) {
            cascade.detect_multi_scale(&picture, &MultiScale::default());
        }
    }
});
