//! Opening what a command works with: installed models, an engine, a gallery.

use std::fs;
use std::path::{Path, PathBuf};

use prosopon::classic::{Cascade, MultiScale};
use prosopon::detect::{EyeRule, HaarDetector, Landmarked, WithEyes};
use prosopon::inference::{InferenceOptions, Runtime};
use prosopon::model::{DetectorFamily, EmbedderSpec};
use prosopon::{
    ActiveCalibration, AttributeKind, AttributeNetworks, CalibrationOrigin, Detector, Embedder,
    FaceEngine, ModelId, NetworkEmbedder, detect,
};
use prosopon_gallery::{Gallery, GalleryOptions};
use prosopon_models::{DetectorModel, Digest, ModelsError, PullOptions, ResolvedModel, Store};
use prosopon_train::metric::{Head, WithHead};

use crate::args::{DetectArgs, EngineArgs, GalleryArgs, InferenceArgs, ModelArgs, SourceArgs};
use crate::failure::{Exit, Failure};
use crate::output::{About, eprint};
use crate::progress::Downloads;

/// What is said of the engine where there is no network to run.
pub(crate) const NO_BACKEND: &str = "none";

/// A detector that is ready.
pub(crate) struct DetectSession {
    pub(crate) detector: Box<dyn Detector>,
    /// The rule that faces have to keep, if eyes are required; see [`DetectSession::filtering`].
    pub(crate) eyes: Option<EyeRule>,
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

    pub(crate) fn streams(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Batch => 0,
        }
    }
}

/// Opens the detector; installs its pack first if it is missing.
pub(crate) fn open_detector(
    models: &ModelArgs,
    inference: &InferenceArgs,
    load: Load,
) -> Result<DetectSession, Failure> {
    open_detector_with(models, inference, load, None)
}

/// Opens the detector, and the rule of eyes if `detect` asks for it; installs packs that are missing.
pub(crate) fn open_detector_for(
    models: &ModelArgs,
    inference: &InferenceArgs,
    detect: &DetectArgs,
    load: Load,
) -> Result<DetectSession, Failure> {
    let mut session = open_detector_with(models, inference, load, detect.search())?;
    if let Some(n) = detect.require_eyes {
        let rule = eye_rule(&Store::open()?, &models.source, usize::from(n))?;
        session.eyes = Some(rule);
    }
    Ok(session)
}

fn open_detector_with(
    models: &ModelArgs,
    inference: &InferenceArgs,
    load: Load,
    search: Option<MultiScale>,
) -> Result<DetectSession, Failure> {
    let store = Store::open()?;
    let model = installed(&store, &models.source, |store| {
        store.resolve_detector(models.detector.as_deref())
    })?;
    let (detector, backend) = if model.spec == DetectorModel::Cascade {
        (load_haar(&model.path, search)?, NO_BACKEND.to_owned())
    } else {
        let runtime = open_runtime(&store, inference, load)?;
        let detector = load_detector(&runtime, &model, search)?;
        (detector, runtime.info().to_string())
    };
    Ok(DetectSession {
        detector,
        eyes: None,
        about: About {
            model: None,
            detector: model.id.to_string(),
            backend,
        },
    })
}

impl DetectSession {
    /// With landmarks from the default detector, if its own gives only boxes.
    pub(crate) fn with_landmarks(
        mut self,
        models: &ModelArgs,
        inference: &InferenceArgs,
        load: Load,
    ) -> Result<Self, Failure> {
        let store = Store::open()?;
        if gives_landmarks(&store.resolve_detector(models.detector.as_deref())?) {
            return Ok(self);
        }
        let model = installed(&store, &models.source, |store| store.resolve_detector(None))?;
        let runtime = open_runtime(&store, inference, load)?;
        let landmarks = load_detector(&runtime, &model, None)?;
        self.detector = Box::new(Landmarked::new(self.detector, landmarks));
        self.about.backend = runtime.info().to_string();
        Ok(self)
    }

    /// With a detector that gives only faces with as many eyes as are required.
    pub(crate) fn filtering(mut self) -> Self {
        if let Some(rule) = &self.eyes {
            self.detector = Box::new(WithEyes::new(self.detector, rule.clone()));
        }
        self
    }
}

