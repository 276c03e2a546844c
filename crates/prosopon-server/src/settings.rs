//! What can be set, and where each value came from.
//!
//! There is one table of settings, [`SETTINGS`]. A value comes from the last of these that has it:
//! the default, the configuration file, the environment (`PROSOPON_` and the setting's name in
//! capitals), the command line. [`Settings::load`] is the only place that merges them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use prosopon::{CompareError, Rates};
use prosopon_train::registry::parse_reference;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::cameras::wrong_host;

/// How the server runs. [`SETTINGS`] says what each field means.
#[expect(
    missing_docs,
    reason = "documented in SETTINGS, for people and programs alike"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches are settings of their own"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub listen: SocketAddr,
    pub gallery: Option<PathBuf>,
    pub galleries_dir: Option<PathBuf>,
    pub albums_dir: Option<PathBuf>,
    pub classifiers_dir: Option<PathBuf>,
    pub server_db: Option<PathBuf>,
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub require_keys: RequireKeys,
    pub session_hours: u64,
    pub requests_per_minute: u32,
    pub cors_origins: Vec<String>,
    pub allow_url_input: bool,
    pub evaluate_dir: Option<PathBuf>,
    pub train_dir: Option<PathBuf>,
    pub classifier: Option<String>,
    pub camera_hosts: Vec<String>,
    pub camera_devices: Vec<String>,
    pub max_cameras: usize,
    pub secret_key_file: Option<PathBuf>,
    pub events_db: Option<PathBuf>,
    pub events_days: u64,
    pub webhooks: Vec<String>,
    pub webhook_secret_file: Option<PathBuf>,
    pub mqtt: Option<String>,
    pub mqtt_password_file: Option<PathBuf>,
    pub home_assistant: bool,
    pub fmr: Option<f64>,
    pub uncertain_fmr: Option<f64>,
    pub keep_crops: bool,
    pub compreface_rows: CompreFaceRows,
    pub compreface_static_images: bool,
    pub max_body_mib: u64,
    pub max_file_mib: u64,
    pub max_megapixels: u64,
    pub max_buffered_mib: u64,
    pub body_timeout_secs: u64,
    pub queue: usize,
    pub shutdown_secs: u64,
    pub log_format: LogFormat,
    pub log: String,
    pub detector: Option<String>,
    pub embedder: Option<String>,
    pub backend: String,
    pub precision: String,
    pub threads: usize,
    pub openvino_dir: Option<PathBuf>,
    pub offline: bool,
    pub mirror: Option<String>,
}

/// When a key is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequireKeys {
    /// Unless the server listens on a loopback address only.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the rows of a recognition through the API of CompreFace are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompreFaceRows {
    /// One for each subject, compared by the mean of its faces.
    Subject,
    /// One for each enrolled face, as CompreFace has it: a subject may be there several times.
    Face,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What a setting's value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, a path, or one of a few words.
    Text,
    /// A whole number.
    Number,
    /// A number with a fraction.
    Rate,
    /// `true` or `false`.
    Switch,
    /// Several texts; in the environment with commas in between.
    List,
}

/// One row of [`SETTINGS`].
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name in the configuration file; in capitals after `PROSOPON_` in the environment.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The default as it stands in a configuration file; none where the home directory decides.
    pub default: Option<&'static str>,
    /// What it means.
    pub about: &'static str,
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    about: &'static str,
) -> Setting {
    Setting {
        name,
        kind,
        default,
        about,
    }
}

