//! `prosopon models` and `prosopon doctor`.

use crate::common::{link_all, model_home};
use crate::testenv::{TestEnv, list, text};

/// A data directory whose `scrfd.onnx` is a copy that may be damaged; the rest is installed.
pub(crate) fn env_with_own_copy() -> Option<TestEnv> {
    let installed = model_home()?;
    let env = TestEnv::without_models();
    link_all(&["runtime", "pictures"], &installed, &env.path("home"));
    std::fs::create_dir_all(env.path("home/models/scrfd")).expect("a folder");
    let models = installed.join("models");
    link_all(
        &["fr-feature", "fr-detect"],
        &models,
        &env.path("home/models"),
    );
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
    let table = env.run(&["models", "list"]).text();
    let row = table
        .lines()
        .find(|line| line.starts_with("scrfd "))
        .expect("a row");
    for cell in ["default", "missing", "3.3 MB", "not clear", "finds faces"] {
        assert!(row.contains(cell), "{row}");
    }
    let said = env.run(&["models", "list", "--licences"]).text();
    assert!(said.contains("licence, by pyproject.toml"), "{said}");
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
    // Nothing is answered with it.
    let refused = env.json(4, &["detect", "--offline", &path.to_string_lossy()]);
    assert_eq!(text(&refused, "/error/code"), "model_changed");
}

#[test]
fn pulling_what_is_there_does_nothing() {
    let Some(env) = TestEnv::new() else { return };
    let said = env.run(&["models", "pull", "--offline"]).text();
    assert!(said.contains("complete"), "{said}");
}

#[test]
fn a_damaged_model_of_ones_own_hides_no_other() {
    let env = TestEnv::without_models();
    std::fs::create_dir_all(env.path("home/models/own/half")).expect("a folder");
    let document = env.json(0, &["models", "list"]);
    assert!(!list(&document, "/models").is_empty());
    assert_eq!(text(&document, "/own/0/name"), "half");
    assert_eq!(text(&document, "/own/0/state"), "unreadable");
    let checked = env.json(1, &["models", "verify"]);
    let files = list(&checked, "/files").iter();
    let half = files.last().expect("one");
    assert!(text(half, "/problem").contains("half.toml"), "{half}");
    let said = env.run(&["models", "verify"]).expect(1).stdout;
    assert!(
        said.contains("hint: `prosopon models remove half`"),
        "{said}"
    );
    env.run(&["models", "remove", "half"]).text();
    env.json(0, &["models", "verify"]);
}

#[cfg(unix)]
#[test]
fn off_a_terminal_each_download_is_a_line() {
    let Some(installed) = TestEnv::new() else {
        return;
    };
    let env = TestEnv::without_models();
    std::fs::create_dir(env.path("mirror")).expect("a folder");
    let document = installed.json(0, &["models", "list"]);
    let cascades = list(&document, "/models").iter();
    let cascades: Vec<_> = cascades.filter(|model| model["pack"] == "haar").collect();
    for cascade in &cascades {
        let link = env.path("mirror").join(text(cascade, "/sha256"));
        std::os::unix::fs::symlink(text(cascade, "/path"), link).expect("a link");
    }
    let pulled = env.run(&["models", "pull", "haar", "--offline", "--mirror", "mirror"]);
    let pulled = pulled.expect(0);
    let lines: Vec<_> = pulled.stderr.lines().collect();
    assert_eq!(lines.len(), cascades.len(), "{}", pulled.stderr);
    for (line, cascade) in lines.iter().zip(&cascades) {
        let file = text(cascade, "/path").rsplit('/').next().expect("a name");
        let size = cascade["size"].as_f64().expect("a size") / 1e6;
        assert!(
            line.starts_with("fetching ") && line.contains(file),
            "{line}"
        );
        assert!(line.ends_with(&format!("({size:.1} MB)")), "{line}");
    }
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
        let agreement = &checkup["self_test"]["agreement"];
        if backend == "rten" {
            assert_eq!(text(&checkup, "/used/name"), "rten");
            assert!(agreement.is_null(), "{agreement}");
        } else if text(&checkup, "/used/name") != "rten" {
            let detector = &agreement["detector"];
            assert!(detector["n_faces"].as_u64() > Some(20), "{agreement}");
            assert_eq!(detector["n_found_again"], detector["n_faces"]);
            assert!(
                agreement["embedder"]["least_similarity"].as_f64() > Some(0.99),
                "{agreement}"
            );
        }
    }
    let said = env.run(&["doctor"]).text();
    assert!(
        said.contains("in use: ") && said.contains("self-test: "),
        "{said}"
    );
}

#[test]
fn the_doctor_finds_damaged_databases() {
    let Some(env) = TestEnv::new() else { return };
    env.write("home/gallery.db", "people: anna, bert");
    env.run(&["keys", "create", "phone", "--scope", "identify"])
        .text();
    let checkup = env.json(5, &["doctor"]);
    let files = list(&checkup, "/files");
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(
        text(&files[0], "/problem").contains("no database"),
        "{files:?}"
    );
    assert!(!text(&files[0], "/hint").is_empty());
    assert!(files[1]["problem"].is_null(), "{files:?}");
}

#[test]
fn the_doctor_says_what_is_missing() {
    let env = TestEnv::without_models();
    let said = env.run(&["doctor"]).expect(4).stdout;
    assert!(said.contains("models installed: none"), "{said}");
    assert!(said.contains("self-test failed: "), "{said}");
}

#[test]
fn quantising_needs_a_network_and_pictures() {
    let Some(env) = TestEnv::new() else { return };
    let folder = env.path("pictures");
    std::fs::create_dir(&folder).expect("a folder");
    let pixels = prosopon::Image::filled(8, 8, [90; 3]);
    for i in 0..20 {
        let path = folder.join(format!("{i}.png"));
        pixels.save(&path).expect("written");
    }
    let folder = folder.to_string_lossy();
    let few = env.json(
        3,
        &["models", "quantize", "scrfd", &folder, "--limit", "19"],
    );
    assert_eq!(text(&few, "/error/code"), "too_few_pictures");
    let unknown = env.json(4, &["models", "quantize", "scrdf", &folder]);
    assert_eq!(text(&unknown, "/error/code"), "unknown_model");
    let cascade = env.json(2, &["models", "quantize", "haar", &folder]);
    assert_eq!(text(&cascade, "/error/code"), "no_network");
    // Nothing is installed unasked.
    let offline = env.json(4, &["models", "quantize", "scrfd", &folder, "--offline"]);
    assert_eq!(text(&offline, "/error/code"), "offline");
}
