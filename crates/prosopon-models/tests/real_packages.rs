//! Pulls all packs through the real package clients.
//!
//! Runs only where `PROSOPON_TEST_MODELS` names a data directory, which is kept, so that only the
//! first run fetches anything.

use std::env;

use prosopon_models::catalogue::Role;
use prosopon_models::{FileState, Progress, PullOptions, Store};

struct Print;

impl Progress for Print {
    fn begin(&self, what: &str, _total: Option<u64>) {
        println!("fetching {what}");
    }

    fn note(&self, message: &str) {
        println!("{message}");
    }
}

#[test]
fn the_real_packages_are_what_the_catalogue_pins() {
    let Some(home) = env::var_os("PROSOPON_TEST_MODELS") else {
        println!("left out: PROSOPON_TEST_MODELS is not set");
        return;
    };
    let store = Store::at(home).unwrap();
    let options = PullOptions {
        progress: &Print,
        ..PullOptions::default()
    };
    for pack in ["default", "attributes", "haar"] {
        store.pull(pack, &options).unwrap();
    }
    for file in store.verify().unwrap() {
        assert_eq!(file.state, FileState::Present, "{}", file.path.display());
    }
    let offline = PullOptions {
        offline: true,
        ..options
    };
    for pack in ["default", "attributes", "haar"] {
        assert!(store.pull(pack, &offline).unwrap().installed.is_empty());
    }
    // A pulled directory can be carried to a machine without a network.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = Store::at(elsewhere.path()).unwrap();
    copy.add(store.home(), &Print).unwrap();
    for file in copy.verify().unwrap() {
        assert_eq!(file.state, FileState::Present, "{}", file.path.display());
    }
    assert_eq!(copy.runtime_dir().is_some(), store.runtime_dir().is_some());

    let detector = store.resolve_detector(None).unwrap();
    assert_eq!(detector.id.as_str(), "scrfd@9c162a81");
    let embedder = store.resolve_embedder(None).unwrap();
    assert_eq!(embedder.id.as_str(), "fr-feature@87aacdfe");
    let cascade = store.resolve_detector(Some("haar")).unwrap();
    assert_eq!(cascade.id.as_str(), "haar-frontalface_default@0f7d4527");
    for file in &store.catalogue().files {
        if file.role == Role::Cascade {
            let text = std::fs::read_to_string(store.file(&file.id).unwrap()).unwrap();
            prosopon::classic::Cascade::from_xml(&text).unwrap();
        }
    }
    assert!(store.solvay_picture().unwrap().is_file());
    assert_eq!(
        store.runtime_dir().is_some(),
        store.catalogue().runtime().is_some()
    );
}
