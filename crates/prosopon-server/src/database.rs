//! The server's own records: keys and the audit log, in one SQLite file.
//!
//! Kept apart from the galleries, so that those can be copied and given away without them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prosopon_gallery::sqlite_file::{damage, make_private};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, params};

use crate::access::keys::{KeyId, KeyRecord, Scope};
use crate::audit::{Entry, NewEntry};

/// Marks the file in SQLite's header: the letters "PSPS".
const APPLICATION_ID: i64 = 0x5053_5053;

/// Version of the tables.
const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    gallery TEXT,
    created_millis INTEGER NOT NULL,
    expires_millis INTEGER,
    last_used_millis INTEGER,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_millis INTEGER NOT NULL,
    key TEXT,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    gallery TEXT,
    subject TEXT,
    outcome TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT;
";

/// Tables of version 2: cameras. What one is set to is JSON; where it is, is encrypted.
const CAMERA_TABLES: &str = "
CREATE TABLE cameras (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL,
    sealed_address BLOB NOT NULL,
    created_millis INTEGER NOT NULL
) STRICT;
";

/// A camera as it is stored.
#[derive(Debug)]
pub(crate) struct CameraRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) settings: String,
    pub(crate) sealed_address: Vec<u8>,
    pub(crate) created_millis: i64,
}

/// How long to wait while another process writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Audit entries that are kept; older ones are forgotten. About 150 bytes each.
const MAX_AUDIT_ENTRIES: i64 = 1_000_000;

/// Why the server's records cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// SQLite reports this.
    #[error("could not use the server's database: {source}: {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The report.
        source: rusqlite::Error,
    },
    /// The file is something else.
    #[error("expected the server's database, found {found}: {}", path.display())]
    Foreign {
        /// What it is.
        found: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The content makes no sense.
    #[error("the server's database is damaged ({what}): {}", path.display())]
    Damaged {
        /// What does not fit.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// There is a camera of this name.
    #[error("there is a camera `{name}` already")]
    CameraExists {
        /// The name.
        name: String,
    },
    /// What was to be written cannot be.
    #[error("{message}")]
    Invalid {
        /// What was expected.
        message: String,
    },
}

impl DatabaseError {
    /// What the user can do about it, if anything; one line.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Sqlite { source, .. } => Some(match source.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => {
                    "free some space; nothing that was acknowledged is lost"
                }
                Some(ErrorCode::DatabaseCorrupt) => {
                    "restore a copy, or save what is left with `sqlite3 FILE .recover`"
                }
                Some(ErrorCode::NotADatabase) => {
                    "check the path, or restore a copy; nothing was changed in that file"
                }
                Some(ErrorCode::ReadOnly) => "make the file and its folder writable",
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    "wait for the other process, or end it"
                }
                _ => "check the disk, and who owns the file and its folder",
            }),
            Self::Foreign { .. } => {
                Some("check the path, or update prosopon; nothing was changed in that file")
            }
            Self::Damaged { .. } => {
                Some("restore a copy, or save what is left with `sqlite3 FILE .recover`")
            }
            Self::CameraExists { .. } => Some("choose another name"),
            Self::Invalid { .. } => None,
        }
    }
}

