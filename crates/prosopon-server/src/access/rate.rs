//! Requests a minute, for each key or address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Names that are remembered before those that have been quiet are forgotten.
const MAX_NAMES: usize = 10_000;

/// A bucket for each name: it holds a minute's requests and fills up evenly.
pub(crate) struct Rate {
    per_minute: u32,
    buckets: Mutex<HashMap<String, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rate {
    /// A limit; 0 for none.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            buckets: Mutex::default(),
        }
    }

    /// Takes one request out of the bucket of `name`.
    ///
    /// # Errors
    /// If it is empty: the seconds until it is not.
    pub(crate) fn take(&self, name: &str) -> Result<(), u64> {
        self.take_at(name, Instant::now())
    }

    fn take_at(&self, name: &str, now: Instant) -> Result<(), u64> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let full = f64::from(self.per_minute);
        let per_sec = full / 60.0;
        let refilled = |bucket: &Bucket| {
            (bucket.left + now.duration_since(bucket.at).as_secs_f64() * per_sec).min(full)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_NAMES && !buckets.contains_key(name) {
            buckets.retain(|_, bucket| refilled(bucket) < full);
        }
        let bucket = buckets.entry(name.to_owned()).or_insert(Bucket {
            left: full,
            at: now,
        });
        bucket.left = refilled(bucket);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(((1.0 - bucket.left) / per_sec).ceil().max(1.0) as u64);
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_up_again() {
        let rate = Rate::new(2);
        let start = Instant::now();
        assert_eq!(rate.take_at("a", start), Ok(()));
        assert_eq!(rate.take_at("a", start), Ok(()));
        assert_eq!(rate.take_at("a", start), Err(30));
        assert_eq!(rate.take_at("b", start), Ok(()));
        assert_eq!(rate.take_at("a", start + Duration::from_secs(31)), Ok(()));
        assert_eq!(Rate::new(0).take_at("a", start), Ok(()));
    }
}
