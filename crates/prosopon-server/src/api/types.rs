//! What native endpoints take and give. `docs/api.md` shows the answers as JSON.

use prosopon::{Decision, DecisionRequest, DecisionRule, Detection, Image, Point};
use prosopon_gallery::Candidate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ApiResult};
use crate::recognise::Wanted;

/// A box, in pixels of the upright picture or as shares of its sides.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct BoundingBox {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

impl From<prosopon::BoundingBox> for BoundingBox {
    fn from(b: prosopon::BoundingBox) -> Self {
        Self {
            left: b.left,
            top: b.top,
            right: b.right,
            bottom: b.bottom,
        }
    }
}

/// A point in pixels of the upright picture.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct PointJson {
    x: f32,
    y: f32,
}

impl From<Point> for PointJson {
    fn from(point: Point) -> Self {
        Self {
            x: point.x,
            y: point.y,
        }
    }
}

/// Five points of a face; left is left in the picture.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Landmarks {
    left_eye: PointJson,
    right_eye: PointJson,
    nose: PointJson,
    mouth_left: PointJson,
    mouth_right: PointJson,
}

impl From<prosopon::Landmarks> for Landmarks {
    fn from(l: prosopon::Landmarks) -> Self {
        Self {
            left_eye: l.left_eye.into(),
            right_eye: l.right_eye.into(),
            nose: l.nose.into(),
            mouth_left: l.mouth_left.into(),
            mouth_right: l.mouth_right.into(),
        }
    }
}

/// A face that was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FaceJson {
    /// In pixels; may reach past the border.
    pub(super) bounding_box: BoundingBox,
    /// The same divided by the picture's width and height.
    pub(super) bounding_box_normalized: BoundingBox,
    /// Null from detectors that give only boxes.
    pub(super) landmarks: Option<Landmarks>,
    /// How sure the detector is, from 0 to 1.
    pub(super) confidence: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) embedding: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identification: Option<Identification>,
}

/// A box as shares of the picture's sides.
pub(crate) fn normalized(b: &prosopon::BoundingBox, image: &Image) -> BoundingBox {
    let (width, height) = (image.width() as f32, image.height() as f32);
    BoundingBox {
        left: b.left / width,
        top: b.top / height,
        right: b.right / width,
        bottom: b.bottom / height,
    }
}

impl FaceJson {
    pub(crate) fn new(detection: &Detection, image: &Image) -> Self {
        let b = detection.bounding_box;
        Self {
            bounding_box: b.into(),
            bounding_box_normalized: normalized(&b, image),
            landmarks: detection.landmarks.map(Landmarks::from),
            confidence: detection.confidence,
            embedding: None,
            identification: None,
        }
    }
}

/// Whether a face belongs to somebody enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentificationOutcome {
    /// The best candidate is close enough.
    Known,
    /// The best candidate is too close for a stranger, but not close enough.
    Uncertain,
    /// Nobody is close.
    Unknown,
}

/// Who a face is, with all that the answer rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Identification {
    outcome: IdentificationOutcome,
    /// Null unless the face is known.
    subject: Option<String>,
    subject_id: Option<i64>,
    /// The best candidate of an uncertain face, else null.
    perhaps: Option<String>,
    /// Of the best candidate; null in an empty gallery.
    similarity: Option<f32>,
    #[serde(flatten)]
    decision: DecisionJson,
    candidates: Vec<CandidateJson>,
}

impl Identification {
    pub(crate) fn new(candidates: &[Candidate], rule: &DecisionRule, n_listed: usize) -> Self {
        let best = candidates.first();
        let outcome = match best.map(|best| rule.decide(best.similarity)) {
            Some(Decision::Match) => IdentificationOutcome::Known,
            Some(Decision::Uncertain) => IdentificationOutcome::Uncertain,
            Some(Decision::NoMatch) | None => IdentificationOutcome::Unknown,
        };
        let known = best.filter(|_| outcome == IdentificationOutcome::Known);
        let perhaps = best.filter(|_| outcome == IdentificationOutcome::Uncertain);
        Self {
            outcome,
            subject: known.map(|candidate| candidate.name.to_string()),
            subject_id: known.map(|candidate| candidate.subject.0),
            perhaps: perhaps.map(|candidate| candidate.name.to_string()),
            similarity: best.map(|candidate| candidate.similarity.value()),
            decision: rule.into(),
            candidates: candidates
                .iter()
                .take(n_listed)
                .map(|candidate| CandidateJson {
                    subject: candidate.name.to_string(),
                    subject_id: candidate.subject.0,
                    face_id: candidate.face.0,
                    similarity: candidate.similarity.value(),
                    accepted: rule.threshold.accepts(candidate.similarity),
                })
                .collect(),
        }
    }
}

/// Somebody a face may be.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CandidateJson {
    subject: String,
    subject_id: i64,
    /// The subject's face that is closest.
    face_id: i64,
    similarity: f32,
    /// Whether the similarity reaches the threshold.
    accepted: bool,
}

/// Whose calibration decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CalibrationOrigin {
    /// The gallery's own.
    Gallery,
    /// The one that was stored for the embedder on this machine.
    Own,
    /// That of the embedder's description, which is not the catalogue's.
    Description,
    /// The catalogue's.
    Catalogue,
}

