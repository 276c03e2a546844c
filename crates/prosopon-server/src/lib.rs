//! HTTP API, compatible APIs and web page.
//!
//! [`Server::open`] opens galleries, keys and the port, [`Server::run`] answers until it is told to
//! stop. `app.rs` lists the routes, `api/` has a file for each group of native endpoints, `compat/`
//! the APIs of other systems; all of them use `recognise.rs`, which runs on the bounded pool of `compute.rs`. Work that
//! takes longer than a request is a job of `jobs/`: evaluations, trainings.

#![allow(
    unused_qualifications,
    reason = "utoipa's macros qualify what needs it not"
)]

mod access;
mod albums;
mod api;
mod app;
mod audit;
mod body;
mod cameras;
mod classifiers;
mod compat;
mod compute;
mod connections;
mod database;
mod error;
mod evaluations;
mod events;
mod fetch;
#[cfg(fuzzing)]
pub mod fuzzing;
mod galleries;
mod input;
mod jobs;
mod live;
mod metrics;
mod models;
mod openapi;
mod opening;
mod recognise;
pub mod settings;
mod state;
mod stream;
mod telemetry;
#[cfg(test)]
mod testing;
mod trainings;
mod web;
mod workers;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};

pub use access::keys::{KeyId, KeyRecord, KeyStore, NewKey, Scope};
pub use audit::{AuditLog, Entry as AuditEntry};
pub use database::{DatabaseError, check_database};
pub use events::EventsError;
pub use models::{
    Attributes, Cascades, LicenceCard, LoadedModels, ModelCard, OpenAttributes, OpenDetector,
    ToolMissing,
};
pub use settings::{LoadedSettings, Settings, SettingsError, listen_address};
pub use state::StartError;
pub use telemetry::start_log;

use classifiers::Classifiers;
use connections::Limited;
use opening::Http1Only;
use state::{App, State};

/// Name of the file with keys and audit log, in the data directory.
pub const SERVER_DB: &str = "server.db";

/// Time for the head of a request to arrive, and how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a server that ends waits for models that are still being loaded: an inference engine that is torn down while
/// another thread compiles a network kills the process with a signal.
const LOAD_PATIENCE: Duration = Duration::from_secs(10);

/// A server that has its port and its files, and answers nobody yet.
pub struct Server {
    app: App,
    listener: TcpListener,
}

/// Why a server ended that was not told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The models could not be loaded.
    #[error("could not load the models")]
    Load(E),
}

impl Server {
    /// Opens gallery, keys and port. Files that no setting names lie in `home`.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(settings: Settings, home: &Path) -> Result<Self, StartError> {
        start_log(&settings).map_err(|message| StartError::Log { message })?;
        let address = settings.listen;
        let app = State::open(settings, home)?;
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = listen().map_err(|source| StartError::Listen { address, source })?;
        Ok(Self { app, listener })
    }

    /// Where it listens; with port 0 in the settings, the port that it was given.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether callers need a key.
    pub fn requires_keys(&self) -> bool {
        self.app.access.required
    }

    /// Whether there is any valid key.
    pub fn has_keys(&self) -> bool {
        self.app.access.keys.any()
    }

    /// Answers until the process is told to stop (interrupt or terminate), then finishes what was
    /// accepted. `load` runs on a thread of its own meanwhile; until it is done, whoever asks for
    /// recognition is told to wait. `on_ready` is called when it is.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run<E: Send + 'static>(
        self,
        load: impl FnOnce() -> Result<LoadedModels, E> + Send + 'static,
        on_ready: impl FnOnce(&LoadedModels) + Send + 'static,
    ) -> Result<(), RunError<E>> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let Self { app, listener } = self;
        let tls = runtime.block_on(tls(&app.settings))?;
        let handle = Handle::new();
        let (failed, failure) = mpsc::channel();
        let loading = spawn_load(Arc::clone(&app), handle.clone(), load, on_ready, failed);
        app.cameras.start_all(&app);
        let served = runtime.block_on(serve(&app, listener, tls, handle));
        // Who was there has left, as far as anybody can tell; that is stored before the sending ends.
        app.cameras.stop_all();
        app.events.stop();
        // Nothing is ever sent: the wait ends with the thread.
        let _ = loading.recv_timeout(LOAD_PATIENCE);
        served?;
        if let Ok(error) = failure.try_recv() {
            return Err(RunError::Load(error));
        }
        tracing::info!("stopped");
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(())
    }
}

