//! The time by which events become too old: that of the system's clock, but not at once when it jumps forward.
//!
//! A clock that is wrong by years for a minute (a flat battery, a bad time server) would otherwise cost all events that are
//! kept. How much time really went by, the processor knows; a time that the system insists on is believed in the end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// A step forward that is no jump: clocks are corrected by so much.
const MAX_STEP: SignedDuration = SignedDuration::from_hours(1);

/// For so long the system has to insist on a time that it jumped to. Long enough to be told and to mend it; a machine that
/// slept through some days removes what is too old an hour later.
const BELIEVED_AFTER: Duration = Duration::from_hours(1);

/// A clock that is slow to believe in a jump forward, and follows one back at once: then fewer events are too old.
#[derive(Debug)]
pub(super) struct Clock {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// What the time was, and when that was.
    known: Timestamp,
    at: Instant,
    doubted_since: Option<Instant>,
}

impl Clock {
    /// A clock for a file whose newest event is of `newest`. If all events would be too old by `now`, with `retention`, that
    /// counts as a jump: machines begin with a wrong time more often than they forget their events for so long.
    pub(super) fn new(
        newest: Option<Timestamp>,
        retention: Option<Duration>,
        now: Timestamp,
        at: Instant,
    ) -> Self {
        let known = newest.zip(retention).and_then(|(newest, retention)| {
            let too_old = now.checked_sub(retention).ok()?;
            (newest < too_old).then_some(newest)
        });
        Self {
            state: Mutex::new(State {
                known: known.unwrap_or(now),
                at,
                doubted_since: None,
            }),
        }
    }

    /// The time to judge age by, where the system says `now`; none while that is in doubt, when nothing is too old.
    pub(super) fn judge(&self, now: Timestamp, at: Instant) -> Option<Timestamp> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = at.saturating_duration_since(state.at);
        let expected = state.known.saturating_add(passed).unwrap_or(Timestamp::MAX);
        let jump = now.duration_since(expected);
        if jump > MAX_STEP {
            let since = *state.doubted_since.get_or_insert_with(|| {
                tracing::warn!(
                    hours = jump.as_hours(),
                    "the clock jumped forward: events are not removed for their age until it has kept to that for an hour"
                );
                at
            });
            if at.saturating_duration_since(since) < BELIEVED_AFTER {
                return None;
            }
        }
        *state = State {
            known: now,
            at,
            doubted_since: None,
        };
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const RETENTION: Option<Duration> = Some(Duration::from_hours(30 * 24));

    fn time() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    #[test]
    fn a_jump_forward_is_believed_after_an_hour() {
        let (now, at) = (time(), Instant::now());
        let clock = Clock::new(Some(now), RETENTION, now, at);
        let minutes = |n: u64| Duration::from_secs(60 * n);
        assert_eq!(
            clock.judge(now + minutes(5), at + minutes(5)),
            Some(now + minutes(5))
        );
        for n in [10, 30, 69] {
            let wrong = now + minutes(n) + 1000 * DAY;
            assert_eq!(clock.judge(wrong, at + minutes(n)), None);
        }
        let insisted = now + minutes(71) + 1000 * DAY;
        assert_eq!(clock.judge(insisted, at + minutes(71)), Some(insisted));
    }

    #[test]
    fn a_jump_forward_and_back_changes_nothing() {
        let (now, at) = (time(), Instant::now());
        let clock = Clock::new(None, RETENTION, now, at);
        let minute = Duration::from_mins(1);
        assert_eq!(clock.judge(now + 1000 * DAY, at + minute), None);
        assert_eq!(
            clock.judge(now + 2 * minute, at + 2 * minute),
            Some(now + 2 * minute)
        );
        // The next jump is doubted for a whole hour again.
        let later = Duration::from_mins(62);
        assert_eq!(clock.judge(now + 1000 * DAY, at + later), None);
    }

    #[test]
    fn the_clock_may_go_back_and_be_corrected() {
        let (now, at) = (time(), Instant::now());
        let clock = Clock::new(Some(now), RETENTION, now, at);
        assert_eq!(clock.judge(now - 1000 * DAY, at), Some(now - 1000 * DAY));
        let clock = Clock::new(Some(now), RETENTION, now, at);
        let half = Duration::from_mins(30);
        assert_eq!(clock.judge(now + half, at), Some(now + half));
    }

    #[test]
    fn a_file_of_which_all_would_go_waits_an_hour() {
        let (now, at) = (time(), Instant::now());
        let newest = now - 31 * DAY;
        let clock = Clock::new(Some(newest), RETENTION, now, at);
        assert_eq!(clock.judge(now, at), None);
        let hour = Duration::from_hours(1);
        assert_eq!(clock.judge(now + hour, at + hour), Some(now + hour));
        // Part of it may go at once, and so may all of it where nothing is kept.
        let clock = Clock::new(Some(now - 29 * DAY), RETENTION, now, at);
        assert_eq!(clock.judge(now, at), Some(now));
        let clock = Clock::new(Some(newest), None, now, at);
        assert_eq!(clock.judge(now, at), Some(now));
    }
}
