//! Faces on video: frames from files and cameras, faces followed over frames, names that stay, events that are
//! delivered.
//!
//! | Module | Holds |
//! |---|---|
//! | [`frame`] | a picture with its place in time |
//! | [`liveness`] | whether a face lives: evidence over a track, a challenge |
//! | [`event`] | what is told: somebody appeared, was recognised, left |
//! | [`store`] | events in a file, with crops and what is still to be delivered |
//! | [`deliver`] | webhooks, MQTT, JSON lines: at least once, in order, across restarts |

pub mod deliver;
pub mod event;
pub mod frame;
pub mod liveness;
pub mod store;
#[cfg(test)]
mod testing;

pub use deliver::{Delivery, Notice, Target, TargetId};
pub use event::{Event, EventId, EventKind, EventSubject};
pub use frame::Frame;
pub use store::{EventStore, Filter, StoreError, StoreOptions, StoredEvent};
