//! Settings from all their sources, what is printed of them, and mistakes in them.

use toml::Table;

use super::{LoadedSettings, SETTINGS, Settings, SettingsError, listen_address};

fn load(
    file: Option<&str>,
    environment: &[(&str, &str)],
    flags: &str,
) -> Result<LoadedSettings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Settings::load(
        file.map(|_| path.as_path()),
        variable,
        flags.parse().unwrap(),
    )
}

#[test]
fn the_table_has_every_setting() {
    let loaded = load(None, &[], "").unwrap();
    assert_eq!(loaded.settings.listen.port(), 8420);
    let written = Table::try_from(&loaded.settings).unwrap();
    for name in written.keys() {
        assert!(
            SETTINGS.iter().any(|setting| setting.name == name),
            "{name}"
        );
    }
}

#[test]
fn the_last_one_wins_and_is_named() {
    let file = "queue = 1\nfmr = 1e-4\nmax_file_mib = 3\n";
    let environment = [("PROSOPON_FMR", "0.01"), ("PROSOPON_MAX_FILE_MIB", "4")];
    let loaded = load(Some(file), &environment, "max_file_mib = 5").unwrap();
    let settings = &loaded.settings;
    assert_eq!(
        (settings.queue, settings.fmr, settings.max_file_mib),
        (1, Some(0.01), 5)
    );
    let origin = |name| {
        let row = loaded.rows().find(|row| row.0 == name);
        row.unwrap().2.to_string()
    };
    assert!(origin("queue").ends_with("server.toml"));
    assert_eq!(origin("fmr"), "environment variable PROSOPON_FMR");
    assert_eq!(origin("max_file_mib"), "command line");
    assert_eq!(origin("listen"), "default");
}

#[test]
fn what_is_printed_can_be_read_again() {
    let flags = "queue = 7\ncors_origins = [\"https://a.example\"]";
    let first = load(None, &[], flags).unwrap();
    let second = load(Some(&first.to_string()), &[], "").unwrap();
    assert_eq!(first.settings, second.settings);
}

#[test]
fn mistakes_name_setting_and_place() {
    type Case = (
        Option<&'static str>,
        &'static [(&'static str, &'static str)],
        &'static str,
        &'static str,
    );
    let cases: &[Case] = &[
        (Some("quue = 1"), &[], "", "unknown setting `quue` from"),
        (Some("queue = \"x\""), &[], "", "setting `queue` from"),
        (Some("queue = "), &[], "", "expected a TOML file"),
        (
            None,
            &[("PROSOPON_THREADS", "two")],
            "",
            "setting `threads` from environment variable PROSOPON_THREADS: expected a whole number, found `two`",
        ),
        (
            None,
            &[],
            "listen = \"nowhere\"",
            "setting `listen` from command line: expected an IP address and a port, such as 127.0.0.1:8420, found `nowhere`",
        ),
        (
            None,
            &[],
            "fmr = 2.0",
            "expected a rate above 0, at most 1, found 2",
        ),
        (
            None,
            &[("PROSOPON_FMR", "1e-2")],
            "uncertain_fmr = 1e-3",
            "setting `uncertain_fmr` from command line: expected an uncertain rate above 0.01",
        ),
        (None, &[], "queue = 0", "expected a number from 1"),
        (
            None,
            &[],
            "require_keys = \"maybe\"",
            "setting `require_keys` from command line",
        ),
        (
            None,
            &[],
            "tls_key = \"key.pem\"",
            "setting `tls_certificate`",
        ),
        (None, &[], "cors_origins = [\"*\"]", "expected an origin"),
        (
            None,
            &[],
            "backend = \"gpu\"",
            "expected one of auto, openvino, rten, found `gpu`",
        ),
    ];
    for (file, environment, flags, expected) in cases {
        let message = load(*file, environment, flags).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn a_port_alone_is_one_of_this_machine() {
    assert_eq!(listen_address("9000"), Ok(([127, 0, 0, 1], 9000).into()));
    assert_eq!(listen_address("[::1]:80").unwrap().port(), 80);
    for wrong in ["", "70000", ":80", "localhost:80"] {
        assert!(listen_address(wrong).is_err(), "{wrong}");
    }
}
