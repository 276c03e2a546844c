//! What all handlers share.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use prosopon::DecodeLimits;
use prosopon_gallery::{Gallery, GalleryError};
use prosopon_train::registry::CLASSIFIERS_DIR;
use tokio::sync::watch;

use crate::access::keys::KeyStore;
use crate::access::{Access, Caller};
use crate::albums::Albums;
use crate::audit::AuditLog;
use crate::body::Intake;
use crate::cameras::Cameras;
use crate::classifiers::Classifiers;
use crate::compute::Compute;
use crate::database::{Database, DatabaseError};
use crate::error::ApiResult;
use crate::evaluations::Evaluation;
use crate::events::{Events, EventsError};
use crate::fetch::Fetcher;
use crate::galleries::Galleries;
use crate::jobs::Jobs;
use crate::live::LiveSessions;
use crate::metrics::Metrics;
use crate::models::LoadedModels;
use crate::settings::Settings;
use crate::trainings::Trainings;

/// Shared by all requests.
pub(crate) type App = Arc<State>;

/// Everything that outlives a request.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) limits: DecodeLimits,
    pub(crate) compute: Compute,
    pub(crate) galleries: Galleries,
    pub(crate) albums: Albums,
    pub(crate) classifiers: Classifiers,
    pub(crate) access: Access,
    pub(crate) audit: AuditLog,
    pub(crate) intake: Intake,
    pub(crate) fetcher: Fetcher,
    pub(crate) evaluations: Jobs<Evaluation>,
    pub(crate) trainings: Trainings,
    pub(crate) cameras: Cameras,
    pub(crate) events: Events,
    pub(crate) live: LiveSessions,
    /// Whether the server is being stopped: answers that go on end then.
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: Instant,
    /// Held as long as the state lives.
    _claim: File,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folder for the server's files cannot be made.
    #[error("could not make the folder: {source}: {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The report.
        source: std::io::Error,
    },
    /// Another server has these files.
    #[error("another server runs with this data: {}", path.display())]
    Taken {
        /// The keys, cameras and audit log that both would use.
        path: PathBuf,
    },
    /// Whether another server has these files cannot be found out; most often, they can only be read.
    #[error("could not write to the data directory, which may be read-only: {source}: {}", path.display())]
    Claim {
        /// The file that is locked.
        path: PathBuf,
        /// The report.
        source: std::io::Error,
    },
    /// The default gallery cannot be used.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// Keys and audit log cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What cameras saw cannot be stored or sent.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// The address cannot be listened on.
    #[error("could not listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The report.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("could not use the certificate: {message}")]
    Tls {
        /// What is wrong.
        message: String,
    },
    /// The log's filter makes no sense.
    #[error("could not use the setting `log`: {message}")]
    Log {
        /// What is wrong.
        message: String,
    },
    /// The operating system refuses threads or timers.
    #[error("could not start: {0}")]
    Runtime(std::io::Error),
}

impl StartError {
    /// What the user can do about it, if that can be said; one line.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Folder { .. } => Some("choose another data directory: PROSOPON_HOME".to_owned()),
            Self::Claim { .. } => Some(
                "make the folder writable, or choose another data directory: PROSOPON_HOME"
                    .to_owned(),
            ),
            Self::Taken { .. } => Some(
                "stop the other one, or give this one a data directory of its own: PROSOPON_HOME"
                    .to_owned(),
            ),
            Self::Gallery(error) => Some(error.hint()),
            Self::Database(error) => error.hint().map(str::to_owned),
            Self::Events(EventsError::Store(error)) => Some(error.hint().to_owned()),
            Self::Listen { .. } => Some("choose another address or port: `--listen`".to_owned()),
            _ => None,
        }
    }
}

