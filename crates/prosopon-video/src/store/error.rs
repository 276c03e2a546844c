//! What can go wrong with the events.

use std::path::PathBuf;

/// Why events could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such file, and it was not to be created.
    #[error("no events at this path: {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The folder of the file does not exist.
    #[error("no such folder for events: {}", folder.display())]
    MissingFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The file may not be read.
    #[error("permission denied for the events: {}", path.display())]
    PermissionDenied {
        /// The path.
        path: PathBuf,
    },
    /// The file or its folder may not be written.
    #[error("the events, or their folder, are read-only: {}", path.display())]
    ReadOnly {
        /// The path.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("expected a file of events, found {found}: {}", path.display())]
    NotEvents {
        /// What it is instead.
        found: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A later release of this software wrote the file.
    #[error("expected events of format {supported} or older, found format {found}: {}", path.display())]
    Newer {
        /// Format of the file.
        found: i64,
        /// The newest format that this release reads.
        supported: i64,
        /// The path.
        path: PathBuf,
    },
    /// The content makes no sense.
    #[error("the events are damaged ({what}): {}", path.display())]
    Damaged {
        /// What does not fit.
        what: String,
        /// The path.
        path: PathBuf,
    },
    /// Another process held the file for longer than the waiting time.
    #[error("the events are in use by another process: {}", path.display())]
    Busy {
        /// The path.
        path: PathBuf,
    },
    /// No space is left.
    #[error("no space left to write the events: {}", path.display())]
    Full {
        /// The path.
        path: PathBuf,
    },
    /// A part of an event is longer than a file of events takes.
    #[error(
        "expected {part} of at most {limit} bytes, found {found}: event {id} of camera `{camera}`"
    )]
    TooLarge {
        /// What is too long.
        part: &'static str,
        /// Bytes that are taken.
        limit: usize,
        /// Bytes that were given.
        found: usize,
        /// The event.
        id: String,
        /// Its camera; at most the first hundred characters.
        camera: String,
    },
    /// The event cannot be written as JSON.
    #[error("could not write event {id} as JSON")]
    Json {
        /// The event.
        id: String,
        /// The report.
        source: serde_json::Error,
    },
    /// Anything else that the database or the operating system reports.
    #[error("could not {action} the events: {}", path.display())]
    Failed {
        /// What was attempted.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The report.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// What the user can do about it; one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "check the path; `prosopon watch` makes events",
            Self::MissingFolder { .. } => "create the folder, or check the path",
            Self::PermissionDenied { .. } => "check who owns the file and its folder",
            Self::ReadOnly { .. } => "make the file and its folder writable, or copy the file",
            Self::NotEvents { .. } => "check the path; nothing was changed in that file",
            Self::Newer { .. } => "update prosopon; nothing was changed in that file",
            Self::Damaged { .. } => {
                "restore a copy, or save what is left with `sqlite3 FILE .recover`"
            }
            Self::Busy { .. } => "wait for the other process, or end it",
            Self::Full { .. } => {
                "free some space, or keep events for fewer days; nothing that was acknowledged is lost"
            }
            Self::TooLarge { .. } | Self::Json { .. } => "shorten the metadata of the person",
            Self::Failed { .. } => "check the disk and the file's permissions",
        }
    }

    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "events_missing",
            Self::MissingFolder { .. } => "events_folder_missing",
            Self::PermissionDenied { .. } => "events_permission_denied",
            Self::ReadOnly { .. } => "events_read_only",
            Self::NotEvents { .. } => "not_events",
            Self::Newer { .. } => "events_newer",
            Self::Damaged { .. } => "events_damaged",
            Self::Busy { .. } => "events_busy",
            Self::Full { .. } => "disk_full",
            Self::TooLarge { .. } => "event_too_large",
            Self::Json { .. } => "event_invalid",
            Self::Failed { .. } => "events_failed",
        }
    }
}
