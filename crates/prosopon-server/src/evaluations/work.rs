//! The work of an evaluation: one picture, a folder of them, the figures.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use prosopon::detect::central;
use prosopon::image::{JPEG_QUALITY, read_file};
use tokio::task::JoinSet;

use super::folder::File;
use super::report::evaluate;
use super::{Evaluation, Kept, KeptFace, Stage, Unusable};
use crate::error::{ApiError, ApiResult};
use crate::input::Upload;
use crate::models::LoadedModels;
use crate::recognise::{self, Wanted};
use crate::state::{App, State};

/// What came of a picture.
pub(crate) type Judged = Result<Kept, Unusable>;

/// The face that a picture called `name` is of. What is wrong with the picture is an outcome; what is
/// wrong with the server is an error.
///
/// # Errors
/// Those of running the networks.
pub(crate) fn judge(
    app: &State,
    models: &LoadedModels,
    name: &str,
    upload: &Upload,
) -> ApiResult<Judged> {
    let unusable = |error: &ApiError| Unusable {
        name: name.to_owned(),
        reason: error.code.to_owned(),
        message: error.message.clone(),
    };
    let person = match person(name) {
        Ok(person) => person,
        Err(error) => return Ok(Err(unusable(&error))),
    };
    match face(app, models, upload) {
        Ok(face) => Ok(Ok(Kept { person, face })),
        Err(error) if error.status.is_client_error() => Ok(Err(unusable(&error))),
        Err(error) => Err(error),
    }
}

/// The name of the folder that a picture lies in.
fn person(name: &str) -> ApiResult<String> {
    let mut parts = name.rsplit(['/', '\\']).skip(1);
    let folder = parts.find(|part| !part.is_empty() && *part != ".");
    folder.map(str::to_owned).ok_or_else(|| {
        let message = "expected a name such as `person/picture.jpg`, found one without a folder";
        ApiError::new("missing_identity", message)
    })
}

fn face(app: &State, models: &LoadedModels, upload: &Upload) -> ApiResult<Option<KeptFace>> {
    let found = recognise::detect(app, models, upload, Wanted::default())?;
    let size = (found.image.width(), found.image.height());
    let Some(i) = central(size, &found.faces) else {
        return Ok(None);
    };
    let faces = recognise::embed(app, models, &found.image, vec![found.faces[i]])?;
    let Some(face) = faces.into_iter().next() else {
        return Ok(None);
    };
    Ok(Some(KeptFace {
        crop: face.crop.image.encode_jpeg(JPEG_QUALITY)?,
        embedding: face.embedding,
    }))
}

/// Reads a folder's pictures and works out the figures. Half of the threads are left to others.
pub(crate) async fn read_folder(app: App, evaluation: Arc<Evaluation>, files: Vec<File>) {
    let threads = app.compute.models().map_or(1, |models| models.threads);
    let at_once = (threads / 2).max(1);
    let mut running = JoinSet::new();
    let mut failed = None;
    for file in files {
        if evaluation.is_cancelled() || failed.is_some() {
            break;
        }
        if running.len() >= at_once {
            failed = note(&evaluation, running.join_next().await);
        }
        let state = Arc::clone(&app);
        running.spawn(async move {
            let app = Arc::clone(&state);
            let File { name, path } = file;
            let judged = state.compute.run_later(move |models| {
                let upload = match read_file(&path, &app.limits) {
                    Ok(bytes) => Upload {
                        bytes: Bytes::from(bytes),
                        file_name: String::new(),
                    },
                    Err(error) => {
                        let unusable = Unusable {
                            name: name.clone(),
                            reason: error.code().to_owned(),
                            message: error.to_string(),
                        };
                        return Ok((name, Err(unusable)));
                    }
                };
                let judged = judge(&app, models, &name, &upload)?;
                Ok((name, judged))
            });
            judged.await
        });
    }
    while let Some(ended) = running.join_next().await {
        failed = note(&evaluation, Some(ended)).or(failed);
    }
    if evaluation.is_cancelled() {
        return;
    }
    let pictures = match failed {
        Some(error) => Err(error),
        None => evaluation.complete(Stage::Reading),
    };
    match pictures {
        Ok(pictures) => compute(app, evaluation, pictures).await,
        Err(error) => evaluation.end(Err(error)),
    }
}

type Ended = Result<ApiResult<(String, Judged)>, tokio::task::JoinError>;

/// Notes a picture's outcome; gives the error that ends everything.
fn note(evaluation: &Evaluation, ended: Option<Ended>) -> Option<ApiError> {
    match ended? {
        Ok(Ok((name, judged))) => {
            evaluation.add(name, judged);
            None
        }
        Ok(Err(error)) => Some(error),
        Err(error) => Some(ApiError::internal(error)),
    }
}

/// Works out the figures on one of the threads for pictures.
pub(crate) async fn compute(
    app: App,
    evaluation: Arc<Evaluation>,
    pictures: BTreeMap<String, Kept>,
) {
    let (state, about) = (Arc::clone(&app), Arc::clone(&evaluation));
    let result = app
        .compute
        .run_later(move |models| {
            if about.is_cancelled() {
                return Err(ApiError::internal("nobody wants it any more"));
            }
            evaluate(&state, models, &about, &pictures)
        })
        .await;
    evaluation.end(result);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_says_who_it_is() {
        for (name, expected) in [
            ("anna/1.jpg", Some("anna")),
            ("set/Anna K/1.jpg", Some("Anna K")),
            ("set\\anna\\1.jpg", Some("anna")),
            ("./anna//1.jpg", Some("anna")),
            ("1.jpg", None),
            ("/1.jpg", None),
            ("./1.jpg", None),
            ("", None),
        ] {
            assert_eq!(person(name).ok().as_deref(), expected, "{name}");
        }
    }
}
