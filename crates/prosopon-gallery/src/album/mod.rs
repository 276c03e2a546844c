//! Albums: photographs grouped by person, and what the user has decided about the groups.
//!
//! An [`Album`] is one file, made and kept like a gallery's. It holds photographs, their faces, and the
//! group that each face is in. Grouping ([`Album::regroup`]) may be repeated at any time, after new
//! pictures or with another threshold. What the user decides is kept:
//!
//! - A decision (name, merge, split, apart, move) *confirms* the faces of the groups that it is about:
//!   they are in the right group.
//! - Confirmed faces of one group stay together, those of two groups stay apart, and both keep their
//!   group's number and name. Only other faces are moved.
//! - Each decision is on record with what was there before, so the last one can be undone, then the one
//!   before it, and all be redone until something else is decided.
//!
//! | Module | Does |
//! |---|---|
//! | `pictures` | adds photographs, notices those that are known |
//! | `groups` | lists groups, faces, crops |
//! | `grouping` | groups faces, and matches new groups to old ones |
//! | `decisions` | the user's decisions, undo and redo |

mod decisions;
mod error;
mod grouping;
mod groups;
mod pictures;
mod schema;
#[cfg(test)]
mod tests;
mod types;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prosopon::{Embedding, ModelId};
use rusqlite::{Connection, OptionalExtension, Params, Row, TransactionBehavior};

pub use error::AlbumError;
pub use grouping::{GroupingOptions, GroupingReport, Start};
pub use types::{
    AlbumCounts, AlbumFace, AlbumFaceId, Decision, DecisionKind, Group, GroupId, NewAlbumFace,
    NewPicture, Picture, PictureId,
};

use crate::gallery::check_binding;
use crate::store::sqlite::open::{Place, check, writer};
use crate::store::{Binding, SqliteOptions, StoreError};

/// How to open an [`Album`].
#[derive(Debug, Clone)]
pub struct AlbumOptions {
    /// Create the file if it does not exist.
    pub create: bool,
    /// How long to wait while another process writes.
    pub busy_timeout: Duration,
}

impl Default for AlbumOptions {
    /// Creates the file, and waits up to five seconds.
    fn default() -> Self {
        let SqliteOptions {
            create,
            busy_timeout,
        } = SqliteOptions::default();
        Self {
            create,
            busy_timeout,
        }
    }
}

/// Photographs grouped by person; shared by threads as it is.
///
/// Every change is on disk when its function returns.
#[derive(Debug)]
pub struct Album {
    place: Place,
    connection: Mutex<Connection>,
}

impl Album {
    /// Opens the album file at `path`, bringing an older one up to date.
    ///
    /// # Errors
    /// A [`StoreError`] that says why the file cannot be used.
    pub fn open(path: impl AsRef<Path>, options: &AlbumOptions) -> Result<Self, AlbumError> {
        let place = Place {
            path: path.as_ref().to_path_buf(),
            format: &schema::FORMAT,
        };
        let options = SqliteOptions {
            create: options.create,
            busy_timeout: options.busy_timeout,
        };
        let connection = Mutex::new(writer(&place, &options)?);
        Ok(Self { place, connection })
    }

    /// Looks through the whole file at `path` and changes nothing.
    ///
    /// # Errors
    /// As [`Album::open`]; [`StoreError::Damaged`] for the first page that is not sound.
    pub fn check(path: impl AsRef<Path>) -> Result<(), StoreError> {
        check(&Place {
            path: path.as_ref().to_path_buf(),
            format: &schema::FORMAT,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// The model that the album is bound to; `None` before the first face.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself would fix the lifetime of the session"
    )]
    pub fn binding(&self) -> Result<Option<Binding>, AlbumError> {
        self.read(|session| session.binding())
    }

    /// How many records there are.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn counts(&self) -> Result<AlbumCounts, AlbumError> {
        self.read(|session| {
            let count = |sql| Ok::<_, AlbumError>(session.number(sql)? as u64);
            Ok(AlbumCounts {
                pictures: count("SELECT count(*) FROM pictures")?,
                pictures_without_faces: count(
                    "SELECT count(*) FROM pictures WHERE id NOT IN (SELECT picture_id FROM faces)",
                )?,
                faces: count("SELECT count(*) FROM faces")?,
                groups: count("SELECT count(*) FROM groups")?,
                named: count("SELECT count(*) FROM groups WHERE name IS NOT NULL")?,
            })
        })
    }

