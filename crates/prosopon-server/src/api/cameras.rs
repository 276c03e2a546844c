//! `/v1/cameras`: cameras that the server watches, and how they are doing.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::extract::{Json, Path};
use super::keys::unbound;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::cameras::Change;
use crate::cameras::now::StateJson;
use crate::cameras::settings::{CameraSettings, Configured};
use crate::cameras::target::Target;
use crate::error::{ApiError, ApiResult};
use crate::state::{App, State as Server};

/// A camera.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CameraJson {
    id: i64,
    name: String,
    /// Where it is, with `***` for user, password and values of parameters; null if the server cannot decrypt it
    /// any more.
    address: Option<String>,
    /// Whether the address has a user, and perhaps a password.
    has_login: bool,
    #[serde(flatten)]
    settings: CameraSettings,
    /// When it was added, in milliseconds since 1970-01-01 UTC.
    created_millis: i64,
    state: StateJson,
}

impl CameraJson {
    fn new(app: &Server, camera: Configured) -> Self {
        Self {
            state: app.cameras.state(camera.id),
            id: camera.id,
            name: camera.name,
            address: camera.target.as_ref().map(ToString::to_string),
            has_login: camera.target.as_ref().is_some_and(Target::has_login),
            settings: camera.settings,
            created_millis: camera.created_millis,
        }
    }
}

/// All cameras.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CameraList {
    /// In the order in which they were added.
    cameras: Vec<CameraJson>,
    /// How many there may be.
    max_cameras: usize,
}

/// A camera to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCamera {
    /// 1 to 64 characters.
    #[schema(example = "Front door")]
    name: String,
    /// `rtsp://…`, `http://…`, a device, a file, or `push:` for frames that are sent here.
    #[schema(example = "rtsp://192.168.1.20:554/stream1")]
    address: String,
    /// Who the server is to the camera; better here than in the address.
    user: Option<String>,
    #[schema(format = Password)]
    password: Option<String>,
    /// The gallery that people are looked for in; `default` if not given.
    gallery: Option<String>,
    /// False match rate of decisions; the gallery's if not given.
    fmr: Option<f64>,
    /// Faces are searched on each n-th frame, 1 to 100, and followed in between.
    every: Option<usize>,
    /// Seconds in which the same person is not told about again.
    cooldown_secs: Option<u64>,
    /// Attributes to estimate and tell with events.
    attributes: Option<Vec<String>>,
    /// Whether only live faces are recognised.
    require_live: Option<bool>,
    /// Whether it is started; true if not given.
    enabled: Option<bool>,
}

/// What to change; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CameraChange {
    name: Option<String>,
    /// A new address. User and password stay if it leads to the same host and port, and has none.
    address: Option<String>,
    user: Option<String>,
    #[schema(format = Password)]
    password: Option<String>,
    gallery: Option<String>,
    /// Null for the gallery's.
    #[allow(
        clippy::option_option,
        reason = "null and nothing mean different things"
    )]
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    fmr: Option<Option<f64>>,
    every: Option<usize>,
    cooldown_secs: Option<u64>,
    attributes: Option<Vec<String>>,
    require_live: Option<bool>,
    enabled: Option<bool>,
}

/// Tells null from nothing.
#[allow(
    clippy::option_option,
    reason = "null and nothing mean different things"
)]
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// List cameras
///
/// With what each does at the moment.
#[utoipa::path(get, path = "/v1/cameras", tag = "Cameras", responses((status = 200, body = CameraList)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> ApiResult<axum::Json<CameraList>> {
    unbound(&caller)?;
    app.store(move |state| {
        let cameras = state.cameras.all()?.into_iter();
        Ok(axum::Json(CameraList {
            cameras: cameras
                .map(|camera| CameraJson::new(&state, camera))
                .collect(),
            max_cameras: state.settings.max_cameras,
        }))
    })
    .await
}

/// Add a camera
///
/// It is started at once unless `enabled` is false, and again whenever the server is. The address is stored encrypted;
/// password and user are never shown. Hosts must be listed in the setting `camera_hosts`, devices and files in
/// `camera_devices`.
#[utoipa::path(post, path = "/v1/cameras", tag = "Cameras", request_body = NewCamera,
    responses((status = 201, body = CameraJson)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewCamera>,
) -> ApiResult<(StatusCode, axum::Json<CameraJson>)> {
    unbound(&caller)?;
    let target = target(&new.address, new.user.as_deref(), new.password.as_deref())?;
    let defaults = CameraSettings::default();
    let settings = CameraSettings {
        gallery: new.gallery.unwrap_or(defaults.gallery),
        fmr: new.fmr,
        every: new.every.unwrap_or(defaults.every),
        cooldown_secs: new.cooldown_secs.unwrap_or(defaults.cooldown_secs),
        attributes: new.attributes.unwrap_or(defaults.attributes),
        require_live: new.require_live.unwrap_or(defaults.require_live),
        enabled: new.enabled.unwrap_or(defaults.enabled),
    };
    let added = with_audit(&app, &caller, "camera.create", move |app| {
        app.cameras.add(app, &new.name, &target, &settings)
    });
    Ok((StatusCode::CREATED, axum::Json(added.await?)))
}

