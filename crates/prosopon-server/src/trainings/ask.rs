//! What is asked of a training: checked before the first picture is looked at.

use prosopon::classic::feature::{FEATURES, Feature as _};
use prosopon::detect::EyeRule;
use prosopon::prepare::PrepareOptions;
use prosopon_train::grid::default_grid;
use prosopon_train::input::{EMBEDDING, Extractor, FaceSearch, Faces, Input, Tools, Values};
use prosopon_train::nn::{Architecture, Augmentation, BUILT_IN, FitOptions};
use prosopon_train::pipeline::Pipeline;
use prosopon_train::registry::check_name;
use prosopon_train::train::{NetworkPlan, Plan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::models::LoadedModels;

/// All of the usual learners.
const TRY_ALL: &str = "all";
/// What the name of a network begins with.
const NETWORK: &str = "network:";
/// Passes of a network over the pictures, where nothing is said, and at most.
const EPOCHS: usize = 50;
const MAX_EPOCHS: usize = 1000;
/// Share of the pictures that is only tried, where nothing is said: that of the project whose page posts to
/// `/classify_image`.
const HELD_OUT: f64 = 0.25;
/// Parts of a cross-validation.
const FOLDS: usize = 5;

/// Learners that are offered, with what they are called; none is the usual one.
const LEARNERS: [(&str, &str); 8] = [
    ("", "Usual for what is seen"),
    ("scale+svc", "Support vector machine"),
    ("scale+svc:kernel=linear", "Support vector machine, linear"),
    ("scale+logistic", "Logistic regression"),
    ("forest", "Random forest"),
    ("knn", "Nearest neighbours"),
    ("centroid", "Nearest mean"),
    (TRY_ALL, "Try all, keep the best"),
];

/// A training to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTraining {
    /// Name of the classifier; if there is one of this name, it gets a new version.
    name: String,
    /// A folder below the setting `train_dir`, with a folder of pictures for each class. Without it pictures are to be
    /// sent.
    pub(crate) folder: Option<String>,
    /// What is seen of a face: `embedding` (if not given), `wavelet`, `lbp` …, several with `+` between them. Networks
    /// see pixels.
    feature: Option<String>,
    /// Steps and learner, such as `scale+svc:C=10`; `all` tries the usual ones and keeps the best; `network:hobbit` or
    /// `network:fer` is a network of one's own. If not given, `logistic:C=100` learns from embeddings and `scale+svc` from other
    /// features.
    learner: Option<String>,
    /// Whether each picture is a face; otherwise faces are searched, and the largest one counts.
    as_is: Option<bool>,
    /// Take only faces in which two eyes are found.
    two_eyes: Option<bool>,
    /// Share of the pictures that is held out to try it, from 0.05 to 0.5; 0.25 if not given.
    held_out: Option<f64>,
    /// Passes of a network over the pictures at most; 50 if not given.
    epochs: Option<usize>,
    /// Change pictures a little each time a network sees them.
    augment: Option<bool>,
    /// Where random choices come from; 0 if not given.
    seed: Option<u64>,
}

/// What can be chosen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Choices {
    features: Vec<String>,
    learners: Vec<ChoiceJson>,
    /// Whether two eyes can be asked for: the cascade is installed.
    two_eyes: bool,
}

/// Something to choose.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChoiceJson {
    value: String,
    title: String,
}

impl Choices {
    pub(crate) fn of(models: &LoadedModels) -> Self {
        let features = FEATURES.map(|feature| feature.name());
        let learners = LEARNERS.map(|(value, title)| ChoiceJson {
            value: value.to_owned(),
            title: title.to_owned(),
        });
        let networks = BUILT_IN.map(|name| ChoiceJson {
            value: format!("{NETWORK}{name}"),
            title: format!("Network of your own: {name}"),
        });
        Self {
            features: [EMBEDDING.to_owned()].into_iter().chain(features).collect(),
            learners: learners.into_iter().chain(networks).collect(),
            two_eyes: models.cascades.eye.is_some(),
        }
    }
}

/// What is to be trained, known to be possible.
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) input: Input,
    pub(crate) eyes: Option<EyeRule>,
    pub(crate) plan: Plan,
    pub(crate) held_out: f64,
    pub(crate) folds: usize,
    pub(crate) seed: u64,
    /// In words, for the card and the audit log.
    pub(crate) description: String,
}

