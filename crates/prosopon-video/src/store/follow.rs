//! Events as they happen, from this process and from others.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::{EventStore, Filter, StoreError, StoredEvent, lock};

/// How often the file is looked at for events of other processes. A look reads one page of an index.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Events that are read from the file at once.
const BATCH: usize = 100;

/// Rises whenever something was appended in this process.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    count: Mutex<u64>,
    risen: Condvar,
    /// The same for those who wait for a network at the same time.
    notify: Notify,
}

impl Signal {
    pub(crate) fn count(&self) -> u64 {
        *lock(&self.count)
    }

    pub(crate) fn raise(&self) {
        *lock(&self.count) += 1;
        self.risen.notify_all();
        self.notify.notify_waiters();
    }

    /// Waits until the count is not `seen` any more.
    pub(crate) async fn risen(&self, seen: u64) {
        loop {
            // Hears of what happens from here on, so nothing is missed after the look at the count.
            let notified = self.notify.notified();
            if self.count() != seen {
                return;
            }
            notified.await;
        }
    }

    /// Waits until the count is not `seen` any more, or until `timeout`; gives the count.
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let waited = self
            .risen
            .wait_timeout_while(lock(&self.count), timeout, |count| *count == seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Events as they happen, in order, none left out; see [`EventStore::subscribe`].
///
/// It remembers a number, not a queue: a follower that is slow costs no memory and misses nothing that was not
/// purged meanwhile.
#[derive(Debug)]
pub struct Follow {
    store: Arc<EventStore>,
    filter: Filter,
    after: u64,
    read: VecDeque<StoredEvent>,
}

impl EventStore {
    /// Follows the events that `filter` wants: those after [`Filter::after_sequence`] first, then new ones as they
    /// are appended, by this process (at once) or others (within a quarter of a second). Without `after_sequence`
    /// only new ones.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn subscribe(self: &Arc<Self>, filter: Filter) -> Result<Follow, StoreError> {
        let after = match filter.after_sequence {
            Some(sequence) => sequence,
            None => self.last_sequence()?,
        };
        Ok(Follow {
            store: Arc::clone(self),
            filter,
            after,
            read: VecDeque::new(),
        })
    }
}

impl Follow {
    /// The next event; waits for one until `timeout`, then none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<StoredEvent>, StoreError> {
        let start = Instant::now();
        loop {
            let seen = self.store.signal.count();
            if self.read.is_empty() {
                self.read_on()?;
            }
            if let Some(event) = self.read.pop_front() {
                return Ok(Some(event));
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            self.store.signal.wait(seen, left.min(LOOK_EVERY));
        }
    }

    /// The number after which it will go on: that of the last event that was given, or of a later one that was not
    /// wanted.
    pub fn after(&self) -> u64 {
        self.read
            .front()
            .map_or(self.after, |next| next.sequence - 1)
    }

    fn read_on(&mut self) -> Result<(), StoreError> {
        // Looked at first: numbers rise in the order of commits, so nothing below it can come later.
        let last = self.store.last_sequence()?;
        if last <= self.after {
            return Ok(());
        }
        let filter = Filter {
            after_sequence: Some(self.after),
            limit: Some(BATCH),
            ..self.filter.clone()
        };
        self.read = self.store.list(&filter)?.into();
        self.after = match self.read.back() {
            Some(event) if self.read.len() == BATCH => event.sequence,
            Some(event) => event.sequence.max(last),
            None => last,
        };
        Ok(())
    }
}
