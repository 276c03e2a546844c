//! What goes wrong is named: one line, a hint, a stable code, an exit status; the rest goes on.

mod galleries;
mod meant;
mod models;
mod options;
mod pictures;
mod system;

use serde_json::Value;

use crate::testenv::{TestEnv, text};

/// A run that fails as a whole.
struct Case {
    what: &'static str,
    args: &'static [&'static str],
    status: i32,
    code: &'static str,
    /// Part of the hint.
    hint: &'static str,
}

/// Runs `case` with and without `--json`.
fn check(env: &TestEnv, case: &Case) {
    let Case { what, args, .. } = case;
    let text_outcome = env.run(args);
    assert_eq!(
        text_outcome.status, case.status,
        "{what}: {}",
        text_outcome.stderr
    );
    check_message(what, &text_outcome.stderr);
    let json = env.run(&[args, &["--json"] as &[&str]].concat());
    assert_eq!(json.status, case.status, "{what}: {}", json.stderr);
    let document = json.json();
    check_error(what, &document["error"], case.code, case.hint);
}

/// One line that says what, then at most hints.
fn check_message(what: &str, stderr: &str) {
    let errors: Vec<&str> = stderr
        .lines()
        .filter(|l| l.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{what}: {stderr}");
    let first = stderr
        .lines()
        .find(|l| !l.starts_with("installing ") && !l.starts_with("note: "));
    assert_eq!(first, Some(errors[0]), "{what}: {stderr}");
}

fn check_error(what: &str, error: &Value, code: &str, hint: &str) {
    assert_eq!(error["code"], code, "{what}: {error:#}");
    let message = text(error, "/message");
    assert!(
        !message.is_empty() && !message.contains('\n'),
        "{what}: {message}"
    );
    assert!(text(error, "/hint").contains(hint), "{what}: {error:#}");
}
