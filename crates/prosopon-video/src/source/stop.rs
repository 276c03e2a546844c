//! The one way to end a source from another thread.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::sync::locked;

/// A flag that ends what waits for frames, however it waits.
///
/// Clones share the flag; once it is set it stays set.
#[derive(Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    set: Condvar,
}

#[derive(Default)]
struct State {
    is_stopped: bool,
    next: u64,
    wakers: Vec<(u64, Waker)>,
}

type Waker = Box<dyn FnOnce() + Send>;

/// Something that is called when a [`Stop`] is set, until this is dropped.
pub(crate) struct OnStop {
    stop: Stop,
    number: u64,
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stop({})", self.is_stopped())
    }
}

impl Stop {
    /// One that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every source that was opened with this: its child process is killed, and its
    /// [`next`](super::Source::next) gives `None`.
    pub fn stop(&self) {
        let wakers = {
            let mut state = locked(&self.0.state);
            state.is_stopped = true;
            std::mem::take(&mut state.wakers)
        };
        self.0.set.notify_all();
        // Outside of the lock: a waker may drop what holds an `OnStop`.
        for (_, wake) in wakers {
            wake();
        }
    }

    /// Whether it is set.
    pub fn is_stopped(&self) -> bool {
        locked(&self.0.state).is_stopped
    }

    /// Sleeps for `time` or until it is set; gives whether it is set.
    pub fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = locked(&self.0.state);
        while !state.is_stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = match self.0.set.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        state.is_stopped
    }

    /// Calls `wake` once when it is set, at once if it is set already.
    pub(crate) fn on_stop(&self, wake: impl FnOnce() + Send + 'static) -> OnStop {
        let mut state = locked(&self.0.state);
        let number = state.next;
        if state.is_stopped {
            drop(state);
            wake();
        } else {
            state.next += 1;
            state.wakers.push((number, Box::new(wake)));
        }
        OnStop {
            stop: self.clone(),
            number,
        }
    }
}

impl Drop for OnStop {
    fn drop(&mut self) {
        locked(&self.stop.0.state)
            .wakers
            .retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_sleeper_is_woken() {
        let stop = Stop::new();
        let sleeper = thread::spawn({
            let stop = stop.clone();
            move || stop.wait(Duration::from_mins(1))
        });
        stop.stop();
        assert!(sleeper.join().expect("no panic"));
        assert!(!Stop::new().wait(Duration::from_millis(1)));
    }

    #[test]
    fn wakers_are_called_once_unless_dropped() {
        let calls = Arc::new(AtomicU32::new(0));
        let count = |n: u32| {
            let calls = calls.clone();
            move || {
                calls.fetch_add(n, Ordering::SeqCst);
            }
        };
        let stop = Stop::new();
        let _kept = stop.on_stop(count(1));
        drop(stop.on_stop(count(10)));
        stop.stop();
        stop.stop();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        let _late = stop.on_stop(count(100));
        assert_eq!(calls.load(Ordering::SeqCst), 101);
    }
}