/// Loads the models on a thread of its own; if it fails, says so and stops the server. The channel that is returned
/// closes when the thread ends.
fn spawn_load<E: Send + 'static>(
    app: App,
    handle: Handle<SocketAddr>,
    load: impl FnOnce() -> Result<LoadedModels, E> + Send + 'static,
    on_ready: impl FnOnce(&LoadedModels) + Send + 'static,
    failed: mpsc::Sender<E>,
) -> mpsc::Receiver<()> {
    let (ended, loading) = mpsc::channel();
    std::thread::spawn(move || {
        let _ended: mpsc::Sender<()> = ended;
        let models = match load() {
            Ok(models) => models,
            Err(error) => {
                // Before the server stops, so that the error is there when it has.
                let _ = failed.send(error);
                handle.shutdown();
                return;
            }
        };
        let is_stopping = || *app.stopping.borrow();
        if is_stopping() {
            return;
        }
        if let Err(error) = models.warm_up() {
            tracing::warn!(cause = %error, "could not warm up");
        }
        if is_stopping() {
            return;
        }
        app.metrics.describe(&[
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("detector", models.detector.id.clone()),
            ("embedder", models.model.to_string()),
            ("backend", models.backend.clone()),
        ]);
        let (detector, backend) = (models.detector.id.clone(), models.backend.clone());
        let embedder = models.model.to_string();
        if let Err(error) = app.compute.ready(models) {
            tracing::error!(cause = %error, "could not start the threads");
            handle.shutdown();
            return;
        }
        tracing::info!(detector, embedder, backend, "ready");
        if let Ok(models) = app.compute.models() {
            Classifiers::warm_up(&app, models);
            if !is_stopping() {
                on_ready(models);
            }
        }
    });
    loading
}

/// Certificate and key of the settings, if they name any.
async fn tls(settings: &Settings) -> Result<Option<RustlsConfig>, StartError> {
    let (Some(certificate), Some(key)) = (&settings.tls_certificate, &settings.tls_key) else {
        return Ok(None);
    };
    // One engine for cryptography, the same that fetches models.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = RustlsConfig::from_pem_file(certificate, key).await;
    let config = config.map_err(|error| StartError::Tls {
        message: error.to_string(),
    })?;
    let mut http1 = rustls::ServerConfig::clone(&config.get_inner());
    http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.reload_from_config(Arc::new(http1));
    Ok(Some(config))
}

async fn serve(
    app: &App,
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
) -> Result<(), StartError> {
    let settings = &app.settings;
    let patience = Duration::from_secs(settings.shutdown_secs);
    tokio::spawn(stop_on_signal(Arc::clone(app), handle.clone(), patience));
    let address = settings.listen;
    let listen = |source| StartError::Listen { address, source };
    let service = app::router(Arc::clone(app)).into_make_service_with_connect_info::<SocketAddr>();
    if let Some(config) = tls {
        let acceptor = RustlsAcceptor::new(config).acceptor(Limited::default());
        let server = axum_server::from_tcp(listener)
            .map_err(listen)?
            .acceptor(Http1Only::new(acceptor, HEAD_TIMEOUT));
        let served = limit(server).handle(handle).serve(service);
        served.await.map_err(listen)
    } else {
        let server = axum_server::from_tcp(listener)
            .map_err(listen)?
            .acceptor(Http1Only::new(Limited::default(), HEAD_TIMEOUT));
        let served = limit(server).handle(handle).serve(service);
        served.await.map_err(listen)
    }
}

/// Closes connections on which no request comes.
///
/// HTTP/2 is kept out by [`Http1Only`] and not by the server's own switch: with that it serves no upgrades, and so no
/// web sockets.
fn limit<A>(mut server: axum_server::Server<SocketAddr, A>) -> axum_server::Server<SocketAddr, A> {
    server
        .http_builder()
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    server
}

/// Stops gently at the first signal, at once at the second.
async fn stop_on_signal(app: App, handle: Handle<SocketAddr>, patience: Duration) {
    signalled().await;
    tracing::info!("stopping: what was accepted is finished");
    app.stopping.send_replace(true);
    handle.graceful_shutdown(Some(patience));
    signalled().await;
    handle.shutdown();
}

async fn signalled() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
