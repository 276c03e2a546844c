//! The thread of a target.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Notice;
use super::backoff::Backoff;
use super::claim::Claim;
use super::courier::{Courier, Undelivered};
use super::target::TargetId;
use crate::store::{Due, EventStore, StoreError};

/// How often the outbox is looked at for what other processes have put there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the outbox is checked for what is too old or too much.
const BOUND_EVERY: Duration = Duration::from_mins(1);

/// Events that are read from the outbox at once.
const BATCH: usize = 20;

/// How often an event that the receiver refuses is tried: it may have been a mistake of the receiver's, but it must
/// not keep the events behind it for ever.
const MAX_REFUSALS: u32 = 3;

/// What the threads are told.
#[derive(Debug, Default)]
pub(super) struct Orders {
    finish_by: Mutex<Option<Instant>>,
}

impl Orders {
    pub(super) fn finish_by(&self, deadline: Instant) {
        let mut finish_by = self
            .finish_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // The first order counts.
        finish_by.get_or_insert(deadline);
    }

    fn deadline(&self) -> Option<Instant> {
        *self
            .finish_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread of a target.
pub(super) struct Worker {
    store: Arc<EventStore>,
    id: TargetId,
    /// Where to, without secrets.
    name: String,
    courier: Box<dyn Courier>,
    orders: Arc<Orders>,
    on_notice: Arc<dyn Fn(Notice) + Send + Sync>,
    claim: Claim,
    backoff: Backoff,
    /// Why it fails just now.
    failing: Option<String>,
    /// Not before this time, after a failure.
    next_attempt: Option<Instant>,
    is_gone: bool,
    was_elsewhere: bool,
    next_bound: Instant,
}

/// How a look at the outbox ended.
enum Turn {
    /// Something was delivered: there may be more.
    Delivered,
    /// There is nothing to be done.
    Idle,
    /// It failed; pause until [`Worker::next_attempt`].
    Failed,
}

impl Worker {
    pub(super) fn new(
        store: Arc<EventStore>,
        id: TargetId,
        name: String,
        courier: Box<dyn Courier>,
        orders: Arc<Orders>,
        on_notice: Arc<dyn Fn(Notice) + Send + Sync>,
    ) -> Self {
        let claim = Claim::new(store.path(), &id);
        Self {
            store,
            id,
            name,
            courier,
            orders,
            on_notice,
            claim,
            backoff: Backoff::default(),
            failing: None,
            next_attempt: None,
            is_gone: false,
            was_elsewhere: false,
            next_bound: Instant::now(),
        }
    }

    /// Delivers until it is told to finish.
    pub(super) fn run(mut self) {
        let mut was_told = false;
        loop {
            let seen = self.store.signal().count();
            let deadline = self.orders.deadline();
            if let Some(deadline) = deadline {
                if !was_told {
                    was_told = true;
                    // One more attempt, however long the pause was to be.
                    self.next_attempt = None;
                }
                if Instant::now() >= deadline {
                    break;
                }
            }
            let now = Instant::now();
            if self.next_attempt.is_none_or(|at| at <= now) {
                match self.turn() {
                    Turn::Delivered => continue,
                    Turn::Idle if was_told => break,
                    Turn::Idle | Turn::Failed => {}
                }
            }
            self.pause(seen, deadline);
        }
        self.courier.close();
    }

    /// Waits for something to do.
    fn pause(&mut self, seen: u64, deadline: Option<Instant>) {
        let now = Instant::now();
        let mut pause = LOOK_EVERY;
        for end in [self.next_attempt, deadline].into_iter().flatten() {
            pause = pause.min(end.saturating_duration_since(now));
        }
        if self.next_attempt.is_some() || self.is_gone || self.was_elsewhere {
            // New events are no reason to try earlier: wait for the end of the pause, or an order. The connection,
            // if any, needs no care.
            self.store.signal().wait(seen, pause);
        } else if let Err(problem) = self.courier.wait(self.store.signal(), seen, pause) {
            self.has_failed(&problem, None);
        }
    }

    /// Delivers a few events, if it may.
    fn turn(&mut self) -> Turn {
        self.next_attempt = None;
        if self.is_gone {
            return Turn::Idle;
        }
        match self.claim.take() {
            Ok(true) => self.was_elsewhere = false,
            Ok(false) => {
                if !self.was_elsewhere {
                    self.was_elsewhere = true;
                    self.tell(Notice::Elsewhere {
                        target: self.name.clone(),
                    });
                }
                return Turn::Idle;
            }
            Err(error) => {
                let problem = format!("could not lock the target: {error}");
                return self.has_failed(&Undelivered::again(problem), None);
            }
        }
        if let Err(problem) = self.courier.prepare() {
            return self.has_failed(&problem, None);
        }
        match self.deliver_some() {
            Ok(turn) => turn,
            Err(error) => self.has_failed(&Undelivered::again(error.to_string()), None),
        }
    }

    fn deliver_some(&mut self) -> Result<Turn, StoreError> {
        self.bound()?;
        // The pause was kept already: by `next_attempt`.
        let due = self.store.due(&self.id, Timestamp::MAX, BATCH)?;
        if due.is_empty() {
            if self.failing.is_some() {
                // What was prepared works; nothing waits.
                self.has_succeeded();
            }
            return Ok(Turn::Idle);
        }
        for due in due {
            if self
                .orders
                .deadline()
                .is_some_and(|end| Instant::now() >= end)
            {
                break;
            }
            let crop = if due.stored.has_crop && self.courier.wants_crop() {
                self.store.crop(&due.stored.event.id)?
            } else {
                None
            };
            match self.courier.deliver(&due.stored, crop.as_deref()) {
                Ok(()) => {
                    self.store.delivered(&self.id, due.stored.sequence)?;
                    self.has_succeeded();
                }
                Err(problem) => return Ok(self.has_failed(&problem, Some(&due))),
            }
        }
        Ok(Turn::Delivered)
    }

    fn has_succeeded(&mut self) {
        self.backoff.reset();
        if self.failing.take().is_some() {
            self.tell(Notice::Recovered {
                target: self.name.clone(),
            });
        }
    }

    fn has_failed(&mut self, problem: &Undelivered, due: Option<&Due>) -> Turn {
        let sequence = due.map(|due| due.stored.sequence);
        match problem {
            Undelivered::Refused { reason }
                if due.is_some_and(|due| due.refusals + 1 >= MAX_REFUSALS) =>
            {
                let dropped = sequence.map(|n| self.store.dropped(&self.id, n, reason));
                if let Some(Err(error)) = dropped {
                    return self.will_retry(&error.to_string(), None, None);
                }
                self.tell(Notice::Dropped {
                    target: self.name.clone(),
                    n_events: 1,
                    reason: reason.clone(),
                });
                Turn::Delivered
            }
            Undelivered::Refused { reason } => {
                if let Some(Err(error)) = sequence.map(|n| self.store.refused(&self.id, n)) {
                    tracing::warn!(%error, "a refusal could not be noted");
                }
                self.will_retry(reason, None, sequence)
            }
            Undelivered::Again { reason, after } => self.will_retry(reason, *after, sequence),
            Undelivered::Gone { reason } => {
                match self.store.gone(&self.id, reason) {
                    Ok(n_events) => self.tell(Notice::Gone {
                        target: self.name.clone(),
                        n_events,
                    }),
                    Err(error) => return self.will_retry(&error.to_string(), None, None),
                }
                self.is_gone = true;
                Turn::Idle
            }
        }
    }

    fn will_retry(&mut self, reason: &str, after: Option<Duration>, sequence: Option<u64>) -> Turn {
        let pause = self.backoff.after_failure(fastrand::f64());
        // A receiver that asks for more time gets it, within reason.
        let pause = after.map_or(pause, |after| pause.max(after.min(super::backoff::LONGEST)));
        self.next_attempt = Some(Instant::now() + pause);
        if sequence.is_some() {
            let retry_at = Timestamp::now()
                .saturating_add(pause)
                .unwrap_or(Timestamp::MAX);
            let noted = self.store.failed_delivery(&self.id, reason, retry_at);
            if let Err(error) = noted {
                tracing::warn!(%error, "a failed delivery could not be noted");
            }
        }
        if self.failing.as_deref() != Some(reason) {
            self.failing = Some(reason.to_owned());
            self.tell(Notice::Failing {
                target: self.name.clone(),
                reason: reason.to_owned(),
                retry_in: pause,
            });
        }
        Turn::Failed
    }

    /// Gives up what is too old or too much, now and then.
    fn bound(&mut self) -> Result<(), StoreError> {
        if Instant::now() < self.next_bound {
            return Ok(());
        }
        self.next_bound = Instant::now() + BOUND_EVERY;
        let n_events = self
            .store
            .bound_outbox(&self.id, self.store.now().unwrap_or(Timestamp::MIN))?;
        if n_events > 0 {
            self.tell(Notice::Dropped {
                target: self.name.clone(),
                n_events,
                reason: "they waited for too long, or were too many".to_owned(),
            });
        }
        Ok(())
    }

    fn tell(&self, notice: Notice) {
        (self.on_notice)(notice);
    }
}
