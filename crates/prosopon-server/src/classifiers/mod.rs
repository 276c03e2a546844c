//! Trained classifiers that the server answers with: which version is loaded, and how one takes the place of another.
//!
//! Labels are read with each request, so that what another process promotes is noticed. Until the new version is
//! loaded, which happens on a thread of its own, the one that was stable before goes on answering: nobody waits, and
//! every answer says which version it is from.

mod predict;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prosopon::Detector;
use prosopon::detect::EyeRule;
use prosopon_train::classifier::Classifier;
use prosopon_train::input::{Extractor, Faces, Tools};
use prosopon_train::registry::{Registry, RegistryError, Resolved, Which, parse_reference};

use crate::error::{ApiError, ApiResult};
use crate::models::LoadedModels;
use crate::state::App;

pub(crate) use predict::{Classified, ClassifiedFace, classify};

/// Versions that are kept loaded; the one that was not asked for longest goes first.
const MAX_LOADED: usize = 16;

/// A version of a classifier, ready to answer.
pub(crate) struct Loaded {
    pub(crate) name: String,
    pub(crate) version: u32,
    added_millis: i64,
    pub(crate) classifier: Classifier,
    /// Where the server's own does not do.
    detector: Option<Box<dyn Detector>>,
    eyes: Option<EyeRule>,
}

/// What tells versions apart, also when a name was deleted and given again.
type Key = (String, u32, i64);

impl Loaded {
    /// Reads the version and opens what it needs.
    ///
    /// # Errors
    /// `unusable_classifier`, `tool_missing`.
    fn open(models: &LoadedModels, found: &Resolved) -> ApiResult<Self> {
        let classifier = Classifier::load(&found.classifier()).map_err(|error| {
            let Resolved { name, version, .. } = found;
            let message = format!("version {version} of classifier `{name}`: {error}");
            ApiError::new("unusable_classifier", message)
                .with_hint("delete this version, or train it again")
        })?;
        let (mut detector, mut eyes) = (None, None);
        if let Faces::Found(search) = &classifier.card.input.faces {
            if !models.is_own_detector(search) {
                let needs_landmarks = classifier.card.input.needs_landmarks();
                detector = Some((models.open_detector)(search, needs_landmarks)?);
            }
            if let Some(n) = search.require_eyes {
                eyes = Some(models.eye_rule(usize::from(n))?);
            }
        }
        let loaded = Self {
            name: found.name.clone(),
            version: found.version,
            added_millis: found.added_millis,
            classifier,
            detector,
            eyes,
        };
        // Whether all that it needs is there is said now, not with the first picture.
        loaded.extractor(models)?;
        Ok(loaded)
    }

    /// What takes the values of faces, as it was in training.
    ///
    /// # Errors
    /// `tool_missing`.
    fn extractor<'a>(&'a self, models: &'a LoadedModels) -> ApiResult<Extractor<'a>> {
        let tools = Tools {
            detector: Some(self.detector.as_deref().unwrap_or(models.engine.detector())),
            eyes: self.eyes.as_ref(),
            embedder: Some(models.engine.embedder()),
        };
        let input = self.classifier.card.input.clone();
        Extractor::new(input, tools).map_err(|error| ApiError::new("tool_missing", error))
    }

    fn key(&self) -> Key {
        (self.name.clone(), self.version, self.added_millis)
    }

    fn is(&self, found: &Resolved) -> bool {
        self.name == found.name
            && self.version == found.version
            && self.added_millis == found.added_millis
    }
}

fn key(found: &Resolved) -> Key {
    (found.name.clone(), found.version, found.added_millis)
}

/// The registry, and what is loaded of it.
pub(crate) struct Classifiers {
    pub(crate) registry: Registry,
    cache: Mutex<Cache>,
    /// Held while a version is read by somebody who waits for it, so that it is read once.
    reading: Mutex<()>,
}

#[derive(Default)]
struct Cache {
    /// The one that was asked for last comes last; whether it answers for `stable`.
    loaded: Vec<(Arc<Loaded>, bool)>,
    /// Being read on a thread of its own.
    coming: BTreeSet<Key>,
    /// Could not be read, and will not be tried again.
    unusable: BTreeSet<Key>,
}

impl Cache {
    fn find(&mut self, is_meant: impl Fn(&Loaded, bool) -> bool) -> Option<Arc<Loaded>> {
        let mut loaded = self.loaded.iter();
        let i = loaded.position(|(loaded, is_stable)| is_meant(loaded, *is_stable))?;
        let found = self.loaded.remove(i);
        let answer = Arc::clone(&found.0);
        self.loaded.push(found);
        Some(answer)
    }

    fn keep(&mut self, new: &Arc<Loaded>, is_stable: bool) {
        self.loaded.retain(|(old, _)| old.key() != new.key());
        if is_stable {
            // What answered before has been superseded; other versions are asked for by number.
            self.loaded
                .retain(|(old, was_stable)| old.name != new.name || !was_stable);
        }
        self.loaded.push((Arc::clone(new), is_stable));
        let surplus = self.loaded.len().saturating_sub(MAX_LOADED);
        self.loaded.drain(..surplus);
    }
}

