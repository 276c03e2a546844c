//! Kinds of files: how a header marks them, and how older files become newer ones.

use rusqlite::{Connection, Transaction};

use crate::store::FileKind;

/// A kind of file.
#[derive(Debug)]
pub(crate) struct Format {
    pub(crate) kind: FileKind,
    /// Marks the file in SQLite's header.
    pub(crate) application_id: i64,
    /// Each step takes a file from one version to the next; never edit one that was released.
    pub(crate) migrations: &'static [&'static str],
}

impl Format {
    /// The version that this release writes.
    pub(crate) fn version(&self) -> i64 {
        self.migrations.len() as i64
    }

    /// Looks at a file without changing it.
    pub(super) fn look(&self, connection: &Connection) -> rusqlite::Result<Content> {
        // Of one moment: another process may be making something of the empty file just now. Unlike a
        // transaction, a savepoint may also begin within one. Where looking fails, on a full disk for one, SQLite has
        // ended it, and that would be the wrong thing to report.
        connection.execute_batch("SAVEPOINT look")?;
        let content = self.look_at_moment(connection)?;
        connection.execute_batch("RELEASE look")?;
        Ok(content)
    }

    fn look_at_moment(&self, connection: &Connection) -> rusqlite::Result<Content> {
        let pragma =
            |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        match (pragma("application_id")?, pragma("user_version")?) {
            (id, version) if id == self.application_id => Ok(Content::Version(version)),
            (0, 0) => {
                // An interrupted creation may leave a database without tables.
                let n_tables: i64 =
                    connection
                        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
                Ok(if n_tables == 0 {
                    Content::Nothing
                } else {
                    Content::Foreign
                })
            }
            _ => Ok(Content::Foreign),
        }
    }

    /// Brings a file of `version` (0 for an empty one) to the current one.
    pub(super) fn migrate(&self, transaction: &Transaction, version: i64) -> rusqlite::Result<()> {
        for step in &self.migrations[version.clamp(0, self.version()) as usize..] {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", self.application_id)?;
        transaction.pragma_update(None, "user_version", self.version())
    }
}

/// What a file says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing was ever written.
    Nothing,
    /// A file of the expected kind, of this version.
    Version(i64),
    /// A database of some other program, or of another kind.
    Foreign,
}
