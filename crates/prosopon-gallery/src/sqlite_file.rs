//! What all SQLite files of Prosopon have in common, whatever is in them: galleries, albums, events, the server's records.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

/// What is wrong with a file, as the user would say it.
#[derive(Debug)]
pub enum Fault {
    /// There is no such file.
    Missing,
    /// It is something else.
    NotADatabase,
    /// Its content makes no sense.
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// Another process holds it for longer than the waiting time.
    Busy,
    /// The file or its folder may not be written.
    ReadOnly,
    /// The file may not be read.
    PermissionDenied,
    /// No space is left.
    Full,
    /// The operating system cannot open it for another reason.
    CannotOpen {
        /// Its report.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Anything else that SQLite reports.
    Other {
        /// The report.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Fault {
    /// What SQLite's report about the file at `path` means.
    pub fn of(path: &Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged {
                what: error.to_string(),
            },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::PermissionDenied) => Self::PermissionDenied,
            // SQLite does not say why. If it is not the file, it is the folder, in which the log cannot be made.
            Some(ErrorCode::CannotOpen) => match File::options().append(true).open(path) {
                Err(error) => Self::of_opening(error),
                Ok(_) => Self::ReadOnly,
            },
            Some(ErrorCode::DiskFull) => Self::Full,
            // The index of the log lies in memory that the disk backs; SQLite calls it by another name.
            Some(ErrorCode::SystemIoFailure) if is_out_of_index(&error) => Self::Full,
            _ => match error {
                rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..) => Self::Damaged {
                    what: error.to_string(),
                },
                _ => Self::Other {
                    source: Box::new(error),
                },
            },
        }
    }

    /// What it means that the operating system does not open the file.
    pub fn of_opening(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::StorageFull => Self::Full,
            _ => Self::CannotOpen {
                source: Box::new(error),
            },
        }
    }
}

/// Whether the index of the log could not grow.
fn is_out_of_index(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// Makes the file, if there is none, so that only its owner reads it: faces and keys are nobody else's business. SQLite
/// gives the files beside it the same rights; what goes wrong here it will report.
pub fn make_private(path: &Path) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

/// Turns the log on. Two processes that create one file at once get in each other's way here, and SQLite does not wait
/// by itself.
///
/// # Errors
/// What SQLite reports; that the file is busy only after `patience`.
pub fn use_write_ahead_log(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && start.elapsed() < patience =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

/// Looks through the whole file: the first thing that does not fit, on one line, if there is any.
///
/// # Errors
/// What SQLite reports, damage that keeps it from looking among it.
pub fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((verdict != "ok").then(|| verdict.replace('\n', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_at(path: &Path) -> Fault {
        let read = |connection: Connection| {
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        };
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let error = Connection::open_with_flags(path, flags).and_then(read);
        Fault::of(path, error.unwrap_err())
    }

    #[test]
    fn reports_are_understood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        assert!(matches!(fault_at(&path), Fault::Missing));
        if cfg!(unix) {
            assert!(matches!(fault_at(folder.path()), Fault::CannotOpen { .. }));
        }
        fs::write(&path, b"no database".repeat(100)).unwrap();
        assert!(matches!(fault_at(&path), Fault::NotADatabase));
        let no_rows = Fault::of(&path, rusqlite::Error::QueryReturnedNoRows);
        assert!(matches!(no_rows, Fault::Other { .. }));
    }

    #[test]
    fn whoever_else_writes_makes_a_file_busy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let writing = Connection::open(&path).unwrap();
        writing.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let other = Connection::open(&path).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        let error = use_write_ahead_log(&other, Duration::ZERO).unwrap_err();
        assert!(matches!(Fault::of(&path, error), Fault::Busy));
        writing.execute_batch("COMMIT").unwrap();
        use_write_ahead_log(&other, Duration::ZERO).unwrap();
        let mode: String = other
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_its_owners_and_an_old_one_stays() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        make_private(&path);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, b"content").unwrap();
        make_private(&path);
        assert_eq!(fs::read(&path).unwrap(), b"content");
    }

    #[test]
    fn damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE words (word TEXT); CREATE INDEX by_word ON words (word);
                 INSERT INTO words VALUES ('one'), ('two');",
            )
            .unwrap();
        assert_eq!(damage(&connection).unwrap(), None);
        drop(connection);
        // The index is the third page; its rows are no longer those of the table.
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(3).rposition(|three| three == b"two").unwrap();
        bytes[at..at + 3].copy_from_slice(b"tow");
        fs::write(&path, bytes).unwrap();
        let connection = Connection::open(&path).unwrap();
        assert!(damage(&connection).unwrap().is_some());
    }
}
