//! Opening a file, and saying clearly why it cannot be.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use prosopon_gallery::sqlite_file::{Fault, damage, make_private, use_write_ahead_log};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::schema::{APPLICATION_ID, MIGRATIONS};
use super::{StoreError, StoreOptions};

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The format that this release writes.
const FORMAT: i64 = MIGRATIONS.len() as i64;

/// How much of a commit is on the disk when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    /// All: it survives the end of the power.
    Full,
    /// It survives the end of the process. After the end of the power the last ones may be missing, which is
    /// enough for the outbox: what was delivered and not noted is delivered again.
    Normal,
}

/// What SQLite's report means for the user.
pub(super) fn explain(path: &Path, action: &'static str, error: rusqlite::Error) -> StoreError {
    explain_fault(path, action, Fault::of(path, error))
}

fn explain_io(path: &Path, error: io::Error) -> StoreError {
    explain_fault(path, "open", Fault::of_opening(error))
}

fn explain_fault(path: &Path, action: &'static str, fault: Fault) -> StoreError {
    let path = path.to_path_buf();
    match fault {
        Fault::Missing => StoreError::Missing { path },
        Fault::NotADatabase => StoreError::NotEvents {
            found: "something that is no database",
            path,
        },
        Fault::Damaged { what } => StoreError::Damaged { what, path },
        Fault::Busy => StoreError::Busy { path },
        Fault::ReadOnly => StoreError::ReadOnly { path },
        Fault::PermissionDenied => StoreError::PermissionDenied { path },
        Fault::Full => StoreError::Full { path },
        Fault::CannotOpen { source } => StoreError::Failed {
            action: "open",
            path,
            source,
        },
        Fault::Other { source } => StoreError::Failed {
            action,
            path,
            source,
        },
    }
}

/// Makes the file one of the current format if needed, and gives the connection that writes.
pub(super) fn first(path: &Path, options: &StoreOptions) -> Result<Connection, StoreError> {
    let is_new = check_file(path, options)?;
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if is_new {
        make_private(path);
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let failed = |error| explain(path, "open", error);
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    check_format(path, &connection, options)?;
    // Takes effect only in a file without tables; what is purged then gives its space back.
    connection
        .pragma_update(None, "auto_vacuum", "INCREMENTAL")
        .map_err(failed)?;
    use_write_ahead_log(&connection, options.busy_timeout).map_err(failed)?;
    configure(&connection, Sync::Full).map_err(failed)?;

    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Another process may have been quicker; now it can change no more.
    let format = check_format(path, &transaction, options)?;
    if format < FORMAT {
        migrate(&transaction, format).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(connection)
}

/// A further connection to a file that [`first`] has opened.
pub(super) fn another(
    path: &Path,
    options: &StoreOptions,
    sync: Sync,
) -> Result<Connection, StoreError> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(options.busy_timeout)?;
        configure(&connection, sync)?;
        Ok(connection)
    };
    open().map_err(|error| explain(path, "open", error))
}

/// Looks through a whole file and changes nothing.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let options = StoreOptions {
        create: false,
        ..StoreOptions::default()
    };
    check_file(path, &options)?;
    let failed = |error| explain(path, "check", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    check_format(path, &connection, &options)?;
    match damage(&connection).map_err(failed)? {
        None => Ok(()),
        Some(what) => Err(StoreError::Damaged {
            what,
            path: path.to_path_buf(),
        }),
    }
}

fn migrate(transaction: &Transaction, format: i64) -> rusqlite::Result<()> {
    for step in &MIGRATIONS[format.clamp(0, FORMAT) as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)
}

/// Looks at the file before SQLite does; `true` if there is none yet.
fn check_file(path: &Path, options: &StoreOptions) -> Result<bool, StoreError> {
    let not_expected = |found| StoreError::NotEvents {
        found,
        path: path.to_path_buf(),
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(not_expected("a folder")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            return if !options.create {
                Err(explain_io(path, error))
            } else if folder.is_dir() {
                Ok(true)
            } else {
                let folder = folder.to_path_buf();
                Err(StoreError::MissingFolder { folder })
            };
        }
        Err(error) => return Err(explain_io(path, error)),
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start))
        .map_err(|error| explain_io(path, error))?;
    match start.as_slice() {
        // An interrupted creation leaves an empty file.
        [] if options.create => Ok(false),
        [] => Err(not_expected("an empty file")),
        start if start == MAGIC => Ok(false),
        _ => Err(not_expected("something that is no database")),
    }
}

/// The format of the file, 0 for an empty one.
fn check_format(
    path: &Path,
    connection: &Connection,
    options: &StoreOptions,
) -> Result<i64, StoreError> {
    let failed = |error| explain(path, "open", error);
    let not_expected = |found| StoreError::NotEvents {
        found,
        path: path.to_path_buf(),
    };
    // Of one moment: another process may be making something of the empty file just now. Unlike a transaction,
    // a savepoint may also begin within one.
    connection.execute_batch("SAVEPOINT look").map_err(failed)?;
    // Where looking fails, on a full disk for one, SQLite has ended the savepoint.
    let looked = look(connection).map_err(failed)?;
    connection.execute_batch("RELEASE look").map_err(failed)?;
    match looked {
        (APPLICATION_ID, found, _) if found > FORMAT => Err(StoreError::Newer {
            found,
            supported: FORMAT,
            path: path.to_path_buf(),
        }),
        (APPLICATION_ID, format, _) => Ok(format),
        (0, 0, 0) if options.create => Ok(0),
        (0, 0, 0) => Err(not_expected("an empty database")),
        _ => Err(not_expected("a database of another kind")),
    }
}

/// Application, format and number of tables.
fn look(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let n_tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
    Ok((
        pragma("application_id")?,
        pragma("user_version")?,
        n_tables?,
    ))
}

fn configure(connection: &Connection, sync: Sync) -> rusqlite::Result<()> {
    let synchronous = match sync {
        Sync::Full => "FULL",
        Sync::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    // Triggers and views of a file from elsewhere get no say beyond plain SQL.
    connection.pragma_update(None, "trusted_schema", false)?;
    // The log shrinks again after a burst.
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}
