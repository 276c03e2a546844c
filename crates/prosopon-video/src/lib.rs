//! Faces on video: frames from files and cameras, faces followed over frames, names that stay, events that are
//! delivered.
//!
//! | Module | Holds |
//! |---|---|
//! | [`frame`] | a picture with its place in time |
//! | [`source`] | where frames come from: files, cameras, streams, folders, standard input, other threads |
//! | [`ffmpeg`] | FFmpeg as a supervised child |
//! | [`record`] | pictures as a video file |
//! | [`show`] | pictures in a window |
//! | [`event`] | what is told: somebody appeared, was recognised, left |

pub mod event;
pub mod ffmpeg;
mod fit;
pub mod frame;
mod matroska;
pub mod record;
pub mod show;
pub mod source;
mod sync;

pub use event::{Event, EventId, EventKind, EventSubject};
pub use frame::Frame;
pub use record::{RecordError, RecordOptions, Recorder};
pub use show::{ShowError, Window};
pub use source::{Address, Source, SourceError, SourceFacts, SourceOptions, SourceState, Stop};
