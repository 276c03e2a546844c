//! The tables of an album.

use crate::store::FileKind;
use crate::store::sqlite::format::Format;

/// Marked by the letters "PSAL".
pub(super) const FORMAT: Format = Format {
    kind: FileKind::Album,
    application_id: 0x5053_414c,
    migrations: &[VERSION_1],
};

// Embeddings and crops have tables of their own, as in a gallery. Ids are never used again
// (AUTOINCREMENT): a decision may name a group that is gone, and bring it back.
const VERSION_1: &str = "
CREATE TABLE binding (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    model TEXT NOT NULL,
    dimension INTEGER NOT NULL
) STRICT;

CREATE TABLE state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO state (only_row, revision) VALUES (1, 0);

CREATE TABLE pictures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    added_millis INTEGER NOT NULL
) STRICT;

CREATE TABLE paths (
    path TEXT PRIMARY KEY,
    picture_id INTEGER NOT NULL REFERENCES pictures (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX paths_by_picture ON paths (picture_id);

CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE
) STRICT;

CREATE TABLE faces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    picture_id INTEGER NOT NULL REFERENCES pictures (id) ON DELETE CASCADE,
    group_id INTEGER REFERENCES groups (id),
    is_confirmed INTEGER NOT NULL,
    confidence REAL NOT NULL,
    box_left REAL NOT NULL, box_top REAL NOT NULL, box_right REAL NOT NULL, box_bottom REAL NOT NULL,
    landmarks_f32_little_endian BLOB
) STRICT;
CREATE INDEX faces_by_picture ON faces (picture_id);
CREATE INDEX faces_by_group ON faces (group_id);

CREATE TABLE embeddings (
    face_id INTEGER PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE,
    f32_little_endian BLOB NOT NULL
) STRICT;

CREATE TABLE crops (
    face_id INTEGER PRIMARY KEY REFERENCES faces (id) ON DELETE CASCADE,
    media_type TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    summary TEXT NOT NULL,
    is_undone INTEGER NOT NULL,
    decided_millis INTEGER NOT NULL
) STRICT;

CREATE TABLE decision_faces (
    decision_id INTEGER NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    face_id INTEGER NOT NULL REFERENCES faces (id) ON DELETE CASCADE,
    group_before INTEGER NOT NULL,
    was_confirmed INTEGER NOT NULL,
    group_after INTEGER NOT NULL,
    PRIMARY KEY (decision_id, face_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision_groups (
    decision_id INTEGER NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL,
    name_before TEXT,
    name_after TEXT,
    PRIMARY KEY (decision_id, group_id)
) STRICT, WITHOUT ROWID;
";
