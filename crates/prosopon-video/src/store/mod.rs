//! Events in one SQLite file: what happened, the best crops, and what is still to be delivered.
//!
//! Write-ahead log; an event is acknowledged when it, its crop and its places in the outbox are on the disk, in one
//! transaction, so none is lost by `kill -9` or the end of the power. Several processes may have the file open:
//! `prosopon watch` writes, `prosopon events follow` and the server read. Events have *sequence numbers* that only
//! ever rise; whoever remembers the last one that he saw misses nothing.
//!
//! | File | Holds |
//! |---|---|
//! | `schema.rs`, `open.rs` | tables, formats, why a file cannot be used |
//! | `append.rs` | one event, whole or not at all |
//! | `query.rs`, `filter.rs` | which events there are |
//! | `outbox.rs` | what is to be delivered to whom |
//! | `keep.rs`, `clock.rs` | retention: how long, how much, and by which time |
//! | `follow.rs` | events as they happen |

mod append;
mod clock;
mod error;
mod filter;
mod follow;
mod keep;
mod open;
mod outbox;
mod query;
mod schema;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use self::clock::Clock;
pub use self::error::StoreError;
pub use self::filter::Filter;
pub use self::follow::Follow;
pub(crate) use self::follow::Signal;
pub use self::outbox::{Due, OutboxState};
use crate::Event;

/// How a file of events is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Create the file if it does not exist.
    pub create: bool,
    /// How long to wait while another process writes.
    pub busy_timeout: Duration,
    /// Events that are older are removed by and by, with their crops; none keeps them for ever.
    pub retention: Option<Duration>,
    /// If the file grows beyond this, the oldest events go first.
    pub max_bytes: u64,
    /// Events that wait for one target; of more, the oldest are dropped for this target and counted.
    pub outbox_events: u64,
    /// Events that wait for longer are dropped for the target and counted.
    pub outbox_age: Duration,
}

impl Default for StoreOptions {
    /// Creates the file; 30 days, 4 GiB (an event with its crop takes about 10 KiB, so that is some 400,000); up to
    /// 100,000 events wait for a target, for a week at most.
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            create: true,
            busy_timeout: Duration::from_secs(5),
            retention: Some(30 * DAY),
            max_bytes: 4 << 30,
            outbox_events: 100_000,
            outbox_age: 7 * DAY,
        }
    }
}

/// An event with its place among all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Rises with every event of the file, and is never given twice.
    pub sequence: u64,
    /// Whether [`EventStore::crop`] has a picture of it.
    pub has_crop: bool,
    /// What happened; without its crop.
    #[serde(flatten)]
    pub event: Event,
}

/// Events in one SQLite file.
///
/// Threads share it by reference or `Arc`; each method waits for the disk and for no network.
#[derive(Debug)]
pub struct EventStore {
    path: PathBuf,
    options: StoreOptions,
    installation: String,
    // Connections of their own: lists wait for no writer, and what is delivered waits for no disk.
    writer: Mutex<Connection>,
    outbox: Mutex<Connection>,
    reader: Mutex<Connection>,
    clock: Clock,
    /// When the next look at age and size is due; none before the first.
    next_look: Mutex<Option<Instant>>,
    signal: Signal,
}

impl EventStore {
    /// Opens the file at `path` with [`StoreOptions::default`], creating it if there is none.
    ///
    /// # Errors
    /// A [`StoreError`] that says why the file cannot be used: folder missing, not a file of events, of a newer
    /// release, damaged, not permitted, read-only, in use.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, &StoreOptions::default())
    }

    /// Opens the file at `path`, bringing an older one up to date.
    ///
    /// # Errors
    /// As [`EventStore::open`]; also if it does not exist and is not to be created.
    pub fn open_with(path: impl AsRef<Path>, options: &StoreOptions) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let writer = open::first(path, options)?;
        let outbox = open::another(path, options, open::Sync::Normal)?;
        let reader = open::another(path, options, open::Sync::Normal)?;
        let installation = reader
            .query_row("SELECT id FROM installation", [], |row| row.get(0))
            .map_err(|error| open::explain(path, "open", error))?;
        let newest: Option<i64> = reader
            .query_row("SELECT max(at_micros) FROM events", [], |row| row.get(0))
            .map_err(|error| open::explain(path, "open", error))?;
        let newest = newest.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        Ok(Self {
            clock: Clock::new(newest, options.retention, Timestamp::now(), Instant::now()),
            path: path.to_path_buf(),
            options: options.clone(),
            installation,
            writer: Mutex::new(writer),
            outbox: Mutex::new(outbox),
            reader: Mutex::new(reader),
            next_look: Mutex::new(None),
            signal: Signal::default(),
        })
    }

    /// Looks through the whole file at `path` and changes nothing.
    ///
    /// # Errors
    /// As [`EventStore::open`]; [`StoreError::Damaged`] for the first page that is not sound.
    pub fn check(path: impl AsRef<Path>) -> Result<(), StoreError> {
        open::check(path.as_ref())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// 16 random hexadecimal digits that this file was given when it was made.
    pub fn installation(&self) -> &str {
        &self.installation
    }

    /// Tells when something was appended in this process.
    pub(crate) fn signal(&self) -> &Signal {
        &self.signal
    }

    /// The time by which age is judged; none while the system's is in doubt, see [`Clock`].
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.clock.judge(Timestamp::now(), Instant::now())
    }

    fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
        move |error| open::explain(&self.path, action, error)
    }
}

/// A panic in another thread leaves no half-done work behind: transactions roll back by themselves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
