//! What CompreFace's endpoints answer. What there is not is left out, never null.

use prosopon::{Detection, Image};
use serde::Serialize;

use super::looking::{Seen, SeenFace};
use super::query::FaceQuery;
use crate::compat::confidence::theirs;
use crate::compat::similarity::round5;
use crate::compat::{Pixels, whole_pixels};
use crate::models::LoadedModels;

/// An answer about the faces on a picture.
#[derive(Serialize)]
pub(super) struct Answer<T> {
    pub(super) result: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plugins_versions: Option<Versions>,
}

/// Which models answered.
#[derive(Serialize)]
pub(super) struct Versions {
    detector: String,
    calculator: String,
}

impl Versions {
    /// Only if they were asked for.
    pub(super) fn asked(query: &FaceQuery, models: &LoadedModels) -> Option<Self> {
        query.status.then(|| Self {
            detector: models.detector.id.clone(),
            calculator: models.model.to_string(),
        })
    }
}

/// A face on a picture.
#[derive(Serialize)]
pub(super) struct FaceFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Vec<f32>>,
    #[serde(rename = "box")]
    bounding_box: BoxJson,
    /// Left eye, right eye, nose, left and right end of the mouth; left in the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    landmarks: Option<[[i64; 2]; 5]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_time: Option<ExecutionTime>,
}

/// How long each part took, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct ExecutionTime {
    pub(super) detector: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calculator: Option<f64>,
}

impl FaceFields {
    pub(super) fn new(seen: &Seen, face: &SeenFace, query: &FaceQuery) -> Self {
        let embedding = face.embedding.as_ref().filter(|_| query.plugins.calculator);
        let landmarks = face.detection.landmarks.filter(|_| query.plugins.landmarks);
        Self {
            embedding: embedding.map(|embedding| embedding.values().to_vec()),
            bounding_box: BoxJson::new(&face.detection, &seen.image),
            landmarks: landmarks.map(|landmarks| {
                landmarks
                    .to_array()
                    .map(|point| [point.x.round() as i64, point.y.round() as i64])
            }),
            execution_time: query.status.then_some(seen.times),
        }
    }
}

/// Where a face is, and how sure the detector is.
#[derive(Serialize)]
struct BoxJson {
    probability: f64,
    #[serde(flatten)]
    pixels: Pixels,
}

impl BoxJson {
    fn new(detection: &Detection, image: &Image) -> Self {
        Self {
            probability: round5(theirs(detection.confidence)),
            pixels: whole_pixels(&detection.bounding_box, image),
        }
    }
}

/// A face and the subjects closest to it.
#[derive(Serialize)]
pub(super) struct Recognised {
    #[serde(flatten)]
    pub(super) face: FaceFields,
    pub(super) subjects: Vec<SubjectRow>,
}

/// A subject and how close it is.
#[derive(Serialize)]
pub(super) struct SubjectRow {
    pub(super) subject: String,
    pub(super) similarity: f64,
}

/// A face and how close it is to an enrolled one.
#[derive(Serialize)]
pub(super) struct ComparedWithFace {
    #[serde(flatten)]
    pub(super) face: FaceFields,
    pub(super) subject: String,
    pub(super) similarity: f64,
}

/// A face of the target and how close it is to the source.
#[derive(Serialize)]
pub(super) struct Match {
    #[serde(flatten)]
    pub(super) face: FaceFields,
    pub(super) similarity: f64,
}

/// The face of the source and all faces of the target, closest first.
#[derive(Serialize)]
pub(super) struct Verified {
    pub(super) source_image_face: FaceFields,
    pub(super) face_matches: Vec<Match>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plugins_versions: Option<Versions>,
}

/// An enrolled face.
#[derive(Serialize)]
pub(super) struct Example {
    pub(super) image_id: String,
    pub(super) subject: String,
}

/// A subject by name.
#[derive(Serialize)]
pub(super) struct SubjectName {
    pub(super) subject: String,
}

/// How many there were.
#[derive(Serialize)]
pub(super) struct Deleted {
    pub(super) deleted: u64,
}
