//! The tables of a file of events.

/// Marks the file in SQLite's header: the letters "PSPE".
pub(super) const APPLICATION_ID: i64 = 0x5053_5045;

/// Each step takes a file from one format to the next; never edit one that was released.
pub(super) const MIGRATIONS: &[&str] = &[FORMAT_1];

// Crops have a table of their own: they are read only when shown, and would make every list slow.
// `AUTOINCREMENT` never gives a sequence number twice, so that "all after 17" means the same for ever.
// The outbox holds what was not delivered yet: the order of delivery is the order of `sequence`.
const FORMAT_1: &str = "
CREATE TABLE installation (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL
) STRICT;
INSERT INTO installation VALUES (1, lower(hex(randomblob(8))));

CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    camera TEXT NOT NULL,
    at_micros INTEGER NOT NULL,
    subject_id INTEGER,
    subject_name_folded TEXT,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_time ON events (at_micros);
CREATE INDEX events_by_camera ON events (camera, at_micros);
CREATE INDEX events_by_subject ON events (subject_name_folded) WHERE subject_name_folded IS NOT NULL;

CREATE TABLE crops (
    sequence INTEGER PRIMARY KEY REFERENCES events (sequence) ON DELETE CASCADE,
    jpeg BLOB NOT NULL
) STRICT;

CREATE TABLE outbox (
    target TEXT NOT NULL,
    sequence INTEGER NOT NULL REFERENCES events (sequence) ON DELETE CASCADE,
    added_millis INTEGER NOT NULL,
    -- How often the target refused it; times when it could not be reached are not counted.
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (target, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_sequence ON outbox (sequence);

CREATE TABLE targets (
    id TEXT PRIMARY KEY,
    is_gone INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,
    next_attempt_millis INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    last_delivered_millis INTEGER
) STRICT, WITHOUT ROWID;
";