/// Show a camera
#[utoipa::path(get, path = "/v1/cameras/{id}", tag = "Cameras", params(("id" = i64, Path)),
    responses((status = 200, body = CameraJson)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<axum::Json<CameraJson>> {
    unbound(&caller)?;
    app.store(move |state| Ok(axum::Json(CameraJson::new(&state, state.cameras.get(id)?))))
        .await
}

/// Change a camera
///
/// It is started again if that makes a difference to it.
#[utoipa::path(patch, path = "/v1/cameras/{id}", tag = "Cameras", params(("id" = i64, Path)),
    request_body = CameraChange, responses((status = 200, body = CameraJson)))]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(change): Json<CameraChange>,
) -> ApiResult<axum::Json<CameraJson>> {
    unbound(&caller)?;
    let changed = with_audit(&app, &caller, "camera.change", move |app| {
        let before = app.cameras.get(id)?;
        let (user, password) = (change.user.as_deref(), change.password.as_deref());
        let new = match (&change.address, &before.target) {
            (None, _) if user.is_none() && password.is_none() => None,
            (None, None) => return Err(ApiError::new("invalid_parameter", "expected an address")),
            (None, Some(old)) => Some(with_login(old.clone(), user, password)?),
            (Some(address), old) => {
                let new = target(address, user, password)?;
                Some(match old {
                    Some(old) => new.keeping_login_of(old),
                    None => new,
                })
            }
        };
        let old = before.settings;
        let settings = CameraSettings {
            gallery: change.gallery.unwrap_or(old.gallery),
            fmr: change.fmr.unwrap_or(old.fmr),
            every: change.every.unwrap_or(old.every),
            cooldown_secs: change.cooldown_secs.unwrap_or(old.cooldown_secs),
            attributes: change.attributes.unwrap_or(old.attributes),
            require_live: change.require_live.unwrap_or(old.require_live),
            enabled: change.enabled.unwrap_or(old.enabled),
        };
        let change = Change {
            name: change.name,
            target: new,
            settings: Some(settings),
        };
        app.cameras.change(app, id, change)
    });
    Ok(axum::Json(changed.await?))
}

/// Stop and forget a camera
///
/// Its events stay.
#[utoipa::path(delete, path = "/v1/cameras/{id}", tag = "Cameras", params(("id" = i64, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<StatusCode> {
    unbound(&caller)?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let name = state.cameras.get(id)?.name;
        state.cameras.remove(id)?;
        state.metrics.forget_camera(id);
        let outcome = format!("camera {id} `{name}`");
        state
            .audit
            .record(&actor, "camera.delete", About::default(), outcome);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Start a camera
///
/// It stays started, also when the server is started again.
#[utoipa::path(post, path = "/v1/cameras/{id}/start", tag = "Cameras", params(("id" = i64, Path)),
    responses((status = 200, body = CameraJson)))]
pub(crate) async fn start(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<axum::Json<CameraJson>> {
    unbound(&caller)?;
    let started = with_audit(&app, &caller, "camera.start", move |app| {
        app.cameras.enable(app, id, true)
    });
    Ok(axum::Json(started.await?))
}

/// Stop a camera
///
/// It stays stopped, also when the server is started again.
#[utoipa::path(post, path = "/v1/cameras/{id}/stop", tag = "Cameras", params(("id" = i64, Path)),
    responses((status = 200, body = CameraJson)))]
pub(crate) async fn stop(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<axum::Json<CameraJson>> {
    unbound(&caller)?;
    let stopped = with_audit(&app, &caller, "camera.stop", move |app| {
        app.cameras.enable(app, id, false)
    });
    Ok(axum::Json(stopped.await?))
}

/// The address with the login that was given apart.
fn target(address: &str, user: Option<&str>, password: Option<&str>) -> ApiResult<Target> {
    with_login(Target::parse(address)?, user, password)
}

fn with_login(target: Target, user: Option<&str>, password: Option<&str>) -> ApiResult<Target> {
    match (user.unwrap_or(""), password.unwrap_or("")) {
        ("", "") => Ok(target),
        (user, password) => target.with_login(user, password),
    }
}

/// Changes a camera and notes it; names of hosts may be resolved for it.
async fn with_audit(
    app: &App,
    caller: &Caller,
    action: &'static str,
    work: impl FnOnce(&App) -> ApiResult<Configured> + Send + 'static,
) -> ApiResult<CameraJson> {
    let actor = Actor::from(caller);
    app.store(move |state| {
        let camera = work(&state)?;
        let outcome = format!("camera {} `{}`", camera.id, camera.name);
        let about = About {
            gallery: Some(&camera.settings.gallery),
            subject: None,
        };
        state.audit.record(&actor, action, about, outcome);
        Ok(CameraJson::new(&state, camera))
    })
    .await
}
