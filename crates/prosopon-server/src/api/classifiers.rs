//! `/v1/classifiers`: trained classifiers, their versions, and what they say of pictures.

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use prosopon_train::classifier::Card;
use prosopon_train::registry::{Action, Event, Labels, Version, Which};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::evaluations::REPORT_POLICY;
use super::extract::{Json, Path, Query};
use super::keys::unbound;
use super::types::{BoundingBox, normalized};
use crate::access::Caller;
use crate::access::keys::Scope;
use crate::audit::{About, Actor};
use crate::classifiers::{Classified, ClassifiedFace, Classifiers, Loaded, classify};
use crate::error::{ApiError, ApiResult};
use crate::input::Form;
use crate::state::App;

/// Bytes of a report that is shown, at most.
const MAX_REPORT_BYTES: u64 = 64 << 20;

/// A classifier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassifierJson {
    name: String,
    /// The version that answers where none is named; null if its files are broken, and `problem` says how.
    stable: Option<u32>,
    /// The version that waits to be promoted.
    candidate: Option<u32>,
    /// Oldest first.
    versions: Vec<VersionJson>,
    /// What happened to it, oldest first.
    history: Vec<EventJson>,
    problem: Option<String>,
    /// Whether `/classify_image` answers with it.
    answers_classify_image: bool,
}

/// A version of a classifier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionJson {
    version: u32,
    /// In milliseconds since 1970-01-01 UTC.
    added_millis: i64,
    /// Whether there is a report of its training.
    has_report: bool,
    /// What is to be known about it; null if the file cannot be read, and `problem` says why.
    #[schema(value_type = Option<Object>)]
    card: Option<serde_json::Value>,
    problem: Option<String>,
}

/// Something that happened to a classifier.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventJson {
    at_millis: i64,
    /// `add`, `promote`, `rollback` or `delete`.
    action: &'static str,
    /// The version that it was about.
    version: u32,
    /// The version that was stable afterwards.
    stable: u32,
}

impl From<&Event> for EventJson {
    fn from(event: &Event) -> Self {
        Self {
            at_millis: event.at_millis,
            action: match event.action {
                Action::Add => "add",
                Action::Promote => "promote",
                Action::Rollback => "rollback",
                Action::Delete => "delete",
            },
            version: event.version,
            stable: event.stable,
        }
    }
}

/// All classifiers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassifierList {
    /// By name.
    classifiers: Vec<ClassifierJson>,
}

impl ClassifierJson {
    /// Reads what is on disk about it.
    fn read(app: &App, caller: &Caller, name: String, labels: &Labels) -> Self {
        let version = |version: &Version| {
            let found =
                app.classifiers
                    .registry
                    .resolve_in(&name, labels, Which::Number(version.version));
            let read = found.map_err(ApiError::from).and_then(|found| {
                let card = Card::load(&found.classifier())
                    .map_err(|error| ApiError::new("unusable_classifier", error))?;
                let mut card = serde_json::to_value(card).map_err(ApiError::internal)?;
                // It may name folders of the server.
                if let Some(card) = card.as_object_mut().filter(|_| !caller.may(Scope::Admin)) {
                    card.remove("command");
                }
                Ok((card, found.folder.join("report.html").is_file()))
            });
            let (card, has_report, problem) = match read {
                Ok((card, has_report)) => (Some(card), has_report, None),
                Err(error) => (None, false, Some(error.message)),
            };
            VersionJson {
                version: version.version,
                added_millis: version.added_millis,
                has_report,
                card,
                problem,
            }
        };
        Self {
            stable: Some(labels.stable),
            candidate: labels.candidate,
            versions: labels.versions.iter().map(version).collect(),
            history: labels.history.iter().map(EventJson::from).collect(),
            problem: None,
            answers_classify_image: is_answering(app, &name),
            name,
        }
    }

    fn broken(name: String, problem: String) -> Self {
        Self {
            name,
            stable: None,
            candidate: None,
            versions: Vec::new(),
            history: Vec::new(),
            problem: Some(problem),
            answers_classify_image: false,
        }
    }
}

/// Whether `/classify_image` answers with the classifier of this name.
fn is_answering(app: &App, name: &str) -> bool {
    let named = app.settings.classifier.as_deref().unwrap_or_default();
    named.split('@').next() == Some(name)
}

