//! The engine: subjects, faces and search on one store.

pub(crate) mod enrol;
mod identify;
pub(crate) mod people;
mod snapshot;
#[cfg(test)]
mod tests;

pub use enrol::{Enrolment, EnrolmentRequest};
pub use identify::{Candidate, IdentifyOptions, TemplateKind};
pub use people::{
    FaceListOptions, FacePage, ListOptions, MergeReport, SubjectChange, SubjectDetails, SubjectKey,
    SubjectPage,
};

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prosopon::{ActiveCalibration, CalibrationOrigin, Embedding, ModelId, StoredCalibration};

use self::snapshot::Snapshot;
use crate::error::GalleryError;
use crate::store::{Binding, Reader, SqliteOptions, SqliteStore, Store, StoreError, Writer};

pub use crate::store::Counts as GalleryCounts;

/// How to open a [`Gallery`].
#[derive(Debug, Clone)]
pub struct GalleryOptions {
    /// Create the file if it does not exist.
    pub create: bool,
    /// How long to wait while another process writes.
    pub busy_timeout: Duration,
    /// The model to be used: a new gallery is bound to it, another model's gallery is refused.
    /// Without it, the first enrolment binds.
    pub binding: Option<Binding>,
    /// Threads to search with; `None` for rayon's current pool.
    pub pool: Option<Arc<rayon::ThreadPool>>,
}

impl Default for GalleryOptions {
    /// Creates the file, waits up to five seconds, takes the model of the first enrolment.
    fn default() -> Self {
        let SqliteOptions {
            create,
            busy_timeout,
        } = SqliteOptions::default();
        Self {
            create,
            busy_timeout,
            binding: None,
            pool: None,
        }
    }
}

/// Enrolled subjects, and the search among them; shared by threads as it is.
///
/// Every change is on disk when its function returns. Changes by other processes on the same
/// store are seen by the next call.
pub struct Gallery {
    store: Box<dyn Store>,
    snapshot: RwLock<Snapshot>,
    pool: Option<Arc<rayon::ThreadPool>>,
}

impl std::fmt::Debug for Gallery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gallery").finish_non_exhaustive()
    }
}

impl Gallery {
    /// Opens the gallery file at `path` and reads all its embeddings into memory.
    ///
    /// # Errors
    /// A [`StoreError`] that says why the file cannot be used, or
    /// [`GalleryError::DamagedEmbedding`].
    pub fn open(path: impl AsRef<Path>, options: GalleryOptions) -> Result<Self, GalleryError> {
        let store = SqliteStore::open(
            path,
            &SqliteOptions {
                create: options.create,
                busy_timeout: options.busy_timeout,
            },
        )?;
        Self::on_store(Box::new(store), options)
    }

    /// A gallery on any store; `create` and `busy_timeout` are the store's business.
    ///
    /// # Errors
    /// As [`Gallery::open`].
    pub fn on_store(store: Box<dyn Store>, options: GalleryOptions) -> Result<Self, GalleryError> {
        let gallery = Self {
            store,
            snapshot: RwLock::default(),
            pool: options.pool,
        };
        if let Some(wanted) = &options.binding {
            let bound = gallery.read(|reader| Ok(reader.binding()?))?;
            match bound {
                Some(bound) => check_binding(&bound, &wanted.model, wanted.dimension)?,
                None => gallery.write(|writer| bind(writer, wanted))?,
            }
        }
        drop(gallery.current()?);
        Ok(gallery)
    }

    /// The model that the gallery is bound to; `None` before the first enrolment.
    ///
    /// # Errors
    /// [`GalleryError::Store`].
    pub fn binding(&self) -> Result<Option<Binding>, GalleryError> {
        Ok(self.current()?.binding.clone())
    }

    /// The calibration that was stored for this gallery.
    ///
    /// # Errors
    /// [`GalleryError::Store`].
    pub fn calibration(&self) -> Result<Option<StoredCalibration>, GalleryError> {
        Ok(self.current()?.calibration.clone())
    }

    /// The calibration that was stored for this gallery, if it is for `model`.
    ///
    /// # Errors
    /// [`GalleryError::Store`].
    pub fn active_calibration(
        &self,
        model: &ModelId,
    ) -> Result<Option<ActiveCalibration>, GalleryError> {
        let origin = CalibrationOrigin::Gallery;
        let stored = self.calibration()?;
        Ok(stored.and_then(|stored| ActiveCalibration::stored(origin, stored, model)))
    }

