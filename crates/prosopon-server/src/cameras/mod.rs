//! Cameras that the server watches: what they are set to, kept in its database, and the threads that watch them.
//!
//! | File | Holds |
//! |---|---|
//! | `settings.rs` | what a camera is set to, and its limits |
//! | `target/` | what a camera may be, and which addresses are allowed |
//! | `seal.rs` | encryption of addresses and passwords |
//! | `run.rs` | the thread of a camera |
//! | `now.rs` | what a camera does at the moment |
//! | `preview.rs` | drawn frames for viewers |
//! | `who.rs` | who a track is, by the gallery as it is now |
//! | `mjpeg.rs` | pictures out of a body that goes on |
//! | `arrived.rs` | bytes that arrive in pieces, looked through once |

mod arrived;
pub(crate) mod mjpeg;
pub(crate) mod now;
pub(crate) mod preview;
mod run;
mod seal;
pub(crate) mod settings;
pub(crate) mod target;
pub(crate) mod who;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prosopon_video::Stop;
use prosopon_video::source::Pusher;

use crate::access::keys::now_millis;
use crate::database::{CameraRow, Database};
use crate::error::{ApiError, ApiResult};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::state::App;
use now::{Now, StateJson, Status};
use preview::Preview;
use seal::Sealer;
use settings::{CameraSettings, Configured};
use target::{Target, Targets};

pub(crate) use run::track_json;
pub(crate) use target::wrong_host;

/// How long the threads of cameras get to tell who left when the server is stopped.
const MAX_FAREWELL: Duration = Duration::from_secs(5);

/// Within this time, the same somebody looking through the same camera is noted once: a page asks for a picture every
/// second.
const LOOK_NOTED: Duration = Duration::from_mins(5);

/// All cameras.
pub(crate) struct Cameras {
    database: Arc<Database>,
    sealer: Sealer,
    targets: Targets,
    most: usize,
    running: Mutex<BTreeMap<i64, Arc<Running>>>,
    /// Who looked through which camera when.
    looks: Mutex<HashMap<(String, i64), Instant>>,
    /// One change at a time, so that what is stored and what runs stay the same.
    changing: Mutex<()>,
}

/// A camera that is being watched.
pub(crate) struct Running {
    pub(crate) now: Now,
    pub(crate) preview: Preview,
    /// Takes frames of a camera that is pushed.
    pub(crate) pusher: Option<Pusher>,
    stop: Stop,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What to change; none leaves it.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) target: Option<Target>,
    pub(crate) settings: Option<CameraSettings>,
}

impl Cameras {
    pub(crate) fn new(settings: &Settings, database: Arc<Database>, key_file: PathBuf) -> Self {
        Self {
            database,
            sealer: Sealer::new(key_file),
            targets: Targets::new(settings),
            most: settings.max_cameras,
            running: Mutex::default(),
            looks: Mutex::default(),
            changing: Mutex::default(),
        }
    }

