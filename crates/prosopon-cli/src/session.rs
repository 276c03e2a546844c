//! Opening what a command works with: models, which are installed first if they are missing, an engine, a gallery.

use std::fs;
use std::path::{Path, PathBuf};

use prosopon::classic::MultiScale;
use prosopon::detect::{EyeRule, WithEyes};
use prosopon::inference::InferenceOptions;
use prosopon::model::EmbedderSpec;
use prosopon::{
    ActiveCalibration, AttributeKind, AttributeNetworks, CalibrationOrigin, Detector, Embedder,
    FaceEngine, ModelId, NetworkEmbedder,
};
use prosopon_gallery::{Gallery, GalleryOptions};
use prosopon_models::{DetectorModel, ModelsError, PullOptions, ResolvedModel, Store};
use prosopon_train::metric::{Head, WithHead};

use crate::args::{DetectArgs, EngineArgs, GalleryArgs, InferenceArgs, ModelArgs, SourceArgs};
use crate::failure::{Exit, Failure};
use crate::networks::{Networks, gives_landmarks, load_cascade, open_runtime, read_network};
use crate::output::{About, eprint};
use crate::progress::Downloads;

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
    let networks = Networks::new(&store, inference.options(load.streams()));
    Ok(DetectSession {
        detector: networks.detector(&model, search)?,
        eyes: None,
        about: About {
            model: None,
            detector: model.id.to_string(),
            backend: networks.backend(),
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
        let model = store.resolve_detector(models.detector.as_deref())?;
        if gives_landmarks(&model) {
            return Ok(self);
        }
        let networks = Networks::new(&store, inference.options(load.streams()));
        let source = || default_detector(&store, &models.source);
        self.detector = networks.with_landmarks(self.detector, &model, source)?;
        self.about.backend = networks.backend();
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

/// Opens detector and embedder; installs the default models first if they are missing.
pub(crate) fn open_engine(args: &EngineArgs, load: Load) -> Result<EngineSession, Failure> {
    let store = Store::open()?;
    let names = (
        args.models.detector.as_deref(),
        args.models.embedder.as_deref(),
    );
    let options = args.inference.options(load.streams());
    let looking = Looking {
        search: args.detect.search(),
        eyes: args.detect.require_eyes.map(usize::from),
    };
    let networks = open_networks(&store, names, looking, &args.models.source, options)?;
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
pub(crate) struct EngineNetworks {
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
    options: InferenceOptions,
) -> Result<EngineNetworks, Failure> {
    let (detector_model, embedder_model) = installed(store, source, |store| {
        Ok((
            store.resolve_detector(detector)?,
            store.resolve_embedder(embedder)?,
        ))
    })?;
    let rule = looking.eyes.map(|n| eye_rule(store, source, n));
    let rule = rule.transpose()?;
    let networks = Networks::new(store, options);
    let mut detector = networks.detector(&detector_model, looking.search)?;
    if let Some(rule) = rule {
        detector = Box::new(WithEyes::new(detector, rule));
    }
    let default = || default_detector(store, source);
    Ok(EngineNetworks {
        detector: networks.with_landmarks(detector, &detector_model, default)?,
        embedder: networks.embedder(&embedder_model)?,
        detector_model,
        embedder_model,
        backend: networks.backend(),
    })
}

fn default_detector(
    store: &Store,
    source: &SourceArgs,
) -> Result<ResolvedModel<DetectorModel>, Failure> {
    installed(store, source, |store| store.resolve_detector(None))
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
    let runtime = open_runtime(&store, inference.options(load.streams()))?;
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
