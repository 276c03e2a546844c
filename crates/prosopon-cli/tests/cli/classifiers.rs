//! `prosopon classifiers`: versions, labels, and what `kill -9` cannot break.

use std::process::Stdio;
use std::time::Duration;

use prosopon_train::registry::{CLASSIFIER_FILE, NewFile, Registry};
use serde_json::{Value, json};

use crate::testenv::{TestEnv, list, number, text};

/// Adds versions to the registry of the test, as training does.
fn add(env: &TestEnv, name: &str, n: u32) {
    let registry = Registry::at(env.path("home/classifiers"));
    for i in 1..=n {
        let bytes = vec![b'x'; 1000 * i as usize];
        let file = NewFile {
            name: CLASSIFIER_FILE,
            bytes: &bytes,
        };
        registry.add(name, &[file]).expect("a version");
    }
}

fn labels(document: &Value) -> (u64, Option<u64>, usize) {
    (
        number(document, "/stable") as u64,
        document["candidate"].as_u64(),
        list(document, "/versions").len(),
    )
}

#[test]
fn versions_are_listed_promoted_rolled_back_and_deleted() {
    let env = TestEnv::without_models();
    let none = env.run(&["classifiers", "list"]).text();
    assert!(none.contains("prosopon train"), "{none}");
    add(&env, "hobbit", 3);
    add(&env, "σχήμα", 1);
    let listed = env.json(0, &["classifiers", "list"]);
    let names: Vec<&str> = list(&listed, "/classifiers")
        .iter()
        .map(|row| text(row, "/name"))
        .collect();
    assert_eq!(names, ["hobbit", "σχήμα"]);
    assert_eq!(labels(&listed["classifiers"][0]), (1, Some(3), 3));
    let promoted = env.json(0, &["classifiers", "promote", "hobbit"]);
    assert_eq!(labels(&promoted), (3, None, 3));
    let promoted = env.json(0, &["classifiers", "promote", "hobbit@2"]);
    assert_eq!(labels(&promoted), (2, None, 3));
    let back = env.json(0, &["classifiers", "rollback", "hobbit"]);
    assert_eq!(labels(&back), (3, Some(2), 3));
    let shown = env.json(0, &["classifiers", "show", "hobbit"]);
    assert_eq!(number(&shown, "/versions/2/bytes"), 3000.0);
    let history: Vec<&str> = list(&shown, "/history")
        .iter()
        .map(|event| text(event, "/action"))
        .collect();
    assert_eq!(
        history,
        ["add", "add", "add", "promote", "promote", "rollback"]
    );
    let shown = env.run(&["classifiers", "show", "hobbit"]).text();
    assert!(shown.contains("3.0 KB  stable") && shown.contains("candidate"));
    let deleted = env.json(0, &["classifiers", "delete", "hobbit@1"]);
    assert_eq!(labels(&deleted), (3, Some(2), 2));
    let all = env.json(0, &["classifiers", "delete", "hobbit"]);
    assert_eq!(
        (&all["stable"], &all["versions"]),
        (&json!(null), &json!([]))
    );
    let left = env.run(&["classifiers", "list"]).text();
    assert!(
        left.starts_with("σχήμα  stable 1  1 version, the newest of 2"),
        "{left}"
    );
}

#[test]
fn mistakes_say_what_there_is() {
    let env = TestEnv::without_models();
    add(&env, "hobbit", 2);
    for (args, code, message) in [
        (["show", "hobit"], "unknown_classifier", "there are: hobbit"),
        (["show", "../up"], "invalid_name", "expected a name"),
        (
            ["promote", "hobbit@7"],
            "unknown_version",
            "its versions are 1, 2",
        ),
        (["promote", "hobbit@new"], "invalid_version", "such as `3`"),
        (
            ["rollback", "hobbit"],
            "nothing_before",
            "nothing to go back to",
        ),
        (
            ["delete", "hobbit@1"],
            "stable_version",
            "version 1 of classifier `hobbit` is stable",
        ),
    ] {
        let args = [&["classifiers"], &args[..]].concat();
        let error = env.json(2, &args)["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert!(text(&error, "/message").contains(message), "{error}");
    }
    env.run(&["classifiers", "delete", "hobbit@1", "--force"])
        .text();
    // Nothing was made for names that are unknown.
    assert!(!env.path("home/classifiers/hobit").exists());
}

/// Whenever the process is killed, the classifier has the one stable version or the other, and all of its versions.
#[test]
fn a_registry_survives_being_killed_during_promotions() {
    const ROUNDS: u64 = 60;
    let env = TestEnv::without_models();
    add(&env, "hobbit", 2);
    let registry = Registry::at(env.path("home/classifiers"));
    let (mut killed, mut ended) = (0, 0);
    for round in 0..ROUNDS {
        let before = registry.show("hobbit").expect("labels").stable;
        let wanted = 3 - before;
        let mut child = env
            .command(&["classifiers", "promote", &format!("hobbit@{wanted}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        // From before it has begun until it is likely to have ended.
        std::thread::sleep(Duration::from_micros(round * 300));
        // It may have ended already.
        let _ = child.kill();
        let status = child.wait().expect("an end");
        let now = registry.show("hobbit").expect("labels");
        assert_eq!(now.versions.len(), 2);
        assert!([before, wanted].contains(&now.stable));
        if status.success() {
            ended += 1;
            assert_eq!(now.stable, wanted, "a promotion that was reported is there");
        } else {
            killed += 1;
        }
    }
    eprintln!("{killed} killed, {ended} ended");
    assert!(killed > 0);
    // Nobody is left who holds the lock, and nothing lies around after the next change.
    let stable = registry.show("hobbit").expect("labels").stable;
    let other = format!("hobbit@{}", 3 - stable);
    env.run(&["classifiers", "promote", &other]).text();
    add(&env, "hobbit", 1);
    let mut left: Vec<_> = std::fs::read_dir(env.path("home/classifiers/hobbit"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["1", "2", "3", "labels.json"]);
}
