//! Who is told about events: flags that `watch` and `events deliver` share.

use std::fs;
use std::path::{Path, PathBuf};

use prosopon_video::deliver::{Mqtt, Secret, SecretError, Target, TargetError, Webhook};
use prosopon_video::{Delivery, EventStore, Notice};

use crate::failure::{Exit, Failure};
use crate::output::{count, eprint};

/// Holds the secret that signs webhooks.
const WEBHOOK_SECRET: &str = "PROSOPON_WEBHOOK_SECRET";

/// Holds the broker's password.
const MQTT_PASSWORD: &str = "PROSOPON_MQTT_PASSWORD";

/// Who is told about events.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Delivery")]
pub(crate) struct DeliveryArgs {
    /// POST events as JSON to this address; may be repeated. `@FILE` reads addresses from a file, one a line, where
    /// other users of this machine do not see them
    #[arg(
        long,
        value_name = "URL|@FILE",
        env = "PROSOPON_WEBHOOK",
        hide_env_values = true
    )]
    webhook: Vec<String>,
    /// File with the secret that signs what is posted (HMAC-SHA256), at least 16 bytes; or the variable
    /// `PROSOPON_WEBHOOK_SECRET`
    #[arg(long, value_name = "FILE")]
    webhook_secret: Option<PathBuf>,
    /// Publish events to this MQTT broker, `mqtt://[user@]host[:1883][/prefix]`; `@FILE` reads the address from a
    /// file
    #[arg(
        long,
        value_name = "URL|@FILE",
        env = "PROSOPON_MQTT",
        hide_env_values = true
    )]
    mqtt: Vec<String>,
    /// File with the broker's password; or the variable `PROSOPON_MQTT_PASSWORD`
    #[arg(long, value_name = "FILE")]
    mqtt_password: Option<PathBuf>,
    /// Send the best crop along
    #[arg(long)]
    with_crop: bool,
    /// What Home Assistant listens to; `none` if there is none
    #[arg(long, value_name = "PREFIX", default_value = "homeassistant")]
    home_assistant: String,
    /// Keep events for so many days; 0 for ever
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) keep_days: u32,
}

impl DeliveryArgs {
    /// Who is told; with `lines` standard output too, as JSON lines.
    pub(crate) fn targets(&self) -> Result<Vec<Target>, Failure> {
        let mut targets = Vec::new();
        let secret = self.secret()?;
        for webhook in &self.webhook {
            for address in addresses(webhook)? {
                let mut webhook = Webhook::parse(&address)?;
                webhook.secret.clone_from(&secret);
                webhook.with_crop = self.with_crop;
                targets.push(Target::Webhook(webhook));
            }
        }
        for mqtt in &self.mqtt {
            for address in addresses(mqtt)? {
                targets.push(Target::Mqtt(self.broker(&address)?));
            }
        }
        Ok(targets)
    }

    fn secret(&self) -> Result<Option<Secret>, Failure> {
        if let Some(path) = &self.webhook_secret {
            return Ok(Some(Secret::from_file(path)?));
        }
        match std::env::var_os(WEBHOOK_SECRET) {
            Some(value) if !value.is_empty() => Ok(Some(Secret::from_environment(WEBHOOK_SECRET)?)),
            _ => Ok(None),
        }
    }

    fn broker(&self, address: &str) -> Result<Mqtt, Failure> {
        let mut mqtt = Mqtt::parse(address)?;
        if let Some(path) = &self.mqtt_password {
            mqtt.password = Some(Secret::password_from_file(path)?);
        } else if let Some(password) = std::env::var(MQTT_PASSWORD).ok().filter(|p| !p.is_empty()) {
            mqtt.password = Some(Secret::unchecked(password));
        }
        if mqtt.password.is_some() && mqtt.user.is_none() {
            return Err(Failure::new(
                Exit::Usage,
                "invalid_target",
                "expected a user for the broker's password, found none",
            )
            .with_hint("for example `--mqtt mqtt://prosopon@broker`"));
        }
        mqtt.with_crop = self.with_crop;
        let prefix = self.home_assistant.trim_matches('/');
        mqtt.home_assistant = (prefix != "none").then(|| prefix.to_owned());
        Ok(mqtt)
    }
}

/// The address itself, or those in the file that `@FILE` names.
fn addresses(text: &str) -> Result<Vec<String>, Failure> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(vec![text.to_owned()]);
    };
    let content = fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Exit::Usage,
            "unreadable_file",
            format!("could not read addresses: {error}"),
        )
        .at(Path::new(path).display())
        .with_hint("check the path, and who may read the file")
    })?;
    Ok(content
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

/// Starts to deliver; what happens on the way is said on standard error.
pub(crate) fn start(
    store: &std::sync::Arc<EventStore>,
    targets: Vec<Target>,
) -> Result<Delivery, Failure> {
    let delivery = Delivery::start(store, targets, |notice| {
        if let Some(text) = describe(&notice) {
            eprint(&text);
        }
    })?;
    Ok(delivery)
}

/// A notice in words.
pub(crate) fn describe(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Failing {
            target,
            reason,
            retry_in,
        } => format!(
            "{target}: {reason}; events wait, next attempt in {:.0} s",
            retry_in.as_secs_f64().ceil()
        ),
        Notice::Recovered { target } => format!("{target}: works again"),
        Notice::Dropped {
            target,
            n_events,
            reason,
        } => format!(
            "{target}: {} given up: {reason}",
            count(*n_events as usize, "event was", "events were")
        ),
        Notice::Gone { target, n_events } => format!(
            "{target}: wants no more events (410); {} dropped",
            count(*n_events as usize, "event was", "events were")
        ),
        Notice::Elsewhere { target } => {
            format!("{target}: another process delivers; this one will when that one ends")
        }
        _ => return None,
    })
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        if let TargetError::Secret(error) = error {
            return error.into();
        }
        Self::new(Exit::Usage, error.code(), &error).with_hint(error.hint())
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        let mut text = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            text = format!("{text}: {cause}");
        }
        Self::new(Exit::Usage, "invalid_secret", text).with_hint(error.hint())
    }
}
