//! Which events there are.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Row, params_from_iter};

use super::{EventStore, Filter, StoreError, StoredEvent, lock};
use crate::{Event, EventId};

/// What a row holds that [`stored`] reads.
pub(super) const COLUMNS: &str = "sequence, json, \
     EXISTS (SELECT 1 FROM crops WHERE crops.sequence = events.sequence)";

/// How far back [`EventStore::last_of`] looks: longer than any sensible cooldown.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

impl EventStore {
    /// The events that `filter` wants, oldest first; with a limit the newest ones, or the first after
    /// [`Filter::after_sequence`].
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn list(&self, filter: &Filter) -> Result<Vec<StoredEvent>, StoreError> {
        let condition = filter.condition();
        let order = if filter.takes_oldest() { "ASC" } else { "DESC" };
        let limit = filter.limit.map_or(-1, |limit| limit as i64);
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE {} ORDER BY sequence {order} LIMIT {limit}",
            condition.sql
        );
        let reader = lock(&self.reader);
        let read = || {
            reader
                .prepare_cached(&sql)?
                .query_map(params_from_iter(condition.values), stored)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut events = read().map_err(self.failed("read"))?;
        if !filter.takes_oldest() {
            events.reverse();
        }
        Ok(events)
    }

    /// How many events `filter` wants; its limit does not matter.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        let condition = filter.condition();
        let sql = format!("SELECT count(*) FROM events WHERE {}", condition.sql);
        lock(&self.reader)
            .query_row(&sql, params_from_iter(condition.values), |row| {
                row.get::<_, i64>(0)
            })
            .map(|n| n as u64)
            .map_err(self.failed("read"))
    }

    /// The event of this name.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn event(&self, id: &EventId) -> Result<Option<StoredEvent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE id = ?1");
        lock(&self.reader)
            .query_row(&sql, [id.as_str()], stored)
            .optional()
            .map_err(self.failed("read"))
    }

    /// The event of this number.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn event_number(&self, sequence: u64) -> Result<Option<StoredEvent>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE sequence = ?1");
        lock(&self.reader)
            .query_row(&sql, [sequence as i64], stored)
            .optional()
            .map_err(self.failed("read"))
    }

    /// The best crop of an event, as a JPEG.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn crop(&self, id: &EventId) -> Result<Option<Vec<u8>>, StoreError> {
        lock(&self.reader)
            .query_row(
                "SELECT jpeg FROM crops JOIN events USING (sequence) WHERE id = ?1",
                [id.as_str()],
                |row| row.get(0),
            )
            .optional()
            .map_err(self.failed("read"))
    }

    /// The last event of each kind and person that `camera` saw within a day, oldest first: what has to be known
    /// after a restart so that nothing is told again too soon.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_of(&self, camera: &str) -> Result<Vec<Event>, StoreError> {
        let since = Timestamp::now().saturating_sub(REMEMBERED);
        let since = since.map_or(0, Timestamp::as_microsecond);
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE sequence IN (SELECT max(sequence) FROM events \
             WHERE camera = ?1 AND at_micros >= ?2 GROUP BY kind, subject_id) ORDER BY sequence"
        );
        let reader = lock(&self.reader);
        let read = || {
            reader
                .prepare_cached(&sql)?
                .query_map(rusqlite::params![camera, since], stored)?
                .map(|row| row.map(|stored| stored.event))
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed("read"))
    }

    /// The cameras that have events, by name.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn cameras(&self) -> Result<Vec<String>, StoreError> {
        let reader = lock(&self.reader);
        let read = || {
            reader
                .prepare_cached("SELECT DISTINCT camera FROM events ORDER BY camera")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.failed("read"))
    }

    /// The greatest sequence number so far; 0 before the first event.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_sequence(&self) -> Result<u64, StoreError> {
        // Not `max(sequence)`: the last event may have been purged.
        lock(&self.reader)
            .query_row(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'",
                [],
                |row| row.get::<_, i64>(0),
            )
            .map(|sequence| sequence as u64)
            .map_err(self.failed("read"))
    }
}

/// Reads [`COLUMNS`].
pub(super) fn stored(row: &Row) -> rusqlite::Result<StoredEvent> {
    let json: String = row.get(1)?;
    let event = serde_json::from_str(&json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(StoredEvent {
        sequence: row.get::<_, i64>(0)? as u64,
        has_crop: row.get(2)?,
        event,
    })
}
