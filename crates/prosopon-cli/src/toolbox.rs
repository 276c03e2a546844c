//! Opening what a classifier sees with: detector, eyes, embedder, as far as it needs them.

use prosopon::classic::MultiScale;
use prosopon::detect::EyeRule;
use prosopon::inference::InferenceOptions;
use prosopon::{Detector, NetworkEmbedder};
use prosopon_models::Store;
use prosopon_train::input::{Extractor, FaceSearch, Faces, Input, InputError, Tools, Values};

use crate::args::{InferenceArgs, SourceArgs, cascade_search};
use crate::failure::{Exit, Failure};
use crate::networks::{NO_BACKEND, Networks};
use crate::output::{About, eprint};
use crate::session::{self, Load, installed};

/// What an [`Extractor`] borrows.
pub(crate) struct Toolbox {
    detector: Option<Box<dyn Detector>>,
    eyes: Option<EyeRule>,
    embedder: Option<NetworkEmbedder>,
    pub(crate) about: About,
}

impl Toolbox {
    /// Takes the values that `input` says.
    pub(crate) fn extractor(&self, input: Input) -> Result<Extractor<'_>, Failure> {
        let tools = Tools {
            detector: self.detector.as_deref(),
            eyes: self.eyes.as_ref(),
            embedder: self.embedder.as_ref().map(|embedder| embedder as _),
        };
        Extractor::new(input, tools).map_err(input_failure)
    }
}

/// An input that cannot be taken.
pub(crate) fn input_failure(error: InputError) -> Failure {
    match error {
        // Networks that cannot run, and pictures that cannot be used.
        InputError::Detect(error) => error.into(),
        InputError::Embed(error) => error.into(),
        InputError::Image(error) => error.into(),
        InputError::UnknownFeature { .. } => Failure::new(Exit::Usage, "unknown_feature", error),
        InputError::Size { .. } => Failure::new(Exit::Usage, "invalid_size", error),
        InputError::NoPictures => Failure::new(Exit::Setup, "sees_no_pictures", error)
            .with_hint("train it on pictures: `prosopon train DIR`"),
        InputError::OtherEmbedder { .. } => Failure::new(Exit::Setup, "other_model", error)
            .with_hint("choose that network by `--embedder`, or train again"),
        _ => Failure::new(Exit::BadInput, "unusable_face", error),
    }
}

/// Opens what `input` needs; installs models that are missing. Ids of models that it leaves open are filled
/// in; if it names others than those that are installed, that is an error for embeddings, which cannot
/// be compared, and a remark for detectors.
pub(crate) fn open(
    input: &mut Input,
    source: &SourceArgs,
    inference: &InferenceArgs,
    load: Load,
) -> Result<Toolbox, Failure> {
    let store = Store::open()?;
    let needs_embedder = input.values.needs_embedder();
    let needs_landmarks = input.needs_landmarks();
    let mut toolbox = Toolbox {
        detector: None,
        eyes: None,
        embedder: None,
        about: About {
            model: None,
            detector: "none".to_owned(),
            backend: NO_BACKEND.to_owned(),
        },
    };
    let networks = Networks::new(&store, inference.options(load.streams()));
    if let Faces::Found(search) = &mut input.faces {
        let detector = open_detector(search, source, needs_landmarks, (&store, &networks))?;
        toolbox.detector = Some(detector);
        toolbox.about.detector.clone_from(&search.model);
        if let Some(n) = search.require_eyes {
            toolbox.eyes = Some(session::eye_rule(&store, source, usize::from(n))?);
        }
    }
    if let Values::Features { embedder, .. } = &mut input.values
        && needs_embedder
    {
        let name = embedder.as_deref().and_then(|id| id.split('@').next());
        let model = installed(&store, source, |store| store.resolve_embedder(name))?;
        let id = model.id.to_string();
        if let Some(expected) = embedder.as_ref().filter(|e| e.contains('@') && **e != id) {
            let message = format!(
                "expected the network `{expected}`, with which it was trained, found `{id}`"
            );
            return Err(Failure::new(Exit::Setup, "other_model", message)
                .with_hint("install that network, or train again"));
        }
        toolbox.embedder = Some(networks.embedder(&model)?);
        toolbox.about.model = Some(id.clone());
        *embedder = Some(id);
    }
    toolbox.about.backend = networks.backend();
    Ok(toolbox)
}

/// Opens the detector that `search` names; with landmarks from the default one, if they are needed and its own
/// gives none.
fn open_detector(
    search: &mut FaceSearch,
    source: &SourceArgs,
    needs_landmarks: bool,
    (store, networks): (&Store, &Networks<'_>),
) -> Result<Box<dyn Detector>, Failure> {
    let name = Some(&*search.detector).filter(|name| !name.is_empty());
    let model = installed(store, source, |store| store.resolve_detector(name))?;
    let id = model.id.to_string();
    if !search.model.is_empty() && search.model != id {
        eprint(&format!(
            "warning: trained on faces that `{}` found; `{id}` may find other boxes",
            search.model
        ));
    }
    let mut detector = networks.detector(&model, cascade_of(search))?;
    if needs_landmarks {
        let default = || installed(store, source, |store| store.resolve_detector(None));
        detector = networks.with_landmarks(detector, &model, default)?;
    }
    search.detector = model.name;
    search.model = id;
    Ok(detector)
}

/// Opens the detector that `search` names if it is installed, for a server.
///
/// # Errors
/// `model_not_installed` with the command that installs it.
pub(crate) fn open_installed_detector(
    store: &Store,
    search: &FaceSearch,
    needs_landmarks: bool,
    options: InferenceOptions,
) -> Result<Box<dyn Detector>, Failure> {
    let model = store.resolve_detector(Some(&search.detector))?;
    let networks = Networks::new(store, options);
    let detector = networks.detector(&model, cascade_of(search))?;
    if !needs_landmarks {
        return Ok(detector);
    }
    networks.with_landmarks(detector, &model, || Ok(store.resolve_detector(None)?))
}

/// How a cascade searches, if anything was said about it.
fn cascade_of(search: &FaceSearch) -> Option<MultiScale> {
    cascade_search(search.scale_factor, search.min_neighbors)
}
