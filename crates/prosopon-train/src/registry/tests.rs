use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

fn registry() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::at(folder.path().join(CLASSIFIERS_DIR));
    (folder, registry)
}

fn add(registry: &Registry, name: &str, content: &str) -> u32 {
    let file = |name, bytes| NewFile { name, bytes };
    let files = [
        file(CLASSIFIER_FILE, content.as_bytes()),
        file("report.html", b"report".as_slice()),
    ];
    registry.add(name, &files).unwrap()
}

fn content(registry: &Registry, name: &str, which: Which) -> String {
    let found = registry.resolve(name, which).unwrap();
    fs::read_to_string(found.classifier()).unwrap()
}

fn code<T>(result: Result<T>) -> &'static str {
    result.err().map_or("none", |error| error.code())
}

#[test]
fn versions_are_added_promoted_and_rolled_back() {
    let (_folder, registry) = registry();
    assert!(registry.list().unwrap().is_empty());
    assert_eq!(add(&registry, "hobbit", "one"), 1);
    assert_eq!(add(&registry, "hobbit", "two"), 2);
    assert_eq!(content(&registry, "hobbit", Which::Stable), "one");
    assert_eq!(content(&registry, "hobbit", Which::Candidate), "two");
    let labels = registry.promote("hobbit", None).unwrap();
    assert_eq!((labels.stable, labels.candidate), (2, None));
    assert_eq!(content(&registry, "hobbit", Which::Stable), "two");
    assert_eq!(content(&registry, "hobbit", Which::Number(1)), "one");
    assert_eq!(registry.rollback("hobbit").unwrap().stable, 1);
    assert_eq!(code(registry.rollback("hobbit")), "nothing_before");
    assert_eq!(registry.promote("hobbit", Some(2)).unwrap().stable, 2);
    assert_eq!(code(registry.promote("hobbit", None)), "no_candidate");
    assert_eq!(code(registry.promote("hobbit", Some(7))), "unknown_version");
    assert_eq!(registry.names().unwrap(), ["hobbit"]);
}

#[test]
fn the_stable_version_goes_only_by_force_and_the_last_one_takes_all_with_it() {
    let (_folder, registry) = registry();
    for content in ["one", "two", "three"] {
        add(&registry, "hobbit", content);
    }
    registry.promote("hobbit", Some(2)).unwrap();
    assert_eq!(
        code(registry.delete("hobbit", Some(2), false)),
        "stable_version"
    );
    let labels = registry.delete("hobbit", Some(2), true).unwrap().unwrap();
    assert_eq!((labels.stable, labels.candidate), (1, Some(3)));
    assert!(!registry.folder().join("hobbit/2").exists());
    registry.delete("hobbit", Some(3), false).unwrap().unwrap();
    assert_eq!(registry.delete("hobbit", Some(1), true).unwrap(), None);
    assert_eq!(code(registry.show("hobbit")), "unknown_classifier");
    // The name can be given again, and begins anew.
    assert_eq!(add(&registry, "hobbit", "again"), 1);
    assert_eq!(registry.delete("hobbit", None, false).unwrap(), None);
    assert!(registry.names().unwrap().is_empty());
    assert_eq!(
        code(registry.delete("hobbit", None, true)),
        "unknown_classifier"
    );
}

#[test]
fn nothing_outside_of_the_folder_can_be_named() {
    let (folder, registry) = registry();
    fs::create_dir(folder.path().join("secret")).unwrap();
    fs::write(folder.path().join("secret").join(LABELS_FILE), "{}").unwrap();
    for name in ["../secret", "..", "/etc", "", ".lock"] {
        assert_eq!(code(registry.show(name)), "invalid_name", "{name}");
        assert_eq!(code(registry.add(name, &[])), "invalid_name");
        assert_eq!(code(registry.delete(name, None, true)), "invalid_name");
    }
    let file = NewFile {
        name: "../x",
        bytes: b"",
    };
    assert_eq!(code(registry.add("a", &[file])), "classifier_storage");
    assert!(registry.names().unwrap().is_empty());
    // The attempt left nothing in the way.
    assert_eq!(add(&registry, "a", "one"), 1);
}

