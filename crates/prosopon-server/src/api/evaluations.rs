//! `/v1/evaluations`: how often the server is wrong on pictures of known people.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::collecting;
use super::extract::{Json, Path};
use super::keys::unbound;
use crate::access::Caller;
use crate::error::{ApiError, ApiResult, ErrorDetail};
use crate::evaluations::{Evaluation, Stage, begin, compute, judge, not_collecting, read_folder};
use crate::input::Form;
use crate::jobs::{Job as _, MAX_PICTURES, Unusable, folder};
use crate::state::App;

/// What a report may do: show itself, on our own page or alone. No script, nothing from elsewhere, and an
/// origin of its own (`sandbox`), so that it has nothing of ours even if it were not as it should be.
pub(super) const REPORT_POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox";

/// What to evaluate.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewEvaluation {
    /// A folder below the setting `evaluate_dir`, with a folder of pictures for each person; `.` is that
    /// folder itself. Without it pictures are to be sent.
    folder: Option<String>,
}

/// An evaluation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvaluationJson {
    id: i64,
    stage: Stage,
    /// The folder that was named; null if pictures are sent.
    folder: Option<String>,
    /// Pictures that were worked on, those that could not be used included.
    done: usize,
    /// Pictures of the folder; null if pictures are sent.
    total: Option<usize>,
    /// Pictures in which no face was found; they count as errors.
    without_face: usize,
    /// Pictures that could not be used.
    n_unusable: usize,
    /// The first hundred of them.
    unusable: Vec<Unusable>,
    /// Why there are no figures, in stage `failed`.
    error: Option<ErrorDetail>,
    /// The figures, in stage `done`: the members of `prosopon evaluate folder --json`.
    #[schema(value_type = Option<Object>)]
    result: Option<serde_json::Value>,
}

/// All evaluations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvaluationList {
    /// Oldest first, without their figures.
    evaluations: Vec<EvaluationJson>,
    /// Folders that can be named; null if naming them is not enabled.
    folders: Option<Vec<String>>,
}

/// What came of the pictures of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceivedPictures {
    /// Pictures that count, those without a face included.
    added: usize,
    /// Of those, pictures without a face.
    without_face: usize,
    /// Pictures that could not be used.
    unusable: Vec<Unusable>,
}

impl EvaluationJson {
    fn new(evaluation: &Evaluation, with_result: bool) -> Self {
        let progress = evaluation.progress();
        let error = progress.error.as_ref();
        let outcome = progress.outcome.as_ref().filter(|_| with_result);
        Self {
            id: evaluation.id,
            stage: progress.stage,
            folder: evaluation.folder.clone(),
            done: progress.n_pictures + progress.unusable.n,
            total: progress.total,
            without_face: progress.without_face,
            n_unusable: progress.unusable.n,
            unusable: progress.unusable.listed.clone(),
            error: error.map(ErrorDetail::from),
            result: outcome.map(|outcome| outcome.figures.clone()),
        }
    }
}

/// List evaluations
///
/// Those of the last hour, at most ten, and the folders that can be named.
#[utoipa::path(get, path = "/v1/evaluations", tag = "Evaluations", responses((status = 200, body = EvaluationList)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> ApiResult<axum::Json<EvaluationList>> {
    unbound(&caller)?;
    let evaluations = app.evaluations.all();
    let evaluations = evaluations.iter().map(|e| EvaluationJson::new(e, false));
    let evaluations = evaluations.collect();
    let root = app.settings.evaluate_dir.clone();
    let folders = app
        .compute
        .store(move || Ok(root.as_deref().map(folder::offered)));
    Ok(axum::Json(EvaluationList {
        evaluations,
        folders: folders.await?,
    }))
}

/// Begin an evaluation
///
/// With `folder` it runs by itself. Otherwise send pictures to `/v1/evaluations/{id}/pictures`, in as many requests
/// as it takes, then ask for the figures with `/v1/evaluations/{id}/finish`.
#[utoipa::path(post, path = "/v1/evaluations", tag = "Evaluations", request_body = NewEvaluation,
    responses((status = 201, body = EvaluationJson)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewEvaluation>,
) -> ApiResult<(StatusCode, axum::Json<EvaluationJson>)> {
    unbound(&caller)?;
    app.compute.models()?;
    let evaluation = match new.folder {
        None => begin(&app, None)?,
        Some(name) => {
            let (root, asked) = (app.settings.evaluate_dir.clone(), name.clone());
            let files = app.compute.store(move || {
                let root = root.ok_or_else(|| {
                    let message = "this server evaluates no folders by name";
                    ApiError::new("evaluation_folders_disabled", message)
                        .with_hint("send the pictures, or set `evaluate_dir`")
                })?;
                let folder = folder::resolve(&root, &asked)?;
                folder::pictures(&folder)
            });
            let files = files.await?;
            let evaluation = begin(&app, Some(name))?;
            evaluation.progress().total = Some(files.len());
            let (state, begun) = (Arc::clone(&app), Arc::clone(&evaluation));
            tokio::spawn(read_folder(state, begun, files));
            evaluation
        }
    };
    let outcome = match &evaluation.folder {
        Some(folder) => format!("evaluation {} of folder `{folder}`", evaluation.id),
        None => format!("evaluation {}", evaluation.id),
    };
    collecting::record(&app, &caller, "evaluate", outcome).await?;
    let answer = EvaluationJson::new(&evaluation, false);
    Ok((StatusCode::CREATED, axum::Json(answer)))
}

