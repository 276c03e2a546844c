//! Settings as they are shown, and mistakes in them.

use serde_json::Value;

use crate::served::Place;

#[test]
fn settings_are_shown_with_where_they_come_from() {
    let Some(place) = Place::new() else { return };
    std::fs::write(place.path("server.toml"), "queue = 7\nfmr = 1e-4\n").expect("a file");
    let shown = |more: &[&str]| {
        let output = place
            .command(&[("fmr", "0.01")])
            .args([
                "serve",
                "--config",
                "server.toml",
                "--threads",
                "1",
                "--print-config",
            ])
            .args(more)
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let text = shown(&[]);
    for line in [
        "queue = 7",
        "fmr = 0.01",
        "threads = 1",
        "listen = \"127.0.0.1:8420\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(
        text.contains("(environment variable PROSOPON_FMR)"),
        "{text}"
    );
    // What is shown is a configuration file.
    std::fs::write(place.path("again.toml"), &text).expect("a file");
    let again = place.run(&["serve", "--config", "again.toml", "--print-config"]);
    assert!(again.status.success(), "{again:?}");

    let document: Value = serde_json::from_str(&shown(&["--json"])).expect("JSON");
    let rows = document["settings"].as_array().expect("a list");
    let row = |name: &str| {
        rows.iter()
            .find(|row| row["name"] == name)
            .expect("a setting")
    };
    assert_eq!(
        (&row("queue")["value"], &row("queue")["origin"]),
        (&7.into(), &"server.toml".into())
    );
    assert_eq!(row("fmr")["origin"], "environment variable PROSOPON_FMR");
    assert_eq!(row("threads")["origin"], "command line");
    assert_eq!(row("max_body_mib")["origin"], "default");
    // Nothing was made by looking.
    assert!(!place.path("home/server.db").exists());
}

#[test]
fn misspelt_variables_are_warned_of() {
    let Some(place) = Place::new() else { return };
    let output = place
        .command(&[
            ("listn", "127.0.0.1:1"),
            ("colour", "blue"),
            ("fmr", "0.01"),
        ])
        .args(["serve", "--print-config"])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).expect("text");
    let warnings: Vec<_> = said.lines().collect();
    assert_eq!(
        warnings,
        [
            "warning: the environment variable `PROSOPON_COLOUR` is no setting; `prosopon serve --print-config` shows all settings",
            "warning: the environment variable `PROSOPON_LISTN` is no setting; did you mean `PROSOPON_LISTEN`?",
        ]
    );
}

/// Settings in the environment, arguments, exit status, and what the message has.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], i32, &'a str);

#[test]
fn mistakes_are_one_clear_line() {
    let Some(place) = Place::new() else { return };
    std::fs::write(place.path("typo.toml"), "quue = 7\n").expect("a file");
    std::fs::write(place.path("broken.toml"), "queue = \n").expect("a file");
    std::fs::write(place.path("text.toml"), "queue = \"many\"\n").expect("a file");
    let cases: &[Case<'_>] = &[
        (
            &[],
            &["--config", "typo.toml"],
            2,
            "unknown setting `quue` from typo.toml",
        ),
        (&[], &["--config", "broken.toml"], 2, "in line 1"),
        (
            &[],
            &["--config", "text.toml"],
            2,
            "setting `queue` from text.toml",
        ),
        (
            &[],
            &["--config", "missing.toml"],
            2,
            "could not read the configuration file",
        ),
        (
            &[("queue", "0")],
            &[],
            2,
            "setting `queue` from environment variable PROSOPON_QUEUE: expected a number from 1",
        ),
        (
            &[("allow_url_input", "maybe")],
            &[],
            2,
            "expected true or false, found `maybe`",
        ),
        (
            &[("max_buffered_mib", "1")],
            &[],
            2,
            "setting `max_buffered_mib`",
        ),
        (&[("cors_origins", "*")], &[], 2, "expected an origin"),
        (
            &[],
            &["--fmr", "2"],
            2,
            "expected a rate above 0, at most 1, found 2",
        ),
        (
            &[],
            &["--tls-key", "key.pem"],
            2,
            "setting `tls_certificate`",
        ),
        (&[], &["--listen", "nowhere"], 2, "--listen"),
        (
            &[],
            &["--listen", "203.0.113.1:80"],
            5,
            "could not listen on 203.0.113.1:80",
        ),
        (&[], &["--gallery", "missing/g.db"], 5, "missing"),
        (&[("log", "a=b=c")], &[], 5, "setting `log`"),
        (
            &[],
            &[
                "--listen",
                "127.0.0.1:0",
                "--tls-certificate",
                "no.pem",
                "--tls-key",
                "no.pem",
            ],
            5,
            "could not use the certificate",
        ),
    ];
    for (settings, args, status, expected) in cases {
        let output = place
            .command(settings)
            .arg("serve")
            .arg("--offline")
            .args(*args)
            .output();
        let output = output.expect("it starts");
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(*status), "{args:?}: {text}");
        let line = text.lines().find(|line| line.starts_with("error:"));
        let line = line.unwrap_or_else(|| panic!("{args:?}: {text}"));
        assert!(
            line.contains(expected) || text.contains(expected),
            "{args:?}: {text}"
        );
        assert!(!text.contains("panicked"), "{args:?}: {text}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}
