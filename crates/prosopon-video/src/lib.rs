//! Faces on video: frames from files and cameras, faces followed over frames, names that stay, events that are
//! delivered.
//!
//! | Module | Holds |
//! |---|---|
//! | [`frame`] | a picture with its place in time |
//! | [`liveness`] | whether a face lives: evidence over a track, a challenge |
//! | [`event`] | what is told: somebody appeared, was recognised, left |

pub mod event;
pub mod frame;
pub mod liveness;

pub use event::{Event, EventId, EventKind, EventSubject};
pub use frame::Frame;
