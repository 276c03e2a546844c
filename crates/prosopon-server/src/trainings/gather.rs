//! From pictures to the values that a training keeps of them.

use std::sync::Arc;

use prosopon_train::data::{Seen, Side};
use prosopon_train::input::InputError;

use super::{Kept, Training, TrainingStage, start};
use crate::error::{ApiError, ApiResult, with_causes};
use crate::input::Upload;
use crate::jobs::{File, Job as _, Unusable, read_files};
use crate::metrics::Stage;
use crate::models::LoadedModels;
use crate::recognise;
use crate::state::{App, State};

/// Names of folders whose pictures are learnt from, and of those whose pictures are only tried.
const TRAINING: [&str; 2] = ["train", "training"];
const HELD_OUT: [&str; 4] = ["test", "val", "valid", "validation"];

/// What came of a picture.
pub(crate) type Judged = Result<Kept, Unusable>;

/// What a training keeps of a picture called `name`. What is wrong with the picture is an outcome; what is wrong with
/// the server is an error.
///
/// # Errors
/// Those of running the networks.
pub(crate) fn judge(
    app: &State,
    models: &LoadedModels,
    training: &Training,
    name: &str,
    upload: &Upload,
) -> ApiResult<Judged> {
    match look(app, models, training, name, upload) {
        Err(error) if error.status.is_client_error() => Ok(Err(Unusable::new(name, &error))),
        looked => looked.map(Ok),
    }
}

fn look(
    app: &State,
    models: &LoadedModels,
    training: &Training,
    name: &str,
    upload: &Upload,
) -> ApiResult<Kept> {
    let (class, side) = class_of(name)?;
    let image = recognise::decode(app, upload)?;
    let extractor = training.wanted.extractor(models)?;
    let found = app
        .metrics
        .time(Stage::Detect, || extractor.largest_face(&image));
    let face = match found {
        Ok(Some(face)) => face,
        Ok(None) => return Err(ApiError::new("face_not_found", "no face that is wanted")),
        Err(error @ (InputError::Align(_) | InputError::Prepare(_) | InputError::Feature(_))) => {
            return Err(ApiError::new("unusable_face", with_causes(&error)));
        }
        Err(error) => return Err(ApiError::internal(with_causes(&error))),
    };
    let bytes = face.values.len() * size_of::<f32>() + face.crop.pixels().len().min(8192);
    Ok(Kept {
        class,
        side,
        seen: Seen::new(&image, face),
        bytes,
    })
}

/// The class that a picture belongs to by its name, and the side that it stands on: `happy/1.jpg`,
/// `happy/ann/1.jpg`, `train/happy/1.jpg`.
fn class_of(name: &str) -> ApiResult<(String, Side)> {
    let parts = name.split(['/', '\\']);
    let parts: Vec<&str> = parts
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let side_of = |folder: &str| match folder.to_lowercase().as_str() {
        folder if TRAINING.contains(&folder) => Some(Side::Training),
        folder if HELD_OUT.contains(&folder) => Some(Side::HeldOut),
        _ => None,
    };
    match parts[..] {
        [first, class, _, ..] if side_of(first).is_some() => {
            Ok((class.to_owned(), side_of(first).unwrap_or_default()))
        }
        [class, _, ..] => Ok((class.to_owned(), Side::Any)),
        _ => {
            let message = "expected a name such as `class/picture.jpg`, found one without a folder";
            Err(ApiError::new("missing_class", message))
        }
    }
}

/// Reads a folder's pictures and trains on them.
pub(crate) async fn read_folder(app: App, training: Arc<Training>, files: Vec<File>) {
    let read = read_files(&app, &training, files, judge, Training::add).await;
    if training.is_cancelled() {
        return;
    }
    let started = read.and_then(|()| start(&app, &training, TrainingStage::Reading));
    if let Err(error) = started {
        training.end(Err(error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_says_what_it_is() {
        for (name, expected) in [
            ("happy/1.jpg", Some(("happy", Side::Any))),
            ("happy/ann/1.jpg", Some(("happy", Side::Any))),
            ("train/happy/1.jpg", Some(("happy", Side::Training))),
            ("Test\\happy\\1.jpg", Some(("happy", Side::HeldOut))),
            ("./test/1.jpg", Some(("test", Side::Any))),
            ("1.jpg", None),
            ("", None),
        ] {
            let found = class_of(name).ok();
            let found = found.as_ref().map(|(class, side)| (class.as_str(), *side));
            assert_eq!(found, expected, "{name}");
        }
    }
}
