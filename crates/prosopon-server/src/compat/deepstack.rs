//! The face API of DeepStack, which CodeProject.AI, Blue Iris, Agent DVR and others speak.
//!
//! Confidences of recognition are similarities on the scale of `similarity.rs`. The key may stand in
//! the field `api_key`; the gallery is the key's.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use prosopon::DecisionRequest;
use prosopon_gallery::{EnrolmentRequest, GalleryError, IdentifyOptions};
use serde::Serialize;
use serde_json::json;

use super::confidence::{ours, theirs};
use super::similarity::{Scale, round5};
use super::{Pixels, compreface, face_to_enrol, said, whole_pixels};
use crate::access::keys::Scope;
use crate::access::{Caller, Denied, Recognised};
use crate::api::subjects::on_gallery;
use crate::audit::{About, Actor, Seen};
use crate::error::{ApiError, ApiResult};
use crate::input::{Form, Upload};
use crate::metrics::Stage;
use crate::recognise::{self, Wanted};
use crate::state::App;

/// Where the API lies.
pub(super) const ROOT: &str = "/v1/vision";

/// The name of faces that belong to nobody known.
const UNKNOWN: &str = "unknown";

/// The code in the body where a picture has no face; clients test it together with the sentence.
const NO_FACE: u16 = 500;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/vision/face", post(detect))
        .route("/v1/vision/face/recognize", post(recognize))
        .route("/v1/vision/face/register", post(register))
        .route("/v1/vision/face/list", post(list))
        .route("/v1/vision/face/delete", post(delete))
        .route("/v1/vision/face/match", post(compare))
}

/// An error in DeepStack's shape. A picture without a face is an answer there, not a failed request.
pub(super) fn error_response(error: &ApiError) -> Response {
    if error.code == "face_not_found" {
        let body = json!({"success": false, "code": NO_FACE, "error": "No face found in image", "predictions": []});
        return said(StatusCode::OK, body);
    }
    let body = json!({"success": false, "code": error.status.as_u16(), "error": error.message});
    said(error.status, body)
}

/// A request's form, and who sent it.
struct Asking {
    caller: Caller,
    form: Form,
}

impl FromRequest<App> for Asking {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let recognised = request.extensions().get::<Recognised>().cloned();
        let peer = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .copied();
        let (Some(Recognised(caller)), Some(ConnectInfo(peer))) = (recognised, peer) else {
            return Err(ApiError::internal("a route without the access layer"));
        };
        let address = peer.ip().to_canonical();
        let form = Form::from_request(request, app).await?;
        // A key in a header goes before one in the form; where none is required, an unknown one is
        // as good as none.
        let caller = match (caller, form.text("api_key").filter(|key| !key.is_empty())) {
            (Ok(caller), Some(_)) if caller.key.is_some() => Ok(caller),
            (_, Some(key)) => app.access.by_key(&key, address),
            (caller, None) => caller,
        };
        let caller = match caller {
            Ok(caller) => caller,
            Err(denied) => app.access.without_key(address).map_err(|_| {
                let counted = match denied {
                    Denied::WrongKey => app.access.count_wrong_key(address),
                    Denied::NoKey => Ok(()),
                };
                counted.err().unwrap_or_else(|| denied.into())
            })?,
        };
        Ok(Self { caller, form })
    }
}

impl Asking {
    /// The least confidence, if one was given.
    fn min_confidence(&self) -> ApiResult<Option<f32>> {
        let Some(text) = self.form.text("min_confidence").filter(|t| !t.is_empty()) else {
            return Ok(None);
        };
        let number = text.trim().parse::<f32>().ok();
        let number = number.filter(|number| (0.0..=1.0).contains(number));
        number.map(Some).ok_or_else(|| {
            let found: String = text.chars().take(40).collect();
            let message =
                format!("expected a number from 0 to 1 as `min_confidence`, found `{found}`");
            ApiError::new("invalid_parameter", message)
        })
    }

