//! Faces followed over frames.
//!
//! A [`Tracker`] gets the detections of every n-th frame and says which of them belong together. Where a face will be is
//! predicted (`kalman`); detections are assigned in two stages, the confident ones first and then the faint ones, which
//! only continue tracks (ByteTrack, Zhang et al. 2022); overlap and embeddings decide together (`association`).
//! Position counts for little after a gap and for nothing after a cut: then only the embedding links.

mod assign;
mod association;
mod cut;
mod kalman;
#[cfg(test)]
mod tests;
mod tracker;

pub use cut::CutDetector;
pub use tracker::{Ended, Track, TrackState, Tracker, TrackerOptions, Updated};
