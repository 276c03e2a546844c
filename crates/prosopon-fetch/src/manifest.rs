//! `manifest.jsonl`: a line for everything that was asked for, and what came of it.

use serde::{Deserialize, Serialize};

use crate::date::Moment;
use crate::network::Validators;

/// Name of the manifest in its folder.
pub const MANIFEST: &str = "manifest.jsonl";

/// Where a picture comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An address.
    Url(String),
    /// A file of an export.
    Path(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(text) | Self::Path(text) => f.write_str(text),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A new file.
    Stored,
    /// The same bytes are in the folder already.
    Duplicate,
    /// The file of an earlier run is there; never in the manifest.
    Present,
    /// It came, and is not wanted: no picture, too small, not of these days.
    Skipped,
    /// It could not be had.
    Failed,
}

/// Why it was skipped, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable name of the kind of reason.
    pub code: String,
    /// In words, in one line.
    pub message: String,
}

/// How the moment of a picture is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenFrom {
    /// A JSON file beside it says so.
    SideCar,
    /// Its name has a date.
    Name,
    /// The file was changed then.
    FileTime,
}

/// When a picture was taken or published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// When.
    pub taken: Moment,
    /// How that is known.
    pub taken_from: TakenFrom,
}

/// One line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it comes from: `url` or `path`.
    #[serde(flatten)]
    pub source: Source,
    /// The page that names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// What came of it.
    pub status: Status,
    /// The file, relative to the folder, with `/` between its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 of its bytes in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What it is, by its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// When it was taken; of exports only.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// For asking the server whether it has changed.
    #[serde(default, flatten)]
    pub validators: Validators,
    /// When it was fetched, or tried.
    pub when: Moment,
    /// Why there is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl Entry {
    /// Nothing but where it comes from and what came of it, now.
    pub(crate) fn new(source: Source, status: Status) -> Self {
        Self {
            source,
            page: None,
            status,
            file: None,
            sha256: None,
            bytes: None,
            media_type: None,
            taken: None,
            validators: Validators::default(),
            when: Moment::now(),
            reason: None,
        }
    }

    /// The same with a reason.
    pub(crate) fn because(self, code: &str, message: impl std::fmt::Display) -> Self {
        Self {
            reason: Some(Reason {
                code: code.to_owned(),
                message: message.to_string(),
            }),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_equal() {
        let source = Source::Url("http://a.example/b.jpg".to_owned());
        let mut entry = Entry {
            file: Some("b.jpg".to_owned()),
            sha256: Some("00".repeat(32)),
            bytes: Some(7),
            media_type: Some("image/jpeg".to_owned()),
            validators: Validators {
                etag: Some("\"x\"".to_owned()),
                last_modified: None,
            },
            when: "2024-05-01T12:00:00Z".parse().unwrap(),
            ..Entry::new(source, Status::Stored)
        };
        let line = serde_json::to_string(&entry).unwrap();
        let expected =
            r#"{"url":"http://a.example/b.jpg","status":"stored","file":"b.jpg","sha256":"#;
        assert!(line.starts_with(expected), "{line}");
        assert!(
            line.contains(r#""etag":"\"x\"","when":"2024-05-01T12:00:00Z"}"#),
            "{line}"
        );
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);

        entry.source = Source::Path("export/b.jpg".to_owned());
        entry.taken = Some(Taken {
            taken: entry.when,
            taken_from: TakenFrom::SideCar,
        });
        let entry = entry.because("not_a_picture", "a text");
        let line = serde_json::to_string(&entry).unwrap();
        assert!(line.contains(r#""taken":"2024-05-01T12:00:00Z","taken_from":"side_car""#));
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry);
    }
}