    fn userid(&self) -> ApiResult<String> {
        let name = self.form.text("userid").filter(|name| !name.is_empty());
        name.ok_or_else(|| {
            let message = "expected a name in the field `userid`, found none";
            ApiError::new("invalid_parameter", message)
        })
    }
}

/// A face that was found.
#[derive(Serialize)]
struct Prediction {
    #[serde(skip_serializing_if = "Option::is_none")]
    userid: Option<String>,
    confidence: f64,
    #[serde(flatten)]
    pixels: Pixels,
}

#[derive(Serialize)]
struct Predictions {
    success: bool,
    predictions: Vec<Prediction>,
}

impl Predictions {
    fn of(predictions: Vec<Prediction>) -> Json<Self> {
        Json(Self {
            success: true,
            predictions,
        })
    }
}

async fn detect(State(app): State<App>, asking: Asking) -> ApiResult<Json<Predictions>> {
    asking.caller.must(Scope::Identify)?;
    let wanted = Wanted {
        min_confidence: asking.min_confidence()?.map(ours),
        ..Wanted::default()
    };
    let upload = asking.form.picture(&app, "image").await?;
    app.run(move |state, models| {
        let found = recognise::detect(&state, models, &upload, wanted)?;
        let faces = found.faces.iter().map(|face| Prediction {
            userid: None,
            confidence: round5(theirs(face.confidence)),
            pixels: whole_pixels(&face.bounding_box, &found.image),
        });
        Ok(Predictions::of(faces.collect()))
    })
    .await
}

async fn recognize(State(app): State<App>, asking: Asking) -> ApiResult<Json<Predictions>> {
    asking.caller.must(Scope::Identify)?;
    let least = asking.min_confidence()?.map(f64::from);
    let (name, gallery) = app.find_gallery(&asking.caller, None).await?;
    let upload = asking.form.picture(&app, "image").await?;
    let actor = Actor::from(&asking.caller);
    app.run(move |state, models| {
        let scale = Scale::of(models, &gallery)?;
        let similarity = |cosine: f32| scale.similarity(f64::from(cosine));
        let least = match least {
            Some(least) => least,
            // The gallery's own decision; on a model that nobody has measured, the middle. Clients
            // know two answers only, so what is uncertain is unknown to them.
            None => recognise::rule(&state, models, &gallery, DecisionRequest::default())
                .map_or(0.5, |rule| similarity(rule.threshold.similarity)),
        };
        let found = recognise::analyse(&state, models, &upload, Wanted::default())?;
        if found.faces.is_empty() {
            return Err(ApiError::new("face_not_found", "no face"));
        }
        let probes: Vec<_> = found.faces.iter().map(|f| f.embedding.clone()).collect();
        let options = IdentifyOptions {
            max_candidates: 1,
            ..IdentifyOptions::default()
        };
        let candidates = state
            .metrics
            .time(Stage::Search, || gallery.identify_batch(&probes, options))?;
        let mut predictions = Vec::new();
        for (face, candidates) in found.faces.iter().zip(candidates) {
            let best = candidates.first();
            let best =
                best.map(|best| (best.name.to_string(), similarity(best.similarity.value())));
            let known = best.filter(|(_, similarity)| *similarity >= least);
            let (userid, confidence) = known.unwrap_or((UNKNOWN.to_owned(), 0.0));
            predictions.push(Prediction {
                userid: Some(userid),
                confidence: round5(confidence),
                pixels: whole_pixels(&face.detection.bounding_box, &found.image),
            });
        }
        let seen = predictions.iter().map(|prediction| {
            match prediction.userid.as_deref().filter(|name| *name != UNKNOWN) {
                Some(name) => Seen::Known(name),
                None => Seen::Unknown,
            }
        });
        state.audit.identified(&actor, "identify", &name, seen);
        Ok(Predictions::of(predictions))
    })
    .await
}

#[derive(Serialize)]
struct Registered {
    success: bool,
    message: &'static str,
}

