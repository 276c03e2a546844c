//! Where events go beside standard output: a file, webhooks, brokers.

use std::sync::Arc;
use std::time::Duration;

use prosopon_video::{Delivery, Event, EventStore};

use super::worker::Message;
use crate::commands::events::delivery::{self, DeliveryArgs};
use crate::commands::events::place::EventsArgs;
use crate::failure::Failure;

/// At the end so long is waited for what is still to be delivered; the rest goes out at the next start.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where events go: the flags of `events deliver`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DeliveriesArgs {
    #[command(flatten)]
    events: EventsArgs,
    #[command(flatten)]
    delivery: DeliveryArgs,
}

/// The file and the threads that deliver.
pub(super) struct Deliveries {
    store: Option<Arc<EventStore>>,
    delivery: Option<Delivery>,
}

impl DeliveriesArgs {
    /// Opens the file of events if one was named or somebody is told, and starts to deliver.
    pub(super) fn open(&self) -> Result<Deliveries, Failure> {
        let targets = self.delivery.targets()?;
        if targets.is_empty() && !self.events.is_named() {
            return Ok(Deliveries {
                store: None,
                delivery: None,
            });
        }
        let store = self.events.open(true, Some(self.delivery.keep_days))?;
        let delivery = delivery::start(&store, targets)?;
        Ok(Deliveries {
            store: Some(store),
            delivery: Some(delivery),
        })
    }
}

impl Deliveries {
    /// What the camera of this name told lately, in an earlier run too.
    pub(super) fn last_of(&self, camera: &str) -> Result<Vec<Event>, Failure> {
        let last = self.store.as_ref().map(|store| store.last_of(camera));
        Ok(last.transpose()?.unwrap_or_default())
    }

    /// Keeps an event, and what is to be told of it, before it is printed.
    pub(super) fn take(&mut self, message: &Message) -> Result<(), Failure> {
        if let (Message::Event { event, .. }, Some(delivery)) = (message, &self.delivery) {
            delivery.append(event)?;
        }
        Ok(())
    }

    /// Delivers what waits, as far as that does not take long, and says what is left.
    pub(super) fn finish(self, note: impl Fn(&str)) -> Result<(), Failure> {
        let Some(delivery) = self.delivery else {
            return Ok(());
        };
        let states = delivery.stop(PATIENCE)?;
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