    /// Takes everything out of the album; the bytes of embeddings and pictures are overwritten.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn clear(&self) -> Result<(), AlbumError> {
        self.write(|session| {
            for table in ["decisions", "faces", "groups", "pictures"] {
                session.execute(&format!("DELETE FROM {table}"), [])?;
            }
            Ok(())
        })?;
        // The log still holds pages with what was deleted. A busy answer is a row, not an error.
        self.connection()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| self.place.error("write", error).into())
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic in another thread leaves no half-done work behind: transactions roll back.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on one consistent moment.
    fn read<T>(
        &self,
        work: impl FnOnce(&Session) -> Result<T, AlbumError>,
    ) -> Result<T, AlbumError> {
        let mut connection = self.connection();
        let failed = |error| self.place.error("read", error);
        let transaction = connection.transaction().map_err(failed)?;
        let outcome = work(&Session {
            connection: &transaction,
            place: &self.place,
        })?;
        transaction.commit().map_err(failed)?;
        Ok(outcome)
    }

    /// Runs `work` as one transaction; an error undoes everything.
    fn write<T>(
        &self,
        work: impl FnOnce(&Session) -> Result<T, AlbumError>,
    ) -> Result<T, AlbumError> {
        let mut connection = self.connection();
        let failed = |error| self.place.error("write", error);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let session = Session {
            connection: &transaction,
            place: &self.place,
        };
        let outcome = work(&session)?;
        session.execute("UPDATE state SET revision = revision + 1", [])?;
        transaction.commit().map_err(failed)?;
        Ok(outcome)
    }
}

/// One transaction.
struct Session<'a> {
    connection: &'a Connection,
    place: &'a Place,
}

impl Session<'_> {
    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        from_row: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, AlbumError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(params, from_row).optional())
            .map_err(|error| self.place.error("read", error).into())
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        from_row: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, AlbumError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params, from_row)?.collect())
            .map_err(|error| self.place.error("read", error).into())
    }

    fn execute(&self, sql: &str, params: impl Params) -> Result<(), AlbumError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map_err(|error| self.place.error("write", error).into())
            .map(|_| ())
    }

    /// Adds a record and gives its number.
    fn insert(&self, sql: &str, params: impl Params) -> Result<i64, AlbumError> {
        self.execute(sql, params)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// A number from a statement that always gives one.
    fn number(&self, sql: &str) -> Result<i64, AlbumError> {
        Ok(self.one(sql, [], |row| row.get(0))?.unwrap_or(0))
    }

    fn binding(&self) -> Result<Option<Binding>, AlbumError> {
        self.one("SELECT model, dimension FROM binding", [], |row| {
            Ok(Binding {
                model: ModelId::new(row.get_ref(0)?.as_str()?),
                dimension: usize::try_from(row.get::<_, i64>(1)?)
                    .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(1, 0))?,
            })
        })
    }

    /// Binds the album to the model of `embedding`, or checks that it is bound to it.
    fn bind(&self, embedding: &Embedding) -> Result<(), AlbumError> {
        let (model, dimension) = (embedding.model(), embedding.dim());
        match self.binding()? {
            Some(bound) => Ok(check_binding(&bound, model, dimension)?),
            None => self.execute(
                "INSERT INTO binding (only_row, model, dimension) VALUES (1, ?1, ?2)",
                rusqlite::params![model.as_str(), dimension as i64],
            ),
        }
    }

    fn damaged(&self, what: &str) -> StoreError {
        self.place.damaged(what)
    }
}

fn to_bytes(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// Values from bytes; `None` if these are no whole number of values.
fn from_bytes(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty()
        .then(|| numbers.iter().map(|b| f32::from_le_bytes(*b)).collect())
}