/// Enrols the faces of all pictures, or none of them.
async fn register(State(app): State<App>, asking: Asking) -> ApiResult<Json<Registered>> {
    asking.caller.must(Scope::Enrol)?;
    let userid = asking.userid()?;
    let (name, gallery) = app.find_gallery(&asking.caller, None).await?;
    let mut uploads: Vec<Upload> = asking.form.pictures(&app, "image").await?;
    // Clients number several pictures.
    for i in 1..=100 {
        let more = asking.form.pictures(&app, &format!("image{i}")).await?;
        if more.is_empty() {
            break;
        }
        uploads.extend(more);
    }
    if uploads.is_empty() {
        asking.form.picture(&app, "image").await?;
    }
    let mut requests = Vec::new();
    for (i, upload) in uploads.into_iter().enumerate() {
        let state = Arc::clone(&app);
        let work = move |models: &_| face_to_enrol(&state, models, &upload, Wanted::default());
        let face = if i == 0 {
            app.compute.run(work).await?
        } else {
            app.compute.run_later(work).await?
        };
        requests.push(EnrolmentRequest {
            subject: userid.clone(),
            face,
        });
    }
    let actor = Actor::from(&asking.caller);
    app.store(move |state| {
        state
            .metrics
            .time(Stage::Store, || gallery.enrol_batch(&requests))?;
        let about = About {
            gallery: Some(&name),
            subject: Some(&userid),
        };
        let outcome = format!("{} added", requests.len());
        state.audit.record(&actor, "enrol", about, outcome);
        Ok(Json(Registered {
            success: true,
            message: "face added",
        }))
    })
    .await
}

#[derive(Serialize)]
struct Names {
    success: bool,
    faces: Vec<String>,
}

async fn list(State(app): State<App>, asking: Asking) -> ApiResult<Json<Names>> {
    asking.caller.must(Scope::Enrol)?;
    let name = asking.caller.gallery(None)?;
    on_gallery(&app, asking.caller, name, |_, gallery, _| {
        Ok(Json(Names {
            success: true,
            faces: compreface::names(gallery)?,
        }))
    })
    .await
}

#[derive(Serialize)]
struct Done {
    success: bool,
}

async fn delete(State(app): State<App>, asking: Asking) -> ApiResult<Json<Done>> {
    asking.caller.must(Scope::Enrol)?;
    let userid = asking.userid()?;
    let name = asking.caller.gallery(None)?;
    on_gallery(&app, asking.caller, name, move |_, gallery, audit| {
        match gallery.delete_subject(&userid) {
            // Whoever is gone already is no trouble to clients that delete twice.
            Err(GalleryError::UnknownSubject { .. }) => {}
            deleted => {
                deleted?;
                audit("subject.delete", &userid);
            }
        }
        Ok(Json(Done { success: true }))
    })
    .await
}

#[derive(Serialize)]
struct Matched {
    success: bool,
    similarity: f64,
}

/// Compares the largest faces of two pictures.
async fn compare(State(app): State<App>, asking: Asking) -> ApiResult<Json<Matched>> {
    asking.caller.must(Scope::Identify)?;
    let first = asking.form.picture(&app, "image1").await?;
    let second = asking.form.picture(&app, "image2").await?;
    let (_, gallery) = app.find_gallery(&asking.caller, None).await?;
    let actor = Actor::from(&asking.caller);
    app.run(move |state, models| {
        let largest = |upload| {
            let wanted = Wanted {
                max_faces: Some(1),
                ..Wanted::default()
            };
            let mut found = recognise::analyse(&state, models, upload, wanted)?;
            let face = found.faces.pop();
            face.ok_or_else(|| ApiError::new("face_not_found", "no face"))
        };
        let (first, second) = (largest(&first)?, largest(&second)?);
        let cosine = prosopon::similarity(&first.embedding, &second.embedding)?;
        let scale = Scale::of(models, &gallery)?;
        let similarity = scale.similarity(f64::from(cosine.value()));
        let outcome = if similarity >= 0.5 {
            "same"
        } else {
            "different"
        };
        state
            .audit
            .record(&actor, "verify", About::default(), outcome);
        Ok(Json(Matched {
            success: true,
            similarity: round5(similarity),
        }))
    })
    .await
}