    /// Stores a calibration, in place of an older one, or removes it. On disk when this returns.
    ///
    /// # Errors
    /// [`GalleryError::Calibration`] if it makes no sense; [`GalleryError::Store`], with
    /// [`StoreError::ModelMismatch`] if the gallery is bound to another model.
    pub fn set_calibration(
        &self,
        calibration: Option<&StoredCalibration>,
    ) -> Result<(), GalleryError> {
        if let Some(stored) = calibration {
            stored.check()?;
        }
        self.write(|writer| {
            if let (Some(stored), Some(bound)) = (calibration, writer.binding()?) {
                check_binding(&bound, &stored.model, bound.dimension)?;
            }
            Ok(writer.set_calibration(calibration)?)
        })
    }

    /// How many subjects and faces there are.
    ///
    /// # Errors
    /// [`GalleryError::Store`].
    pub fn counts(&self) -> Result<GalleryCounts, GalleryError> {
        Ok(self.current()?.counts())
    }

    /// What the store holds now, from memory; first brought up to date if anybody changed it.
    fn current(&self) -> Result<RwLockReadGuard<'_, Snapshot>, GalleryError> {
        let watermark = self.store.watermark()?;
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        if snapshot.is_at(watermark) {
            return Ok(snapshot);
        }
        drop(snapshot);
        let mut snapshot = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let state: &mut Snapshot = &mut snapshot;
        let caught_up = self.on_pool(|| self.read(|reader| state.catch_up(reader, watermark)));
        if let Err(error) = caught_up {
            // Half-done work must not answer the next search.
            *snapshot = Snapshot::default();
            return Err(error);
        }
        // Never unlocked in between: another thread, failing to catch up, would leave it empty, and everybody unknown.
        Ok(RwLockWriteGuard::downgrade(snapshot))
    }

    fn on_pool<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Runs `work` on one consistent moment of the store.
    pub(crate) fn read<T>(
        &self,
        mut work: impl FnMut(&dyn Reader) -> Result<T, GalleryError>,
    ) -> Result<T, GalleryError> {
        let mut outcome = None;
        self.store.read(&mut |reader| match work(reader) {
            Err(GalleryError::Store(error)) => Err(error),
            result => {
                outcome = Some(result);
                Ok(())
            }
        })?;
        outcome.unwrap_or_else(|| unreachable!("a store runs the work that it is given"))
    }

    /// Runs `work` as one transaction; an error undoes everything.
    pub(crate) fn write<T>(
        &self,
        mut work: impl FnMut(&mut dyn Writer) -> Result<T, GalleryError>,
    ) -> Result<T, GalleryError> {
        let mut outcome = None;
        self.store.write(&mut |writer| match work(writer) {
            Err(GalleryError::Store(error)) => Err(error),
            result => {
                let keep = result.is_ok();
                outcome = Some(result);
                Ok(keep)
            }
        })?;
        outcome.unwrap_or_else(|| unreachable!("a store runs the work that it is given"))
    }
}

/// The calibration that was stored for the gallery at `path`, without reading its faces.
///
/// # Errors
/// [`GalleryError::Store`].
pub fn calibration_of(path: impl AsRef<Path>) -> Result<Option<StoredCalibration>, GalleryError> {
    let options = SqliteOptions {
        create: false,
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(path, &options)?;
    let mut calibration = None;
    store.read(&mut |reader| {
        calibration = reader.calibration()?;
        Ok(())
    })?;
    Ok(calibration)
}

/// Refuses embeddings of another model or length than `bound`.
pub(crate) fn check_binding(
    bound: &Binding,
    model: &ModelId,
    dimension: usize,
) -> Result<(), StoreError> {
    if bound.model != *model {
        Err(StoreError::ModelMismatch {
            bound: bound.model.clone(),
            given: model.clone(),
        })
    } else if bound.dimension != dimension {
        Err(StoreError::DimensionMismatch {
            bound: bound.dimension,
            given: dimension,
        })
    } else {
        Ok(())
    }
}

/// Binds the store, or checks that it is bound to the same.
pub(crate) fn bind(writer: &mut dyn Writer, wanted: &Binding) -> Result<(), GalleryError> {
    match writer.binding()? {
        Some(bound) => check_binding(&bound, &wanted.model, wanted.dimension)?,
        None => writer.bind(wanted)?,
    }
    Ok(())
}

/// The binding that an embedding asks for.
pub(crate) fn binding_of(embedding: &Embedding) -> Binding {
    Binding {
        model: embedding.model().clone(),
        dimension: embedding.dim(),
    }
}

/// Milliseconds since 1970-01-01 UTC.
pub(crate) fn now_millis() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
