//! What a way of delivery is, and its answers.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::store::{Signal, StoredEvent};

/// A way of delivery.
pub(super) trait Courier: Send {
    /// Whether [`Courier::deliver`] has a use for crops.
    fn wants_crop(&self) -> bool;

    /// Makes ready, as far as that is possible before there is anything to deliver; called now and then.
    fn prepare(&mut self) -> Result<(), Undelivered> {
        Ok(())
    }

    /// Delivers an event; when it returns, the receiver has confirmed it.
    fn deliver(&mut self, stored: &StoredEvent, crop: Option<&[u8]>) -> Result<(), Undelivered>;

    /// Waits until `signal` has risen beyond `seen`, or until `timeout`.
    fn wait(&mut self, signal: &Signal, seen: u64, timeout: Duration) -> Result<(), Undelivered> {
        signal.wait(seen, timeout);
        Ok(())
    }

    /// Says goodbye.
    fn close(&mut self) {}
}

/// Why an event was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undelivered {
    /// Try again; not before `after`, if the receiver said so.
    Again {
        /// What went wrong.
        reason: String,
        /// What the receiver asked for.
        after: Option<Duration>,
    },
    /// The receiver does not like this event. Others it may.
    Refused {
        /// What it said.
        reason: String,
    },
    /// The receiver wants no more events at all.
    Gone {
        /// What it said.
        reason: String,
    },
}

impl Undelivered {
    pub(super) fn again(reason: impl Into<String>) -> Self {
        Self::Again {
            reason: reason.into(),
            after: None,
        }
    }
}

/// What is sent: the event with its number, and its crop if that is wanted.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    stored: &'a StoredEvent,
    #[serde(skip_serializing_if = "Option::is_none")]
    crop_jpeg: Option<String>,
}

/// The event as JSON.
pub(super) fn json(stored: &StoredEvent, crop: Option<&[u8]>) -> Result<Vec<u8>, Undelivered> {
    let document = Document {
        stored,
        crop_jpeg: crop.map(|crop| BASE64_STANDARD.encode(crop)),
    };
    serde_json::to_vec(&document).map_err(|error| Undelivered::Refused {
        reason: format!("could not be written as JSON: {error}"),
    })
}
