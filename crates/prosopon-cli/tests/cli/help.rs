//! Every command explains itself.

use crate::testenv::TestEnv;

#[test]
fn every_command_has_help_with_examples() {
    let env = TestEnv::without_models();
    let commands: [&[&str]; 37] = [
        &["quickstart"],
        &["detect"],
        &["embed"],
        &["verify"],
        &["enrol"],
        &["identify"],
        &["people"],
        &["evaluate", "pairs"],
        &["evaluate", "folder"],
        &["evaluate", "identification"],
        &["evaluate", "detection"],
        &["evaluate", "clusters"],
        &["calibrate"],
        &["cluster"],
        &["album"],
        &["fetch"],
        &["matrix"],
        &["signature"],
        &["consistency"],
        &["explore"],
        &["dedupe"],
        &["recogniser"],
        &["split"],
        &["before-after"],
        &["diff"],
        &["gradients"],
        &["watch"],
        &["prepare"],
        &["train"],
        &["predict"],
        &["classifiers"],
        &["events"],
        &["serve"],
        &["keys"],
        &["audit"],
        &["models"],
        &["doctor"],
    ];
    let overview = env.run(&["--help"]).text();
    for command in commands {
        assert!(overview.contains(command[0]), "{command:?}");
        let help = env.run(&[command, &["--help"]].concat()).text();
        let example = format!("prosopon {}", command.join(" "));
        let examples = help.split_once("Examples:").map(|(_, examples)| examples);
        assert!(
            examples.is_some_and(|e| e.contains(&example)),
            "{command:?}: {help}"
        );
        assert!(help.contains("--json"), "{command:?}");
        // Readable in a terminal without wrapping.
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{command:?}: {line}");
        }
    }
}

#[test]
fn no_command_shows_the_overview() {
    let env = TestEnv::without_models();
    let outcome = env.run(&[]).expect(2);
    assert!(outcome.stderr.contains("Usage:"), "{}", outcome.stderr);
}

/// File names on Linux may be any bytes.
#[cfg(unix)]
#[test]
fn arguments_that_are_no_unicode_are_a_mistake_like_others() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let env = TestEnv::without_models();
    let odd = OsStr::from_bytes(b"people\xff");
    for words in [
        &["evaluate"] as &[&str],
        &["help"],
        &["--json"],
        &["detect", "--fmr"],
    ] {
        let output = env.command(words).arg(odd).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(
            said.contains("error: ") && !said.contains("panicked"),
            "{words:?}: {said}"
        );
    }
    let output = env
        .command(&["detect", "--help"])
        .arg(odd)
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_version_is_told() {
    let env = TestEnv::without_models();
    let version = env.run(&["--version"]).text();
    assert_eq!(
        version.trim(),
        concat!("prosopon ", env!("CARGO_PKG_VERSION"))
    );
}
