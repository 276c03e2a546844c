//! `/v1/trainings`: from pictures of several classes to a new version of a classifier.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::collecting;
use super::extract::{Json, Path};
use super::keys::unbound;
use crate::access::Caller;
use crate::error::{ApiError, ApiResult, ErrorDetail};
use crate::input::Form;
use crate::jobs::{Job as _, MAX_PICTURES, Unusable, folder};
use crate::state::App;
use crate::trainings::{
    CellJson, Choices, EpochJson, NewTraining, TrainedJson, Training, TrainingStage, begin, judge,
    not_collecting, read_folder, start, threads,
};

/// A training.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainingJson {
    id: i64,
    /// Name of the classifier.
    name: String,
    /// What is trained, in words.
    description: String,
    stage: TrainingStage,
    /// The folder that was named; null if pictures are sent.
    folder: Option<String>,
    /// Pictures that were worked on, those that could not be used included.
    done: usize,
    /// Pictures of the folder; null if pictures are sent.
    total: Option<usize>,
    /// Pictures of each class that can be used.
    classes: Vec<ClassCount>,
    /// Pictures that could not be used.
    n_unusable: usize,
    /// The first hundred of them.
    unusable: Vec<Unusable>,
    /// What is being done, in words.
    doing: &'static str,
    /// Steps of it that are done.
    step: Option<usize>,
    steps: Option<usize>,
    /// What was tried of several learners, as it comes.
    cells: Vec<CellJson>,
    /// How a network learns, as it comes.
    epochs: Vec<EpochJson>,
    /// Why there is no classifier, in stage `failed`.
    error: Option<ErrorDetail>,
    /// The version that came of it, in stage `done`.
    result: Option<TrainedJson>,
}

/// A class and its pictures.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassCount {
    class: String,
    pictures: usize,
}

/// All trainings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainingList {
    /// Oldest first.
    trainings: Vec<TrainingJson>,
    /// Folders that can be named; null if naming them is not enabled.
    folders: Option<Vec<String>>,
    choices: Choices,
}

/// What came of the pictures of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainingPictures {
    /// Pictures that can be used.
    added: usize,
    /// Pictures that cannot.
    unusable: Vec<Unusable>,
}

impl From<&Training> for TrainingJson {
    fn from(training: &Training) -> Self {
        let progress = training.progress();
        let classes = progress.classes.iter();
        Self {
            id: training.id,
            name: training.wanted.name.clone(),
            description: training.wanted.description.clone(),
            stage: progress.stage,
            folder: training.folder.clone(),
            done: progress.n_pictures + progress.unusable.n,
            total: progress.total,
            classes: classes
                .map(|(class, pictures)| ClassCount {
                    class: class.clone(),
                    pictures: *pictures,
                })
                .collect(),
            n_unusable: progress.unusable.n,
            unusable: progress.unusable.listed.clone(),
            doing: progress.doing,
            step: progress.steps.map(|(done, _)| done),
            steps: progress.steps.map(|(_, total)| total),
            cells: progress.cells.clone(),
            epochs: progress.epochs.clone(),
            error: progress.error.as_ref().map(ErrorDetail::from),
            result: progress.result.clone(),
        }
    }
}

/// List trainings
///
/// Those of the last day, at most ten; what can be chosen; the folders that can be named.
#[utoipa::path(get, path = "/v1/trainings", tag = "Classifiers", responses((status = 200, body = TrainingList)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> ApiResult<axum::Json<TrainingList>> {
    unbound(&caller)?;
    let choices = Choices::of(app.compute.models()?);
    let trainings = app.trainings.jobs.all();
    let trainings = trainings.iter().map(|training| (&**training).into());
    let trainings = trainings.collect();
    let root = app.settings.train_dir.clone();
    let folders = app
        .compute
        .store(move || Ok(root.as_deref().map(folder::offered)));
    Ok(axum::Json(TrainingList {
        trainings,
        folders: folders.await?,
        choices,
    }))
}

