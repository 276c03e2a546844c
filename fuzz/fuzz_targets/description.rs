//! Descriptions of models of one's own, and catalogues.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::begin;
use prosopon_models::Catalogue;
use prosopon_models::own::{EXAMPLE, OwnModel};

const DETECTOR: &str = r#"role = "detector"
name = "mine"
family = "scrfd"
width = 640
height = 640
channel_order = "bgr"
mean = [127.5, 127.5, 127.5]
scale = 0.0078125
"#;
const CATALOGUE: &str = include_str!("../../crates/prosopon-models/src/catalogue.toml");

fn seeds() -> Vec<&'static str> {
    vec![
        EXAMPLE,
        DETECTOR,
        "role = \"cascade\"\nname = \"mine\"\n",
        CATALOGUE,
    ]
}

fuzz_target!(init: begin(seeds), |text: &str| {
    if let Ok(own) = OwnModel::parse(text, Path::new("own.toml")) {
        let _ = own.role();
    }
    if let Ok(catalogue) = Catalogue::parse(text) {
        let _ = (catalogue.runtime(), catalogue.pack("default"), catalogue.pack_of("scrfd"));
    }
});