impl NewTraining {
    /// Checks it; the folder is checked where it is read.
    ///
    /// # Errors
    /// `invalid_name`, `invalid_parameter`, `tool_missing`.
    pub(crate) fn wanted(&self, models: &LoadedModels, threads: usize) -> ApiResult<Wanted> {
        check_name(&self.name)?;
        let held_out = self.held_out.unwrap_or(HELD_OUT);
        if !(0.05..=0.5).contains(&held_out) {
            let message = format!("expected `held_out` from 0.05 to 0.5, found {held_out}");
            return Err(ApiError::new("invalid_parameter", message));
        }
        let learner = match (self.learner.as_deref(), self.feature.as_deref()) {
            (Some(learner), _) if !learner.is_empty() => learner,
            (_, feature) => Pipeline::usual(feature.unwrap_or(EMBEDDING)),
        };
        let plan = self.plan(learner, threads)?;
        let (values, seen) = self.values(&plan, models)?;
        let eyes = match self.two_eyes {
            Some(true) => Some(models.eye_rule(2)?),
            _ => None,
        };
        let input = Input {
            faces: if self.as_is == Some(true) {
                Faces::AsIs
            } else {
                Faces::Found(search(models, eyes.is_some()))
            },
            prepare: PrepareOptions::default(),
            values,
        };
        let wanted = Wanted {
            description: format!("{}: {seen}, {learner}", self.name),
            name: self.name.clone(),
            input,
            eyes,
            plan,
            held_out,
            folds: FOLDS,
            seed: self.seed.unwrap_or(0),
        };
        wanted.extractor(models)?;
        Ok(wanted)
    }

    /// Which numbers are taken of a face, and what they are called.
    fn values(&self, plan: &Plan, models: &LoadedModels) -> ApiResult<(Values, String)> {
        if let Plan::Network(network) = plan {
            if self.feature.is_some() {
                let message = "expected no `feature`, since networks see pixels";
                return Err(ApiError::new("invalid_parameter", message));
            }
            let input = network.architecture.input;
            let values = Values::Levels {
                width: input.width as u32,
                height: input.height as u32,
                gray: input.channels == 1,
            };
            return Ok((values, "pixels".to_owned()));
        }
        let names = self.feature.as_deref().unwrap_or(EMBEDDING).to_owned();
        let is_embedded = names.split('+').any(|name| name == EMBEDDING);
        let values = Values::Features {
            names: names.clone(),
            embedder: is_embedded.then(|| models.model.to_string()),
        };
        Ok((values, names))
    }

    fn plan(&self, learner: &str, threads: usize) -> ApiResult<Plan> {
        if learner == TRY_ALL {
            return Ok(Plan::Grid(default_grid()));
        }
        let invalid = |error: &dyn std::fmt::Display| {
            ApiError::new("invalid_parameter", format!("`learner`: {error}"))
        };
        let Some(name) = learner.strip_prefix(NETWORK) else {
            let pipeline: Pipeline = learner.parse().map_err(|error| invalid(&error))?;
            return Ok(Plan::Pipeline(pipeline));
        };
        let epochs = self.epochs.unwrap_or(EPOCHS);
        if !(1..=MAX_EPOCHS).contains(&epochs) {
            let message = format!("expected `epochs` from 1 to {MAX_EPOCHS}, found {epochs}");
            return Err(ApiError::new("invalid_parameter", message));
        }
        Ok(Plan::Network(Box::new(NetworkPlan {
            architecture: Architecture::built_in(name).map_err(|error| invalid(&error))?,
            fit: FitOptions {
                epochs,
                augmentation: (self.augment == Some(true)).then(Augmentation::usual),
                threads,
                ..FitOptions::default()
            },
            trials: 0,
            learns_validation: true,
            balanced: false,
        })))
    }
}

impl Wanted {
    /// What takes the values of faces.
    ///
    /// # Errors
    /// `invalid_parameter` for a feature that there is not.
    pub(crate) fn extractor<'a>(&'a self, models: &'a LoadedModels) -> ApiResult<Extractor<'a>> {
        let tools = Tools {
            detector: Some(models.engine.detector()),
            eyes: self.eyes.as_ref(),
            embedder: Some(models.engine.embedder()),
        };
        Extractor::new(self.input.clone(), tools)
            .map_err(|error| ApiError::new("invalid_parameter", error))
    }
}

/// Faces as the server's own detector finds them.
fn search(models: &LoadedModels, two_eyes: bool) -> FaceSearch {
    let options = models.engine.options().detector;
    let id = &models.detector.id;
    FaceSearch {
        detector: id.split('@').next().unwrap_or(id).to_owned(),
        model: id.clone(),
        min_confidence: options.min_confidence,
        nms_iou: options.nms_iou,
        min_face_px: options.min_face_px,
        input_side: match options.input {
            prosopon::InputSize::Auto => None,
            prosopon::InputSize::Fixed(side) => Some(side),
        },
        scale_factor: None,
        min_neighbors: None,
        require_eyes: two_eyes.then_some(2),
    }
}
