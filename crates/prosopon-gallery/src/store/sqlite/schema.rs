//! The tables, and how older files become newer ones.

use rusqlite::{Connection, Transaction};

/// Marks a file as a gallery in SQLite's header: the letters "PSPN".
pub(super) const APPLICATION_ID: i64 = 0x5053_504e;

/// Each step takes a file from one version to the next; never edit one that was released.
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2];

/// The version that this release writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Changes that are remembered for other processes; older ones make them read everything again.
const REMEMBERED_CHANGES: i64 = 20_000;

// Embeddings and crops have tables of their own: the first is read in bulk at start, the second
// only when shown. Ids are never used again (AUTOINCREMENT), so a change can name them for good.
// Triggers keep the list of changes, which makes it complete whoever writes.
pub(super) const VERSION_1: &str = "
CREATE TABLE binding (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    model TEXT NOT NULL,
    dimension INTEGER NOT NULL
) STRICT;

CREATE TABLE subjects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    name_folded TEXT NOT NULL,
    external_id TEXT,
    metadata TEXT NOT NULL,
    created_millis INTEGER NOT NULL
) STRICT;

CREATE TABLE faces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_id INTEGER NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
    model TEXT NOT NULL,
    confidence REAL,
    face_width_px REAL,
    measures TEXT NOT NULL,
    box_left REAL, box_top REAL, box_right REAL, box_bottom REAL,
    source_file_name TEXT,
    source_sha256 BLOB,
    created_millis INTEGER NOT NULL
) STRICT;
CREATE INDEX faces_by_subject ON faces (subject_id);
CREATE INDEX faces_by_picture ON faces (source_sha256) WHERE source_sha256 IS NOT NULL;

CREATE TABLE embeddings (
    face_id INTEGER PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE,
    f32_little_endian BLOB NOT NULL
) STRICT;

CREATE TABLE crops (
    face_id INTEGER PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE,
    media_type TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE changes (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    subject_id INTEGER,
    face_id INTEGER
) STRICT;
CREATE TRIGGER subject_added AFTER INSERT ON subjects BEGIN
    INSERT INTO changes (subject_id) VALUES (new.id);
END;
CREATE TRIGGER subject_renamed AFTER UPDATE ON subjects BEGIN
    INSERT INTO changes (subject_id) VALUES (new.id);
END;
CREATE TRIGGER subject_deleted AFTER DELETE ON subjects BEGIN
    INSERT INTO changes (subject_id) VALUES (old.id);
END;
CREATE TRIGGER face_moved AFTER UPDATE OF subject_id ON faces BEGIN
    INSERT INTO changes (face_id) VALUES (new.id);
END;
CREATE TRIGGER face_deleted AFTER DELETE ON faces BEGIN
    INSERT INTO changes (face_id) VALUES (old.id);
END;
CREATE TRIGGER embedding_added AFTER INSERT ON embeddings BEGIN
    INSERT INTO changes (face_id) VALUES (new.face_id);
END;
CREATE TRIGGER embedding_changed AFTER UPDATE ON embeddings BEGIN
    INSERT INTO changes (face_id) VALUES (new.face_id);
END;
";

// One row at most. The table is JSON, since nothing in it is ever searched.
const VERSION_2: &str = "
CREATE TABLE calibration (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    model TEXT NOT NULL,
    created_millis INTEGER NOT NULL,
    rates TEXT NOT NULL,
    points TEXT NOT NULL
) STRICT;
";

/// What a file says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was ever written.
    Empty,
    /// A gallery of this version.
    Gallery(i64),
    /// A database of some other program.
    Foreign,
}

/// Looks at a file without changing it.
pub(super) fn kind(connection: &Connection) -> rusqlite::Result<Kind> {
    // Of one moment: another process may be turning the empty file into a gallery just now. Unlike
    // a transaction, a savepoint may also begin within one.
    connection.execute_batch("SAVEPOINT look")?;
    let kind = kind_of_moment(connection);
    connection.execute_batch("RELEASE look")?;
    kind
}

fn kind_of_moment(connection: &Connection) -> rusqlite::Result<Kind> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION_ID, version) => Ok(Kind::Gallery(version)),
        (0, 0) => {
            // An interrupted creation may leave a database without tables.
            let n_tables: i64 =
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            Ok(if n_tables == 0 {
                Kind::Empty
            } else {
                Kind::Foreign
            })
        }
        _ => Ok(Kind::Foreign),
    }
}

/// Brings a file of `version` (0 for an empty one) to [`VERSION`].
pub(super) fn migrate(transaction: &Transaction, version: i64) -> rusqlite::Result<()> {
    for step in &MIGRATIONS[version.clamp(0, VERSION) as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)
}

/// Forgets changes that are too old to be of use.
pub(super) fn forget_old_changes(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM changes WHERE revision <= (SELECT max(revision) FROM changes) - ?1",
        )?
        .execute([REMEMBERED_CHANGES])?;
    Ok(())
}
