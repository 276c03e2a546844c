//! What the system refuses: files that may not be read, a pipe whose reader has left.

use super::check_error;
use crate::testenv::{TestEnv, number};

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let forbid = |relative: &str| {
        let nothing = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(env.path(relative), nothing).expect("set");
    };
    forbid("people/Azra_Akin/1.jpg");
    if std::fs::read(env.path("people/Azra_Akin/1.jpg")).is_ok() {
        eprintln!("left out: root may read everything");
        return;
    }
    let document = env.json(3, &["detect", "people"]);
    assert_eq!(
        (number(&document, "/faces"), number(&document, "/failed")),
        (7.0, 1.0)
    );
    env.json(
        0,
        &[
            "enrol",
            "--subject",
            "A",
            "stranger.jpg",
            "--gallery",
            "g.db",
        ],
    );
    forbid("g.db");
    let refused = env.json(5, &["people", "list", "--gallery", "g.db"]);
    check_error(
        "a gallery",
        &refused["error"],
        "gallery_permission_denied",
        "who owns",
    );
}

/// `prosopon … | head -1`: whoever listens may leave.
#[test]
fn a_closed_pipe_is_no_error() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.json(0, &["enrol", "people"]);
    for args in [
        &["detect", "people", "--jsonl"] as &[&str],
        &["detect", "people"],
        &["enrol", "people", "--jsonl"],
        &["identify", "people", "--json", "--threshold", "0.33"],
        &["people", "list"],
        &["people", "export"],
        &["models", "list"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = env
            .command(args)
            .stdout(writer)
            .output()
            .expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        assert_eq!(stderr, "", "{args:?}");
    }
}
