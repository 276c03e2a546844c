//! Where the work is done: a bounded number of pictures at a time, the rest in a bounded queue.
//!
//! A picture takes a *place* when it is accepted and gives it back when it is done; without a free
//! place the request is refused at once, since a client that is told to come back does better than
//! one that waits for ever. Work runs on threads of its own, as many as recognition has, first come,
//! first served. They stay the same for the whole run: the allocator keeps memory for each thread, and
//! with the runtime's blocking threads, which come and go, a server that had seen 5,000 photographs
//! grew by 60 % (`scripts/bench-serve`). A request whose client goes away is dropped by the HTTP layer:
//! if it still waits, its place is free again; what runs already runs to its end.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, ApiResult};
use crate::metrics::{Metrics, Stage};
use crate::models::{LoadedModels, Models};
use crate::workers::Workers;

/// Storage calls at a time: reads are short, and writes wait for each other anyway.
const STORAGE_THREADS: usize = 4;

/// The bounded pool.
pub(crate) struct Compute {
    models: OnceLock<Models>,
    places: Arc<Semaphore>,
    capacity: usize,
    threads: OnceLock<Workers>,
    /// Threads that are free: whoever waits for one waits here, so that it can leave. None before the
    /// models are loaded.
    free: Arc<Semaphore>,
    storage: Arc<Semaphore>,
    /// Of the threads, those that cameras may have at a time: one less than there are, so that a picture that is
    /// sent need not wait for them.
    cameras: Arc<Semaphore>,
    /// Pushed frames that may be decoded at a time: as many as there are threads, and one before the models are
    /// loaded.
    decoding: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// By which a camera's thread waits until it may work.
pub(crate) struct Turns {
    runtime: tokio::runtime::Runtime,
    cameras: Arc<Semaphore>,
    free: Arc<Semaphore>,
}

/// The right to work on one frame.
pub(crate) struct Turn {
    _camera: OwnedSemaphorePermit,
    _worker: OwnedSemaphorePermit,
}

impl Turns {
    /// Waits, first come, first served, until a frame can be worked on beside the pictures of requests.
    ///
    /// # Errors
    /// `internal`.
    pub(crate) fn take(&self) -> ApiResult<Turn> {
        let (cameras, free) = (Arc::clone(&self.cameras), Arc::clone(&self.free));
        self.runtime.block_on(async {
            Ok(Turn {
                _camera: cameras.acquire_owned().await.map_err(ApiError::internal)?,
                _worker: free.acquire_owned().await.map_err(ApiError::internal)?,
            })
        })
    }
}

impl Compute {
    /// A pool with room for `capacity` pictures.
    pub(crate) fn new(capacity: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            models: OnceLock::new(),
            places: Arc::new(Semaphore::new(capacity)),
            capacity,
            threads: OnceLock::new(),
            free: Arc::new(Semaphore::new(0)),
            storage: Arc::new(Semaphore::new(STORAGE_THREADS)),
            cameras: Arc::new(Semaphore::new(0)),
            decoding: Arc::new(Semaphore::new(1)),
            metrics,
        }
    }

    /// Begins to accept work.
    ///
    /// # Errors
    /// What the operating system reports if it refuses a thread.
    pub(crate) fn ready(&self, models: LoadedModels) -> std::io::Result<()> {
        let n = models.threads.max(1);
        let threads = Workers::start(n)?;
        if self.threads.set(threads).is_ok() && self.models.set(Arc::new(models)).is_ok() {
            self.free.add_permits(n);
            self.cameras.add_permits((n - 1).max(1));
            self.decoding.add_permits(n - 1);
        }
        Ok(())
    }

    /// The models, once they are loaded.
    ///
    /// # Errors
    /// `loading`.
    pub(crate) fn models(&self) -> ApiResult<&Models> {
        self.models.get().ok_or_else(|| {
            ApiError::new("loading", "the models are still being loaded")
                .with_hint("`/health/ready` answers 200 when they are")
                .retry_after(2)
        })
    }

    /// For a thread that works on frames of its own.
    ///
    /// # Errors
    /// `internal`.
    pub(crate) fn turns(&self) -> ApiResult<Turns> {
        // Without timers or sockets it is a place to wait, and no thread.
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        Ok(Turns {
            runtime: runtime.map_err(ApiError::internal)?,
            cameras: Arc::clone(&self.cameras),
            free: Arc::clone(&self.free),
        })
    }

