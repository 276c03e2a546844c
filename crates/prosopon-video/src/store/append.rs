//! One event, whole or not at all.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::filter::fold;
use super::{EventStore, StoreError, lock};
use crate::Event;
use crate::deliver::TargetId;

/// Longest JSON of an event. Ours have less than a kilobyte; the rest is room for metadata of a person.
const MAX_JSON_BYTES: usize = 256 << 10;

/// Largest crop. Ours are JPEGs of some 10 kilobytes.
const MAX_CROP_BYTES: usize = 2 << 20;

/// Longest name of a camera: it is part of topics and of names of files.
const MAX_CAMERA_BYTES: usize = 200;

impl EventStore {
    /// Writes the event, its crop and, for each of `targets`, that it is to be delivered there; gives its sequence
    /// number. When this returns, all of it is on the disk.
    ///
    /// An event whose id is there already is left as it is, and its number is given: whoever does not know whether
    /// he was heard may say it again. Targets that have declared themselves gone get nothing; see
    /// [`EventStore::register`].
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a camera's name of more than 200 bytes, JSON of more than 256 KiB or a crop of
    /// more than 2 MiB; otherwise if the file cannot be written.
    pub fn append(&self, event: &Event, targets: &[TargetId]) -> Result<u64, StoreError> {
        let crop = event.crop.as_deref();
        check_size(
            event,
            "a camera's name",
            event.camera.len(),
            MAX_CAMERA_BYTES,
        )?;
        check_size(event, "a crop", crop.map_or(0, <[u8]>::len), MAX_CROP_BYTES)?;
        let json = serde_json::to_string(event).map_err(|source| StoreError::Json {
            id: event.id.to_string(),
            source,
        })?;
        check_size(event, "JSON", json.len(), MAX_JSON_BYTES)?;

        let now = Timestamp::now();
        let failed = self.failed("write");
        let mut writer = lock(&self.writer);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let known = sequence_of(&transaction, event).map_err(&failed)?;
        let sequence = match known {
            Some(sequence) => sequence,
            None => insert(&transaction, event, &json, targets, now).map_err(&failed)?,
        };
        transaction.commit().map_err(&failed)?;
        self.tidy_now_and_then(&mut writer);
        drop(writer);
        self.signal.raise();
        Ok(sequence as u64)
    }
}

fn check_size(
    event: &Event,
    part: &'static str,
    found: usize,
    limit: usize,
) -> Result<(), StoreError> {
    if found <= limit {
        return Ok(());
    }
    Err(StoreError::TooLarge {
        part,
        limit,
        found,
        id: event.id.to_string(),
        camera: event.camera.chars().take(100).collect(),
    })
}

fn sequence_of(connection: &Connection, event: &Event) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT sequence FROM events WHERE id = ?1")?
        .query_row([event.id.as_str()], |row| row.get(0))
        .optional()
}

fn insert(
    connection: &Connection,
    event: &Event,
    json: &str,
    targets: &[TargetId],
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let subject = event.subject.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO events (id, kind, camera, at_micros, subject_id, subject_name_folded, json) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            event.id.as_str(),
            event.kind.name(),
            event.camera,
            event.at.as_microsecond(),
            subject.map(|subject| subject.id.0),
            subject.map(|subject| fold(&subject.name)),
            json,
        ])?;
    let sequence = connection.last_insert_rowid();
    if let Some(crop) = &event.crop {
        connection
            .prepare_cached("INSERT INTO crops (sequence, jpeg) VALUES (?1, ?2)")?
            .execute(params![sequence, crop])?;
    }
    for target in targets {
        connection
            .prepare_cached("INSERT OR IGNORE INTO targets (id) VALUES (?1)")?
            .execute([target.as_str()])?;
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO outbox (target, sequence, added_millis) \
                 SELECT id, ?2, ?3 FROM targets WHERE id = ?1 AND NOT is_gone",
            )?
            .execute(params![target.as_str(), sequence, now.as_millisecond()])?;
    }
    Ok(sequence)
}
