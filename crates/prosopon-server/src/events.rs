//! What cameras saw: stored, told to whoever listens, sent to where the operator wants it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prosopon_video::deliver::{Delivery, Mqtt, Secret, Target, TargetId, Webhook};
use prosopon_video::store::{EventStore, StoreError, StoreOptions};
use prosopon_video::{Event, EventId};
use tokio::sync::watch;

use crate::error::{ApiError, ApiResult};
use crate::settings::Settings;

/// How long sending may go on when the server is stopped.
const MAX_FAREWELL: Duration = Duration::from_secs(3);

/// Events and where they go.
pub(crate) struct Events {
    pub(crate) store: Arc<EventStore>,
    targets: Vec<TargetId>,
    delivery: Mutex<Option<Delivery>>,
    /// The number of the last event of this process.
    last: watch::Sender<u64>,
}

/// Why events cannot be stored or sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventsError {
    /// The file cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting does not say where to send them.
    #[error("setting `{setting}`: {message}")]
    Target {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl Events {
    /// Opens the file of events at `path` and begins to send those that wait.
    ///
    /// # Errors
    /// [`EventsError`].
    pub(crate) fn open(path: &Path, settings: &Settings) -> Result<Self, EventsError> {
        let days = settings.events_days;
        let options = StoreOptions {
            retention: (days > 0).then(|| Duration::from_hours(24 * days)),
            ..StoreOptions::default()
        };
        let store = Arc::new(EventStore::open_with(path, &options)?);
        let delivery = Delivery::start(&store, targets(settings)?, |notice| {
            tracing::warn!(?notice, "events are not delivered as they should be");
        })?;
        Ok(Self {
            last: watch::Sender::new(store.last_sequence()?),
            store,
            targets: delivery.targets(),
            delivery: Mutex::new(Some(delivery)),
        })
    }

    /// Stores an event for all who listen and all targets.
    ///
    /// # Errors
    /// Those of writing it.
    pub(crate) fn append(&self, event: &Event) -> Result<(), StoreError> {
        let sequence = self.store.append(event, &self.targets)?;
        self.last.send_replace(sequence);
        Ok(())
    }

    /// Changes whenever there is a new event of this process.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// Ends the sending: what is to be had in a few seconds is sent; what waits longer is sent after the next start.
    pub(crate) fn stop(&self) {
        let delivery = self
            .delivery
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Err(error)) = delivery.map(|delivery| delivery.stop(MAX_FAREWELL)) {
            tracing::warn!(cause = %error, "could not end the sending of events");
        }
    }
}

/// The targets that the settings name.
fn targets(settings: &Settings) -> Result<Vec<Target>, EventsError> {
    let wrong = |setting, error: &dyn std::fmt::Display| EventsError::Target {
        setting,
        message: error.to_string(),
    };
    let mut targets = Vec::new();
    let secret = settings
        .webhook_secret_file
        .as_deref()
        .map(Secret::from_file);
    let secret = secret
        .transpose()
        .map_err(|error| wrong("webhook_secret_file", &error))?;
    for address in &settings.webhooks {
        let mut webhook = Webhook::parse(address).map_err(|error| wrong("webhooks", &error))?;
        webhook.secret.clone_from(&secret);
        targets.push(Target::Webhook(webhook));
    }
    if let Some(address) = &settings.mqtt {
        let mut mqtt = Mqtt::parse(address).map_err(|error| wrong("mqtt", &error))?;
        if !settings.home_assistant {
            mqtt.home_assistant = None;
        }
        if let Some(path) = &settings.mqtt_password_file {
            let password = Secret::password_from_file(path);
            mqtt.password = Some(password.map_err(|error| wrong("mqtt_password_file", &error))?);
        }
        targets.push(Target::Mqtt(mqtt));
    }
    Ok(targets)
}

/// The id of an event as it stands in an address.
///
/// # Errors
/// `unknown_event`.
pub(crate) fn event_id(text: &str) -> ApiResult<EventId> {
    EventId::from_hex(text).ok_or_else(unknown)
}

/// There is no such event, or not any more.
pub(crate) fn unknown() -> ApiError {
    ApiError::new("unknown_event", "there is no such event, or not any more")
        .with_hint("`GET /v1/events` lists those that are kept")
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Full { .. } = error {
            return Self::disk_full(error);
        }
        Self::internal(crate::error::with_causes(&error))
    }
}
