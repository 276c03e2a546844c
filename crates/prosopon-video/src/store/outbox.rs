//! What is to be delivered to whom.
//!
//! One row for each event and target, in the order of sequence numbers. A target that fails is asked again at
//! `next_attempt_millis`; its events wait in their order meanwhile. A failing target costs the others nothing.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde::Serialize;

use super::query::{COLUMNS, stored};
use super::{EventStore, StoreError, StoredEvent, lock};
use crate::deliver::TargetId;

/// An event that is to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// The event.
    pub stored: StoredEvent,
    /// How often the receiver did not accept it.
    pub refusals: u32,
}

/// How a target fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OutboxState {
    /// Events that wait.
    pub pending: u64,
    /// Events that were delivered, ever.
    pub delivered: u64,
    /// Events that were given up, ever: too many, too old, purged or not accepted.
    pub dropped: u64,
    /// Whether the target said that it wants no more.
    pub is_gone: bool,
    /// What went wrong last; none after a success.
    pub last_error: Option<String>,
    /// When it is asked again, if it failed.
    pub next_attempt: Option<Timestamp>,
    /// When it was last reached.
    pub last_delivered: Option<Timestamp>,
}

impl EventStore {
    /// Declares that `target` is to be delivered to from now on, even if it was gone, and at once, even if it
    /// failed before.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn register(&self, target: &TargetId) -> Result<(), StoreError> {
        self.change(|connection| {
            connection
                .execute(
                    "INSERT INTO targets (id) VALUES (?1) \
                     ON CONFLICT (id) DO UPDATE SET is_gone = 0, next_attempt_millis = 0",
                    [target.as_str()],
                )
                .map(|_| ())
        })
    }

    /// The first events that wait for `target`, at most `limit`; none while it is not to be asked again.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn due(
        &self,
        target: &TargetId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, attempts FROM outbox JOIN events USING (sequence) \
             WHERE target = ?1 AND ?2 >= \
             (SELECT next_attempt_millis FROM targets WHERE targets.id = ?1) \
             ORDER BY sequence LIMIT ?3"
        );
        let connection = lock(&self.outbox);
        let read = || {
            connection
                .prepare_cached(&sql)?
                .query_map(
                    params![target.as_str(), now.as_millisecond(), limit as i64],
                    |row| {
                        Ok(Due {
                            stored: stored(row)?,
                            refusals: row.get(3)?,
                        })
                    },
                )?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed("read"))
    }

    /// Takes an event that was delivered out of the outbox.
    ///
    /// # Errors
    /// If the file cannot be written; then it will be delivered again.
    pub fn delivered(&self, target: &TargetId, sequence: u64) -> Result<(), StoreError> {
        self.change(|connection| {
            let n = remove(connection, target, sequence)?;
            connection
                .prepare_cached(
                    "UPDATE targets SET delivered = delivered + ?2, last_error = NULL, \
                     next_attempt_millis = 0, last_delivered_millis = ?3 WHERE id = ?1",
                )?
                .execute(params![
                    target.as_str(),
                    n,
                    Timestamp::now().as_millisecond()
                ])
                .map(|_| ())
        })
    }

    /// Notes that the receiver did not accept an event.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn refused(&self, target: &TargetId, sequence: u64) -> Result<(), StoreError> {
        self.change(|connection| {
            connection
                .prepare_cached(
                    "UPDATE outbox SET attempts = attempts + 1 WHERE target = ?1 AND sequence = ?2",
                )?
                .execute(params![target.as_str(), sequence as i64])
                .map(|_| ())
        })
    }

    /// Notes that nothing could be delivered; `target` is asked again at `retry_at`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn failed_delivery(
        &self,
        target: &TargetId,
        reason: &str,
        retry_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.change(|connection| {
            connection
                .prepare_cached(
                    "UPDATE targets SET last_error = ?2, next_attempt_millis = ?3 WHERE id = ?1",
                )?
                .execute(params![target.as_str(), reason, retry_at.as_millisecond()])
                .map(|_| ())
        })
    }

    /// Gives an event up for one target, and counts it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn dropped(
        &self,
        target: &TargetId,
        sequence: u64,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.change(|connection| {
            let n = remove(connection, target, sequence)?;
            connection
                .execute(
                    "UPDATE targets SET dropped = dropped + ?2, last_error = ?3, \
                     next_attempt_millis = 0 WHERE id = ?1",
                    params![target.as_str(), n, reason],
                )
                .map(|_| ())
        })
    }

    /// Notes that `target` wants no more events: what waits for it is dropped and counted, and nothing is added
    /// until it is registered again. Gives the number of events that were dropped.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn gone(&self, target: &TargetId, reason: &str) -> Result<u64, StoreError> {
        self.change(|connection| {
            let n = connection.execute("DELETE FROM outbox WHERE target = ?1", [target.as_str()])?;
            connection.execute(
                "UPDATE targets SET is_gone = 1, dropped = dropped + ?2, last_error = ?3 WHERE id = ?1",
                params![target.as_str(), n as i64, reason],
            )?;
            Ok(n as u64)
        })
    }

    /// Forgets a target with all that waits for it and all that was counted.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn forget_target(&self, target: &TargetId) -> Result<(), StoreError> {
        self.change(|connection| {
            connection.execute("DELETE FROM outbox WHERE target = ?1", [target.as_str()])?;
            connection
                .execute("DELETE FROM targets WHERE id = ?1", [target.as_str()])
                .map(|_| ())
        })
    }

    /// How `target` fares; all zero if it was never heard of.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn outbox(&self, target: &TargetId) -> Result<OutboxState, StoreError> {
        let known = self.targets()?.into_iter().find(|(id, _)| id == target);
        Ok(known.map_or_else(OutboxState::default, |(_, state)| state))
    }

    /// All targets that were ever delivered to, and how they fare.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn targets(&self) -> Result<Vec<(TargetId, OutboxState)>, StoreError> {
        let reader = lock(&self.reader);
        let time = |millis: Option<i64>| {
            millis
                .filter(|&millis| millis > 0)
                .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        };
        let read = || {
            reader
                .prepare_cached(
                    "SELECT id, (SELECT count(*) FROM outbox WHERE target = id), delivered, dropped, \
                     is_gone, last_error, next_attempt_millis, last_delivered_millis \
                     FROM targets ORDER BY id",
                )?
                .query_map([], |row| {
                    let state = OutboxState {
                        pending: row.get::<_, i64>(1)? as u64,
                        delivered: row.get::<_, i64>(2)? as u64,
                        dropped: row.get::<_, i64>(3)? as u64,
                        is_gone: row.get(4)?,
                        last_error: row.get(5)?,
                        next_attempt: time(row.get(6)?),
                        last_delivered: time(row.get(7)?),
                    };
                    Ok((TargetId::from_text(row.get::<_, String>(0)?), state))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed("read"))
    }

    /// Drops what is too old or too much for one target; gives how many events that were.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn bound_outbox(&self, target: &TargetId, now: Timestamp) -> Result<u64, StoreError> {
        let age = self.options.outbox_age.as_millis() as i64;
        let oldest = now.as_millisecond().saturating_sub(age);
        let most = i64::try_from(self.options.outbox_events).unwrap_or(i64::MAX);
        let is_within = lock(&self.outbox)
            .query_row(
                "SELECT count(*), coalesce(min(added_millis), ?2) FROM outbox WHERE target = ?1",
                params![target.as_str(), i64::MAX],
                |row| Ok(row.get::<_, i64>(0)? <= most && row.get::<_, i64>(1)? >= oldest),
            )
            .map_err(self.failed("read"))?;
        if is_within {
            return Ok(0);
        }
        self.change(|connection| {
            let mut n = connection.execute(
                "DELETE FROM outbox WHERE target = ?1 AND added_millis < ?2",
                params![target.as_str(), oldest],
            )?;
            let last_dropped: Option<i64> = connection
                .query_row(
                    "SELECT sequence FROM outbox WHERE target = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2",
                    params![target.as_str(), most],
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(last_dropped) = last_dropped {
                n += connection.execute(
                    "DELETE FROM outbox WHERE target = ?1 AND sequence <= ?2",
                    params![target.as_str(), last_dropped],
                )?;
            }
            connection.execute(
                "UPDATE targets SET dropped = dropped + ?2 WHERE id = ?1",
                params![target.as_str(), n as i64],
            )?;
            Ok(n as u64)
        })
    }

    fn change<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut connection = lock(&self.outbox);
        let failed = self.failed("write");
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let result = work(&transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(result)
    }
}

fn remove(connection: &Connection, target: &TargetId, sequence: u64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("DELETE FROM outbox WHERE target = ?1 AND sequence = ?2")?
        .execute(params![target.as_str(), sequence as i64])
        .map(|n| n as i64)
}
