//! Subjects: the people that a gallery knows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::face::FaceId;

/// Facts that the user keeps about a subject: a JSON object, stored and given back as it is.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// Longest subject name, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 512;

/// Number of a subject within its gallery; never used again after a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectId(pub i64);

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A person before the gallery has given out an id.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NewSubject {
    /// Unique name, compared exactly; see [`check_name`] for what a name may be.
    pub name: String,
    /// Id in another system; need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Facts that the user keeps.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

impl NewSubject {
    /// A subject of this name without further facts.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A person that the gallery knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Number within the gallery.
    pub id: SubjectId,
    /// Unique name.
    pub name: String,
    /// Id in another system.
    pub external_id: Option<String>,
    /// Facts that the user keeps.
    pub metadata: Metadata,
    /// When the subject was added, in milliseconds since 1970-01-01 UTC.
    pub created_millis: i64,
}

/// A subject with the number of its faces, as in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubjectSummary {
    /// The subject.
    #[serde(flatten)]
    pub subject: Subject,
    /// How many faces it has.
    pub n_faces: u64,
    /// Its first face, to show it by.
    pub cover: Option<FaceId>,
}

/// Whether `name` can name a subject: not empty, at most [`MAX_NAME_BYTES`] long, no blanks at its
/// ends and no control characters.
///
/// # Errors
/// What is wrong with it, as the end of "expected a name …".
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("that is not empty")
    } else if name.len() > MAX_NAME_BYTES {
        Err("of at most 512 bytes")
    } else if name.trim() != name {
        Err("without blanks at its ends")
    } else if name.chars().any(char::is_control) {
        Err("without control characters")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "Anna Karenina", "李小龍", "O'Neil 3rd"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for bad in ["", " anna", "anna\n", "a\0b", "a\tb", &long] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
