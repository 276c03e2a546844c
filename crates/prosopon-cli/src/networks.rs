//! Networks and cascades from the files that are installed.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use prosopon::classic::{Cascade, MultiScale};
use prosopon::detect::{self, HaarDetector, Landmarked};
use prosopon::inference::{InferenceOptions, Runtime};
use prosopon::model::{DetectorFamily, EmbedderSpec};
use prosopon::{Detector, ModelId, NetworkEmbedder};
use prosopon_models::{DetectorModel, Digest, ResolvedModel, Store};

use crate::failure::{Exit, Failure};

/// What is said of the engine where there is no network to run.
pub(crate) const NO_BACKEND: &str = "none";

/// Loads detectors and embedders. The inference engine is opened for the first network, and never for cascades alone.
pub(crate) struct Networks<'a> {
    store: &'a Store,
    options: InferenceOptions,
    runtime: OnceCell<Runtime>,
}

impl<'a> Networks<'a> {
    pub(crate) fn new(store: &'a Store, options: InferenceOptions) -> Self {
        Self {
            store,
            options,
            runtime: OnceCell::new(),
        }
    }

    fn runtime(&self) -> Result<&Runtime, Failure> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = open_runtime(self.store, self.options.clone())?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    /// Engine, version and arithmetic; [`NO_BACKEND`] as long as no network was loaded.
    pub(crate) fn backend(&self) -> String {
        let runtime = self.runtime.get();
        runtime.map_or_else(
            || NO_BACKEND.to_owned(),
            |runtime| runtime.info().to_string(),
        )
    }

    /// Prepares a detector; `search` is for cascades only.
    pub(crate) fn detector(
        &self,
        model: &ResolvedModel<DetectorModel>,
        search: Option<MultiScale>,
    ) -> Result<Box<dyn Detector>, Failure> {
        match model.spec {
            DetectorModel::Cascade => load_haar(&model.path, search),
            DetectorModel::Network(_) => load_detector(self.runtime()?, model, search),
        }
    }

    /// The detector of `model`, with landmarks from the one that `default` finds if its own gives only boxes.
    pub(crate) fn with_landmarks(
        &self,
        detector: Box<dyn Detector>,
        model: &ResolvedModel<DetectorModel>,
        default: impl FnOnce() -> Result<ResolvedModel<DetectorModel>, Failure>,
    ) -> Result<Box<dyn Detector>, Failure> {
        if gives_landmarks(model) {
            return Ok(detector);
        }
        let landmarks = self.detector(&default()?, None)?;
        Ok(Box::new(Landmarked::new(detector, landmarks)))
    }

    /// Prepares an embedder.
    pub(crate) fn embedder(
        &self,
        model: &ResolvedModel<EmbedderSpec>,
    ) -> Result<NetworkEmbedder, Failure> {
        load_embedder(self.runtime()?, model)
    }
}

/// Prepares an embedder from its file.
pub(crate) fn load_embedder(
    runtime: &Runtime,
    model: &ResolvedModel<EmbedderSpec>,
) -> Result<NetworkEmbedder, Failure> {
    let onnx = read_network(&model.path, Some(&model.id))?;
    NetworkEmbedder::load(runtime, &onnx, model.spec.clone(), model.id.clone())
        .map_err(|error| Failure::from(error).at(model.path.display()))
}

/// Opens the inference engine, with the installed libraries if no others are named.
pub(crate) fn open_runtime(
    store: &Store,
    mut options: InferenceOptions,
) -> Result<Runtime, Failure> {
    if options.openvino_dir.is_none() {
        options.openvino_dir = store.runtime_dir();
    }
    Ok(Runtime::open(&options)?)
}

/// Whether a detector gives the points by which faces are aligned.
pub(crate) fn gives_landmarks(model: &ResolvedModel<DetectorModel>) -> bool {
    match &model.spec {
        DetectorModel::Network(spec) => spec.family == DetectorFamily::Scrfd,
        DetectorModel::Cascade => false,
    }
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

fn load_haar(path: &Path, search: Option<MultiScale>) -> Result<Box<dyn Detector>, Failure> {
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

fn read_model(path: &Path) -> Result<Vec<u8>, Failure> {
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