    /// Pictures that may wait or run.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Runs `work` on a picture.
    ///
    /// # Errors
    /// `loading`, `queue_full`, and those of `work`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LoadedModels) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let models = Arc::clone(self.models()?);
        let place = Arc::clone(&self.places).try_acquire_owned();
        self.work_in(place.map_err(|_| self.full())?, models, work)
            .await
    }

    /// [`Compute::run`] for a further picture of a request that was accepted: it waits for a place.
    ///
    /// # Errors
    /// `loading`, and those of `work`.
    pub(crate) async fn run_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LoadedModels) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let models = Arc::clone(self.models()?);
        let place = Arc::clone(&self.places).acquire_owned().await;
        self.work_in(place.map_err(ApiError::internal)?, models, work)
            .await
    }

    async fn work_in<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        models: Models,
        work: impl FnOnce(&LoadedModels) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let waiting = Counted::new(&self.metrics, (1, 0));
        let start = Instant::now();
        let worker = Arc::clone(&self.free).acquire_owned().await;
        let worker = worker.map_err(ApiError::internal)?;
        self.metrics.took(Stage::Queue, start.elapsed());
        drop(waiting);
        let running = Counted::new(&self.metrics, (0, 1));
        let threads = self.threads.get();
        let threads = threads.ok_or_else(|| ApiError::internal("work before there are threads"))?;
        threads
            .run(move || {
                // Given back when the work is done, or panics.
                let _held = (running, worker, place);
                work(&models)
            })
            .await
    }

    /// Runs `work` that waits for the disk.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) async fn store<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        blocking(&self.storage, work).await
    }

    /// Runs `work` that decodes a frame of a sender, beside the pictures of requests.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) async fn decode<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        blocking(&self.decoding, work).await
    }

    fn full(&self) -> ApiError {
        let message = format!("all {} places of the queue are taken", self.capacity);
        ApiError::new("queue_full", message)
            .with_hint("try again; the setting `queue` says how many pictures may wait")
            .retry_after(1)
    }
}

/// Runs `work` on a blocking thread when there is a place for it; a panic there is an error here.
async fn blocking<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl FnOnce() -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(ApiError::internal)?;
    let span = tracing::Span::current();
    let work = move || {
        // Given back when the work is done, or panics, also if nobody waits for it any more.
        let _held = place;
        span.in_scope(work)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal(error)),
    }
}

/// Counts in the queue's gauges for as long as it lives.
struct Counted {
    metrics: Arc<Metrics>,
    by: (i64, i64),
}

impl Counted {
    fn new(metrics: &Arc<Metrics>, by: (i64, i64)) -> Self {
        metrics.queue(by.0, by.1);
        Self {
            metrics: Arc::clone(metrics),
            by,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.metrics.queue(-self.by.0, -self.by.1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::testing;

    fn pool(capacity: usize) -> Arc<Compute> {
        let compute = Compute::new(capacity, Arc::new(Metrics::new()));
        compute.ready(testing::models()).unwrap();
        Arc::new(compute)
    }

    #[tokio::test]
    async fn nothing_runs_before_the_models_are_there() {
        let compute = Compute::new(1, Arc::new(Metrics::new()));
        let error = compute.run(|_| Ok(())).await.unwrap_err();
        assert_eq!((error.code, error.status.as_u16()), ("loading", 503));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_client_that_leaves_frees_its_place() {
        let compute = pool(2);
        let (release, gate) = mpsc::channel::<()>();
        let busy = Arc::clone(&compute);
        let running = tokio::spawn(async move {
            busy.run(move |_| {
                let _ = gate.recv();
                Ok(())
            })
            .await
        });
        while compute.metrics.queue_now().1 == 0 {
            tokio::task::yield_now().await;
        }
        let waits = Arc::clone(&compute);
        let waiting = tokio::spawn(async move { waits.run(|_| Ok(())).await });
        while compute.metrics.queue_now().0 == 0 {
            tokio::task::yield_now().await;
        }
        let error = compute.run(|_| Ok(())).await.unwrap_err();
        assert_eq!((error.code, error.retry_after), ("queue_full", Some(1)));

        waiting.abort();
        let _ = waiting.await;
        assert_eq!(compute.metrics.queue_now(), (0, 1));
        let again = Arc::clone(&compute);
        let again = tokio::spawn(async move { again.run(|_| Ok(7)).await });
        drop(release);
        assert_eq!(again.await.unwrap().unwrap(), 7);
        running.await.unwrap().unwrap();
        assert_eq!(compute.metrics.queue_now(), (0, 0));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_frees_its_place() {
        let compute = pool(1);
        let error = compute.run::<()>(|_| panic!("a test")).await.unwrap_err();
        assert_eq!(error.code, "internal");
        assert_eq!(compute.run(|_| Ok(1)).await.unwrap(), 1);
        assert_eq!(compute.metrics.queue_now(), (0, 0));
    }
}
