//! Which file of events.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prosopon_models::Store;
use prosopon_video::{EventStore, StoreOptions};

use crate::failure::Failure;

/// Which file of events.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Events")]
pub(crate) struct EventsArgs {
    /// File of events; `events.db` in the data directory by default
    #[arg(long, value_name = "FILE", env = "PROSOPON_EVENTS", global = true)]
    events: Option<PathBuf>,
}

impl EventsArgs {
    /// Whether it was named, and not taken by default.
    pub(crate) fn is_named(&self) -> bool {
        self.events.is_some()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        match &self.events {
            Some(path) => Ok(path.clone()),
            None => Ok(Store::open()?.home().join("events.db")),
        }
    }

    /// Opens it; `create` makes it if there is none. Events are kept for `keep_days`, 0 for ever; without it this
    /// process removes none by itself.
    pub(crate) fn open(
        &self,
        create: bool,
        keep_days: Option<u32>,
    ) -> Result<Arc<EventStore>, Failure> {
        let path = self.path()?;
        if create && self.events.is_none() {
            let home = path.parent().map(fs::create_dir_all).transpose();
            home.map_err(|error| Failure::write(path.display(), &error))?;
        }
        let options = StoreOptions {
            create,
            retention: keep_days
                .filter(|&days| days > 0)
                .map(|days| Duration::from_secs(u64::from(days) * 86_400)),
            ..StoreOptions::default()
        };
        Ok(Arc::new(EventStore::open_with(path, &options)?))
    }
}
