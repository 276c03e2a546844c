//! Which events are wanted.

use jiff::Timestamp;
use rusqlite::types::Value;

use crate::EventKind;

/// Which events are wanted; the default wants all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Of this camera.
    pub camera: Option<String>,
    /// Of one of these kinds; empty for all.
    pub kinds: Vec<EventKind>,
    /// Of the person of this name; upper and lower case are the same.
    pub subject: Option<String>,
    /// Not earlier than this.
    pub since: Option<Timestamp>,
    /// Earlier than this.
    pub until: Option<Timestamp>,
    /// With a greater sequence number.
    pub after_sequence: Option<u64>,
    /// With a smaller sequence number: to page back.
    pub before_sequence: Option<u64>,
    /// Only the newest so many. With `after_sequence`, the first so many after it.
    pub limit: Option<usize>,
}

/// A condition of SQL with its values.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Filter {
    /// All events of one camera.
    pub fn of_camera(camera: &str) -> Self {
        Self {
            camera: Some(camera.to_owned()),
            ..Self::default()
        }
    }

    /// Whether the oldest are wanted first, rather than the newest.
    pub(super) fn takes_oldest(&self) -> bool {
        self.after_sequence.is_some()
    }

    pub(super) fn condition(&self) -> Condition {
        let mut parts: Vec<String> = Vec::new();
        let mut values = Vec::new();
        let mut add = |sql: &str, value: Value| {
            values.push(value);
            parts.push(format!("{sql} ?{}", values.len()));
        };
        if let Some(camera) = &self.camera {
            add("camera =", camera.clone().into());
        }
        if let Some(subject) = &self.subject {
            add("subject_name_folded =", fold(subject).into());
        }
        if let Some(since) = self.since {
            add("at_micros >=", since.as_microsecond().into());
        }
        if let Some(until) = self.until {
            add("at_micros <", until.as_microsecond().into());
        }
        if let Some(sequence) = self.after_sequence {
            add("sequence >", (sequence as i64).into());
        }
        if let Some(sequence) = self.before_sequence {
            add("sequence <", (sequence as i64).into());
        }
        if !self.kinds.is_empty() {
            // The names are ours: nothing in them could be taken for SQL.
            let names: Vec<String> = self
                .kinds
                .iter()
                .map(|kind| format!("'{}'", kind.name()))
                .collect();
            parts.push(format!("kind IN ({})", names.join(", ")));
        }
        if parts.is_empty() {
            parts.push("1".to_owned());
        }
        Condition {
            sql: parts.join(" AND "),
            values,
        }
    }
}

/// The form in which names are compared.
pub(super) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}
