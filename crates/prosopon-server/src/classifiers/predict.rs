//! From a picture to what a classifier says of its faces.

use prosopon::{Detection, Image};
use prosopon_train::classifier::Prediction;
use prosopon_train::input::InputError;

use super::Loaded;
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult, with_causes};
use crate::input::Upload;
use crate::metrics::Stage;
use crate::models::LoadedModels;
use crate::recognise;
use crate::state::State;

/// A picture and what was said of its faces, from left to right.
pub(crate) struct Classified {
    pub(crate) image: Image,
    pub(crate) faces: Vec<ClassifiedFace>,
}

/// A face and its class.
pub(crate) struct ClassifiedFace {
    /// Where it is; none if the whole picture is taken for a face.
    pub(crate) detection: Option<Detection>,
    pub(crate) prediction: Prediction,
}

impl Classified {
    /// Notes in the audit log who or what was recognised.
    pub(crate) fn note(&self, app: &State, actor: &Actor, loaded: &Loaded) {
        let classes = &loaded.classifier.card.classes;
        let sure = self.faces.iter().map(|face| &face.prediction);
        let sure = sure.filter(|prediction| !prediction.is_rejected);
        let mut seen: Vec<&str> = sure
            .filter_map(|prediction| classes.get(prediction.class))
            .map(String::as_str)
            .collect();
        let n_rejected = self.faces.len() - seen.len();
        let outcome = format!(
            "{}@{}: {} classified, {n_rejected} rejected",
            loaded.name,
            loaded.version,
            seen.len()
        );
        seen.sort_unstable();
        seen.dedup();
        let subject = seen.join(", ");
        let about = About {
            gallery: None,
            subject: (!seen.is_empty()).then_some(&subject),
        };
        app.audit.record(actor, "classify", about, outcome);
    }
}

/// What `loaded` says of the faces on a picture.
///
/// # Errors
/// Those of decoding the picture; `tool_missing`; `internal` for what fails in the server.
pub(crate) fn classify(
    app: &State,
    models: &LoadedModels,
    loaded: &Loaded,
    upload: &Upload,
) -> ApiResult<Classified> {
    let image = recognise::decode(app, upload)?;
    let extractor = loaded.extractor(models)?;
    let found = app
        .metrics
        .time(Stage::Detect, || extractor.faces(&image))
        .map_err(failed)?;
    app.metrics.looked(found.len());
    let faces = app.metrics.time(Stage::Classify, || {
        let face = |face: prosopon_train::input::FaceValues| {
            let prediction = loaded.classifier.predict(&face.values);
            Ok(ClassifiedFace {
                detection: face.detection,
                prediction: prediction.map_err(|error| ApiError::internal(with_causes(&error)))?,
            })
        };
        found.into_iter().map(face).collect::<ApiResult<Vec<_>>>()
    })?;
    app.metrics
        .classified(&loaded.name, loaded.version, faces.len());
    Ok(Classified { image, faces })
}

fn failed(error: InputError) -> ApiError {
    match error {
        InputError::NoPictures | InputError::Missing(_) | InputError::OtherEmbedder { .. } => {
            ApiError::new("tool_missing", error)
        }
        error => ApiError::internal(with_causes(&error)),
    }
}
