//! Requests a minute, for each key or address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Names that are remembered; when there are more, those that have been quiet are forgotten.
const MAX_NAMES: usize = 10_000;

/// How often those are looked for, at most: it takes a look at every name.
const SWEEP: Duration = Duration::from_secs(1);

/// The bucket of all that have none of their own because there are too many.
const OTHERS: &str = "others";

/// A bucket for each name: it holds a minute's requests and fills up evenly.
pub(crate) struct Rate {
    per_minute: u32,
    buckets: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets {
    by_name: HashMap<String, Bucket>,
    swept: Option<Instant>,
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
        let Buckets { by_name, swept } = &mut *buckets;
        if by_name.len() >= MAX_NAMES
            && !by_name.contains_key(name)
            && swept.is_none_or(|at| now.duration_since(at) >= SWEEP)
        {
            by_name.retain(|_, bucket| refilled(bucket) < full);
            *swept = Some(now);
        }
        let is_room = by_name.len() < MAX_NAMES || by_name.contains_key(name);
        let name = if is_room { name } else { OTHERS };
        let bucket = by_name.entry(name.to_owned()).or_insert(Bucket {
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

    #[test]
    fn names_without_end_share_a_bucket() {
        let rate = Rate::new(3);
        let start = Instant::now();
        for i in 0..MAX_NAMES {
            assert_eq!(rate.take_at(&i.to_string(), start), Ok(()));
        }
        let refused = (0..100).filter(|i| rate.take_at(&format!("new {i}"), start).is_err());
        assert_eq!(refused.count(), 97);
        assert_eq!(rate.take_at("0", start), Ok(()));
        assert!(rate.buckets.lock().unwrap().by_name.len() <= MAX_NAMES + 1);
        let later = start + Duration::from_mins(2);
        assert_eq!(rate.take_at("new", later), Ok(()));
        assert_eq!(rate.buckets.lock().unwrap().by_name.len(), 1);
    }
}
