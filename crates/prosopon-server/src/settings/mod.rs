//! What can be set, and where each value came from.
//!
//! There is one table of settings, [`SETTINGS`]. A value comes from the last of these that has it:
//! the default, the configuration file, the environment (`PROSOPON_` and the setting's name in
//! capitals), the command line. [`Settings::load`] is the only place that merges them.
//!
//! | File | Holds |
//! |---|---|
//! | `table.rs` | name, kind, default and meaning of each setting |
//! | `load.rs` | merging of the sources, and where each value came from |
//! | `check.rs` | what values there may be |
//! | `error.rs` | why settings cannot be used |

mod check;
mod error;
mod load;
mod table;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use prosopon::Rates;
use serde::{Deserialize, Deserializer, Serialize};

pub use error::SettingsError;
pub use load::{LoadedSettings, Origin};
pub use table::{Kind, SETTINGS, Setting};

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
    #[serde(deserialize_with = "address")]
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

/// The setting `listen` as it is written: an address and a port, or a port of this machine alone.
///
/// # Errors
/// What was expected.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected an IP address and a port, such as 127.0.0.1:8420";
    let port = text
        .parse()
        .map(|port: u16| (Ipv4Addr::LOCALHOST, port).into());
    text.parse()
        .or(port)
        .map_err(|_| format!("{expected}, found `{text}`"))
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    listen_address(&text).map_err(serde::de::Error::custom)
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

impl Settings {
    /// The rates that the server decides by where nobody closer has chosen others.
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            fmr: self.fmr,
            uncertain_fmr: self.uncertain_fmr,
        }
    }
}
