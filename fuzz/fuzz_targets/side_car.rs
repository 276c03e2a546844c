//! Whatever lies beside a picture of an export, there is a moment at which it was taken; and names hold any date.
//!
//! The first line is the picture's name, the rest is the file beside it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fetch::export;
use prosopon_fuzz::{begin, place};

const SEEDS: [&str; 5] = [
    "a.jpg\n{\"photoTakenTime\":{\"timestamp\":\"1714564800\",\"formatted\":\"x\"}}",
    "2024-05-01_12.jpg\n{\"node\":{\"taken_at_timestamp\":1714564800}}",
    "IMG_20240501.jpg\n{\"date\":\"2024:05:01 12:00:00\"}",
    "a.jpg\n{\"upload_date\":\"20240501\",\"date\":\"Wed, 01 May 2024 12:00:00 GMT\"}",
    "a.jpg\n[{\"datetime\":\"2024-05-01T12:00:00+02:00\"}]",
];

fuzz_target!(init: begin(|| SEEDS.to_vec()), |text: &str| {
    let (name, content) = text.split_once('\n').unwrap_or((text, ""));
    let is_name = !name.is_empty() && name.len() < 100 && !name.contains(['/', '\0']) && !name.starts_with('.');
    let folder = place().join("export");
    std::fs::create_dir_all(&folder).expect("a folder");
    if is_name {
        let (picture, beside) = (folder.join(name), folder.join(format!("{name}.json")));
        std::fs::write(&picture, b"no picture").expect("a file");
        std::fs::write(&beside, content).expect("a file");
        for original in export::find(&folder, &folder.join("none")).expect("a folder that can be read") {
            let _ = original.taken.taken.to_string();
        }
        let _ = std::fs::remove_file(picture);
        let _ = std::fs::remove_file(beside);
    }
});