/// List classifiers
///
/// Trained classifiers with their versions and labels.
#[utoipa::path(get, path = "/v1/classifiers", tag = "Classifiers", responses((status = 200, body = ClassifierList)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> ApiResult<axum::Json<ClassifierList>> {
    unbound(&caller)?;
    app.store(move |state| {
        let all = state.classifiers.registry.list()?;
        let row = |(name, labels): (String, Result<Labels, _>)| match labels {
            Ok(labels) => ClassifierJson::read(&state, &caller, name, &labels),
            Err(error) => {
                // Where it lies on the server is for the log.
                tracing::warn!(classifier = name, cause = %error, "could not read the labels");
                ClassifierJson::broken(name, "its labels cannot be read".to_owned())
            }
        };
        let classifiers = all.into_iter().map(row).collect();
        Ok(axum::Json(ClassifierList { classifiers }))
    })
    .await
}

/// Show a classifier
#[utoipa::path(get, path = "/v1/classifiers/{name}", tag = "Classifiers", params(("name" = String, Path)),
    responses((status = 200, body = ClassifierJson)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<ClassifierJson>> {
    unbound(&caller)?;
    app.store(move |state| {
        let labels = state.classifiers.registry.show(&name)?;
        Ok(axum::Json(ClassifierJson::read(
            &state, &caller, name, &labels,
        )))
    })
    .await
}

/// Which version is to become stable.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Promotion {
    /// Its number; the candidate if not given.
    version: Option<u32>,
}

/// Promote a version
///
/// It answers from here on where no version is named. Requests that run get their answer from the version before. A
/// version that cannot be loaded is refused.
#[utoipa::path(post, path = "/v1/classifiers/{name}/promote", tag = "Classifiers", params(("name" = String, Path)),
    request_body = Promotion, responses((status = 200, body = ClassifierJson)))]
pub(crate) async fn promote(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Json(promotion): Json<Promotion>,
) -> ApiResult<axum::Json<ClassifierJson>> {
    unbound(&caller)?;
    app.run(move |state, models| {
        let which = promotion.version.map_or(Which::Candidate, Which::Number);
        let version = state.classifiers.prepare(models, &name, which)?;
        let labels = state.classifiers.registry.promote(&name, Some(version))?;
        state.classifiers.settle(models, &name);
        let action = "classifier.promote";
        Ok(changed(&state, &caller, action, name, &labels))
    })
    .await
}

/// Roll a classifier back
///
/// What was stable before becomes so again; the version that was stable becomes the candidate, unless there is one.
#[utoipa::path(post, path = "/v1/classifiers/{name}/rollback", tag = "Classifiers", params(("name" = String, Path)),
    responses((status = 200, body = ClassifierJson)))]
pub(crate) async fn rollback(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<ClassifierJson>> {
    unbound(&caller)?;
    app.run(move |state, models| {
        let labels = state.classifiers.registry.rollback(&name)?;
        state.classifiers.settle(models, &name);
        let action = "classifier.rollback";
        Ok(changed(&state, &caller, action, name, &labels))
    })
    .await
}

/// Notes a change, and tells what it came to.
fn changed(
    app: &App,
    caller: &Caller,
    action: &'static str,
    name: String,
    labels: &Labels,
) -> axum::Json<ClassifierJson> {
    let outcome = format!("{name}@{} is stable", labels.stable);
    let actor = Actor::from(caller);
    app.audit.record(&actor, action, About::default(), outcome);
    axum::Json(ClassifierJson::read(app, caller, name, labels))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// The version to delete; all of them if not given.
    version: Option<u32>,
    /// Also the stable version: what was stable before takes its place.
    force: Option<bool>,
}

/// Delete a classifier or a version of it
#[utoipa::path(delete, path = "/v1/classifiers/{name}", tag = "Classifiers", params(("name" = String, Path), DeleteQuery),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> ApiResult<axum::http::StatusCode> {
    unbound(&caller)?;
    let actor = Actor::from(&caller);
    let force = query.force.unwrap_or(false);
    app.store(move |state| {
        let registry = &state.classifiers.registry;
        if registry.delete(&name, query.version, force)?.is_none() {
            state.classifiers.forget(&name);
        }
        let outcome = match query.version {
            Some(version) => format!("{name}@{version} is gone"),
            None => format!("{name} is gone"),
        };
        let action = "classifier.delete";
        state
            .audit
            .record(&actor, action, About::default(), outcome);
        Ok(axum::http::StatusCode::NO_CONTENT)
    })
    .await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PredictQuery {
    /// Which version answers: a number, `stable` or `candidate`; `stable` if not given.
    version: Option<String>,
}

/// What a classifier says of a picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PredictionsJson {
    classifier: String,
    /// The version that answered.
    version: u32,
    width: u32,
    height: u32,
    /// From left to right.
    faces: Vec<PredictionJson>,
}

