//! Where events go beside standard output: a file, webhooks, brokers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prosopon_models::Store;
use prosopon_video::deliver::{Mqtt, Secret, TargetError, Webhook};
use prosopon_video::{Delivery, Event, EventStore, Notice, StoreError, Target};

use super::worker::Message;
use crate::failure::{Exit, Failure};
use crate::output::eprint;

/// At the end so long is waited for what is still to be delivered; the rest goes out at the next start.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where events go.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Events")]
pub(super) struct DeliveryArgs {
    /// Keep events in this file; with `--webhook` or `--mqtt` `events.db` in the data directory by default
    #[arg(long, value_name = "DB", env = "PROSOPON_EVENTS")]
    events: Option<PathBuf>,
    /// POST each event there; may be given several times
    #[arg(long, value_name = "URL")]
    webhook: Vec<String>,
    /// Sign what is posted with the secret in this file (HMAC-SHA256; see docs/events.md); by default with that in the
    /// variable `PROSOPON_WEBHOOK_SECRET`, if it is set
    #[arg(long, value_name = "FILE")]
    webhook_secret: Option<PathBuf>,
    /// Publish each event at this broker: mqtt://[USER:PASSWORD@]HOST[:PORT][/PREFIX]
    #[arg(long, value_name = "URL")]
    mqtt: Vec<String>,
    /// Send the best crop along
    #[arg(long)]
    with_crop: bool,
}

/// The file and the threads that deliver.
pub(super) struct Deliveries {
    store: Option<Arc<EventStore>>,
    delivery: Option<Delivery>,
}

impl DeliveryArgs {
    pub(super) fn open(&self) -> Result<Deliveries, Failure> {
        let targets = self.targets()?;
        let path = match &self.events {
            Some(path) => path.clone(),
            None if targets.is_empty() => {
                return Ok(Deliveries {
                    store: None,
                    delivery: None,
                });
            }
            None => Store::open()?.home().join("events.db"),
        };
        let store = Arc::new(EventStore::open(path).map_err(|error| unusable(&error))?);
        let delivery = Delivery::start(&store, targets, |notice| eprint(&describe(&notice)))
            .map_err(|error| unusable(&error))?;
        Ok(Deliveries {
            store: Some(store),
            delivery: Some(delivery),
        })
    }

    fn targets(&self) -> Result<Vec<Target>, Failure> {
        const VARIABLE: &str = "PROSOPON_WEBHOOK_SECRET";
        let secret = match &self.webhook_secret {
            Some(path) => Some(Secret::from_file(path)),
            None => std::env::var_os(VARIABLE).map(|_| Secret::from_environment(VARIABLE)),
        };
        let secret = secret.transpose().map_err(|error| unknown(&error.into()))?;
        let mut targets = Vec::new();
        for url in &self.webhook {
            let mut webhook = Webhook::parse(url).map_err(|error| unknown(&error))?;
            webhook.with_crop = self.with_crop;
            webhook.secret.clone_from(&secret);
            targets.push(Target::Webhook(webhook));
        }
        for url in &self.mqtt {
            let mut mqtt = Mqtt::parse(url).map_err(|error| unknown(&error))?;
            mqtt.with_crop = self.with_crop;
            targets.push(Target::Mqtt(mqtt));
        }
        Ok(targets)
    }
}

impl Deliveries {
    /// What the camera of this name told lately, in an earlier run too.
    pub(super) fn last_of(&self, camera: &str) -> Result<Vec<Event>, Failure> {
        let last = self.store.as_ref().map(|store| store.last_of(camera));
        Ok(last
            .transpose()
            .map_err(|error| unusable(&error))?
            .unwrap_or_default())
    }

    /// Keeps an event, and what is to be told of it, before it is printed.
    pub(super) fn take(&mut self, message: &Message) -> Result<(), Failure> {
        if let (Message::Event { event, .. }, Some(delivery)) = (message, &self.delivery) {
            delivery.append(event).map_err(|error| unusable(&error))?;
        }
        Ok(())
    }

    /// Delivers what waits, as far as that does not take long, and says what is left.
    pub(super) fn finish(self, note: impl Fn(&str)) -> Result<(), Failure> {
        let Some(delivery) = self.delivery else {
            return Ok(());
        };
        let states = delivery.stop(PATIENCE).map_err(|error| unusable(&error))?;
        for state in states {
            if state.outbox.pending > 0 {
                note(&format!(
                    "{}: {} wait for the next start",
                    state.target,
                    crate::output::count(state.outbox.pending as usize, "event", "events")
                ));
            }
        }
        Ok(())
    }
}

fn unusable(error: &StoreError) -> Failure {
    Failure::new(Exit::Storage, error.code(), error).with_hint(error.hint())
}

fn unknown(error: &TargetError) -> Failure {
    Failure::new(Exit::Usage, error.code(), error).with_hint(error.hint())
}

fn describe(notice: &Notice) -> String {
    match notice {
        Notice::Failing {
            target,
            reason,
            retry_in,
        } => format!(
            "{target}: could not deliver: {reason}; again in {:.0} s",
            retry_in.as_secs_f64().max(1.0)
        ),
        Notice::Recovered { target } => format!("{target}: delivers again"),
        Notice::Dropped {
            target,
            n_events,
            reason,
        } => format!("{target}: {n_events} events were given up: {reason}"),
        Notice::Gone { target, n_events } => {
            format!("{target}: wants no more events; {n_events} that waited were given up")
        }
        Notice::Elsewhere { target } => {
            format!("{target}: another process delivers there")
        }
        _ => String::new(),
    }
}
