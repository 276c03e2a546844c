//! Models that are missing or broken.

use super::{Case, check, check_error};
use crate::models::env_with_own_copy;
use crate::testenv::{TestEnv, text};

#[test]
fn what_is_missing_is_named_while_offline() {
    let env = TestEnv::without_models();
    env.write("a.jpg", b"not looked at");
    for args in [
        &["detect", "a.jpg", "--offline"] as &'static [&'static str],
        &["verify", "a.jpg", "a.jpg", "--offline"],
        &["enrol", "--subject", "A", "a.jpg", "--offline"],
        &["models", "pull", "--offline"],
        &["quickstart", "--offline"],
    ] {
        check(
            &env,
            &Case {
                what: "no models",
                args,
                status: 4,
                code: "offline",
                hint: "prosopon models add FILE",
            },
        );
    }
}

#[test]
fn a_broken_network_is_named() {
    let Some(env) = env_with_own_copy() else {
        return;
    };
    env.write(
        "grey.pgm",
        [b"P5 64 64 255\n".as_slice(), &[90; 64 * 64]].concat(),
    );
    let path = env.path("home/models/scrfd/scrfd.onnx");
    let mut bytes = std::fs::read(&path).expect("a file");
    bytes.fill(0x55);
    std::fs::write(&path, &bytes).expect("written");
    for backend in ["auto", "rten"] {
        let document = env.json(4, &["detect", "grey.pgm", "--backend", backend]);
        let hint = "prosopon models pull --check";
        check_error("no network", &document["error"], "model_changed", hint);
        assert!(text(&document, "/error/message").ends_with("scrfd.onnx"));
    }
    // Cut short, it counts as not installed.
    std::fs::write(&path, &bytes[..1000]).expect("written");
    let document = env.json(4, &["detect", "grey.pgm", "--offline"]);
    check_error(
        "cut short",
        &document["error"],
        "offline",
        "prosopon models add",
    );
}
