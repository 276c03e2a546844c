//! A few threads that take jobs from one queue.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does all `jobs`, at most `at_once` at a time, in order of the queue. The first error ends it: what
/// has been begun is finished, the rest is left.
pub(crate) fn run<J: Send, E: Send>(
    jobs: impl IntoIterator<Item = J>,
    at_once: usize,
    work: impl Fn(J) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let queue: Mutex<VecDeque<J>> = Mutex::new(jobs.into_iter().collect());
    let failed = Mutex::new(None);
    let next = || {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front()
    };
    let worker = || {
        while let Some(job) = next() {
            if let Err(error) = work(job) {
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.clear();
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(worker);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn all_is_done_and_never_too_much_at_a_time() {
        let (busy, most, done) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        let work = |job: usize| {
            most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(2));
            busy.fetch_sub(1, Ordering::SeqCst);
            done.fetch_add(job, Ordering::SeqCst);
            Ok::<(), ()>(())
        };
        assert_eq!(run(1..=20, 3, work), Ok(()));
        assert_eq!(done.into_inner(), 210);
        assert_eq!(most.into_inner(), 3);
    }

    #[test]
    fn an_error_ends_it() {
        let begun = AtomicUsize::new(0);
        let work = |job: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            if job == 2 { Err(job) } else { Ok(()) }
        };
        assert_eq!(run(0..1000, 1, work), Err(2));
        assert_eq!(begun.into_inner(), 3);
    }
}
