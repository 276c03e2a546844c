//! Events on their way to whoever is to be told.
//!
//! [`EventStore::append`] writes down, together with the event, who is to be told. A thread for each target takes it
//! from there: in order, at least once, again after a failure with growing pauses, and after a restart from where it
//! was. A target that is dead costs neither the camera nor the other targets anything; what waits for it is bounded
//! by number and age ([`StoreOptions`](crate::store::StoreOptions)), and what is dropped is counted and said. Of
//! several processes with the same file and target, one delivers; if it ends, another goes on.
//!
//! | File | Holds |
//! |---|---|
//! | `target.rs`, `secret.rs` | who is told, and what is shown to nobody |
//! | `worker.rs`, `backoff.rs`, `claim.rs` | the thread of a target |
//! | `courier.rs` | what a way of delivery is; its answers |
//! | `webhook.rs`, `sign.rs` | POST with a signature |
//! | `mqtt/` | a broker, its topics, Home Assistant |
mod backoff;
mod claim;
mod courier;
mod mqtt;
mod secret;
pub mod sign;
mod target;
#[cfg(test)]
mod tests;
mod webhook;
mod worker;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde::Serialize;

use self::courier::Courier;
pub use self::secret::{Secret, SecretError};
pub use self::target::{Mqtt, Target, TargetError, TargetId, Webhook};
use self::worker::{Orders, Worker};
use crate::Event;
use crate::store::{EventStore, OutboxState, StoreError};

/// Something that whoever started the delivery may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The target cannot be reached, or does not accept. Told at the first failure, and again when the reason
    /// changes.
    Failing {
        /// Where to, without secrets.
        target: String,
        /// What went wrong.
        reason: String,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// It works again.
    Recovered {
        /// Where to, without secrets.
        target: String,
    },
    /// Events were given up.
    Dropped {
        /// Where to, without secrets.
        target: String,
        /// How many.
        n_events: u64,
        /// Why.
        reason: String,
    },
    /// The target answered that it wants no more events. Nothing is sent until the next start.
    Gone {
        /// Where to, without secrets.
        target: String,
        /// How many events were dropped with it.
        n_events: u64,
    },
    /// Another process delivers to this target; this one will, when that one ends.
    Elsewhere {
        /// Where to, without secrets.
        target: String,
    },
}

/// How a target fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetState {
    /// Its name in the outbox.
    pub id: TargetId,
    /// Where to, without secrets.
    pub target: String,
    /// What waits and what was delivered.
    #[serde(flatten)]
    pub outbox: OutboxState,
}

/// The threads that deliver. Dropping it ends them without waiting; see [`Delivery::stop`].
#[derive(Debug)]
pub struct Delivery {
    store: Arc<EventStore>,
    orders: Arc<Orders>,
    targets: Vec<(TargetId, Target)>,
    finished: Receiver<()>,
}

impl Delivery {
    /// Starts a thread for each target; first they deliver what an earlier run left. `on_notice` is called by those
    /// threads.
    ///
    /// # Errors
    /// If the outbox cannot be written, or no thread can be started.
    pub fn start(
        store: &Arc<EventStore>,
        targets: Vec<Target>,
        on_notice: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let orders = Arc::new(Orders::default());
        let on_notice: Arc<dyn Fn(Notice) + Send + Sync> = Arc::new(on_notice);
        let (finish, finished) = channel();
        let mut named: Vec<(TargetId, Target)> = Vec::new();
        for target in targets {
            let id = target.id();
            // Named twice, it is told once.
            if named.iter().any(|(known, _)| *known == id) {
                continue;
            }
            store.register(&id)?;
            let worker = Worker::new(
                Arc::clone(store),
                id.clone(),
                target.to_string(),
                courier_for(&target, store),
                Arc::clone(&orders),
                Arc::clone(&on_notice),
            );
            let finish = finish.clone();
            std::thread::Builder::new()
                .name("deliver".to_owned())
                .spawn(move || {
                    worker.run();
                    // Nobody listens any more if the delivery was dropped.
                    let _ = finish.send(());
                })
                .map_err(|error| StoreError::Failed {
                    action: "start a thread for",
                    path: store.path().to_path_buf(),
                    source: Box::new(error),
                })?;
            named.push((id, target));
        }
        Ok(Self {
            store: Arc::clone(store),
            orders,
            targets: named,
            finished,
        })
    }

    /// The targets' names, for [`EventStore::append`].
    pub fn targets(&self) -> Vec<TargetId> {
        self.targets.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Writes an event down for all targets; gives its sequence number. Waits for the disk, for no target.
    ///
    /// # Errors
    /// As [`EventStore::append`].
    pub fn append(&self, event: &Event) -> Result<u64, StoreError> {
        self.store.append(event, &self.targets())
    }

    /// How the targets fare.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn state(&self) -> Result<Vec<TargetState>, StoreError> {
        let all = self.store.targets()?;
        let state = |(id, target): &(TargetId, Target)| {
            let known = all.iter().find(|(known, _)| known == id);
            TargetState {
                id: id.clone(),
                target: target.to_string(),
                outbox: known.map_or_else(OutboxState::default, |(_, state)| state.clone()),
            }
        };
        Ok(self.targets.iter().map(state).collect())
    }

    /// Ends the threads. What waits is delivered first, as far as that takes no longer than `patience`; the rest
    /// stays in the outbox for the next start. Gives how the targets fare then.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn stop(self, patience: Duration) -> Result<Vec<TargetState>, StoreError> {
        let deadline = Instant::now() + patience;
        self.orders.finish_by(deadline);
        self.store.signal().raise();
        for _ in &self.targets {
            let left = deadline.saturating_duration_since(Instant::now());
            // A thread that waits for an answer is left to itself: the event is still in the outbox.
            if self
                .finished
                .recv_timeout(left + Duration::from_millis(200))
                .is_err()
            {
                break;
            }
        }
        self.state()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.orders.finish_by(Instant::now());
        self.store.signal().raise();
    }
}

fn courier_for(target: &Target, store: &EventStore) -> Box<dyn Courier> {
    match target {
        Target::Webhook(webhook) => {
            Box::new(webhook::Poster::new(webhook.clone(), store.installation()))
        }
        Target::Mqtt(mqtt) => Box::new(mqtt::Publisher::new(mqtt.clone(), store.installation())),
    }
}
