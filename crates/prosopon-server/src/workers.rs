//! Threads that work on pictures: always the same ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

use crate::error::{ApiError, ApiResult};

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that take jobs in turn; they end when this is dropped.
pub(crate) struct Workers {
    jobs: mpsc::Sender<Job>,
}

impl Workers {
    /// Starts `n` threads.
    ///
    /// # Errors
    /// What the operating system reports if it refuses a thread.
    pub(crate) fn start(n: usize) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for i in 0..n {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new()
                .name(format!("recognise-{i}"))
                .spawn(move || {
                    // The lock is held while waiting, not while working.
                    let next = || {
                        waiting
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .recv()
                    };
                    while let Ok(job) = next() {
                        job();
                    }
                })?;
        }
        Ok(Self { jobs })
    }

    /// Runs `work` on one of the threads; a panic there is an error here.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let span = tracing::Span::current();
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            let result = span.in_scope(|| catch_unwind(AssertUnwindSafe(work)));
            // Nobody may be waiting any more.
            let _ = done.send(result.unwrap_or_else(|_| Err(ApiError::internal("a panic"))));
        });
        self.jobs.send(job).map_err(ApiError::internal)?;
        result
            .await
            .unwrap_or_else(|error| Err(ApiError::internal(error)))
    }
}
