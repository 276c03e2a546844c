//! The tables of a gallery.

use rusqlite::Connection;

use super::format::Format;
use crate::store::FileKind;

/// Marked by the letters "PSPN".
pub(super) const FORMAT: Format = Format {
    kind: FileKind::Gallery,
    application_id: 0x5053_504e,
    migrations: &[VERSION_1, VERSION_2],
};

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

/// Forgets changes that are too old to be of use.
pub(super) fn forget_old_changes(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM changes WHERE revision <= (SELECT max(revision) FROM changes) - ?1",
        )?
        .execute([REMEMBERED_CHANGES])?;
    Ok(())
}