impl Classifiers {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            registry: Registry::at(folder),
            cache: Mutex::default(),
            reading: Mutex::new(()),
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version that is meant, ready to answer. For `stable` it may be the one that was stable a moment ago.
    ///
    /// # Errors
    /// Those of the registry, `unusable_classifier`, `tool_missing`.
    pub(crate) fn get(
        app: &App,
        models: &LoadedModels,
        name: &str,
        which: Which,
    ) -> ApiResult<Arc<Loaded>> {
        let this = &app.classifiers;
        let found = this.registry.resolve(name, which)?;
        let is_stable = which == Which::Stable;
        {
            let mut cache = this.cache();
            let exactly =
                |loaded: &Loaded, answers: bool| loaded.is(&found) && (answers || !is_stable);
            if let Some(loaded) = cache.find(exactly) {
                return Ok(loaded);
            }
            let before = |loaded: &Loaded, answers: bool| loaded.name == name && answers;
            if is_stable && let Some(before) = cache.find(before) {
                let key = key(&found);
                let is_new = !cache.unusable.contains(&key) && cache.coming.insert(key);
                drop(cache);
                if is_new {
                    Self::load_aside(app, found);
                }
                return Ok(before);
            }
        }
        this.load(models, name, which)
    }

    /// Loads the classifier of the settings, so that the first request does not wait for it; one that cannot be loaded
    /// is said in the log, since it may come yet.
    pub(crate) fn warm_up(app: &App, models: &LoadedModels) {
        let Some(named) = &app.settings.classifier else {
            return;
        };
        let loaded = parse_reference(named).map_err(ApiError::from);
        let loaded = loaded
            .and_then(|(name, which)| Self::get(app, models, name, which.unwrap_or_default()));
        match loaded {
            Ok(loaded) => {
                let (classifier, version) = (&loaded.name, loaded.version);
                tracing::info!(classifier, version, "answers /classify_image");
            }
            Err(error) => {
                tracing::warn!(cause = %error.message, "/classify_image has nothing to answer with");
            }
        }
    }

    /// Reads the version that is meant, unless somebody else just did.
    fn load(&self, models: &LoadedModels, name: &str, which: Which) -> ApiResult<Arc<Loaded>> {
        let _alone = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stable = which == Which::Stable;
        let read = |found: &Resolved| {
            let kept = self.cache().find(|loaded, _| loaded.is(found));
            kept.map_or_else(|| Loaded::open(models, found).map(Arc::new), Ok)
        };
        let (_, loaded) = self.registry.read(name, which, read)?;
        self.cache().keep(&loaded, is_stable);
        Ok(loaded)
    }

    /// Reads what has become stable on a thread of its own.
    fn load_aside(app: &App, found: Resolved) {
        let state = Arc::clone(app);
        let span = tracing::Span::current();
        let name = found.name.clone();
        let work = move || {
            let (this, key) = (&state.classifiers, key(&found));
            let Ok(models) = state.compute.models() else {
                return;
            };
            let loaded = span.in_scope(|| Loaded::open(models, &found));
            let mut cache = this.cache();
            cache.coming.remove(&key);
            match loaded {
                Ok(loaded) => {
                    tracing::info!(classifier = found.name, version = found.version, "loaded");
                    cache.keep(&Arc::new(loaded), true);
                }
                // It may have been deleted meanwhile; whatever is stable now is looked up with the next request.
                Err(_) if !found.folder.is_dir() => {}
                Err(error) => {
                    tracing::error!(cause = %error.message, "the version before goes on answering");
                    cache.unusable.insert(key);
                }
            }
        };
        let thread = std::thread::Builder::new().name("load-classifier".to_owned());
        if let Err(error) = thread.spawn(work) {
            tracing::error!(classifier = name, cause = %error, "could not start a thread");
        }
    }

    /// Makes sure that a version can answer, before it is made stable.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn prepare(
        &self,
        models: &LoadedModels,
        name: &str,
        which: Which,
    ) -> ApiResult<u32> {
        let found = self.registry.resolve(name, which)?;
        self.load(models, name, Which::Number(found.version))?;
        Ok(found.version)
    }

    /// Lets the version that is stable now answer from here on, if it can be loaded.
    pub(crate) fn settle(&self, models: &LoadedModels, name: &str) {
        if let Err(error) = self.load(models, name, Which::Stable) {
            tracing::warn!(classifier = name, cause = %error.message, "could not load the stable version");
        }
    }

    /// Forgets what is loaded of a classifier that was deleted.
    pub(crate) fn forget(&self, name: &str) {
        self.cache()
            .loaded
            .retain(|(loaded, _)| loaded.name != name);
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        let hint = match &error {
            RegistryError::UnknownClassifier { .. } => Some("`GET /v1/classifiers` lists all"),
            RegistryError::UnknownVersion { .. } => {
                Some("`GET /v1/classifiers/{name}` lists its versions")
            }
            RegistryError::NoCandidate { .. } => Some("name a version: `{\"version\": 1}`"),
            RegistryError::StableVersion { .. } => {
                Some("promote another version first, or pass `force=true`")
            }
            RegistryError::Labels { .. } | RegistryError::Disk { .. } => {
                return Self::internal(error);
            }
            _ => None,
        };
        let answer = Self::new(error.code(), &error);
        match hint {
            Some(hint) => answer.with_hint(hint),
            None => answer,
        }
    }
}