/// All settings, in the order in which they are shown.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    setting("listen", Kind::Text, Some("\"127.0.0.1:8420\""), "address and port"),
    setting("gallery", Kind::Text, None, "file of the default gallery; gallery.db in the data directory"),
    setting("galleries_dir", Kind::Text, None, "folder of the other galleries; galleries in the data directory"),
    setting("albums_dir", Kind::Text, None, "folder of the albums; albums in the data directory"),
    setting("classifiers_dir", Kind::Text, None, "folder of the trained classifiers; classifiers in the data directory"),
    setting("server_db", Kind::Text, None, "file of keys and audit log; server.db in the data directory"),
    setting("tls_certificate", Kind::Text, None, "PEM file with the certificate chain; with it the server speaks HTTPS"),
    setting("tls_key", Kind::Text, None, "PEM file with the certificate's private key"),
    setting("require_keys", Kind::Text, Some("\"auto\""), "always, never, or auto: unless it listens on loopback only"),
    setting("session_hours", Kind::Number, Some("12"), "how long a browser stays signed in"),
    setting("requests_per_minute", Kind::Number, Some("3000"), "limit for each key or address; 0 for none"),
    setting("cors_origins", Kind::List, Some("[]"), "origins whose pages may call the API, such as https://photos.example"),
    setting("allow_url_input", Kind::Switch, Some("false"), "fetch pictures from addresses in requests (public addresses only)"),
    setting("evaluate_dir", Kind::Text, None, "folder below which administrators may name folders of pictures to evaluate; without it none"),
    setting("train_dir", Kind::Text, None, "folder below which administrators may name folders of pictures to train on; without it none"),
    setting("classifier", Kind::Text, None, "trained classifier that /classify_image answers with, NAME or NAME@VERSION; the people of the gallery without it"),
    setting("camera_hosts", Kind::List, Some("[]"), "network cameras that may be watched: names, *.NAME, addresses, networks such as 192.168.1.0/24, or `public` for the internet"),
    setting("camera_devices", Kind::List, Some("[]"), "devices, files and folders of videos that cameras may name, such as /dev/video0"),
    setting("max_cameras", Kind::Number, Some("16"), "cameras that there may be"),
    setting("secret_key_file", Kind::Text, None, "file with the key that addresses and passwords of cameras are encrypted with; server.key beside the database"),
    setting("events_db", Kind::Text, None, "file of the events that cameras saw; events.db in the data directory"),
    setting("events_days", Kind::Number, Some("30"), "days for which events and their pictures are kept; 0 for ever"),
    setting("webhooks", Kind::List, Some("[]"), "addresses that each event is sent to"),
    setting("webhook_secret_file", Kind::Text, None, "file with the secret that these messages are signed with"),
    setting("mqtt", Kind::Text, None, "MQTT broker that each event is published at, such as mqtt://user@127.0.0.1:1883"),
    setting("mqtt_password_file", Kind::Text, None, "file with the broker's password"),
    setting("home_assistant", Kind::Switch, Some("false"), "tell Home Assistant of the cameras, through the broker"),
    setting("fmr", Kind::Rate, None, "false match rate of decisions, where neither request nor gallery names one; 1e-3"),
    setting("uncertain_fmr", Kind::Rate, None, "looser rate from which on an answer is uncertain, likewise; 0 for two answers only"),
    setting("keep_crops", Kind::Switch, Some("true"), "keep a small picture of each enrolled face"),
    setting("compreface_rows", Kind::Text, Some("\"subject\""), "rows of a recognition through CompreFace's API: subject, or face as CompreFace has it"),
    setting("compreface_static_images", Kind::Switch, Some("false"), "CompreFace's addresses of pictures with the key in them: whoever sees one can use the key"),
    setting("max_body_mib", Kind::Number, Some("32"), "largest request"),
    setting("max_file_mib", Kind::Number, Some("20"), "largest picture file"),
    setting("max_megapixels", Kind::Number, Some("50"), "largest picture"),
    setting("max_buffered_mib", Kind::Number, Some("512"), "memory for requests that are being received or wait"),
    setting("body_timeout_secs", Kind::Number, Some("60"), "time in which a request must have arrived"),
    setting("queue", Kind::Number, Some("64"), "pictures that may wait or be worked on; more get 503"),
    setting("shutdown_secs", Kind::Number, Some("30"), "time that accepted requests get to finish when the server is stopped"),
    setting("log_format", Kind::Text, Some("\"text\""), "text or json"),
    setting("log", Kind::Text, Some("\"info\""), "what is logged: error, warn, info, debug, or a filter for each module"),
    setting("detector", Kind::Text, None, "detector; the default pack's"),
    setting("embedder", Kind::Text, None, "embedder; the default pack's"),
    setting("backend", Kind::Text, Some("\"auto\""), "inference engine: auto, openvino, rten"),
    setting("precision", Kind::Text, Some("\"auto\""), "arithmetic: auto, f32, bf16"),
    setting("threads", Kind::Number, Some("0"), "threads for recognition; 0 for one a core"),
    setting("openvino_dir", Kind::Text, None, "folder with OpenVINO's libraries in place of the installed ones"),
    setting("offline", Kind::Switch, Some("false"), "never fetch models"),
    setting("mirror", Kind::Text, None, "mirror for models: an address or a folder"),
];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody has set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::CommandLine => write!(f, "command line"),
        }
    }
}

