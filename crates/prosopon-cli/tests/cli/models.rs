//! `prosopon models` and `prosopon doctor`.

use crate::testenv::{TestEnv, link, list, text};

/// A data directory whose `scrfd.onnx` is a copy that may be damaged; the rest is installed.
pub(crate) fn env_with_own_copy() -> Option<TestEnv> {
    let installed = crate::common::model_home()?;
    let env = TestEnv::without_models();
    for name in ["runtime", "pictures"] {
        link(&installed.join(name), &env.path("home").join(name));
    }
    std::fs::create_dir_all(env.path("home/models/scrfd")).expect("a folder");
    for name in ["fr-feature", "fr-detect"] {
        let link_name = env.path("home/models").join(name);
        link(&installed.join("models").join(name), &link_name);
    }
    let file = "models/scrfd/scrfd.onnx";
    std::fs::copy(installed.join(file), env.path("home").join(file)).expect("a copy");
    Some(env)
}

#[test]
fn models_are_listed_with_licences() {
    let env = TestEnv::without_models();
    let document = env.json(0, &["models", "list"]);
    let models = list(&document, "/models");
    for name in ["scrfd", "fr-feature", "fr-detect"] {
        let model = models.iter().find(|m| m["name"] == name).expect(name);
        assert_eq!(text(model, "/state"), "missing");
        assert_eq!(text(model, "/sha256").len(), 64);
        assert!(!list(model, "/licences").is_empty());
        assert!(!text(model, "/permitted_use").is_empty());
    }
    let said = env.run(&["models", "list"]).text();
    assert!(said.contains("licence, by"), "{said}");
}

#[test]
fn paths_are_told() {
    let Some(env) = TestEnv::new() else { return };
    let home = env.run(&["models", "path"]).text();
    assert_eq!(home.trim(), env.path("home").to_string_lossy());
    let model = env.run(&["models", "path", "scrfd"]).text();
    assert!(model.trim().ends_with("models/scrfd/scrfd.onnx"), "{model}");
    let unknown = env.json(4, &["models", "path", "scrdf"]);
    assert_eq!(text(&unknown, "/error/code"), "unknown_model");
}

#[test]
fn a_changed_byte_is_noticed() {
    let Some(env) = env_with_own_copy() else {
        return;
    };
    let intact = env.json(0, &["models", "verify"]);
    assert_eq!(intact["damaged"], 0);
    let path = env.path("home/models/scrfd/scrfd.onnx");
    let mut bytes = std::fs::read(&path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let changed = env.json(1, &["models", "verify"]);
    assert_eq!(changed["damaged"], 1);
    let files = list(&changed, "/files").iter();
    let states: Vec<_> = files.clone().filter(|f| f["state"] == "changed").collect();
    assert_eq!(states.len(), 1);
    assert_eq!(text(states[0], "/name"), "scrfd");
    let said = env.run(&["models", "verify"]).expect(1).stdout;
    assert!(
        said.contains("hint: `prosopon models pull --check`"),
        "{said}"
    );
}

#[test]
fn pulling_what_is_there_does_nothing() {
    let Some(env) = TestEnv::new() else { return };
    let said = env.run(&["models", "pull", "--offline"]).text();
    assert!(said.contains("complete"), "{said}");
}

#[test]
fn the_doctor_finds_a_healthy_machine() {
    let Some(env) = TestEnv::new() else { return };
    for backend in ["auto", "rten"] {
        let checkup = env.json(0, &["doctor", "--backend", backend]);
        assert!(
            checkup["self_test"]["runs"].as_u64() > Some(0)
                || checkup["self_test"]["detect_millis"].is_number()
        );
        assert_eq!(list(&checkup, "/backends").len(), 2);
        if backend == "rten" {
            assert_eq!(text(&checkup, "/used/name"), "rten");
        }
    }
    let said = env.run(&["doctor"]).text();
    assert!(
        said.contains("in use: ") && said.contains("self-test: "),
        "{said}"
    );
}

#[test]
fn the_doctor_says_what_is_missing() {
    let env = TestEnv::without_models();
    let said = env.run(&["doctor"]).expect(4).stdout;
    assert!(said.contains("models installed: none"), "{said}");
    assert!(said.contains("self-test failed: "), "{said}");
}
