//! A fixed set of things that threads borrow one at a time.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};

/// Lends its items; waits when all are out.
pub(super) struct Pool<T> {
    idle: Mutex<Vec<T>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub(super) fn new(items: Vec<T>) -> Self {
        Self {
            idle: Mutex::new(items),
            returned: Condvar::new(),
        }
    }

    /// Borrows an item until the guard is dropped.
    pub(super) fn take(&self) -> Guard<'_, T> {
        // Only a push or pop happens under the lock, so a poisoned one is as good as new.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(item) = idle.pop() {
                return Guard {
                    pool: self,
                    item: Some(item),
                };
            }
            idle = self
                .returned
                .wait(idle)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A borrowed item, which goes back when dropped.
pub(super) struct Guard<'a, T> {
    pool: &'a Pool<T>,
    item: Option<T>,
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        let mut idle = self
            .pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.item.take());
        self.pool.returned.notify_one();
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.item.as_ref().expect("present until dropped")
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().expect("present until dropped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_gets_an_item_alone() {
        let pool = Pool::new(vec![0u32; 2]);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        *pool.take() += 1;
                    }
                });
            }
        });
        let idle = pool.idle.into_inner().unwrap();
        assert_eq!(idle.len(), 2);
        assert_eq!(idle.iter().sum::<u32>(), 800);
    }
}