/// What a classifier says of a face.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PredictionJson {
    /// In pixels of the upright picture; null if the classifier takes whole pictures for faces.
    bounding_box: Option<BoundingBox>,
    /// The same divided by the picture's width and height.
    bounding_box_normalized: Option<BoundingBox>,
    /// How sure the detector is, from 0 to 1.
    confidence: Option<f32>,
    /// The likeliest class.
    class: String,
    /// Its probability, from 0 to 1.
    probability: f64,
    /// Whether it is too unsure to count, by the threshold of the classifier's calibration.
    rejected: bool,
    /// Of every class, in the order of their numbers.
    probabilities: Vec<ClassProbability>,
}

/// A class and its probability.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassProbability {
    class: String,
    /// From 0 to 1.
    probability: f64,
}

impl PredictionsJson {
    fn new(loaded: &Loaded, classified: &Classified) -> Self {
        let classes = &loaded.classifier.card.classes;
        let image = &classified.image;
        let face = |face: &ClassifiedFace| {
            let (found, prediction) = (face.detection.as_ref(), &face.prediction);
            let class = classes.get(prediction.class).cloned();
            let probabilities = classes.iter().zip(&prediction.probabilities);
            PredictionJson {
                bounding_box: found.map(|found| found.bounding_box.into()),
                bounding_box_normalized: found.map(|found| normalized(&found.bounding_box, image)),
                confidence: found.map(|found| found.confidence),
                class: class.unwrap_or_default(),
                probability: prediction.probability(),
                rejected: prediction.is_rejected,
                probabilities: probabilities
                    .map(|(class, probability)| ClassProbability {
                        class: class.clone(),
                        probability: *probability,
                    })
                    .collect(),
            }
        };
        Self {
            classifier: loaded.name.clone(),
            version: loaded.version,
            width: image.width(),
            height: image.height(),
            faces: classified.faces.iter().map(face).collect(),
        }
    }
}

/// Classify the faces on a picture
///
/// Every face with the probability of every class. Faces are searched as in the classifier's training: another detector
/// than the server's, or two eyes in each face. No face is an empty list.
#[utoipa::path(post, path = "/v1/classifiers/{name}/predict", tag = "Classifiers", params(("name" = String, Path), PredictQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (crate::openapi::PictureForm = "multipart/form-data"), (crate::openapi::PictureJson = "application/json"))),
    responses((status = 200, body = PredictionsJson)))]
pub(crate) async fn predict(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<PredictQuery>,
    form: Form,
) -> ApiResult<axum::Json<PredictionsJson>> {
    unbound(&caller)?;
    let which = query.version.as_deref().map(str::parse).transpose()?;
    let which = which.unwrap_or_default();
    let upload = form.picture(&app, "image").await?;
    let actor = Actor::from(&caller);
    app.run(move |state, models| {
        let loaded = Classifiers::get(&state, models, &name, which)?;
        let classified = classify(&state, models, &loaded, &upload)?;
        classified.note(&state, &actor, &loaded);
        Ok(axum::Json(PredictionsJson::new(&loaded, &classified)))
    })
    .await
}

#[derive(Debug, Deserialize)]
pub(crate) struct VersionPath {
    name: String,
    version: u32,
}

/// Show the report of a version
///
/// The page that was made when it was trained. It has no scripts and loads nothing.
#[utoipa::path(get, path = "/v1/classifiers/{name}/versions/{version}/report", tag = "Classifiers",
    params(("name" = String, Path), ("version" = u32, Path)),
    responses((status = 200, description = "The page.", content((String = "text/html")))))]
pub(crate) async fn report(
    State(app): State<App>,
    caller: Caller,
    Path(VersionPath { name, version }): Path<VersionPath>,
) -> ApiResult<Response> {
    unbound(&caller)?;
    let html = app.store(move |state| {
        let registry = &state.classifiers.registry;
        let found = registry.resolve(&name, Which::Number(version))?;
        let path = found.folder.join("report.html");
        let bytes = std::fs::metadata(&path).map(|file| file.len());
        if bytes.is_ok_and(|bytes| bytes <= MAX_REPORT_BYTES) {
            return std::fs::read(&path).map_err(ApiError::internal);
        }
        let message = format!("version {version} of classifier `{name}` has no report");
        Err(ApiError::new("no_report", message))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, REPORT_POLICY),
        (HeaderName::from_static("x-frame-options"), "SAMEORIGIN"),
    ];
    Ok((headers, html.await?).into_response())
}
