//! What values there may be.

use std::collections::BTreeMap;

use prosopon::Rates;
use prosopon_train::registry::parse_reference;
use toml::{Table, Value};

use super::table::{SETTINGS, defaults};
use super::{Origin, Settings, SettingsError};
use crate::cameras::wrong_host;

/// A setting with a value that it cannot have, and what is wrong with it.
type Wrong = (&'static str, String);

/// The settings, if all values are such as there may be.
pub(super) fn checked(
    values: &Table,
    origins: &BTreeMap<&'static str, Origin>,
) -> Result<Settings, SettingsError> {
    let blame = |(name, message): Wrong| SettingsError::Value {
        name,
        origin: origins.get(name).cloned().unwrap_or(Origin::Default),
        message,
    };
    let settings = deserialized(values).map_err(blame)?;
    check_rates(&settings).map_err(blame)?;
    check_numbers(&settings).map_err(blame)?;
    check_words(&settings).map_err(blame)?;
    check_tls(&settings).map_err(blame)?;
    check_references(&settings).map_err(blame)?;
    Ok(settings)
}

/// Deserialises, and finds the setting to blame if that fails.
fn deserialized(values: &Table) -> Result<Settings, Wrong> {
    let whole = Value::Table(values.clone()).try_into::<Settings>();
    whole.map_err(|error| {
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
        (name, error.message().trim().replace('\n', " "))
    })
}

fn check_rates(settings: &Settings) -> Result<(), Wrong> {
    let rates = settings.rates();
    let fmr_alone = Rates {
        uncertain_fmr: None,
        ..rates
    };
    for (name, rates) in [("fmr", fmr_alone), ("uncertain_fmr", rates)] {
        rates.check().map_err(|error| (name, error.to_string()))?;
    }
    Ok(())
}

fn check_numbers(settings: &Settings) -> Result<(), Wrong> {
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
            let message = format!("expected a number from {low} to {high}, found {value}");
            return Err((name, message));
        }
    }
    Ok(())
}

/// Settings that are one of a few words, where other crates know what the words mean.
fn check_words(settings: &Settings) -> Result<(), Wrong> {
    let words: [(_, &str, &[&str]); 2] = [
        ("backend", &settings.backend, &["auto", "openvino", "rten"]),
        ("precision", &settings.precision, &["auto", "f32", "bf16"]),
    ];
    for (name, value, known) in words {
        if !known.contains(&value) {
            let known = known.join(", ");
            return Err((name, format!("expected one of {known}, found `{value}`")));
        }
    }
    Ok(())
}

fn check_tls(settings: &Settings) -> Result<(), Wrong> {
    let (name, other) = match (&settings.tls_certificate, &settings.tls_key) {
        (Some(_), None) => ("tls_key", "certificate"),
        (None, Some(_)) => ("tls_certificate", "key"),
        _ => return Ok(()),
    };
    Err((name, format!("expected a file, since there is a {other}")))
}

/// Names of what is elsewhere: a classifier, hosts, origins.
fn check_references(settings: &Settings) -> Result<(), Wrong> {
    if let Some(classifier) = &settings.classifier {
        parse_reference(classifier).map_err(|error| ("classifier", error.to_string()))?;
    }
    if let Some(message) = settings
        .camera_hosts
        .iter()
        .find_map(|host| wrong_host(host))
    {
        return Err(("camera_hosts", message));
    }
    for origin in &settings.cors_origins {
        let host = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', '*', ' '])) {
            let message =
                format!("expected an origin such as https://photos.example, found `{origin}`");
            return Err(("cors_origins", message));
        }
    }
    Ok(())
}