    /// All of them, in the order in which they were added.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn all(&self) -> ApiResult<Vec<Configured>> {
        let rows = self.database.cameras()?;
        rows.into_iter().map(|row| self.configured(row)).collect()
    }

    /// The camera of this number.
    ///
    /// # Errors
    /// `unknown_camera`.
    pub(crate) fn get(&self, id: i64) -> ApiResult<Configured> {
        let found = self.all()?.into_iter().find(|camera| camera.id == id);
        found.ok_or_else(|| unknown(id))
    }

    fn configured(&self, row: CameraRow) -> ApiResult<Configured> {
        let target = match self.sealer.open(row.id, &row.sealed_address) {
            Ok(text) => Some(Target::parse(&text)?),
            Err(error) if error.code == "secret_unreadable" => None,
            Err(error) => return Err(error),
        };
        Ok(Configured {
            id: row.id,
            name: row.name,
            target,
            settings: serde_json::from_str(&row.settings).map_err(ApiError::internal)?,
            created_millis: row.created_millis,
        })
    }

    /// Adds a camera and, if it is enabled, starts it. Names may be resolved for it.
    ///
    /// # Errors
    /// `camera_exists`, `too_many_cameras`, `address_not_allowed`, those of its settings.
    pub(crate) fn add(
        &self,
        app: &App,
        name: &str,
        target: &Target,
        wanted: &CameraSettings,
    ) -> ApiResult<Configured> {
        let name = settings::checked_name(name)?;
        wanted.check()?;
        app.galleries.get(&wanted.gallery)?;
        self.targets.check(target)?;
        let _changing = lock(&self.changing);
        let n = self.database.cameras()?.len();
        if n >= self.most {
            let message = format!(
                "there are {n} cameras already, of {} that there may be",
                self.most
            );
            return Err(ApiError::new("too_many_cameras", message)
                .with_hint("delete one, or raise the setting `max_cameras`"));
        }
        let json = serde_json::to_string(wanted).map_err(ApiError::internal)?;
        let seal = |id| self.sealer.seal(id, &target.secret());
        let id = self
            .database
            .add_camera::<ApiError>(&name, &json, now_millis(), seal)?;
        let camera = self.get(id)?;
        self.apply(app, &camera)?;
        Ok(camera)
    }

    /// Changes a camera; it is started again if that makes a difference to it.
    ///
    /// # Errors
    /// As [`Cameras::add`], and `unknown_camera`.
    pub(crate) fn change(&self, app: &App, id: i64, change: Change) -> ApiResult<Configured> {
        let _changing = lock(&self.changing);
        let before = self.get(id)?;
        let mut after = before.clone();
        if let Some(name) = &change.name {
            after.name = settings::checked_name(name)?;
        }
        if let Some(wanted) = change.settings {
            wanted.check()?;
            app.galleries.get(&wanted.gallery)?;
            after.settings = wanted;
        }
        if let Some(target) = change.target {
            self.targets.check(&target)?;
            after.target = Some(target);
        }
        let target = after.target.as_ref().ok_or_else(|| {
            ApiError::new(
                "secret_unreadable",
                "the camera's address cannot be decrypted any more",
            )
            .with_hint("enter address and password again")
        })?;
        let row = CameraRow {
            id,
            name: after.name.clone(),
            settings: serde_json::to_string(&after.settings).map_err(ApiError::internal)?,
            sealed_address: self.sealer.seal(id, &target.secret())?,
            created_millis: after.created_millis,
        };
        if !self.database.change_camera(&row)? {
            return Err(unknown(id));
        }
        let has_changed = after != before;
        if has_changed || after.settings.enabled != self.is_running(id) {
            self.halt(id);
            self.apply(app, &after)?;
        }
        Ok(after)
    }

    /// Starts a camera that does not run, or stops one that does.
    ///
    /// # Errors
    /// `unknown_camera`; `address_not_allowed` if it may not be watched any more.
    pub(crate) fn enable(&self, app: &App, id: i64, enabled: bool) -> ApiResult<Configured> {
        let camera = self.get(id)?;
        if let Some(target) = camera.target.as_ref().filter(|_| enabled) {
            self.targets.check(target)?;
        }
        let settings = CameraSettings {
            enabled,
            ..camera.settings
        };
        let change = Change {
            settings: Some(settings),
            ..Change::default()
        };
        self.change(app, id, change)
    }

    /// Stops and forgets a camera. Its events stay.
    ///
    /// # Errors
    /// `unknown_camera`.
    pub(crate) fn remove(&self, id: i64) -> ApiResult<()> {
        let _changing = lock(&self.changing);
        if !self.database.delete_camera(id)? {
            return Err(unknown(id));
        }
        self.halt(id);
        Ok(())
    }

    /// Starts all that are enabled; what goes wrong with one is logged and shown with it.
    pub(crate) fn start_all(&self, app: &App) {
        let _changing = lock(&self.changing);
        match self.all() {
            Ok(cameras) => {
                for camera in cameras {
                    if let Err(error) = self.apply(app, &camera) {
                        tracing::error!(camera = camera.name, cause = %error.message, "could not start a camera");
                    }
                }
            }
            Err(error) => tracing::error!(cause = ?error.cause, "could not read the cameras"),
        }
    }

    /// Stops all, and waits a little for what they have left to tell.
    pub(crate) fn stop_all(&self) {
        let all: Vec<Arc<Running>> = std::mem::take(&mut *self.running()).into_values().collect();
        for running in &all {
            running.stop.stop();
        }
        let deadline = Instant::now() + MAX_FAREWELL;
        for running in all {
            let thread = lock(&running.thread).take();
            while thread.as_ref().is_some_and(|thread| !thread.is_finished())
                && Instant::now() < deadline
            {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// The camera that runs under this number.
    ///
    /// # Errors
    /// `unknown_camera`, `camera_not_running`.
    pub(crate) fn watched(&self, id: i64) -> ApiResult<Arc<Running>> {
        if let Some(running) = self.running().get(&id) {
            return Ok(Arc::clone(running));
        }
        let camera = self.get(id)?;
        Err(ApiError::new(
            "camera_not_running",
            format!("the camera `{}` is stopped", camera.name),
        )
        .with_hint(format!("start it with `POST /v1/cameras/{id}/start`")))
    }

    /// How a camera is doing.
    pub(crate) fn state(&self, id: i64) -> StateJson {
        self.running()
            .get(&id)
            .map_or_else(StateJson::stopped, |running| {
                running.now.state(running.preview.n_viewers())
            })
    }

    /// Whether it is to be written down that `who` looks through a camera.
    pub(crate) fn is_new_look(&self, who: &str, id: i64) -> bool {
        let mut looks = lock(&self.looks);
        looks.retain(|_, at| at.elapsed() < LOOK_NOTED);
        let key = (who.to_owned(), id);
        let is_new = !looks.contains_key(&key);
        if is_new {
            looks.insert(key, Instant::now());
        }
        is_new
    }

    /// Tells the metrics from which cameras frames come.
    pub(crate) fn measure(&self, metrics: &Metrics) {
        for (id, running) in self.running().iter() {
            metrics.camera_up(*id, running.now.state(0).status == Status::Running);
        }
    }

    fn is_running(&self, id: i64) -> bool {
        self.running().contains_key(&id)
    }

    /// Starts the thread of a camera that is enabled.
    fn apply(&self, app: &App, camera: &Configured) -> ApiResult<()> {
        if camera.settings.enabled {
            let running = run::start(app, camera)?;
            self.running().insert(camera.id, running);
        }
        Ok(())
    }

    /// Ends the thread of a camera and waits for it: the next one must not meet the first at the device.
    fn halt(&self, id: i64) {
        let Some(running) = self.running().remove(&id) else {
            return;
        };
        running.stop.stop();
        let thread = lock(&running.thread).take();
        let deadline = Instant::now() + MAX_FAREWELL;
        if let Some(thread) = thread {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<i64, Arc<Running>>> {
        lock(&self.running)
    }
}

fn unknown(id: i64) -> ApiError {
    ApiError::new("unknown_camera", format!("unknown camera {id}"))
        .with_hint("`GET /v1/cameras` lists all cameras")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
