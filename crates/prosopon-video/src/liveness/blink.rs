//! Blinks, from how open the eyes are over time.

use std::time::Duration;

/// Below this share the eyes are closed.
const CLOSED: f32 = 0.35;
/// Above this share they are open; between the two nothing changes.
const OPEN: f32 = 0.65;
/// A blink takes 0.1 to 0.4 s (Schiffman 1990, ch. 2); who closes their eyes for longer than this does not blink.
const LONGEST: Duration = Duration::from_millis(800);

/// Counts blinks: eyes that were open close and open again, both together.
#[derive(Debug, Clone, Default)]
pub struct BlinkCounter {
    n_blinks: u32,
    was_open: bool,
    closed_since: Option<Duration>,
}

impl BlinkCounter {
    /// Takes the eyes of one more frame: the larger share of the two, since both close in a blink.
    pub fn observe(&mut self, at: Duration, left_open: f32, right_open: f32) {
        let open = left_open.max(right_open);
        if open >= OPEN {
            if let Some(since) = self.closed_since.take()
                && at.saturating_sub(since) <= LONGEST
            {
                self.n_blinks += 1;
            }
            self.was_open = true;
        } else if open <= CLOSED && self.was_open {
            self.was_open = false;
            self.closed_since = Some(at);
        }
    }

    /// Blinks so far.
    pub fn count(&self) -> u32 {
        self.n_blinks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blinks in a series of 25 frames a second.
    fn blinks(series: &[f32]) -> u32 {
        let mut counter = BlinkCounter::default();
        for (&open, i) in series.iter().zip(0..) {
            counter.observe(Duration::from_millis(40 * i), open, open);
        }
        counter.count()
    }

    #[test]
    fn eyes_that_close_and_open_have_blinked() {
        assert_eq!(blinks(&[0.9, 0.8, 0.2, 0.1, 0.5, 0.9]), 1);
        assert_eq!(blinks(&[0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.9]), 2);
    }

    #[test]
    fn what_is_no_blink_is_not_counted() {
        assert_eq!(blinks(&[0.9; 50]), 0);
        // Half closed, closed from the start, closed for a second, not open again.
        assert_eq!(blinks(&[0.9, 0.5, 0.4, 0.5, 0.9]), 0);
        assert_eq!(blinks(&[0.1, 0.1, 0.9, 0.9]), 0);
        let asleep: Vec<f32> = [vec![0.9; 3], vec![0.1; 25], vec![0.9; 3]].concat();
        assert_eq!(blinks(&asleep), 0);
        assert_eq!(blinks(&[0.9, 0.9, 0.1, 0.1]), 0);
    }

    #[test]
    fn a_wink_is_no_blink() {
        let mut counter = BlinkCounter::default();
        for (left, i) in [0.9, 0.1, 0.1, 0.9].into_iter().zip(0..) {
            counter.observe(Duration::from_millis(40 * i), left, 0.9);
        }
        assert_eq!(counter.count(), 0);
    }
}
