//! A place for one frame between who takes pictures and who looks at them: the newest wins.

use std::sync::{Arc, Condvar, Mutex};

use crate::Frame;
use crate::sync::locked;

use super::SourceError;

/// A place for one frame, shared by a writer and a reader.
#[derive(Clone, Default)]
pub(crate) struct Newest(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    frame: Option<Frame>,
    dropped: u64,
    is_closed: bool,
    error: Option<SourceError>,
}

impl Newest {
    /// Replaces the frame that waits; gives whether anybody may still take it.
    pub(crate) fn put(&self, frame: Frame) -> bool {
        let mut state = locked(&self.0.state);
        if state.is_closed {
            return false;
        }
        if state.frame.replace(frame).is_some() {
            state.dropped += 1;
        }
        drop(state);
        self.0.changed.notify_one();
        true
    }

    /// No more frames come; the reader still gets the one that waits.
    pub(crate) fn close(&self) {
        locked(&self.0.state).is_closed = true;
        self.0.changed.notify_all();
    }

    /// No more frames come, and this is why.
    pub(crate) fn fail(&self, error: SourceError) {
        let mut state = locked(&self.0.state);
        state.error = Some(error);
        state.is_closed = true;
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits for a frame that was not taken yet; `None` once there will be none.
    pub(crate) fn take(&self) -> Result<Option<Frame>, SourceError> {
        let mut state = locked(&self.0.state);
        loop {
            if let Some(frame) = state.frame.take() {
                return Ok(Some(frame));
            }
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            if state.is_closed {
                return Ok(None);
            }
            state = self
                .0
                .changed
                .wait(state)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Frames that were replaced before anybody took them.
    pub(crate) fn dropped(&self) -> u64 {
        locked(&self.0.state).dropped
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use jiff::Timestamp;
    use prosopon::Image;

    use super::*;

    fn frame(index: u64) -> Frame {
        Frame {
            image: Image::filled(1, 1, [0; 3]),
            index,
            position: Duration::from_millis(index),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_newest_is_taken_and_the_others_are_counted() {
        let newest = Newest::default();
        for index in 0..3 {
            assert!(newest.put(frame(index)));
        }
        let taken = newest.take().expect("no error").expect("a frame");
        assert_eq!((taken.index, newest.dropped()), (2, 2));
    }

    #[test]
    fn a_waiting_reader_gets_the_frame_and_then_the_end() {
        let newest = Newest::default();
        let reader = thread::spawn({
            let newest = newest.clone();
            move || {
                let mut taken = Vec::new();
                while let Some(frame) = newest.take().expect("no error") {
                    taken.push(frame.index);
                }
                taken
            }
        });
        newest.put(frame(7));
        newest.close();
        assert!(!newest.put(frame(8)));
        assert_eq!(reader.join().expect("no panic"), [7]);
    }

    #[test]
    fn an_error_comes_after_the_frame_and_once() {
        let newest = Newest::default();
        newest.put(frame(0));
        newest.fail(SourceError::Empty);
        assert!(matches!(newest.take(), Ok(Some(_))));
        assert!(matches!(newest.take(), Err(SourceError::Empty)));
        assert!(matches!(newest.take(), Ok(None)));
    }
}
