//! The table of settings.

use toml::{Table, Value};

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
    setting("listen", Kind::Text, Some("\"127.0.0.1:8420\""), "address and port, or a port of 127.0.0.1"),
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

/// The defaults of all settings that have one.
pub(super) fn defaults() -> Table {
    let value = |text| parse(text).unwrap_or_else(|| unreachable!("defaults are TOML"));
    let pairs = SETTINGS
        .iter()
        .filter_map(|setting| Some((setting.name.to_owned(), value(setting.default?))));
    pairs.collect()
}

/// A value as it stands in a configuration file.
fn parse(text: &str) -> Option<Value> {
    let table: Table = format!("v = {text}").parse().ok()?;
    table.get("v").cloned()
}