impl From<prosopon::CalibrationOrigin> for CalibrationOrigin {
    fn from(origin: prosopon::CalibrationOrigin) -> Self {
        match origin {
            prosopon::CalibrationOrigin::Gallery => Self::Gallery,
            prosopon::CalibrationOrigin::Own => Self::Own,
            prosopon::CalibrationOrigin::Description => Self::Description,
            prosopon::CalibrationOrigin::Catalogue => Self::Catalogue,
        }
    }
}

/// What a decision rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DecisionJson {
    /// Least similarity of a match.
    threshold: f32,
    /// The false match rate that it stands for; null for a model that nobody has measured.
    fmr: Option<f64>,
    /// Whether the measurement can vouch for that rate; else it is extrapolated.
    fmr_supported: bool,
    /// Least similarity of an uncertain answer; null if there are two answers only.
    uncertain_threshold: Option<f32>,
    /// The false match rate that it stands for.
    uncertain_fmr: Option<f64>,
    /// Whose calibration it is; null for a model that nobody has measured.
    calibration: Option<CalibrationOrigin>,
    /// What that was measured on.
    calibration_source: Option<String>,
    /// The model whose similarities these are.
    model: String,
}

impl From<&DecisionRule> for DecisionJson {
    fn from(rule: &DecisionRule) -> Self {
        let (threshold, uncertain) = (&rule.threshold, rule.uncertain.as_ref());
        let basis = rule.basis.as_ref();
        Self {
            threshold: threshold.similarity,
            fmr: threshold.fmr,
            fmr_supported: threshold.supported,
            uncertain_threshold: uncertain.map(|uncertain| uncertain.similarity),
            uncertain_fmr: uncertain.and_then(|uncertain| uncertain.fmr),
            calibration: basis.map(|basis| basis.origin.into()),
            calibration_source: basis.map(|basis| basis.source.clone()),
            model: threshold.model.to_string(),
        }
    }
}

/// What counts as a face.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DetectQuery {
    /// Least confidence of a face; 0.5 if not given. What is below 0.02 counts as 0.02.
    #[param(minimum = 0.0, maximum = 1.0)]
    pub(crate) min_confidence: Option<f32>,
    /// Leave out faces narrower than this, in pixels.
    #[param(minimum = 0.0)]
    pub(crate) min_face_px: Option<f32>,
    /// At most so many faces, largest first; 1000 if 0, more or not given.
    pub(crate) max_faces: Option<usize>,
}

impl DetectQuery {
    pub(crate) fn wanted(&self) -> ApiResult<Wanted> {
        in_range("min_confidence", self.min_confidence, 0.0, 1.0)?;
        in_range("min_face_px", self.min_face_px, 0.0, 1e6)?;
        Ok(Wanted {
            min_confidence: self.min_confidence,
            min_face_px: self.min_face_px,
            max_faces: self.max_faces,
        })
    }
}

/// How close is close enough.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DecideQuery {
    /// False match rate, from 1e-12 to 1; if not given, the gallery's, else the server's setting.
    #[param(minimum = 1e-12, maximum = 1.0)]
    pub(crate) fmr: Option<f64>,
    /// A looser rate: what reaches it, but not the other, is uncertain. 0 for two answers only; if not
    /// given, the gallery's, else the server's setting.
    #[param(minimum = 0.0, maximum = 1.0)]
    pub(crate) uncertain_fmr: Option<f64>,
    /// Least similarity, instead of a rate.
    #[param(minimum = -1.0, maximum = 1.0)]
    pub(crate) threshold: Option<f32>,
}

impl DecideQuery {
    pub(crate) fn asked(&self) -> ApiResult<DecisionRequest> {
        let is_rate = |rate: f64| (1e-12..=1.0).contains(&rate);
        if self.fmr.is_some_and(|fmr| !is_rate(fmr)) {
            return Err(ApiError::new(
                "invalid_parameter",
                "expected a number from 1e-12 to 1 as `fmr`",
            ));
        }
        if self
            .uncertain_fmr
            .is_some_and(|fmr| fmr != 0.0 && !is_rate(fmr))
        {
            return Err(ApiError::new(
                "invalid_parameter",
                "expected a number from 1e-12 to 1, or 0, as `uncertain_fmr`",
            ));
        }
        in_range("threshold", self.threshold, -1.0, 1.0)?;
        if self.fmr.is_some() && self.threshold.is_some() {
            return Err(ApiError::new(
                "invalid_parameter",
                "expected `fmr` or `threshold`, found both",
            ));
        }
        Ok(DecisionRequest {
            fmr: self.fmr,
            uncertain_fmr: self.uncertain_fmr,
            threshold: self.threshold,
        })
    }
}

pub(crate) fn in_range(name: &str, value: Option<f32>, low: f32, high: f32) -> ApiResult<()> {
    match value {
        Some(value) if !(low..=high).contains(&value) => {
            let message =
                format!("expected a number from {low} to {high} as `{name}`, found {value}");
            Err(ApiError::new("invalid_parameter", message))
        }
        _ => Ok(()),
    }
}