impl State {
    /// [`Compute::run`], with all that is shared.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(App, &LoadedModels) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let state = Arc::clone(self);
        self.compute.run(move |models| work(state, models)).await
    }

    /// [`Compute::store`], with all that is shared.
    pub(crate) async fn store<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(App) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let state = Arc::clone(self);
        self.compute.store(move || work(state)).await
    }

    /// Opens gallery and database; files that no setting names lie in `home`.
    pub(crate) fn open(settings: Settings, home: &Path) -> Result<App, StartError> {
        let place =
            |set: &Option<PathBuf>, name: &str| set.clone().unwrap_or_else(|| home.join(name));
        std::fs::create_dir_all(home).map_err(|source| StartError::Folder {
            path: home.to_path_buf(),
            source,
        })?;
        let database_file = place(&settings.server_db, "server.db");
        let claim = claim(&database_file)?;
        let galleries = Galleries::open(
            place(&settings.gallery, "gallery.db"),
            place(&settings.galleries_dir, "galleries"),
        )?;
        let database = Arc::new(Database::open(&database_file)?);
        let key_file = settings.secret_key_file.clone();
        let key_file = key_file.unwrap_or_else(|| database_file.with_extension("key"));
        let metrics = Arc::new(Metrics::new());
        let pixels = settings.max_megapixels.saturating_mul(1_000_000);
        let limits = DecodeLimits {
            file_bytes: settings.max_file_mib << 20,
            pixels,
            // The default allows eleven bytes a pixel; more pixels may use more.
            memory_bytes: DecodeLimits::default()
                .memory_bytes
                .max(pixels.saturating_mul(11)),
        };
        Ok(Arc::new(Self {
            limits,
            compute: Compute::new(settings.queue, Arc::clone(&metrics)),
            galleries,
            albums: Albums::new(place(&settings.albums_dir, "albums")),
            classifiers: Classifiers::new(place(&settings.classifiers_dir, CLASSIFIERS_DIR)),
            access: Access::new(&settings, KeyStore::on(Arc::clone(&database))),
            audit: AuditLog::on(Arc::clone(&database)),
            intake: Intake::new(&settings),
            fetcher: Fetcher::new(&settings),
            evaluations: Jobs::default(),
            trainings: Trainings::default(),
            cameras: Cameras::new(&settings, Arc::clone(&database), key_file),
            events: Events::open(&place(&settings.events_db, "events.db"), &settings)?,
            live: LiveSessions::default(),
            stopping: watch::Sender::new(false),
            metrics,
            started: Instant::now(),
            settings,
            _claim: claim,
        }))
    }

    /// [`State::gallery`] for those who may not wait: what takes time is left to [`App::store`](Self::store).
    ///
    /// # Errors
    /// As [`State::gallery`].
    pub(crate) async fn find_gallery(
        self: &Arc<Self>,
        caller: &Caller,
        asked: Option<&str>,
    ) -> ApiResult<(String, Arc<Gallery>)> {
        let name = caller.gallery(asked)?;
        if let Some(gallery) = self.galleries.get_open(&name) {
            return Ok((name, gallery));
        }
        self.store(move |state| {
            let gallery = state.galleries.get(&name)?;
            Ok((name, gallery))
        })
        .await
    }

    /// The gallery that `caller` asks for, if the key is for it. It may have to be opened first.
    ///
    /// # Errors
    /// `other_gallery`, `unknown_gallery`.
    pub(crate) fn gallery(
        &self,
        caller: &Caller,
        asked: Option<&str>,
    ) -> ApiResult<(String, Arc<Gallery>)> {
        let name = caller.gallery(asked)?;
        let gallery = self.galleries.get(&name)?;
        Ok((name, gallery))
    }
}

/// Takes the files of a server, whose keys, cameras and audit log lie in `database`, for this process: a second server on them
/// would watch every camera once more. The file that is locked stays; the lock ends with the process, however it ends.
///
/// # Errors
/// [`StartError::Taken`], [`StartError::Claim`].
fn claim(database: &Path) -> Result<File, StartError> {
    let path = database.with_extension("lock");
    let failed = |source| StartError::Claim {
        path: path.clone(),
        source,
    };
    let mut options = File::options();
    let options = options.create(true).truncate(false).write(true);
    let file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::Taken {
            path: database.to_path_buf(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestServer;

    #[test]
    fn a_second_server_on_the_same_data_is_refused() {
        let server = TestServer::new("");
        let other = State::open(server.app.settings.clone(), server.folder());
        let error = other.err().expect("refused");
        assert!(matches!(error, StartError::Taken { .. }), "{error}");
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("PROSOPON_HOME"))
        );
    }

    #[test]
    fn what_one_server_leaves_the_next_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("server.db");
        drop(claim(&database).unwrap());
        claim(&database).unwrap();
    }
}