#[test]
fn what_an_interrupted_writer_leaves_over_is_not_seen_and_goes() {
    let (_folder, registry) = registry();
    add(&registry, "hobbit", "one");
    let place = registry.folder().join("hobbit");
    // Killed while it wrote the files, after the version's folder had its name, while it replaced the labels.
    fs::create_dir(place.join(".new")).unwrap();
    fs::create_dir(place.join("2")).unwrap();
    fs::write(place.join("2").join(CLASSIFIER_FILE), "half").unwrap();
    fs::write(place.join(".prosopon-x"), "half").unwrap();
    // Killed before the first version of another one was there.
    fs::create_dir(registry.folder().join("other")).unwrap();
    assert_eq!(registry.names().unwrap(), ["hobbit"]);
    assert_eq!(registry.show("hobbit").unwrap().versions.len(), 1);
    assert_eq!(add(&registry, "hobbit", "two"), 2);
    assert_eq!(content(&registry, "hobbit", Which::Candidate), "two");
    assert!(!place.join(".new").exists() && !place.join(".prosopon-x").exists());
    assert_eq!(add(&registry, "other", "one"), 1);
}

#[test]
fn broken_labels_are_said_and_the_others_are_still_listed() {
    let (_folder, registry) = registry();
    add(&registry, "good", "one");
    add(&registry, "bad", "one");
    fs::write(registry.labels_file("bad"), "{\"stable\": ").unwrap();
    let listed = registry.list().unwrap();
    let states: Vec<(&str, bool)> = listed
        .iter()
        .map(|(name, labels)| (name.as_str(), labels.is_ok()))
        .collect();
    assert_eq!(states, [("bad", false), ("good", true)]);
    let message = registry.show("bad").unwrap_err().to_string();
    assert!(
        message.starts_with("expected versions and labels"),
        "{message}"
    );
    assert_eq!(code(registry.promote("bad", None)), "classifier_labels");
    // It can be deleted by hand only: what it holds is not known.
    assert_eq!(
        code(registry.delete("bad", None, true)),
        "classifier_labels"
    );
}

/// Readers while others promote, add and delete: each reads a version that is whole.
#[test]
fn readers_never_see_half_of_anything() {
    const LENGTH: usize = 100_000;
    let (_folder, registry) = registry();
    let content = |i: u32| char::from(b'a' + (i % 26) as u8).to_string().repeat(LENGTH);
    for i in 0..2 {
        add(&registry, "hobbit", &content(i));
    }
    let done = AtomicBool::new(false);
    let read = |found: &Resolved| {
        let path = found.classifier();
        fs::read(&path).map_err(RegistryError::disk("read the file", &path))
    };
    let look = || {
        let mut seen = BTreeSet::new();
        while !done.load(Ordering::Relaxed) {
            let (found, bytes) = registry.read("hobbit", Which::Stable, read).unwrap();
            assert_eq!(bytes.len(), LENGTH);
            assert!(bytes.iter().all(|byte| *byte == bytes[0]));
            seen.insert(found.version);
        }
        seen.len()
    };
    let change = || {
        for i in 0..10 {
            let newest = add(&registry, "hobbit", &content(i));
            // The other writer may have deleted it meanwhile.
            let _ = registry.promote("hobbit", Some(newest));
            let oldest = registry.show("hobbit").unwrap().versions[0].version;
            let _ = registry.delete("hobbit", Some(oldest), true);
        }
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(look)).collect();
        let writers: Vec<_> = (0..2).map(|_| scope.spawn(change)).collect();
        let ended: Vec<_> = writers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(std::result::Result::is_ok));
        for reader in readers {
            assert!(reader.join().unwrap() > 1);
        }
    });
}