/// The rule that a face has at least so many eyes; installs the cascade first if it is missing.
pub(crate) fn eye_rule(
    store: &Store,
    source: &SourceArgs,
    at_least: usize,
) -> Result<EyeRule, Failure> {
    let cascade = installed(store, source, Store::resolve_eyes)?;
    Ok(EyeRule {
        eyes: load_cascade(&cascade.path)?,
        at_least,
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
    let looking = Looking {
        search: args.detect.search(),
        eyes: args.detect.require_eyes.map(usize::from),
    };
    let networks = open_networks(&store, names, looking, &args.models.source, &mut options)?;
    let (embedder, calibration): (Box<dyn Embedder>, _) = match &args.embed.head {
        // Its embeddings have thresholds of their own, which `calibrate` measures.
        Some(head) => (Box::new(with_head(networks.embedder, head)?), None),
        None => (
            Box::new(networks.embedder),
            networks.embedder_model.calibration,
        ),
    };
    let model = embedder.model().clone();
    Ok(EngineSession {
        engine: FaceEngine::new(networks.detector, embedder, args.options()),
        about: About {
            model: Some(model.to_string()),
            detector: networks.detector_model.id.to_string(),
            backend: networks.backend,
        },
        model,
        calibration,
    })
}

/// The embedder with the head of this file behind it.
fn with_head(embedder: NetworkEmbedder, head: &Path) -> Result<WithHead<NetworkEmbedder>, Failure> {
    Head::load(head)
        .and_then(|head| WithHead::new(embedder, head))
        .map_err(|error| {
            Failure::new(Exit::Setup, "unusable_head", error)
                .at(head.display())
                .with_hint("`prosopon train DIR --head` makes one for the embedder in use")
        })
}

/// A detector and an embedder that are ready.
pub(crate) struct Networks {
    pub(crate) detector: Box<dyn Detector>,
    pub(crate) detector_model: ResolvedModel<DetectorModel>,
    pub(crate) embedder: NetworkEmbedder,
    pub(crate) embedder_model: ResolvedModel<EmbedderSpec>,
    /// Engine, version and arithmetic.
    pub(crate) backend: String,
}

/// What is asked of a detector beside its options.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Looking {
    /// How a cascade searches, if it is said.
    pub(crate) search: Option<MultiScale>,
    /// How many eyes a face must have, if any.
    pub(crate) eyes: Option<usize>,
}

/// Opens the networks of these names, or the default ones; installs them first if they are missing.
///
/// A detector that gives only boxes gets landmarks from the
/// default one.
pub(crate) fn open_networks(
    store: &Store,
    (detector, embedder): (Option<&str>, Option<&str>),
    looking: Looking,
    source: &SourceArgs,
    options: &mut InferenceOptions,
) -> Result<Networks, Failure> {
    let (detector_model, embedder_model) = installed(store, source, |store| {
        Ok((
            store.resolve_detector(detector)?,
            store.resolve_embedder(embedder)?,
        ))
    })?;
    let landmark_model = if gives_landmarks(&detector_model) {
        None
    } else {
        Some(installed(store, source, |store| {
            store.resolve_detector(None)
        })?)
    };
    let rule = looking.eyes.map(|n| eye_rule(store, source, n));
    let rule = rule.transpose()?;
    let runtime = open_runtime_with(store, options)?;
    let mut detector = load_detector(&runtime, &detector_model, looking.search)?;
    if let Some(rule) = rule {
        detector = Box::new(WithEyes::new(detector, rule));
    }
    if let Some(model) = landmark_model {
        let landmarks = load_detector(&runtime, &model, None)?;
        detector = Box::new(Landmarked::new(detector, landmarks));
    }
    Ok(Networks {
        detector,
        embedder: load_embedder(&runtime, &embedder_model)?,
        detector_model,
        embedder_model,
        backend: runtime.info().to_string(),
    })
}

/// Whether a detector gives the points by which faces are aligned.
pub(crate) fn gives_landmarks(model: &ResolvedModel<DetectorModel>) -> bool {
    match &model.spec {
        DetectorModel::Network(spec) => spec.family == DetectorFamily::Scrfd,
        DetectorModel::Cascade => false,
    }
}

/// Opens the inference engine with the installed libraries, if there are any.
pub(crate) fn open_runtime(
    store: &Store,
    args: &InferenceArgs,
    load: Load,
) -> Result<Runtime, Failure> {
    open_runtime_with(store, &mut args.options(load.streams()))
}

pub(crate) fn open_runtime_with(
    store: &Store,
    options: &mut InferenceOptions,
) -> Result<Runtime, Failure> {
    if options.openvino_dir.is_none() {
        options.openvino_dir = store.runtime_dir();
    }
    Ok(Runtime::open(options)?)
}

/// Prepares a detector from its file; `search` is for cascades only.
pub(crate) fn load_detector(
    runtime: &Runtime,
    model: &ResolvedModel<DetectorModel>,
    search: Option<MultiScale>,
) -> Result<Box<dyn Detector>, Failure> {
    match &model.spec {
        DetectorModel::Cascade => load_haar(&model.path, search),
        DetectorModel::Network(_) if search.is_some() => Err(Failure::new(
            Exit::Usage,
            "no_cascade",
            format!(
                "`--scale-factor` and `--min-neighbors` are for cascades, found the network `{}`",
                model.name
            ),
        )
        .with_hint("choose a cascade: `--detector haar`")),
        DetectorModel::Network(spec) => {
            let onnx = read_network(&model.path, Some(&model.id))?;
            detect::load(runtime, &onnx, spec)
                .map_err(|error| Failure::from(error).at(model.path.display()))
        }
    }
}

pub(crate) fn load_haar(
    path: &Path,
    search: Option<MultiScale>,
) -> Result<Box<dyn Detector>, Failure> {
    let search = search.unwrap_or(HaarDetector::SEARCH);
    let cascade = load_cascade(path)?;
    Ok(Box::new(HaarDetector::with_search(cascade, search)))
}

/// Reads a cascade from its XML file.
pub(crate) fn load_cascade(path: &Path) -> Result<Cascade, Failure> {
    let bytes = read_model(path)?;
    let unusable = |reason: String| {
        Failure::new(
            Exit::Setup,
            "unusable_model",
            format!("no cascade that can be used: {reason}"),
        )
        .at(path.display())
        .with_hint("cascades are those of OpenCV in its format since version 2, with Haar features")
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| unusable(error.to_string()))?;
    Cascade::from_xml(text).map_err(|error| unusable(error.to_string()))
}

pub(crate) fn load_embedder(
    runtime: &Runtime,
    model: &ResolvedModel<EmbedderSpec>,
) -> Result<NetworkEmbedder, Failure> {
    let onnx = read_network(&model.path, Some(&model.id))?;
    NetworkEmbedder::load(runtime, &onnx, model.spec.clone(), model.id.clone())
        .map_err(|error| Failure::from(error).at(model.path.display()))
}

/// The bytes of the network `id`, whose name ends with the first digits of their SHA-256: numbers are compared under that
/// name, and a file that changed would give others.
pub(crate) fn read_network(path: &Path, id: Option<&ModelId>) -> Result<Vec<u8>, Failure> {
    let bytes = read_model(path)?;
    let found = Digest::of_bytes(&bytes).short();
    match id.and_then(|id| id.as_str().rsplit_once('@')) {
        Some((_, expected)) if expected != found => Err(Failure::new(
            Exit::Setup,
            "model_changed",
            format!("expected a model whose SHA-256 begins with {expected}, found {found}"),
        )
        .at(path.display())
        .with_hint("something changed the file; `prosopon models pull --check` installs it anew, `models add` one of your own")),
        _ => Ok(bytes),
    }
}

pub(crate) fn read_model(path: &Path) -> Result<Vec<u8>, Failure> {
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
pub(crate) fn installed<T>(
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

/// Opens the networks of `kinds`; installs their pack first if one is missing. None if there are no kinds.
pub(crate) fn open_attributes(
    kinds: &[AttributeKind],
    source: &SourceArgs,
    inference: &InferenceArgs,
    load: Load,
) -> Result<Option<AttributeNetworks>, Failure> {
    if kinds.is_empty() {
        return Ok(None);
    }
    let store = Store::open()?;
    let runtime = open_runtime(&store, inference, load)?;
    let networks = AttributeNetworks::open(&runtime, kinds, |kind| {
        let path = installed(&store, source, |store| store.resolve_attribute(kind))?;
        read_network(&path, store.id_at(&path).as_ref())
    })?;
    Ok(Some(networks))
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
    if !create && args.gallery.is_none() && !path.exists() {
        let message = "nobody is enrolled yet: there is no gallery";
        return Err(Failure::new(Exit::Storage, "gallery_missing", message)
            .at(path.display())
            .with_hint("`prosopon enrol DIR` takes a folder with a folder of pictures for each person; `--gallery FILE` names another gallery"));
    }
    let options = GalleryOptions {
        create,
        ..GalleryOptions::default()
    };
    Ok(Gallery::open(path, options)?)
}