/// Show an evaluation
#[utoipa::path(get, path = "/v1/evaluations/{id}", tag = "Evaluations", params(("id" = i64, Path)),
    responses((status = 200, body = EvaluationJson)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<axum::Json<EvaluationJson>> {
    unbound(&caller)?;
    let evaluation = app.evaluations.get(id)?;
    Ok(axum::Json(EvaluationJson::new(&evaluation, true)))
}

/// Add pictures to an evaluation
///
/// Parts `image`, each with a file name such as `person/picture.jpg`: the folder says who it is. A picture that is
/// sent again under the same name takes the place of the first. Pictures are not kept.
#[utoipa::path(post, path = "/v1/evaluations/{id}/pictures", tag = "Evaluations", params(("id" = i64, Path)),
    request_body(content((crate::openapi::PicturesForm = "multipart/form-data"), (crate::openapi::PicturesJson = "application/json"))),
    responses((status = 200, body = ReceivedPictures)))]
pub(crate) async fn add_pictures(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    form: Form,
) -> ApiResult<axum::Json<ReceivedPictures>> {
    unbound(&caller)?;
    let evaluation = app.evaluations.get(id)?;
    {
        let progress = evaluation.progress();
        if progress.stage != Stage::Collecting {
            return Err(not_collecting(progress.stage));
        }
    }
    let uploads = form.some_pictures(&app).await?;
    if evaluation.progress().n_pictures + uploads.len() > MAX_PICTURES {
        let message = format!("expected at most {MAX_PICTURES} pictures in an evaluation");
        return Err(ApiError::new("invalid_request", message)
            .with_hint("`prosopon evaluate folder` takes any number"));
    }
    let (mut added, mut without_face, mut unusable) = (0, 0, Vec::new());
    for (index, upload) in uploads.into_iter().enumerate() {
        if evaluation.is_cancelled() {
            return Err(Evaluation::unknown(id));
        }
        let name = upload.file_name.clone();
        let (state, asked) = (Arc::clone(&app), name.clone());
        let work = move |models: &_| judge(&state, models, &asked, &upload);
        let judged = collecting::in_turn(&app, index, work).await?;
        match &judged {
            Ok(kept) => {
                added += 1;
                without_face += usize::from(kept.face.is_none());
            }
            Err(one) => unusable.push(one.clone()),
        }
        evaluation.add(name, judged);
    }
    Ok(axum::Json(ReceivedPictures {
        added,
        without_face,
        unusable,
    }))
}

/// Ask for the figures of an evaluation
///
/// All pictures have been sent. The figures are worked out in the background.
#[utoipa::path(post, path = "/v1/evaluations/{id}/finish", tag = "Evaluations", params(("id" = i64, Path)),
    responses((status = 202, body = EvaluationJson)))]
pub(crate) async fn finish(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<(StatusCode, axum::Json<EvaluationJson>)> {
    unbound(&caller)?;
    let evaluation = app.evaluations.get(id)?;
    let pictures = evaluation.complete(Stage::Collecting)?;
    let outcome = format!("evaluation {id}: {} pictures", pictures.len());
    let (state, completed) = (Arc::clone(&app), Arc::clone(&evaluation));
    tokio::spawn(compute(state, completed, pictures));
    collecting::record(&app, &caller, "evaluate", outcome).await?;
    let answer = EvaluationJson::new(&evaluation, false);
    Ok((StatusCode::ACCEPTED, axum::Json(answer)))
}

/// Show the report of an evaluation
///
/// A page with tables, curves and the worst errors with their faces. It has no scripts and loads nothing.
#[utoipa::path(get, path = "/v1/evaluations/{id}/report", tag = "Evaluations", params(("id" = i64, Path)),
    responses((status = 200, description = "The page.", content((String = "text/html")))))]
pub(crate) async fn report(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<Response> {
    unbound(&caller)?;
    let evaluation = app.evaluations.get(id)?;
    let outcome = evaluation.progress().outcome.clone();
    let outcome = outcome.ok_or_else(|| {
        let message = "expected an evaluation in stage `done`, found one without figures";
        ApiError::new("evaluation_state", message).with_hint("ask again when it is done")
    })?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, REPORT_POLICY),
        (HeaderName::from_static("x-frame-options"), "SAMEORIGIN"),
    ];
    Ok((headers, outcome.html.clone()).into_response())
}

/// Stop and forget an evaluation
#[utoipa::path(delete, path = "/v1/evaluations/{id}", tag = "Evaluations", params(("id" = i64, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<StatusCode> {
    unbound(&caller)?;
    app.evaluations.remove(id)?;
    Ok(StatusCode::NO_CONTENT)
}