/// Looks through the server's database at `path` and changes nothing.
///
/// # Errors
/// [`DatabaseError`]: it is something else, of a newer version, or damaged.
pub fn check_database(path: &Path) -> Result<(), DatabaseError> {
    let failed = |source| DatabaseError::Sqlite {
        path: path.to_path_buf(),
        source,
    };
    let foreign = |found| DatabaseError::Foreign {
        found,
        path: path.to_path_buf(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    match (
        number("application_id").map_err(failed)?,
        number("user_version").map_err(failed)?,
    ) {
        (APPLICATION_ID, 1..=VERSION) => {}
        (APPLICATION_ID, _) => return Err(foreign("that of a newer version")),
        (0, 0) => return Err(foreign("an empty database")),
        _ => return Err(foreign("a database of another program")),
    }
    match damage(&connection).map_err(failed)? {
        None => Ok(()),
        Some(what) => Err(DatabaseError::Damaged {
            what,
            path: path.to_path_buf(),
        }),
    }
}

/// One connection, shared.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// Sees the commits of all other connections, the one above too.
    watch: Mutex<Connection>,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let failed = |source| DatabaseError::Sqlite {
            path: path.to_path_buf(),
            source,
        };
        make_private(path);
        let mut connection = connect(path).map_err(failed)?;
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(failed)?;
        let pragma =
            |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let foreign = |found| DatabaseError::Foreign {
            found,
            path: path.to_path_buf(),
        };
        match (
            pragma("application_id").map_err(failed)?,
            pragma("user_version").map_err(failed)?,
        ) {
            (APPLICATION_ID, VERSION) => {}
            (APPLICATION_ID, 1) => {
                transaction.execute_batch(CAMERA_TABLES).map_err(failed)?;
                transaction
                    .pragma_update(None, "user_version", VERSION)
                    .map_err(failed)?;
            }
            (APPLICATION_ID, _) => return Err(foreign("that of a newer version")),
            (0, 0) => {
                let n_tables = transaction
                    .query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
                        row.get::<_, i64>(0)
                    })
                    .map_err(failed)?;
                if n_tables > 0 {
                    return Err(foreign("a database of another program"));
                }
                transaction.execute_batch(TABLES).map_err(failed)?;
                transaction.execute_batch(CAMERA_TABLES).map_err(failed)?;
                transaction
                    .pragma_update(None, "application_id", APPLICATION_ID)
                    .map_err(failed)?;
                transaction
                    .pragma_update(None, "user_version", VERSION)
                    .map_err(failed)?;
            }
            _ => return Err(foreign("a database of another program")),
        }
        transaction.commit().map_err(failed)?;
        Ok(Self {
            watch: Mutex::new(connect(path).map_err(failed)?),
            path: path.to_path_buf(),
            connection: Mutex::new(connection),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: rusqlite::Error) -> DatabaseError {
        DatabaseError::Sqlite {
            path: self.path.clone(),
            source,
        }
    }

    /// Differs from its last value if anybody has changed something.
    pub(crate) fn version(&self) -> Result<i64, DatabaseError> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|error| self.failed(error))
    }

    pub(crate) fn keys(&self) -> Result<Vec<(KeyRecord, [u8; 32])>, DatabaseError> {
        let connection = self.lock();
        let query = || {
            connection
                .prepare_cached(
                    "SELECT id, name, scopes, gallery, created_millis, expires_millis, \
                     last_used_millis, revoked, sha256 FROM keys ORDER BY id",
                )?
                .query_map([], key_from_row)?
                .collect::<rusqlite::Result<_>>()
        };
        query().map_err(|error| self.failed(error))
    }

    pub(crate) fn add_key(&self, key: &KeyRecord, sha256: &[u8; 32]) -> Result<i64, DatabaseError> {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let connection = self.lock();
        let added = connection.execute(
            "INSERT INTO keys (name, sha256, scopes, gallery, created_millis, expires_millis) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                key.name,
                sha256,
                scopes.join(","),
                key.gallery,
                key.created_millis,
                key.expires_millis
            ],
        );
        match added {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
            {
                let message = "there is this key already, or it was revoked".to_owned();
                Err(DatabaseError::Invalid { message })
            }
            Err(error) => Err(self.failed(error)),
            Ok(_) => Ok(connection.last_insert_rowid()),
        }
    }

    pub(crate) fn revoke_key(&self, id: i64) -> Result<bool, DatabaseError> {
        let changed = self
            .lock()
            .execute("UPDATE keys SET revoked = 1 WHERE id = ?1", [id]);
        changed.map(|n| n > 0).map_err(|error| self.failed(error))
    }

    pub(crate) fn key_used(&self, id: i64, at_millis: i64) -> Result<(), DatabaseError> {
        let sql = "UPDATE keys SET last_used_millis = ?2 WHERE id = ?1";
        let changed = self.lock().execute(sql, [id, at_millis]);
        changed.map(|_| ()).map_err(|error| self.failed(error))
    }

    pub(crate) fn add_entry(&self, entry: &NewEntry, at_millis: i64) -> Result<(), DatabaseError> {
        let connection = self.lock();
        let add = || {
            connection
                .prepare_cached(
                    "INSERT INTO audit (at_millis, key, address, action, gallery, subject, outcome, \
                     request_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    at_millis, entry.key, entry.address, entry.action, entry.gallery, entry.subject,
                    entry.outcome, entry.request_id,
                ])?;
            let id = connection.last_insert_rowid();
            if id % 1000 == 0 {
                connection.execute("DELETE FROM audit WHERE id <= ?1", [id - MAX_AUDIT_ENTRIES])?;
            }
            Ok(())
        };
        add().map_err(|error| self.failed(error))
    }

    /// All cameras, in the order in which they were added.
    pub(crate) fn cameras(&self) -> Result<Vec<CameraRow>, DatabaseError> {
        let connection = self.lock();
        let query = || {
            connection
                .prepare_cached(
                    "SELECT id, name, settings, sealed_address, created_millis FROM cameras ORDER BY id",
                )?
                .query_map([], |row| {
                    Ok(CameraRow {
                        id: row.get(0)?,
                        name: row.get(1)?,
                        settings: row.get(2)?,
                        sealed_address: row.get(3)?,
                        created_millis: row.get(4)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()
        };
        query().map_err(|error| self.failed(error))
    }

    /// Adds a camera; `seal` encrypts its address for the number that it is given.
    pub(crate) fn add_camera<E: From<DatabaseError>>(
        &self,
        name: &str,
        settings: &str,
        created_millis: i64,
        seal: impl FnOnce(i64) -> Result<Vec<u8>, E>,
    ) -> Result<i64, E> {
        let mut connection = self.lock();
        let failed = |error| E::from(self.camera_failed(error, name));
        let transaction = connection.transaction().map_err(failed)?;
        transaction
            .execute(
                "INSERT INTO cameras (name, settings, sealed_address, created_millis) VALUES (?1, ?2, x'', ?3)",
                params![name, settings, created_millis],
            )
            .map_err(failed)?;
        let id = transaction.last_insert_rowid();
        let sealed = seal(id)?;
        transaction
            .execute(
                "UPDATE cameras SET sealed_address = ?2 WHERE id = ?1",
                params![id, sealed],
            )
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(id)
    }

    /// Changes a camera; whether there is one of that number.
    pub(crate) fn change_camera(&self, row: &CameraRow) -> Result<bool, DatabaseError> {
        let sql = "UPDATE cameras SET name = ?2, settings = ?3, sealed_address = ?4 WHERE id = ?1";
        let changed = self.lock().execute(
            sql,
            params![row.id, row.name, row.settings, row.sealed_address],
        );
        changed
            .map(|n| n > 0)
            .map_err(|error| self.camera_failed(error, &row.name))
    }

    /// Forgets a camera; whether there was one.
    pub(crate) fn delete_camera(&self, id: i64) -> Result<bool, DatabaseError> {
        let deleted = self
            .lock()
            .execute("DELETE FROM cameras WHERE id = ?1", [id]);
        deleted.map(|n| n > 0).map_err(|error| self.failed(error))
    }

    fn camera_failed(&self, error: rusqlite::Error, name: &str) -> DatabaseError {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
            return DatabaseError::CameraExists {
                name: name.to_owned(),
            };
        }
        self.failed(error)
    }

    /// Newest first, older than `before`.
    pub(crate) fn entries(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Entry>, DatabaseError> {
        let connection = self.lock();
        let query = || {
            connection
                .prepare_cached(
                    "SELECT id, at_millis, key, address, action, gallery, subject, outcome, request_id \
                     FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                )?
                .query_map([before.unwrap_or(i64::MAX), limit as i64], |row| {
                    Ok(Entry {
                        id: row.get(0)?,
                        at_millis: row.get(1)?,
                        key: row.get(2)?,
                        address: row.get(3)?,
                        action: row.get(4)?,
                        gallery: row.get(5)?,
                        subject: row.get(6)?,
                        outcome: row.get(7)?,
                        request_id: row.get(8)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()
        };
        query().map_err(|error| self.failed(error))
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Survives the end of the process; after a power cut the last entries may be missing.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // What the audit log forgets is overwritten, as what galleries delete is.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

fn key_from_row(row: &Row) -> rusqlite::Result<(KeyRecord, [u8; 32])> {
    let scopes: String = row.get(2)?;
    let record = KeyRecord {
        id: KeyId(row.get(0)?),
        name: row.get(1)?,
        scopes: scopes
            .split(',')
            .filter_map(|scope| scope.parse::<Scope>().ok())
            .collect(),
        gallery: row.get(3)?,
        created_millis: row.get(4)?,
        expires_millis: row.get(5)?,
        last_used_millis: row.get(6)?,
        revoked: row.get(7)?,
    };
    Ok((record, row.get(8)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_from_before_there_were_cameras_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(TABLES).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID)
            .unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute(
            "INSERT INTO keys (name, sha256, scopes, created_millis) VALUES ('phone', x'00', 'identify', 1)",
            [],
        )
        .unwrap();
        drop(old);
        for _ in 0..2 {
            let database = Database::open(&path).unwrap();
            assert_eq!(database.cameras().unwrap().len(), 0);
            let n: i64 = database
                .lock()
                .query_row("SELECT count(*) FROM keys", [], |row| row.get(0))
                .unwrap();
            assert_eq!(n, 1);
        }
        let newer = Connection::open(&path).unwrap();
        newer
            .pragma_update(None, "user_version", VERSION + 1)
            .unwrap();
        drop(newer);
        let error = Database::open(&path).unwrap_err().to_string();
        assert!(error.contains("newer version"), "{error}");
    }

    #[test]
    fn a_check_finds_what_is_wrong_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.db");
        drop(Database::open(&path).unwrap());
        check_database(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        for byte in damaged[whole.len() / 3..].iter_mut().step_by(3) {
            *byte ^= 0x5a;
        }
        for bytes in [damaged, b"keys: none".repeat(100)] {
            std::fs::write(&path, &bytes).unwrap();
            let error = check_database(&path).unwrap_err();
            assert!(error.hint().is_some(), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }
}