/// Begin a training
///
/// With `folder` it runs by itself. Otherwise send pictures to `/v1/trainings/{id}/pictures`, in as many requests as it
/// takes, then let it learn with `/v1/trainings/{id}/start`. One training is under way at a time.
#[utoipa::path(post, path = "/v1/trainings", tag = "Classifiers", request_body = NewTraining,
    responses((status = 201, body = TrainingJson)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewTraining>,
) -> ApiResult<(StatusCode, axum::Json<TrainingJson>)> {
    unbound(&caller)?;
    let wanted = new.wanted(app.compute.models()?, threads(&app))?;
    let training = match new.folder {
        None => begin(&app, wanted, None)?,
        Some(name) => {
            let (root, asked) = (app.settings.train_dir.clone(), name.clone());
            let files = app.compute.store(move || {
                let root = root.ok_or_else(|| {
                    let message = "this server trains on no folders by name";
                    ApiError::new("training_folders_disabled", message)
                        .with_hint("send the pictures, or set `train_dir`")
                })?;
                let folder = folder::resolve(&root, &asked)?;
                let hint = "`prosopon train DIR` takes any number";
                folder::pictures(&folder).map_err(|error| error.with_hint(hint))
            });
            let files = files.await?;
            let training = begin(&app, wanted, Some(name))?;
            training.progress().total = Some(files.len());
            tokio::spawn(read_folder(Arc::clone(&app), Arc::clone(&training), files));
            training
        }
    };
    let outcome = format!("training {}, {}", training.id, training.wanted.description);
    collecting::record(&app, &caller, "train", outcome).await?;
    Ok((StatusCode::CREATED, axum::Json((&*training).into())))
}

/// Show a training
#[utoipa::path(get, path = "/v1/trainings/{id}", tag = "Classifiers", params(("id" = i64, Path)),
    responses((status = 200, body = TrainingJson)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<axum::Json<TrainingJson>> {
    unbound(&caller)?;
    let training = app.trainings.jobs.get(id)?;
    Ok(axum::Json((&*training).into()))
}

/// Add pictures to a training
///
/// Parts `image`, each with a file name such as `class/picture.jpg`: the folder says what it shows. A picture that is sent
/// again under the same name takes the place of the first. Of a picture only the values of its face are kept.
#[utoipa::path(post, path = "/v1/trainings/{id}/pictures", tag = "Classifiers", params(("id" = i64, Path)),
    request_body(content((crate::openapi::PicturesForm = "multipart/form-data"), (crate::openapi::PicturesJson = "application/json"))),
    responses((status = 200, body = TrainingPictures)))]
pub(crate) async fn add_pictures(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
    form: Form,
) -> ApiResult<axum::Json<TrainingPictures>> {
    unbound(&caller)?;
    let training = app.trainings.jobs.get(id)?;
    let n_before = {
        let progress = training.progress();
        if progress.stage != TrainingStage::Collecting {
            return Err(not_collecting(progress.stage));
        }
        progress.n_pictures
    };
    let uploads = form.some_pictures(&app).await?;
    if n_before + uploads.len() > MAX_PICTURES {
        let message = format!("expected a training of at most {MAX_PICTURES} pictures, found more");
        return Err(ApiError::new("training_too_large", message)
            .with_hint("`prosopon train DIR` takes any number"));
    }
    let (mut added, mut unusable) = (0, Vec::new());
    for (index, upload) in uploads.into_iter().enumerate() {
        if training.is_cancelled() {
            return Err(Training::unknown(id));
        }
        let name = upload.file_name.clone();
        let (state, of, asked) = (Arc::clone(&app), Arc::clone(&training), name.clone());
        let work = move |models: &_| judge(&state, models, &of, &asked, &upload);
        let judged = collecting::in_turn(&app, index, work).await?;
        match &judged {
            Ok(_) => added += 1,
            Err(one) => unusable.push(one.clone()),
        }
        training.add(name, judged)?;
    }
    Ok(axum::Json(TrainingPictures { added, unusable }))
}

/// Start learning
///
/// All pictures have been sent. `GET /v1/trainings/{id}` tells how far it is; in the end the classifier has a new version,
/// stable if it is the first, else the candidate.
#[utoipa::path(post, path = "/v1/trainings/{id}/start", tag = "Classifiers", params(("id" = i64, Path)),
    responses((status = 202, body = TrainingJson)))]
pub(crate) async fn begin_learning(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<(StatusCode, axum::Json<TrainingJson>)> {
    unbound(&caller)?;
    let training = app.trainings.jobs.get(id)?;
    start(&app, &training, TrainingStage::Collecting)?;
    let n_pictures = training.progress().n_pictures;
    let outcome = format!("training {id}: {n_pictures} pictures");
    collecting::record(&app, &caller, "train", outcome).await?;
    Ok((StatusCode::ACCEPTED, axum::Json((&*training).into())))
}

/// Stop and forget a training
///
/// A classifier that came of it stays.
#[utoipa::path(delete, path = "/v1/trainings/{id}", tag = "Classifiers", params(("id" = i64, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<StatusCode> {
    unbound(&caller)?;
    app.trainings.jobs.remove(id)?;
    Ok(StatusCode::NO_CONTENT)
}
