//! Whatever the server's configuration says, it is refused, or printed so that it is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::{begin, file};
use prosopon_server::Settings;
use toml::Table;

fn seeds() -> Vec<String> {
    let defaults = Settings::load(None, |_| None, Table::new()).expect("defaults");
    let some = "queue = 7\ncors_origins = [\"https://a.example\"]\nfmr = 1e-4\nuncertain_fmr = 0.01\n\
        camera_hosts = [\"10.0.0.0/8\", \"cam.example:554\"]\nwebhooks = [\"http://a.example/x\"]\nclassifier = \"a@candidate\"\n";
    vec![defaults.to_string(), some.to_owned()]
}

fuzz_target!(init: begin(seeds), |text: &str| {
    // What stands in the environment is understood by other rules.
    let _ = Settings::load(None, |_| Some(text.to_owned()), Table::new());
    let first = Settings::load(Some(&file("server.toml", text.as_bytes())), |_| None, Table::new());
    let Ok(first) = first else { return };
    let printed = first.to_string();
    let second = Settings::load(Some(&file("printed.toml", printed.as_bytes())), |_| None, Table::new());
    let second = second.expect("a file of our own");
    assert_eq!(first.settings, second.settings);
});
