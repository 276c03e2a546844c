//! From the picture of a request to its faces.

use std::time::Instant;

use prosopon::image::ResizeFilter;
use prosopon::{AlignedCrop, BoundingBox, Detection, Embedding, Image, SimilarityTransform};

use super::query::FaceQuery;
use super::types::ExecutionTime;
use crate::error::{ApiError, ApiResult};
use crate::input::{Form, Upload};
use crate::metrics::Stage;
use crate::models::LoadedModels;
use crate::recognise::{self, Found};
use crate::state::{App, State};

/// Endings of the names of files that are taken.
const EXTENSIONS: &[&str] = &[
    "jpeg", "jpg", "ico", "png", "bmp", "gif", "tif", "tiff", "webp",
];

/// A face of a picture.
pub(super) struct SeenFace {
    pub(super) detection: Detection,
    /// Where it was asked for.
    pub(super) embedding: Option<Embedding>,
}

/// A picture and its faces, largest first; there is at least one.
pub(super) struct Seen {
    pub(super) image: Image,
    pub(super) faces: Vec<SeenFace>,
    pub(super) times: ExecutionTime,
}

/// The picture in part or member `name`.
///
/// # Errors
/// `unavailable_extension`, and those of [`Form::picture`].
pub(super) async fn picture(app: &App, form: &Form, name: &str) -> ApiResult<Upload> {
    let upload = form.picture(app, name).await?;
    let extension = upload.file_name.rsplit_once('.').map(|(_, ending)| ending);
    let is_taken = |ending: &str| EXTENSIONS.contains(&&*ending.to_ascii_lowercase());
    if extension.is_some_and(|ending| !is_taken(ending)) {
        let name: String = upload.file_name.chars().take(200).collect();
        let message = format!("File [{name}] has an unavailable extension");
        return Err(ApiError::new("unavailable_extension", message));
    }
    Ok(upload)
}

/// Finds the faces of a picture, and embeds them if that is wanted.
///
/// # Errors
/// `face_not_found`, and those of the stages.
pub(super) fn look(
    app: &State,
    models: &LoadedModels,
    upload: &Upload,
    query: &FaceQuery,
    with_embeddings: bool,
) -> ApiResult<Seen> {
    if !query.detect_faces {
        return whole(app, models, upload);
    }
    let start = Instant::now();
    let Found { image, faces } = recognise::detect(app, models, upload, query.wanted)?;
    let detector = millis(start);
    if faces.is_empty() {
        return Err(ApiError::new("face_not_found", "no face"));
    }
    if !with_embeddings {
        let faces = faces.into_iter().map(|detection| SeenFace {
            detection,
            embedding: None,
        });
        return Ok(Seen {
            image,
            faces: faces.collect(),
            times: ExecutionTime {
                detector,
                calculator: None,
            },
        });
    }
    let start = Instant::now();
    let faces = recognise::embed(app, models, &image, faces)?;
    let faces = faces.into_iter().map(|face| SeenFace {
        detection: face.detection,
        embedding: Some(face.embedding),
    });
    Ok(Seen {
        image,
        faces: faces.collect(),
        times: ExecutionTime {
            detector,
            calculator: Some(millis(start)),
        },
    })
}

/// A picture that is a face already.
fn whole(app: &State, models: &LoadedModels, upload: &Upload) -> ApiResult<Seen> {
    let image = recognise::decode(app, upload)?;
    let start = Instant::now();
    let size = models.engine.embedder().crop_size();
    let crop = AlignedCrop {
        image: image.resized(size, size, ResizeFilter::Area)?,
        crop_from_image: SimilarityTransform::IDENTITY,
    };
    let embedded = app
        .metrics
        .time(Stage::Embed, || models.engine.embed(&[crop]));
    let embedding = embedded
        .map_err(prosopon::EngineError::from)?
        .pop()
        .ok_or_else(|| ApiError::internal("no embedding for a face"))?;
    let detection = Detection {
        bounding_box: BoundingBox {
            left: 0.0,
            top: 0.0,
            right: image.width() as f32,
            bottom: image.height() as f32,
        },
        landmarks: None,
        confidence: 1.0,
    };
    app.metrics.looked(1);
    Ok(Seen {
        image,
        faces: vec![SeenFace {
            detection,
            embedding: Some(embedding),
        }],
        times: ExecutionTime {
            detector: 0.0,
            calculator: Some(millis(start)),
        },
    })
}

impl Seen {
    /// The embeddings of all faces.
    ///
    /// # Errors
    /// `internal` if they were not asked for.
    pub(super) fn embeddings(&self) -> ApiResult<Vec<Embedding>> {
        let embeddings = self.faces.iter().map(|face| face.embedding.clone());
        embeddings
            .collect::<Option<_>>()
            .ok_or_else(|| ApiError::internal("faces without embeddings"))
    }
}

fn millis(start: Instant) -> f64 {
    (start.elapsed().as_secs_f64() * 1e4).round() / 10.0
}
