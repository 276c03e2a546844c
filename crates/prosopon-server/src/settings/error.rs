//! Why settings cannot be used.

use std::path::PathBuf;

use super::Origin;

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
