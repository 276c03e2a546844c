//! `POST /v1/verify`: do two pictures show one person?

use axum::Json;
use axum::extract::State;
use prosopon::{Decision, Face, similarity};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::Query;
use super::types::{DecideQuery, DecisionJson, DetectQuery, FaceJson};
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult};
use crate::input::Form;
use crate::recognise::{self, Found};
use crate::state::App;

/// Pairs that are listed.
const MAX_PAIRS: usize = 1000;

/// Which faces of each picture are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Faces {
    /// There must be exactly one.
    #[default]
    One,
    /// The largest.
    Largest,
    /// All.
    All,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerifyQuery {
    /// Which faces are compared: `one` (more than one in a picture is an error), `largest`, `all`.
    #[param(inline)]
    faces: Option<Faces>,
    /// The gallery whose calibration and rates decide, if it has some; the key's own or `default` if not
    /// given. Nobody is looked for in it.
    gallery: Option<String>,
}

/// Whether two faces are one person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VerificationOutcome {
    /// The similarity reaches the threshold.
    Same,
    /// It is too high for strangers, but does not reach the threshold.
    Uncertain,
    /// It is low.
    Different,
}

impl From<Decision> for VerificationOutcome {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Match => Self::Same,
            Decision::Uncertain => Self::Uncertain,
            Decision::NoMatch => Self::Different,
        }
    }
}

/// A picture that was compared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Compared {
    width: u32,
    height: u32,
    faces: Vec<FaceJson>,
}

/// Two faces that were compared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pair {
    /// Index among the probe's faces.
    probe_face: usize,
    /// Index among the reference's faces.
    reference_face: usize,
    similarity: f32,
    outcome: VerificationOutcome,
}

/// The answer, and what it rests on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verified {
    /// That of the most similar pair.
    outcome: VerificationOutcome,
    similarity: f32,
    #[serde(flatten)]
    decision: DecisionJson,
    probe: Compared,
    reference: Compared,
    /// Most similar first, at most 1000.
    pairs: Vec<Pair>,
}

/// Compare two pictures
///
/// Whether the faces on two pictures, `probe` and `reference`, are one person's. With two rates there is
/// `uncertain` between `same` and `different`.
#[utoipa::path(post, path = "/v1/verify", tag = "Recognition", params(VerifyQuery, DetectQuery, DecideQuery),
    request_body(content((crate::openapi::PairForm = "multipart/form-data"), (crate::openapi::PairJson = "application/json"))),
    responses((status = 200, body = Verified)))]
pub(crate) async fn verify(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<VerifyQuery>,
    Query(detect): Query<DetectQuery>,
    Query(decide): Query<DecideQuery>,
    form: Form,
) -> ApiResult<Json<Verified>> {
    let (mut wanted, asked) = (detect.wanted()?, decide.asked()?);
    let (_, gallery) = app.find_gallery(&caller, query.gallery.as_deref()).await?;
    let faces = query.faces.unwrap_or_default();
    if faces == Faces::Largest {
        wanted.max_faces = Some(1);
    }
    let probe = form.picture(&app, "probe").await?;
    let reference = form.picture(&app, "reference").await?;
    let actor = Actor::from(&caller);
    app.run(move |state, models| {
        let rule = recognise::rule(&state, models, &gallery, asked)?;
        let look = |upload, name| {
            let found = recognise::analyse(&state, models, upload, wanted)?;
            checked(found, faces, name)
        };
        let (probe, reference) = (look(&probe, "probe")?, look(&reference, "reference")?);
        let mut pairs = Vec::new();
        for (i, a) in probe.faces.iter().enumerate() {
            for (j, b) in reference.faces.iter().enumerate() {
                let similarity = similarity(&a.embedding, &b.embedding)?;
                pairs.push(Pair {
                    probe_face: i,
                    reference_face: j,
                    similarity: similarity.value(),
                    outcome: rule.decide(similarity).into(),
                });
            }
        }
        pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        pairs.truncate(MAX_PAIRS);
        let best = pairs
            .first()
            .ok_or_else(|| ApiError::internal("pairs of faces without faces"))?;
        let outcome = best.outcome;
        state.audit.record(
            &actor,
            "verify",
            About::default(),
            match outcome {
                VerificationOutcome::Same => "same",
                VerificationOutcome::Uncertain => "uncertain",
                VerificationOutcome::Different => "different",
            },
        );
        Ok(Json(Verified {
            outcome,
            similarity: best.similarity,
            decision: (&rule).into(),
            probe: compared(&probe),
            reference: compared(&reference),
            pairs,
        }))
    })
    .await
}

fn checked(found: Found<Face>, faces: Faces, name: &str) -> ApiResult<Found<Face>> {
    match found.faces.len() {
        0 => Err(ApiError::new(
            "face_not_found",
            format!("expected a face on `{name}`, found none"),
        )),
        n if n > 1 && faces == Faces::One => {
            let message = format!("expected 1 face on `{name}`, found {n}");
            Err(ApiError::new("multiple_faces", message)
                .with_hint("crop the picture, or pass `faces=largest` or `faces=all`"))
        }
        _ => Ok(found),
    }
}

fn compared(found: &Found<Face>) -> Compared {
    Compared {
        width: found.image.width(),
        height: found.image.height(),
        faces: found
            .faces
            .iter()
            .map(|face| FaceJson::new(&face.detection, &found.image))
            .collect(),
    }
}
