//! Merging of default, file, environment and command line, and where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::check::checked;
use super::table::{Kind, SETTINGS, defaults};
use super::{Settings, SettingsError};

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

impl Settings {
    /// Names of the environment variables of all settings.
    pub fn variables() -> impl Iterator<Item = String> {
        SETTINGS.iter().map(|setting| variable(setting.name))
    }

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
        let mut values = defaults();
        let mut origins: BTreeMap<_, _> = SETTINGS
            .iter()
            .map(|setting| (setting.name, Origin::Default))
            .collect();
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
        let settings = checked(&values, &origins)?;
        Ok(LoadedSettings {
            settings,
            values,
            origins,
        })
    }
}

/// Name of a setting's environment variable.
fn variable(name: &str) -> String {
    format!("PROSOPON_{}", name.to_uppercase())
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
        for (setting, (name, value, origin)) in SETTINGS.iter().zip(self.rows()) {
            writeln!(f, "# {} ({origin})", setting.about)?;
            match value {
                Some(value) => writeln!(f, "{name} = {value}")?,
                None => writeln!(f, "# {name} =")?,
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
