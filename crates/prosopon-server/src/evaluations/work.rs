//! The work of an evaluation: one picture, a folder of them, the figures.

use std::collections::BTreeMap;
use std::sync::Arc;

use prosopon::detect::central;
use prosopon::image::JPEG_QUALITY;

use super::report::evaluate;
use super::{Evaluation, Kept, KeptFace, Stage};
use crate::error::{ApiError, ApiResult};
use crate::input::Upload;
use crate::jobs::{File, Job as _, Unusable, read_files};
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
    let person = match person(name) {
        Ok(person) => person,
        Err(error) => return Ok(Err(Unusable::new(name, &error))),
    };
    match face(app, models, upload) {
        Ok(face) => Ok(Ok(Kept { person, face })),
        Err(error) if error.status.is_client_error() => Ok(Err(Unusable::new(name, &error))),
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

/// Reads a folder's pictures and works out the figures.
pub(crate) async fn read_folder(app: App, evaluation: Arc<Evaluation>, files: Vec<File>) {
    let judge =
        |app: &State, models: &_, _: &_, name: &_, upload: &_| judge(app, models, name, upload);
    let note = |evaluation: &Evaluation, name, judged| {
        evaluation.add(name, judged);
        Ok(())
    };
    let read = read_files(&app, &evaluation, files, judge, note).await;
    if evaluation.is_cancelled() {
        return;
    }
    match read.and_then(|()| evaluation.complete(Stage::Reading)) {
        Ok(pictures) => compute(app, evaluation, pictures).await,
        Err(error) => evaluation.end(Err(error)),
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
