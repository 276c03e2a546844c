//! Faces on video: frames from files and cameras, faces followed over frames, names that stay, events that are
//! delivered.
//!
//! | Module | Holds |
//! |---|---|
//! | [`frame`] | a picture with its place in time |
//! | [`event`] | what is told: somebody appeared, was recognised, left |

pub mod event;
pub mod frame;

pub use event::{Event, EventId, EventKind, EventSubject};
pub use frame::Frame;
