//! Faces on video: frames from files and cameras, faces followed over frames, names that stay, events that are
//! delivered.
//!
//! | Module | Holds |
//! |---|---|
//! | [`frame`] | a picture with its place in time |
//! | [`liveness`] | whether a face lives: evidence over a track, a challenge |
//! | [`source`] | where frames come from: files, cameras, streams, folders, standard input, other threads |
//! | [`ffmpeg`] | FFmpeg as a supervised child |
//! | [`record`] | pictures as a video file |
//! | [`show`] | pictures in a window |
//! | [`event`] | what is told: somebody appeared, was recognised, left |
//! | [`track`] | which detections of successive frames are one face |
//! | [`evidence`] | what the frames of a track say together about who it is |
//! | [`who`] | who is asked: a gallery |
//! | [`watcher`] | from frames to tracks to events |
//! | [`presence`] | who was there when |
//! | [`timeline`] | a picture of that |
//! | [`store`] | events in a file, with crops and what is still to be delivered |
//! | [`deliver`] | webhooks, MQTT, JSON lines: at least once, in order, across restarts |
//! | [`percent`] | any text as a part of an address |

pub mod deliver;
pub mod event;
pub mod evidence;
pub mod ffmpeg;
mod fit;
pub mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod liveness;
mod matroska;
mod notes;
pub mod percent;
pub mod presence;
mod quality;
pub mod record;
pub mod show;
pub mod source;
pub mod store;
mod sync;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod track;
pub mod watcher;
pub mod who;

pub use deliver::{Delivery, Notice, Target, TargetId};
pub use event::{Event, EventId, EventKind, EventSubject};
pub use evidence::{EvidenceOptions, Identity};
pub use frame::Frame;
pub use presence::{FaceCrop, Interval, Person};
pub use record::{RecordError, RecordOptions, Recorder};
pub use show::{ShowError, Window};
pub use source::{
    Address, PushSource, Pusher, Source, SourceError, SourceFacts, SourceOptions, SourceState,
    Stop, open,
};
pub use store::{EventStore, Filter, StoreError, StoreOptions, StoredEvent};
pub use track::TrackerOptions;
pub use watcher::{
    Seen, StageSeconds, Summary, TrackView, WatchError, WatchOptions, Watcher, draw,
};
pub use who::{Answer, Best, InGallery, Who, WhoError};
