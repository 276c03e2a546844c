//! Frames that another thread has: a browser's, another machine's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use prosopon::Image;

use crate::Frame;
use crate::sync::locked;

use super::newest::Newest;
use super::stop::OnStop;
use super::{Source, SourceError, SourceFacts, Stop};

/// A source whose frames are pushed by another thread; the newest is kept.
///
/// # Examples
/// ```
/// use prosopon::Image;
/// use prosopon_video::source::{PushSource, Source, Stop};
///
/// let (mut source, pusher) = PushSource::new("door", &Stop::new());
/// pusher.push(Image::filled(64, 48, [0, 0, 255]));
/// drop(pusher);
/// assert!(source.next()?.is_some());
/// assert!(source.next()?.is_none());
/// # Ok::<(), prosopon_video::SourceError>(())
/// ```
pub struct PushSource {
    name: String,
    newest: Newest,
    last: Arc<Mutex<Option<(u32, u32)>>>,
    _on_stop: OnStop,
}

/// The other end of a [`PushSource`]; clones push into the same. When the last is dropped, the source ends.
#[derive(Clone)]
pub struct Pusher(Arc<Sender>);

struct Sender {
    newest: Newest,
    size: Arc<Mutex<Option<(u32, u32)>>>,
    next: AtomicU64,
    start: Mutex<Option<Instant>>,
}

impl PushSource {
    /// A source and its other end.
    pub fn new(name: &str, stop: &Stop) -> (Self, Pusher) {
        let newest = Newest::default();
        let size = Arc::new(Mutex::new(None));
        let on_stop = stop.on_stop({
            let newest = newest.clone();
            move || newest.close()
        });
        let pusher = Pusher(Arc::new(Sender {
            newest: newest.clone(),
            size: size.clone(),
            next: AtomicU64::new(0),
            start: Mutex::new(None),
        }));
        let source = Self {
            name: name.to_owned(),
            newest,
            last: size,
            _on_stop: on_stop,
        };
        (source, pusher)
    }
}

impl Pusher {
    /// Hands over a frame that is taken now; gives whether anybody may still look at it.
    pub fn push(&self, image: Image) -> bool {
        // The lock also keeps the frames of two threads in the order of their numbers.
        let mut start = locked(&self.0.start);
        let now = Instant::now();
        let position = now.duration_since(*start.get_or_insert(now));
        *locked(&self.0.size) = Some((image.width(), image.height()));
        self.0.newest.put(Frame {
            image,
            index: self.0.next.fetch_add(1, Ordering::Relaxed),
            position,
            at: Timestamp::now(),
        })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.newest.close();
    }
}

impl Source for PushSource {
    fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        self.newest.take()
    }

    fn facts(&self) -> SourceFacts {
        SourceFacts {
            name: self.name.clone(),
            is_live: true,
            size: *locked(&self.last),
            ..SourceFacts::default()
        }
    }

    fn dropped(&self) -> u64 {
        self.newest.dropped()
    }
}

impl Drop for PushSource {
    fn drop(&mut self) {
        self.newest.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_frames_are_numbered_and_the_newest_is_given() {
        let (mut source, pusher) = PushSource::new("door", &Stop::new());
        for _ in 0..3 {
            assert!(pusher.push(Image::filled(4, 3, [1, 2, 3])));
        }
        let frame = source.next().expect("no error").expect("a frame");
        assert_eq!((frame.index, source.dropped()), (2, 2));
        assert_eq!(source.facts().size, Some((4, 3)));
    }

    #[test]
    fn it_ends_by_either_end_and_by_stop() {
        let stop = Stop::new();
        let (mut source, pusher) = PushSource::new("door", &stop);
        stop.stop();
        assert!(source.next().expect("no error").is_none());
        assert!(!pusher.push(Image::filled(1, 1, [0; 3])));

        let (source, pusher) = PushSource::new("door", &Stop::new());
        drop(source);
        assert!(!pusher.push(Image::filled(1, 1, [0; 3])));
    }
}
