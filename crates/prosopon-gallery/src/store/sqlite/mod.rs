//! The store of one machine: a single SQLite file, shared by threads and processes.
//!
//! Write-ahead log with a sync for every commit, so what was acknowledged survives the end of the
//! process and of the power. Deleted records are overwritten (`secure_delete`) and the log is
//! emptied after a deletion, unless another process is reading just then; then the next writer or
//! the last one to close does it. Users can copy, check and repair the file with SQLite's tools.

pub(crate) mod format;
pub(crate) mod open;
mod schema;
mod session;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use self::open::Place;
use self::session::Session;
use super::{Read, Store, StoreError, Write};

/// How to open a [`SqliteStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Create the file if it does not exist.
    pub create: bool,
    /// How long to wait while another process writes.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    /// Creates the file, and waits up to five seconds.
    fn default() -> Self {
        Self {
            create: true,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

/// A gallery in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    place: Place,
    options: SqliteOptions,
    // Connections of their own, so that a search waits neither for a writer's sync to disk nor for
    // a long export.
    watch: Mutex<Connection>,
    writer: Mutex<Connection>,
    idle_readers: Mutex<Vec<Connection>>,
}

impl SqliteStore {
    /// Opens the file at `path`, bringing an older one up to date.
    ///
    /// # Errors
    /// A [`StoreError`] that says why the file cannot be used: missing, not a gallery, of a newer
    /// version, damaged, not permitted, read-only, in use.
    pub fn open(path: impl AsRef<Path>, options: &SqliteOptions) -> Result<Self, StoreError> {
        let place = Place {
            path: path.as_ref().to_path_buf(),
            format: &schema::FORMAT,
        };
        let writer = open::writer(&place, options)?;
        let watch = open::reader(&place, options)?;
        Ok(Self {
            place,
            options: options.clone(),
            watch: Mutex::new(watch),
            writer: Mutex::new(writer),
            idle_readers: Mutex::new(Vec::new()),
        })
    }

    /// Looks through the whole file at `path` and changes nothing.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; [`StoreError::Damaged`] for the first page that is not sound.
    pub fn check(path: impl AsRef<Path>) -> Result<(), StoreError> {
        open::check(&Place {
            path: path.as_ref().to_path_buf(),
            format: &schema::FORMAT,
        })
    }

    /// The file.
    pub fn path(&self) -> &PathBuf {
        &self.place.path
    }
}

/// A panic in another thread leaves no half-done work behind: transactions roll back by themselves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for SqliteStore {
    fn watermark(&self) -> Result<i64, StoreError> {
        // Differs whenever another connection, such as our own writer, has committed.
        lock(&self.watch)
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(|error| self.place.error("read", error))
    }

    fn read(&self, work: Read) -> Result<(), StoreError> {
        let idle = lock(&self.idle_readers).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => open::reader(&self.place, &self.options)?,
        };
        let failed = |error| self.place.error("read", error);
        let transaction = reader.transaction().map_err(failed)?;
        work(&Session::new(&transaction, &self.place))?;
        transaction.commit().map_err(failed)?;
        lock(&self.idle_readers).push(reader);
        Ok(())
    }

    fn write(&self, work: Write) -> Result<(), StoreError> {
        let mut writer = lock(&self.writer);
        let failed = |error| self.place.error("write", error);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut session = Session::new(&transaction, &self.place);
        let keep = work(&mut session)?;
        let has_deleted = session.has_deleted();
        if !keep {
            return transaction.rollback().map_err(failed);
        }
        schema::forget_old_changes(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        if has_deleted {
            // The log still holds pages with what was deleted. A busy answer is a row, not an error.
            writer
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .map_err(failed)?;
        }
        Ok(())
    }
}