/// Settings together with where each came from.
#[derive(Debug, Clone)]
pub struct LoadedSettings {
    /// The values.
    pub settings: Settings,
    values: Table,
    origins: BTreeMap<&'static str, Origin>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The configuration file cannot be read.
    #[error("could not read the configuration file: {source}: {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The report.
        source: std::io::Error,
    },
    /// The configuration file is no TOML.
    #[error("expected a TOML file, found {message}: {}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        message: String,
    },
    /// There is no such setting.
    #[error("unknown setting `{name}` from {origin}")]
    Unknown {
        /// Its name.
        name: String,
        /// Where it was set.
        origin: Origin,
    },
    /// A value that the setting cannot have.
    #[error("setting `{name}` from {origin}: {message}")]
    Value {
        /// The setting.
        name: &'static str,
        /// Where it was set.
        origin: Origin,
        /// What is wrong with it.
        message: String,
    },
}

impl Settings {
    /// Merges file, environment and command line, each before the next; `environment` gives the
    /// value of a variable.
    ///
    /// # Errors
    /// [`SettingsError`] with the setting and where it was set.
    pub fn load(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
        command_line: Table,
    ) -> Result<LoadedSettings, SettingsError> {
        let mut values = Table::new();
        let mut origins = BTreeMap::new();
        for setting in SETTINGS {
            origins.insert(setting.name, Origin::Default);
            if let Some(text) = setting.default {
                let value = parse(text).unwrap_or_else(|_| unreachable!("defaults are TOML"));
                values.insert(setting.name.to_owned(), value);
            }
        }
        let mut apply = |layer: Table, origin: &dyn Fn(&str) -> Origin| {
            for (name, value) in layer {
                let origin = origin(&name);
                let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
                    return Err(SettingsError::Unknown { name, origin });
                };
                origins.insert(setting.name, origin);
                values.insert(name, value);
            }
            Ok(())
        };
        if let Some(path) = file {
            let at = || path.to_path_buf();
            let text = std::fs::read_to_string(path)
                .map_err(|source| SettingsError::Unreadable { path: at(), source })?;
            let table = text.parse().map_err(|error: toml::de::Error| {
                let line = error.span().map_or(1, |span| {
                    1 + text[..span.start.min(text.len())].matches('\n').count()
                });
                let message = format!("{} in line {line}", error.message().replace('\n', " "));
                SettingsError::NotToml {
                    path: at(),
                    message,
                }
            })?;
            apply(table, &|_| Origin::File(at()))?;
        }
        let mut layer = Table::new();
        for setting in SETTINGS {
            let variable = variable(setting.name);
            if let Some(text) = environment(&variable) {
                let value = from_text(setting.kind, &text).map_err(|message| {
                    let origin = Origin::Environment(variable);
                    let name = setting.name;
                    SettingsError::Value {
                        name,
                        origin,
                        message,
                    }
                })?;
                layer.insert(setting.name.to_owned(), value);
            }
        }
        apply(layer, &|name| Origin::Environment(variable(name)))?;
        apply(command_line, &|_| Origin::CommandLine)?;
        let settings = settings_of(&values, &origins)?;
        Ok(LoadedSettings {
            settings,
            values,
            origins,
        })
    }
}

impl Settings {
    /// The rates that the server decides by where nobody closer has chosen others.
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            fmr: self.fmr,
            uncertain_fmr: self.uncertain_fmr,
        }
    }
}

