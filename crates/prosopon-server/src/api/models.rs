//! `/v1/models` and `/v1/system`: what the server works with, and how it is doing.

use axum::Json;
use axum::extract::State;
use prosopon::DEFAULT_FMR;
use serde::Serialize;
use utoipa::ToSchema;

use super::galleries::{GalleryJson, visible};
use super::types::CalibrationOrigin;
use crate::access::Caller;
use crate::error::ApiResult;
use crate::metrics::Recent;
use crate::models::ModelCard;
use crate::state::{App, State as Server};

/// Rates that are listed with their thresholds.
const LISTED_RATES: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// The networks in use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelsJson {
    detector: ModelCard,
    embedder: ModelCard,
    /// Engine, version and arithmetic.
    backend: String,
    /// Thresholds by false match rate; empty for a model that nobody has measured. Galleries may have
    /// others.
    calibration: Vec<CalibrationRow>,
    /// Whose they are; null for a model that nobody has measured.
    calibration_origin: Option<CalibrationOrigin>,
    /// What they were measured on.
    calibration_source: Option<String>,
}

/// A false match rate and the similarity that keeps to it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalibrationRow {
    fmr: f64,
    threshold: f32,
    /// Whether the measurement can vouch for the rate; else it is extrapolated.
    supported: bool,
}

/// List models
///
/// The networks in use, their licences, and the thresholds of the embedder.
#[utoipa::path(get, path = "/v1/models", tag = "Server", responses((status = 200, body = ModelsJson)))]
pub(crate) async fn models(State(app): State<App>) -> ApiResult<Json<ModelsJson>> {
    let models = app.compute.models()?;
    let calibration = models.calibration.as_ref();
    let rows = LISTED_RATES.iter().filter_map(|&fmr| {
        let table = &calibration?.calibration;
        let threshold = table.threshold(models.model.clone(), fmr);
        Some(CalibrationRow {
            fmr,
            threshold: threshold.similarity,
            supported: threshold.supported,
        })
    });
    Ok(Json(ModelsJson {
        detector: models.detector.clone(),
        embedder: models.embedder.clone(),
        backend: models.backend.clone(),
        calibration: rows.collect(),
        calibration_origin: calibration.map(|active| active.origin.into()),
        calibration_source: calibration.map(|active| active.calibration.source.clone()),
    }))
}

/// How the server is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SystemJson {
    version: String,
    uptime_secs: u64,
    /// Engine, version and arithmetic; null while the models are being loaded.
    backend: Option<String>,
    /// Pictures that are worked on at a time.
    threads: Option<usize>,
    queue: QueueJson,
    totals: TotalsJson,
    recent: RecentJson,
    /// Resident memory; null where the system does not tell.
    memory_bytes: Option<u64>,
    galleries: Vec<GalleryJson>,
    /// Whether pictures may be given by address.
    url_input: bool,
    /// False match rate of decisions where neither request nor gallery names one.
    default_fmr: f64,
    max_body_bytes: u64,
}

/// The queue now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueJson {
    waiting: i64,
    running: i64,
    /// Waiting and running, at most.
    capacity: usize,
}

/// Since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TotalsJson {
    requests: u64,
    pictures: u64,
    faces: u64,
}

/// Over the last seconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecentJson {
    pictures_per_sec: f64,
    window_secs: u64,
}

/// Show the server's state
#[utoipa::path(get, path = "/v1/system", tag = "Server", responses((status = 200, body = SystemJson)))]
pub(crate) async fn system(State(app): State<App>, caller: Caller) -> ApiResult<Json<SystemJson>> {
    app.store(move |state| {
        let models = state.compute.models().ok();
        let (waiting, running) = state.metrics.queue_now();
        let (requests, pictures, faces) = state.metrics.totals();
        Ok(Json(SystemJson {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_secs: state.started.elapsed().as_secs(),
            backend: models.map(|models| models.backend.clone()),
            threads: models.map(|models| models.threads),
            queue: QueueJson {
                waiting,
                running,
                capacity: state.compute.capacity(),
            },
            totals: TotalsJson {
                requests,
                pictures,
                faces,
            },
            recent: RecentJson {
                pictures_per_sec: state.metrics.pictures_per_sec(),
                window_secs: Recent::SECS,
            },
            memory_bytes: memory_bytes(),
            galleries: visible(&state, &caller)?,
            url_input: state.settings.allow_url_input,
            default_fmr: default_fmr(&state),
            max_body_bytes: state.settings.max_body_mib << 20,
        }))
    })
    .await
}

/// The rate that decides where neither request nor gallery names one.
fn default_fmr(app: &Server) -> f64 {
    let models = app.compute.models().ok();
    let of_model = models.and_then(|models| models.calibration.as_ref()?.rates.fmr);
    app.settings.fmr.or(of_model).unwrap_or(DEFAULT_FMR)
}

/// Resident memory of this process, from Linux's `/proc`.
fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
