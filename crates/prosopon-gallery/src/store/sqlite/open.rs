//! Opening a file, and saying clearly why it cannot be.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::SqliteOptions;
use super::format::{Content, Format};
use crate::sqlite_file::{Fault, damage, make_private, use_write_ahead_log};
use crate::store::StoreError;

/// Bytes in a page. Seven embeddings of 512 values fit into one; in SQLite's usual 4,096 bytes only
/// one does, and half of the file would be empty.
const PAGE_BYTES: i64 = 16_384;

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Where a file is, and what it should be: names it in errors.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) format: &'static Format,
}

impl Place {
    /// What SQLite's report means for the user.
    pub(crate) fn error(&self, action: &'static str, error: rusqlite::Error) -> StoreError {
        self.explain(action, Fault::of(&self.path, error))
    }

    pub(crate) fn damaged(&self, what: impl Into<String>) -> StoreError {
        StoreError::Damaged {
            what: what.into(),
            file: self.format.kind,
            path: self.path.clone(),
        }
    }

    fn io_error(&self, error: io::Error) -> StoreError {
        self.explain("open", Fault::of_opening(error))
    }

    fn explain(&self, action: &'static str, fault: Fault) -> StoreError {
        let (path, file) = (self.path.clone(), self.format.kind);
        match fault {
            Fault::Missing => StoreError::Missing { file, path },
            Fault::NotADatabase => StoreError::NotAGallery {
                found: "something that is no database",
                file,
                path,
            },
            Fault::Damaged { what } => self.damaged(what),
            Fault::Busy => StoreError::Busy { file, path },
            Fault::ReadOnly => StoreError::ReadOnly { file, path },
            Fault::PermissionDenied => StoreError::PermissionDenied { file, path },
            Fault::Full => StoreError::Full { file, path },
            Fault::CannotOpen { source } => StoreError::Failed {
                action: "open",
                file,
                path,
                source,
            },
            Fault::Other { source } => StoreError::Failed {
                action,
                file,
                path,
                source,
            },
        }
    }
}

/// The connection that writes; makes the file one of the current version if needed.
pub(crate) fn writer(place: &Place, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let is_new = check_file(place, options)?;
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if is_new {
        make_private(&place.path);
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let failed = |error| place.error("open", error);
    let mut connection = Connection::open_with_flags(&place.path, flags).map_err(failed)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    check_version(place, &connection, options)?;
    connection
        .pragma_update(None, "page_size", PAGE_BYTES)
        .map_err(failed)?;
    use_write_ahead_log(&connection, options.busy_timeout).map_err(failed)?;
    configure(&connection).map_err(failed)?;

    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Another process may have been quicker; now it can change no more.
    let version = check_version(place, &transaction, options)?;
    if version < place.format.version() {
        let migrated = place.format.migrate(&transaction, version);
        migrated.map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(connection)
}

/// The connection that reads.
pub(crate) fn reader(place: &Place, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&place.path, flags)?;
        connection.busy_timeout(options.busy_timeout)?;
        configure(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| place.error("open", error))
}

/// Looks through a whole file and changes nothing: whether it is what `place` says, and every page of it is sound.
pub(crate) fn check(place: &Place) -> Result<(), StoreError> {
    let options = SqliteOptions {
        create: false,
        ..SqliteOptions::default()
    };
    check_file(place, &options)?;
    let failed = |error| place.error("check", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&place.path, flags).map_err(failed)?;
    connection
        .busy_timeout(options.busy_timeout)
        .map_err(failed)?;
    check_version(place, &connection, &options)?;
    match damage(&connection).map_err(failed)? {
        None => Ok(()),
        Some(what) => Err(place.damaged(what)),
    }
}

/// Looks at the file before SQLite does; `true` if there is none yet.
fn check_file(place: &Place, options: &SqliteOptions) -> Result<bool, StoreError> {
    let path = &place.path;
    let file = place.format.kind;
    let not_expected = |found| StoreError::NotAGallery {
        found,
        file,
        path: path.clone(),
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(not_expected("a folder")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            return if !folder.is_dir() {
                let folder = folder.to_path_buf();
                Err(StoreError::MissingFolder { file, folder })
            } else if options.create {
                Ok(true)
            } else {
                Err(place.io_error(error))
            };
        }
        Err(error) => return Err(place.io_error(error)),
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start))
        .map_err(|error| place.io_error(error))?;
    if start.is_empty() {
        // An interrupted creation leaves an empty file.
        if options.create {
            Ok(false)
        } else {
            Err(not_expected("an empty file"))
        }
    } else if start == MAGIC {
        Ok(false)
    } else {
        Err(not_expected("something that is no database"))
    }
}

/// The version of the file, 0 for an empty one.
fn check_version(
    place: &Place,
    connection: &Connection,
    options: &SqliteOptions,
) -> Result<i64, StoreError> {
    let (path, file) = (place.path.clone(), place.format.kind);
    let content = place.format.look(connection);
    let supported = place.format.version();
    match content.map_err(|error| place.error("open", error))? {
        Content::Nothing if options.create => Ok(0),
        Content::Nothing => Err(StoreError::NotAGallery {
            found: "an empty database",
            file,
            path,
        }),
        Content::Foreign => Err(StoreError::NotAGallery {
            found: "a database of another program",
            file,
            path,
        }),
        Content::Version(found) if found > supported => Err(StoreError::Newer {
            found,
            supported,
            file,
            path,
        }),
        Content::Version(version) => Ok(version),
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    // Triggers and views of a file from elsewhere get no say beyond plain SQL.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "journal_size_limit", 0)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}
