//! Retention: how long events are kept, and how much of them.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use super::{EventStore, Filter, StoreError, lock};

/// Events that are removed at once. A camera waits for these few milliseconds and no longer.
const CHUNK: usize = 200;

/// From one look at age and size to the next, when nothing was to be removed.
const BETWEEN_LOOKS: Duration = Duration::from_mins(10);

/// From one chunk to the next, while there is more to be removed.
const BETWEEN_CHUNKS: Duration = Duration::from_secs(1);

/// Pages of 4 KiB that are given back to the file system at once.
const VACUUM_PAGES: usize = 2000;

impl EventStore {
    /// Removes all events from before `before`, with their crops; gives how many those were. What has not been
    /// delivered of them never will be, and is counted with its target.
    ///
    /// Removed bytes are overwritten, and the space is given back to the file system.
    ///
    /// # Errors
    /// If the file cannot be written; part of the events may have been removed then.
    pub fn purge(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.purge_matching(&Filter {
            until: Some(before),
            ..Filter::default()
        })
    }

    /// Removes all events that `filter` wants, as [`EventStore::purge`] does; its limit does not matter. To remove
    /// all traces of a person, name that person as its subject.
    ///
    /// # Errors
    /// As [`EventStore::purge`].
    pub fn purge_matching(&self, filter: &Filter) -> Result<u64, StoreError> {
        let failed = self.failed("purge");
        let mut n_removed = 0;
        loop {
            // Others may write between two chunks.
            let mut writer = lock(&self.writer);
            let n = remove(&mut writer, filter).map_err(&failed)?;
            n_removed += n as u64;
            if n < CHUNK {
                vacuum(&writer, 0).map_err(&failed)?;
                // The log still holds pages with what was removed. A busy answer is a row, not an error.
                writer
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                    .map_err(&failed)?;
                return Ok(n_removed);
            }
        }
    }

    /// Bytes of the file that hold something; the log beside it not counted.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn n_bytes(&self) -> Result<u64, StoreError> {
        bytes_used(&lock(&self.reader)).map_err(self.failed("read"))
    }

    /// Removes a few events that are too old or too many, if it is time to look. What goes wrong is logged: the
    /// event just written is safe, and the next look tries again.
    pub(super) fn tidy_now_and_then(&self, writer: &mut Connection) {
        let mut next_look = lock(&self.next_look);
        if next_look.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let pause = match self.tidy(writer, self.now()) {
            Ok(0) => BETWEEN_LOOKS,
            Ok(n) => {
                tracing::debug!(removed = n, "old events were removed");
                BETWEEN_CHUNKS
            }
            Err(error) => {
                tracing::warn!(%error, "old events could not be removed");
                BETWEEN_LOOKS
            }
        };
        *next_look = Instant::now().checked_add(pause);
    }

    /// Removes for their age only where it is known, by `now`.
    fn tidy(&self, writer: &mut Connection, now: Option<Timestamp>) -> rusqlite::Result<usize> {
        let mut n_removed = 0;
        if let (Some(retention), Some(now)) = (self.options.retention, now) {
            let before = now.saturating_sub(retention).unwrap_or(Timestamp::MIN);
            let old = Filter {
                until: Some(before),
                ..Filter::default()
            };
            n_removed += remove(writer, &old)?;
        }
        if n_removed == 0 && bytes_used(writer)? > self.options.max_bytes {
            n_removed += remove(writer, &Filter::default())?;
        }
        if n_removed > 0 {
            vacuum(writer, VACUUM_PAGES)?;
        }
        if let Some(now) = now {
            let age = self.options.outbox_age.as_millis() as i64;
            forget_old_targets(writer, now.as_millisecond().saturating_sub(age))?;
        }
        Ok(n_removed)
    }
}

/// Drops what waits, since before `millis`, for targets that nobody delivers to any more.
fn forget_old_targets(connection: &mut Connection, millis: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached(
            "UPDATE targets SET dropped = dropped + \
             (SELECT count(*) FROM outbox WHERE target = id AND added_millis < ?1)",
        )?
        .execute([millis])?;
    transaction
        .prepare_cached("DELETE FROM outbox WHERE added_millis < ?1")?
        .execute([millis])?;
    transaction.commit()
}

/// Removes the oldest events that `filter` wants, at most [`CHUNK`].
fn remove(connection: &mut Connection, filter: &Filter) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let condition = filter.condition();
    let sql = format!(
        "SELECT sequence FROM events WHERE {} ORDER BY at_micros, sequence LIMIT {CHUNK}",
        condition.sql
    );
    let doomed = transaction
        .prepare_cached(&sql)?
        .query_map(params_from_iter(condition.values), |row| {
            row.get::<_, i64>(0)
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for sequence in &doomed {
        transaction
            .prepare_cached(
                "UPDATE targets SET dropped = dropped + 1 \
                 WHERE id IN (SELECT target FROM outbox WHERE sequence = ?1)",
            )?
            .execute([sequence])?;
        // Crop and outbox go with it.
        transaction
            .prepare_cached("DELETE FROM events WHERE sequence = ?1")?
            .execute([sequence])?;
    }
    transaction.commit()?;
    Ok(doomed.len())
}

/// Gives free pages back to the file system: at most so many, or all for 0.
fn vacuum(connection: &Connection, pages: usize) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    // Each row is a page that moved.
    while rows.next()?.is_some() {}
    Ok(())
}

fn bytes_used(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok((pages.max(0) * pragma("page_size")?) as u64)
}
