//! Opening what a command works with: installed models, an engine, a gallery.

use std::fs;
use std::path::{Path, PathBuf};

use prosopon::inference::{InferenceOptions, Runtime};
use prosopon::model::{DetectorSpec, EmbedderSpec};
use prosopon::{
    ActiveCalibration, CalibrationOrigin, Detector, FaceEngine, ModelId, NetworkEmbedder, detect,
};
use prosopon_gallery::{Gallery, GalleryOptions};
use prosopon_models::{ModelsError, PullOptions, ResolvedModel, Store};

use crate::args::{EngineArgs, GalleryArgs, InferenceArgs, ModelArgs, SourceArgs};
use crate::failure::{Exit, Failure};
use crate::output::{About, eprint};
use crate::progress::Downloads;

/// A detector that is ready.
pub(crate) struct DetectSession {
    pub(crate) detector: Box<dyn Detector>,
    pub(crate) about: About,
}

/// An engine that is ready, and what is known about its models.
pub(crate) struct EngineSession {
    pub(crate) engine: FaceEngine,
    pub(crate) about: About,
    pub(crate) model: ModelId,
    /// The user's own for the model, else the one that comes with it.
    pub(crate) calibration: Option<ActiveCalibration>,
}

/// How many pictures are to be expected, which decides between a quick answer and throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// One picture at a time, each on all threads.
    Single,
    /// Many: each thread works on a picture of its own.
    Batch,
}

impl Load {
    pub(crate) fn of(n_pictures: usize) -> Self {
        if n_pictures > 1 {
            Self::Batch
        } else {
            Self::Single
        }
    }

    fn streams(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Batch => 0,
        }
    }
}

/// Opens the detector; installs the default models first if they are missing.
pub(crate) fn open_detector(
    models: &ModelArgs,
    inference: &InferenceArgs,
    load: Load,
) -> Result<DetectSession, Failure> {
    let store = Store::open()?;
    let model = installed(&store, &models.source, |store| {
        store.resolve_detector(models.detector.as_deref())
    })?;
    let runtime = open_runtime(&store, inference, load)?;
    let detector = load_detector(&runtime, &model)?;
    Ok(DetectSession {
        detector,
        about: About {
            model: None,
            detector: model.id.to_string(),
            backend: runtime.info().to_string(),
        },
    })
}

/// Opens detector and embedder; installs the default models first if they are missing.
pub(crate) fn open_engine(args: &EngineArgs, load: Load) -> Result<EngineSession, Failure> {
    let store = Store::open()?;
    let names = (
        args.models.detector.as_deref(),
        args.models.embedder.as_deref(),
    );
    let mut options = args.inference.options(load.streams());
    let networks = open_networks(&store, names, &args.models.source, &mut options)?;
    Ok(EngineSession {
        engine: FaceEngine::new(
            networks.detector,
            Box::new(networks.embedder),
            args.options(),
        ),
        about: About {
            model: Some(networks.embedder_model.id.to_string()),
            detector: networks.detector_model.id.to_string(),
            backend: networks.backend,
        },
        model: networks.embedder_model.id,
        calibration: networks.embedder_model.calibration,
    })
}

/// A detector and an embedder that are ready.
pub(crate) struct Networks {
    pub(crate) detector: Box<dyn Detector>,
    pub(crate) detector_model: ResolvedModel<DetectorSpec>,
    pub(crate) embedder: NetworkEmbedder,
    pub(crate) embedder_model: ResolvedModel<EmbedderSpec>,
    /// Engine, version and arithmetic.
    pub(crate) backend: String,
}

/// Opens the networks of these names, or the default ones; installs them first if they are missing.
pub(crate) fn open_networks(
    store: &Store,
    (detector, embedder): (Option<&str>, Option<&str>),
    source: &SourceArgs,
    options: &mut InferenceOptions,
) -> Result<Networks, Failure> {
    let (detector_model, embedder_model) = installed(store, source, |store| {
        Ok((
            store.resolve_detector(detector)?,
            store.resolve_embedder(embedder)?,
        ))
    })?;
    let runtime = open_runtime_with(store, options)?;
    Ok(Networks {
        detector: load_detector(&runtime, &detector_model)?,
        embedder: load_embedder(&runtime, &embedder_model)?,
        detector_model,
        embedder_model,
        backend: runtime.info().to_string(),
    })
}

