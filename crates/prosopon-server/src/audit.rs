//! Who did what, when, to whom, and what came of it. Never a picture, never an embedding.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Caller;
use crate::access::keys::now_millis;
use crate::database::{Database, DatabaseError};
use crate::telemetry::current_request_id;

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Entry {
    /// Number, rising with time.
    pub id: i64,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_millis: i64,
    /// Name of the key; null where none was required.
    pub key: Option<String>,
    /// Where the request came from.
    pub address: String,
    /// What was asked, such as `identify` or `subject.delete`.
    pub action: String,
    /// In which gallery.
    pub gallery: Option<String>,
    /// About whom.
    pub subject: Option<String>,
    /// What came of it: `ok`, counts, or the code of an error.
    pub outcome: String,
    /// Id of the request, as in the log.
    pub request_id: String,
}

#[derive(Debug, Default)]
pub(crate) struct NewEntry {
    pub(crate) key: Option<String>,
    pub(crate) address: String,
    pub(crate) action: &'static str,
    pub(crate) gallery: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) outcome: String,
    pub(crate) request_id: String,
}

/// The audit log, in the server's database.
pub struct AuditLog {
    database: Arc<Database>,
}

impl AuditLog {
    /// The log in the database at `path`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        Ok(Self::on(Arc::new(Database::open(path)?)))
    }

    pub(crate) fn on(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// Entries, newest first, older than the one numbered `before`.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn entries(&self, before: Option<i64>, limit: usize) -> Result<Vec<Entry>, DatabaseError> {
        self.database.entries(before, limit)
    }

    /// Writes an entry. What cannot be written goes to the log; the request is not undone for it.
    pub(crate) fn record(
        &self,
        by: &Actor,
        action: &'static str,
        about: About<'_>,
        outcome: impl Into<String>,
    ) {
        let entry = NewEntry {
            key: by.key.clone(),
            address: by.address.clone(),
            action,
            gallery: about.gallery.map(str::to_owned),
            subject: about.subject.map(str::to_owned),
            outcome: outcome.into(),
            request_id: by.request_id.clone(),
        };
        if let Err(error) = self.database.add_entry(&entry, now_millis()) {
            tracing::error!(action, cause = %error, "could not write to the audit log");
        }
    }
}

/// What came of a face in an identification.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen<'a> {
    /// It is this subject's.
    Known(&'a str),
    /// It may be somebody's.
    Uncertain,
    /// It is nobody's.
    Unknown,
}

impl AuditLog {
    /// Notes who was recognised in `gallery`, and how many faces were not.
    pub(crate) fn identified<'a>(
        &self,
        by: &Actor,
        action: &'static str,
        gallery: &str,
        faces: impl IntoIterator<Item = Seen<'a>>,
    ) {
        let mut names = Vec::new();
        let (mut uncertain, mut unknown) = (0, 0);
        for face in faces {
            match face {
                Seen::Known(name) => names.push(name),
                Seen::Uncertain => uncertain += 1,
                Seen::Unknown => unknown += 1,
            }
        }
        let mut outcome = format!("{} known, ", names.len());
        if uncertain > 0 {
            outcome += &format!("{uncertain} uncertain, ");
        }
        outcome += &format!("{unknown} unknown");
        names.sort_unstable();
        names.dedup();
        let subject = names.join(", ");
        let about = About {
            gallery: Some(gallery),
            subject: (!names.is_empty()).then_some(&subject),
        };
        self.record(by, action, about, outcome);
    }
}

/// Who did it; taken from the request before the work leaves it.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    key: Option<String>,
    address: String,
    request_id: String,
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self {
            key: caller.name.clone(),
            address: caller.address.to_string(),
            request_id: current_request_id(),
        }
    }
}

/// What it was about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct About<'a> {
    pub(crate) gallery: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
}