/// Deserialises, and finds the setting to blame if that fails.
fn settings_of(
    values: &Table,
    origins: &BTreeMap<&'static str, Origin>,
) -> Result<Settings, SettingsError> {
    let blame = |name: &'static str, message: String| SettingsError::Value {
        name,
        origin: origins.get(name).cloned().unwrap_or(Origin::Default),
        message,
    };
    let whole = Value::Table(values.clone()).try_into::<Settings>();
    let settings = whole.map_err(|error| {
        // One value in place of its default at a time shows which is wrong.
        let wrong = SETTINGS.iter().find(|setting| {
            let mut alone = defaults();
            let value = values.get(setting.name).cloned();
            value.is_some_and(|value| {
                alone.insert(setting.name.to_owned(), value);
                Value::Table(alone).try_into::<Settings>().is_err()
            })
        });
        let name = wrong.map_or("listen", |setting| setting.name);
        blame(name, error.message().trim().replace('\n', " "))
    })?;
    let fmr_alone = Rates {
        uncertain_fmr: None,
        ..settings.rates()
    };
    let wrong = |name, error: CompareError| blame(name, error.to_string());
    fmr_alone.check().map_err(|error| wrong("fmr", error))?;
    let rates = settings.rates();
    rates
        .check()
        .map_err(|error| wrong("uncertain_fmr", error))?;
    for (name, value, low, high) in [
        ("queue", settings.queue as u64, 1, 1_000_000),
        ("max_body_mib", settings.max_body_mib, 1, 4096),
        ("max_file_mib", settings.max_file_mib, 1, 4096),
        ("max_megapixels", settings.max_megapixels, 1, 10_000),
        (
            "max_buffered_mib",
            settings.max_buffered_mib,
            settings.max_body_mib,
            1_000_000,
        ),
        ("body_timeout_secs", settings.body_timeout_secs, 1, 86_400),
        ("session_hours", settings.session_hours, 1, 24 * 365),
        ("shutdown_secs", settings.shutdown_secs, 0, 86_400),
        ("threads", settings.threads as u64, 0, 1024),
        ("max_cameras", settings.max_cameras as u64, 0, 256),
        ("events_days", settings.events_days, 0, 36_500),
    ] {
        if !(low..=high).contains(&value) {
            return Err(blame(
                name,
                format!("expected a number from {low} to {high}, found {value}"),
            ));
        }
    }
    let is_one_of = |name, value: &str, known: &[&str]| {
        if known.contains(&value) {
            Ok(())
        } else {
            let known = known.join(", ");
            Err(blame(
                name,
                format!("expected one of {known}, found `{value}`"),
            ))
        }
    };
    is_one_of("backend", &settings.backend, &["auto", "openvino", "rten"])?;
    is_one_of("precision", &settings.precision, &["auto", "f32", "bf16"])?;
    match (&settings.tls_certificate, &settings.tls_key) {
        (Some(_), None) => {
            return Err(blame(
                "tls_key",
                "expected a file, since there is a certificate".to_owned(),
            ));
        }
        (None, Some(_)) => {
            return Err(blame(
                "tls_certificate",
                "expected a file, since there is a key".to_owned(),
            ));
        }
        _ => {}
    }
    if let Some(classifier) = &settings.classifier {
        parse_reference(classifier).map_err(|error| blame("classifier", error.to_string()))?;
    }
    for entry in &settings.camera_hosts {
        if let Some(message) = wrong_host(entry) {
            return Err(blame("camera_hosts", message));
        }
    }
    for origin in &settings.cors_origins {
        let host = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', '*', ' '])) {
            let message =
                format!("expected an origin such as https://photos.example, found `{origin}`");
            return Err(blame("cors_origins", message));
        }
    }
    Ok(settings)
}

fn defaults() -> Table {
    let pairs = SETTINGS
        .iter()
        .filter_map(|setting| Some((setting.name.to_owned(), parse(setting.default?).ok()?)));
    pairs.collect()
}

/// Name of a setting's environment variable.
fn variable(name: &str) -> String {
    format!("PROSOPON_{}", name.to_uppercase())
}

fn parse(text: &str) -> Result<Value, String> {
    let table: Table = format!("v = {text}")
        .parse()
        .map_err(|error: toml::de::Error| error.message().to_owned())?;
    table.get("v").cloned().ok_or_else(|| "no value".to_owned())
}

/// A value from plain text, as the environment has it.
fn from_text(kind: Kind, text: &str) -> Result<Value, String> {
    let text = text.trim();
    match kind {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Ok(Value::Array(
                items.map(|item| item.to_owned().into()).collect(),
            ))
        }
        Kind::Number => text
            .parse::<i64>()
            .map(Value::Integer)
            .map_err(|_| format!("expected a whole number, found `{text}`")),
        Kind::Rate => text
            .parse::<f64>()
            .map(Value::Float)
            .map_err(|_| format!("expected a number, found `{text}`")),
        Kind::Switch => match text {
            "1" | "true" | "yes" | "on" => Ok(Value::Boolean(true)),
            "0" | "false" | "no" | "off" => Ok(Value::Boolean(false)),
            _ => Err(format!("expected true or false, found `{text}`")),
        },
    }
}

/// As a configuration file that says where each value came from.
impl fmt::Display for LoadedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for setting in SETTINGS {
            let origin = self.origins.get(setting.name).unwrap_or(&Origin::Default);
            writeln!(f, "# {} ({origin})", setting.about)?;
            match self.values.get(setting.name) {
                Some(value) => writeln!(f, "{} = {value}", setting.name)?,
                None => writeln!(f, "# {} =", setting.name)?,
            }
        }
        Ok(())
    }
}

impl LoadedSettings {
    /// Every setting with its value and origin, for `--json`.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, Option<&Value>, &Origin)> {
        SETTINGS.iter().map(|setting| {
            let origin = self.origins.get(setting.name).unwrap_or(&Origin::Default);
            (setting.name, self.values.get(setting.name), origin)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let origin = |name| loaded.origins[name].to_string();
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
                "setting `listen` from command line",
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
}
