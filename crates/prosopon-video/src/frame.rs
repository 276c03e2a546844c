//! A picture with its place in time.

use std::time::Duration;

use jiff::Timestamp;
use prosopon::Image;

/// One picture of a source.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Upright pixels.
    pub image: Image,
    /// Its number among all that the source gave, dropped ones included; from 0. It goes on when a source is
    /// started again.
    pub index: u64,
    /// Its place in the source: media time of a file, time since the first frame of a live source. Never goes back.
    pub position: Duration,
    /// When it was taken: the clock as the frame arrived of a live source; of a file the clock at its start plus
    /// `position`.
    pub at: Timestamp,
}