/// Opens the inference engine with the installed libraries, if there are any.
pub(crate) fn open_runtime(
    store: &Store,
    args: &InferenceArgs,
    load: Load,
) -> Result<Runtime, Failure> {
    open_runtime_with(store, &mut args.options(load.streams()))
}

fn open_runtime_with(store: &Store, options: &mut InferenceOptions) -> Result<Runtime, Failure> {
    if options.openvino_dir.is_none() {
        options.openvino_dir = store.runtime_dir();
    }
    Ok(Runtime::open(options)?)
}

fn load_detector(
    runtime: &Runtime,
    model: &ResolvedModel<DetectorSpec>,
) -> Result<Box<dyn Detector>, Failure> {
    detect::load(runtime, &read_model(&model.path)?, &model.spec)
        .map_err(|error| Failure::from(error).at(model.path.display()))
}

fn load_embedder(
    runtime: &Runtime,
    model: &ResolvedModel<EmbedderSpec>,
) -> Result<NetworkEmbedder, Failure> {
    let onnx = read_model(&model.path)?;
    NetworkEmbedder::load(runtime, &onnx, model.spec.clone(), model.id.clone())
        .map_err(|error| Failure::from(error).at(model.path.display()))
}

fn read_model(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        Failure::new(
            Exit::Setup,
            "unreadable_model",
            format!("could not read the model: {error}"),
        )
        .at(path.display())
        .with_hint("`prosopon models verify` checks all model files")
    })
}

/// What `find` gives; if a model is missing, its pack is installed first.
fn installed<T>(
    store: &Store,
    source: &SourceArgs,
    find: impl Fn(&Store) -> Result<T, ModelsError>,
) -> Result<T, Failure> {
    match find(store) {
        Err(ModelsError::NotInstalled { pack, .. }) => {
            pull(store, &pack, source)?;
            Ok(find(store)?)
        }
        found => Ok(found?),
    }
}

/// Installs what `pack` lacks, saying so.
pub(crate) fn pull(store: &Store, pack: &str, source: &SourceArgs) -> Result<(), Failure> {
    let progress = Downloads::announced(format!(
        "installing the models of pack `{pack}` in {} (once)",
        store.home().display()
    ));
    let report = store.pull(
        pack,
        &PullOptions {
            mirror: source.mirror.clone(),
            offline: source.offline,
            progress: &progress,
            ..PullOptions::default()
        },
    )?;
    if !report.installed.is_empty() {
        eprint(&format!(
            "installed {} ({} MB)",
            report.installed.join(", "),
            report.bytes / 1_000_000
        ));
    }
    Ok(())
}

/// Where the gallery is.
pub(crate) fn gallery_path(args: &GalleryArgs) -> Result<PathBuf, Failure> {
    match &args.gallery {
        Some(path) => Ok(path.clone()),
        None => Ok(Store::open()?.home().join("gallery.db")),
    }
}

/// The calibration of the gallery at `path`, if it has one for `model`.
pub(crate) fn gallery_calibration(
    path: &Path,
    model: &ModelId,
) -> Result<Option<ActiveCalibration>, Failure> {
    let stored = prosopon_gallery::calibration_of(path)?;
    let origin = CalibrationOrigin::Gallery;
    Ok(stored.and_then(|stored| ActiveCalibration::stored(origin, stored, model)))
}

/// Opens the gallery; `create` makes it if there is none.
pub(crate) fn open_gallery(args: &GalleryArgs, create: bool) -> Result<Gallery, Failure> {
    let path = gallery_path(args)?;
    if create && args.gallery.is_none() {
        let home = path.parent().map(fs::create_dir_all).transpose();
        home.map_err(|error| Failure::write(path.display(), &error))?;
    }
    let options = GalleryOptions {
        create,
        ..GalleryOptions::default()
    };
    Ok(Gallery::open(path, options)?)
}
