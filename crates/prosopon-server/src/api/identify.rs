//! `POST /v1/identify`: who is on the picture?

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use prosopon::DecisionRequest;
use prosopon_gallery::{Candidate, IdentifyOptions, TemplateKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::Query;
use super::types::{DecideQuery, DetectQuery, FaceJson, Identification};
use crate::access::Caller;
use crate::audit::Actor;
use crate::error::{ApiError, ApiResult};
use crate::input::Form;
use crate::models::LoadedModels;
use crate::recognise::{self, Identified, Wanted};
use crate::state::{App, State as Server};

/// Candidates that may be asked for.
const MAX_CANDIDATES: usize = 100;

/// Where and how to search.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// The gallery; the key's own or `default` if not given.
    pub(crate) gallery: Option<String>,
    /// Candidates to list for each face, 1 to 100; 5 if not given.
    #[param(minimum = 1, maximum = 100)]
    candidates: Option<usize>,
    /// What a subject is compared by: `mean` of its faces (default), or `best`, the closest of them.
    #[param(inline)]
    template: Option<Template>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Template {
    Mean,
    Best,
}

impl SearchQuery {
    pub(crate) fn options(&self) -> ApiResult<IdentifyOptions> {
        let defaults = IdentifyOptions::default();
        let max_candidates = self.candidates.unwrap_or(defaults.max_candidates);
        if !(1..=MAX_CANDIDATES).contains(&max_candidates) {
            let message = format!(
                "expected a number from 1 to {MAX_CANDIDATES} as `candidates`, found {max_candidates}"
            );
            return Err(ApiError::new("invalid_parameter", message));
        }
        Ok(IdentifyOptions {
            max_candidates,
            template: match self.template {
                Some(Template::Best) => TemplateKind::Best,
                Some(Template::Mean) | None => TemplateKind::Mean,
            },
        })
    }
}

/// The parameters of an identification, checked.
pub(crate) struct Question {
    gallery: Option<String>,
    wanted: Wanted,
    asked: DecisionRequest,
    pub(crate) options: IdentifyOptions,
}

impl<S: Send + Sync> FromRequestParts<S> for Question {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let Query(search) = Query::<SearchQuery>::from_request_parts(parts, state).await?;
        let Query(detect) = Query::<DetectQuery>::from_request_parts(parts, state).await?;
        let Query(decide) = Query::<DecideQuery>::from_request_parts(parts, state).await?;
        Ok(Self {
            options: search.options()?,
            gallery: search.gallery,
            wanted: detect.wanted()?,
            asked: decide.asked()?,
        })
    }
}

impl Question {
    /// Answers the question about the picture in `form`, notes it in the audit log as `action`, and
    /// hands the answer to `present`, still on the bounded pool.
    pub(crate) async fn answer<T: Send + 'static>(
        self,
        app: &App,
        caller: &Caller,
        form: &Form,
        action: &'static str,
        present: impl FnOnce(&Server, &LoadedModels, String, Identified) -> ApiResult<T>
        + Send
        + 'static,
    ) -> ApiResult<T> {
        let (name, gallery) = app.find_gallery(caller, self.gallery.as_deref()).await?;
        let upload = form.picture(app, "image").await?;
        let actor = Actor::from(caller);
        app.run(move |state, models| {
            let identified = recognise::identify(
                &state,
                models,
                &gallery,
                &upload,
                self.wanted,
                self.asked,
                self.options,
            )?;
            identified.note(&state, &actor, action, &name);
            present(&state, models, name, identified)
        })
        .await
    }
}

/// The faces on a picture, and who they are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IdentifiedJson {
    width: u32,
    height: u32,
    detector: String,
    model: String,
    gallery: String,
    gallery_subjects: u64,
    gallery_faces: u64,
    /// Estimated rate at which a stranger is taken for somebody in this gallery; null if the
    /// threshold's error rate is not known.
    fpir_estimate: Option<f64>,
    /// Largest first.
    faces: Vec<FaceJson>,
}

/// Say who is on a picture
///
/// Every face with its closest subjects, and whether the closest is close enough. An unknown face
/// has the outcome `unknown`; with two rates there is `uncertain` between the two.
#[utoipa::path(post, path = "/v1/identify", tag = "Recognition", params(SearchQuery, DetectQuery, DecideQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (crate::openapi::PictureForm = "multipart/form-data"), (crate::openapi::PictureJson = "application/json"))),
    responses((status = 200, body = IdentifiedJson)))]
pub(crate) async fn identify(
    State(app): State<App>,
    caller: Caller,
    question: Question,
    form: Form,
) -> ApiResult<Json<IdentifiedJson>> {
    let n_listed = question.options.max_candidates;
    question
        .answer(
            &app,
            &caller,
            &form,
            "identify",
            move |_, models, gallery, identified| {
                let image = &identified.found.image;
                let face = |(face, candidates): (&prosopon::Face, &Vec<Candidate>)| FaceJson {
                    identification: Some(Identification::new(
                        candidates,
                        &identified.rule,
                        n_listed,
                    )),
                    ..FaceJson::new(&face.detection, image)
                };
                let faces = identified.found.faces.iter().zip(&identified.candidates);
                Ok(Json(IdentifiedJson {
                    width: image.width(),
                    height: image.height(),
                    detector: models.detector.id.clone(),
                    model: models.model.to_string(),
                    gallery,
                    gallery_subjects: identified.subjects,
                    gallery_faces: identified.faces,
                    fpir_estimate: identified.fpir,
                    faces: faces.map(face).collect(),
                }))
            },
        )
        .await
}
