//! Adding faces: several pictures at once, each with its own outcome.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prosopon::quality::assess;
use prosopon_gallery::subject::check_name;
use prosopon_gallery::{
    Enrolment, EnrolmentRequest, Gallery, GalleryError, IdentifyOptions, NewFace, PictureHash,
    Source, SubjectId, TemplateKind,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Path, Query};
use super::faces::EnrolledFace;
use super::types::in_range;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult};
use crate::input::{Form, Upload};
use crate::metrics::Stage;
use crate::models::LoadedModels;
use crate::recognise::{self, Choice, Wanted};
use crate::state::{App, State as Server};

/// A new face that is as close to another subject as this rate of strangers is was probably given
/// the wrong name.
const CONFLICT_FMR: f64 = 1e-5;

/// Which face of each picture, and what is refused.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EnrolQuery {
    /// `one` (default): a picture with several faces is rejected; `largest`: the largest is taken.
    #[param(inline)]
    faces: Option<Faces>,
    /// Take the face at this point of the picture, `X,Y` in pixels.
    #[param(example = "120,80")]
    face_at: Option<String>,
    /// Reject faces of which the detector is less sure, 0 to 1.
    #[param(minimum = 0.0, maximum = 1.0)]
    min_confidence: Option<f32>,
    /// Reject faces narrower than this, in pixels.
    #[param(minimum = 0.0)]
    min_face_px: Option<f32>,
    /// Reject faces of a lower quality, 0 to 1.
    #[param(minimum = 0.0, maximum = 1.0)]
    min_quality: Option<f32>,
    /// Take faces that look like another subject too.
    allow_conflict: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Faces {
    One,
    Largest,
}

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SubjectQuery {
    /// Name of the subject; a new one is added.
    subject: String,
}

/// What became of the pictures.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Enrolled {
    /// Null if the subject would be new and no face was added.
    subject_id: Option<i64>,
    subject: String,
    is_new_subject: bool,
    added: Vec<Added>,
    rejected: Vec<Rejected>,
}

/// A picture whose face is now in the gallery, on disk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Added {
    /// Index among the pictures of the request.
    index: usize,
    file_name: String,
    face: EnrolledFace,
}

/// A picture that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rejected {
    /// Index among the pictures of the request.
    index: usize,
    file_name: String,
    /// Stable name of the reason.
    reason: String,
    message: String,
    hint: Option<String>,
    /// The subject that the face looks like, for `looks_like_another_subject`.
    subject: Option<String>,
    /// How much.
    similarity: Option<f32>,
}

/// How a picture is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) choice: Choice,
    pub(crate) min_confidence: f32,
    pub(crate) min_face_px: f32,
    pub(crate) min_quality: f32,
    pub(crate) allow_conflict: bool,
}

impl EnrolQuery {
    fn rules(&self) -> ApiResult<Rules> {
        in_range("min_confidence", self.min_confidence, 0.0, 1.0)?;
        in_range("min_quality", self.min_quality, 0.0, 1.0)?;
        in_range("min_face_px", self.min_face_px, 0.0, 1e6)?;
        let point = |text: &str| {
            let (x, y) = text.split_once(',')?;
            let (x, y) = (x.trim().parse::<f32>().ok()?, y.trim().parse::<f32>().ok()?);
            (x.is_finite() && y.is_finite()).then_some(Choice::At(x, y))
        };
        let choice = match (&self.face_at, self.faces) {
            (Some(text), _) => point(text).ok_or_else(|| {
                let message = format!("expected `X,Y` in pixels as `face_at`, found `{text}`");
                ApiError::new("invalid_parameter", message)
            })?,
            (None, Some(Faces::Largest)) => Choice::Largest,
            (None, Some(Faces::One) | None) => Choice::One,
        };
        Ok(Rules {
            choice,
            min_confidence: self.min_confidence.unwrap_or(0.0),
            min_face_px: self.min_face_px.unwrap_or(0.0),
            min_quality: self.min_quality.unwrap_or(0.0),
            allow_conflict: self.allow_conflict.unwrap_or(false),
        })
    }
}

/// Add faces by name
///
/// Adds the subject if it is new. Each picture has its own outcome: those that cannot be used are
/// listed with the reason, the others are added.
#[utoipa::path(post, path = "/v1/galleries/{gallery}/enrol", tag = "Subjects",
    params(("gallery" = String, Path), SubjectQuery, EnrolQuery),
    request_body(content((crate::openapi::PicturesForm = "multipart/form-data"), (crate::openapi::PicturesJson = "application/json"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 201, description = "At least one face was added.", body = Enrolled), (status = 200, description = "No face was added.", body = Enrolled)))]
pub(crate) async fn by_name(
    State(app): State<App>,
    caller: Caller,
    Path(gallery): Path<String>,
    Query(subject): Query<SubjectQuery>,
    Query(query): Query<EnrolQuery>,
    form: Form,
) -> ApiResult<(StatusCode, Json<Enrolled>)> {
    check_name(&subject.subject).map_err(|expected| GalleryError::InvalidName {
        name: subject.subject.clone(),
        expected,
    })?;
    let (name, gallery) = app.find_gallery(&caller, Some(&gallery)).await?;
    enrol(
        &app,
        &caller,
        (&name, gallery),
        (subject.subject, None),
        query.rules()?,
        &form,
    )
    .await
}

/// Add faces to a subject
///
/// Each picture has its own outcome: those that cannot be used are listed with the reason, the
/// others are added.
#[utoipa::path(post, path = "/v1/galleries/{gallery}/subjects/{id}/faces", tag = "Subjects",
    params(("gallery" = String, Path), ("id" = i64, Path), EnrolQuery),
    request_body(content((crate::openapi::PicturesForm = "multipart/form-data"), (crate::openapi::PicturesJson = "application/json"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 201, description = "At least one face was added.", body = Enrolled), (status = 200, description = "No face was added.", body = Enrolled)))]
pub(crate) async fn by_id(
    State(app): State<App>,
    caller: Caller,
    Path((gallery, id)): Path<(String, i64)>,
    Query(query): Query<EnrolQuery>,
    form: Form,
) -> ApiResult<(StatusCode, Json<Enrolled>)> {
    let (name, gallery) = app.find_gallery(&caller, Some(&gallery)).await?;
    let known = Arc::clone(&gallery);
    let subject = app
        .compute
        .store(move || Ok(known.show(SubjectId(id))?.subject))
        .await?;
    enrol(
        &app,
        &caller,
        (&name, gallery),
        (subject.name, Some(subject.id)),
        query.rules()?,
        &form,
    )
    .await
}

async fn enrol(
    app: &App,
    caller: &Caller,
    (gallery_name, gallery): (&str, Arc<Gallery>),
    (subject, known): (String, Option<SubjectId>),
    rules: Rules,
    form: &Form,
) -> ApiResult<(StatusCode, Json<Enrolled>)> {
    let uploads = form.some_pictures(app).await?;
    let actor = Actor::from(caller);
    let mut faces: Vec<(usize, NewFace)> = Vec::new();
    let mut rejected = Vec::new();
    for (index, upload) in uploads.iter().enumerate() {
        let judged = judge(
            app,
            Arc::clone(&gallery),
            subject.clone(),
            upload.clone(),
            rules,
            index > 0,
        )
        .await?;
        match judged {
            Ok(face) => faces.push((index, face)),
            Err(refusal) => rejected.push(refusal.listed(index, upload)),
        }
    }
    let batch = Batch {
        gallery_name: gallery_name.to_owned(),
        gallery,
        subject,
        known,
        file_names: uploads.into_iter().map(|upload| upload.file_name).collect(),
        faces,
        rejected,
    };
    let state = Arc::clone(app);
    app.compute.store(move || batch.store(&state, &actor)).await
}

/// Pictures that were judged, on their way to the gallery.
struct Batch {
    gallery_name: String,
    gallery: Arc<Gallery>,
    subject: String,
    /// The subject who was asked for by number: looking for faces takes seconds, in which people are renamed and deleted.
    known: Option<SubjectId>,
    /// Of all pictures of the request.
    file_names: Vec<String>,
    /// Those to be added, by index.
    faces: Vec<(usize, NewFace)>,
    rejected: Vec<Rejected>,
}

impl Batch {
    /// Adds the faces in one transaction; what is answered is on disk.
    fn store(self, app: &Server, actor: &Actor) -> ApiResult<(StatusCode, Json<Enrolled>)> {
        let Self {
            gallery,
            mut subject,
            known,
            mut rejected,
            ..
        } = self;
        let (indices, faces): (Vec<usize>, Vec<NewFace>) = self.faces.into_iter().unzip();
        let outcomes = app.metrics.time(Stage::Store, || {
            if let Some(id) = known {
                gallery.add_faces(id, &faces)
            } else {
                let request = |face| EnrolmentRequest {
                    subject: subject.clone(),
                    face,
                };
                gallery.enrol_batch(&faces.into_iter().map(request).collect::<Vec<_>>())
            }
        })?;
        if let Some(id) = known {
            subject = gallery.show(id)?.subject.name;
        }
        let mut subject_id = known.map(|id| id.0);
        let (mut added, mut is_new_subject) = (Vec::new(), false);
        for (index, outcome) in indices.into_iter().zip(outcomes) {
            subject_id = Some(outcome.subject().0);
            let file_name = self.file_names[index].clone();
            match outcome {
                Enrolment::Added {
                    face,
                    is_new_subject: is_new,
                    ..
                } => {
                    is_new_subject |= is_new;
                    let face = EnrolledFace::new(gallery.face(face)?, &gallery)?;
                    added.push(Added {
                        index,
                        file_name,
                        face,
                    });
                }
                Enrolment::Duplicate { face, .. } => rejected.push(Rejected {
                    index,
                    file_name,
                    reason: "duplicate".to_owned(),
                    message: format!(
                        "the subject has this face of this picture already, as face {face}"
                    ),
                    hint: None,
                    subject: None,
                    similarity: None,
                }),
            }
        }
        rejected.sort_by_key(|rejected| rejected.index);
        if subject_id.is_none() {
            subject_id = gallery
                .show(&subject)
                .ok()
                .map(|details| details.subject.id.0);
        }
        let about = About {
            gallery: Some(&self.gallery_name),
            subject: Some(&subject),
        };
        let outcome = format!("{} added, {} rejected", added.len(), rejected.len());
        app.audit.record(actor, "enrol", about, outcome);
        let status = if added.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        Ok((
            status,
            Json(Enrolled {
                subject_id,
                subject,
                is_new_subject,
                added,
                rejected,
            }),
        ))
    }
}

/// Why a picture is not taken.
pub(crate) struct Refusal {
    pub(crate) error: Box<ApiError>,
    /// Another subject that the face looks like, and how much.
    pub(crate) other: Option<(String, f32)>,
}

impl Refusal {
    fn listed(self, index: usize, upload: &Upload) -> Rejected {
        let (subject, similarity) = self.other.unzip();
        let error = *self.error;
        Rejected {
            index,
            file_name: upload.file_name.clone(),
            reason: error.code.to_owned(),
            message: error.message,
            hint: error.hint,
            subject,
            similarity,
        }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self {
            error: Box::new(error),
            other: None,
        }
    }
}

/// Finds the face to enrol; faults of ours and a full queue end the request, what is wrong with the
/// picture is a refusal.
async fn judge(
    app: &App,
    gallery: Arc<Gallery>,
    subject: String,
    upload: Upload,
    rules: Rules,
    may_wait: bool,
) -> ApiResult<Result<NewFace, Refusal>> {
    let state = Arc::clone(app);
    let work = move |models: &LoadedModels| match face_of(
        &state, models, &gallery, &subject, &upload, rules,
    ) {
        Err(refusal) if refusal.error.status.is_server_error() => Err(*refusal.error),
        judged => Ok(judged),
    };
    if may_wait {
        app.compute.run_later(work).await
    } else {
        app.compute.run(work).await
    }
}

/// The face on a picture, ready to be enrolled as `subject`.
pub(crate) fn face_of(
    app: &Server,
    models: &LoadedModels,
    gallery: &Gallery,
    subject: &str,
    upload: &Upload,
    rules: Rules,
) -> Result<NewFace, Refusal> {
    let found = recognise::detect(app, models, upload, Wanted::default())?;
    let detection = recognise::choose(&found.faces, rules.choice)?;
    let width = detection.bounding_box.width();
    if width < rules.min_face_px {
        let message = format!(
            "expected a face at least {} pixels wide, found {width:.0}",
            rules.min_face_px
        );
        return Err(ApiError::new("face_too_small", message).into());
    }
    if detection.confidence < rules.min_confidence {
        let (wanted, found) = (rules.min_confidence, detection.confidence);
        let message = format!("expected a confidence of at least {wanted}, found {found:.2}");
        return Err(ApiError::new("low_confidence", message).into());
    }
    let faces = recognise::embed(app, models, &found.image, vec![detection])?;
    let face = faces
        .first()
        .ok_or_else(|| ApiError::internal("no embedding for a face"))?;
    let quality = assess(&found.image, face, None);
    if quality.score < rules.min_quality {
        let message = format!(
            "expected a quality of at least {}, found {:.2}: {}",
            rules.min_quality,
            quality.score,
            quality.parts.complaint()
        );
        let error = ApiError::new("low_quality", message).with_hint(quality.parts.advice());
        return Err(error.into());
    }
    if !rules.allow_conflict {
        refuse_other_subject(models, gallery, subject, &face.embedding)?;
    }
    let source = Source {
        file_name: upload.file_name.clone(),
        sha256: PictureHash::of(&upload.bytes),
    };
    let mut new =
        NewFace::of(face, Some(source), app.settings.keep_crops).map_err(ApiError::from)?;
    new.quality.add(&quality);
    Ok(new)
}

fn refuse_other_subject(
    models: &LoadedModels,
    gallery: &Gallery,
    subject: &str,
    embedding: &prosopon::Embedding,
) -> Result<(), Refusal> {
    let judge = models.judge(gallery).map_err(ApiError::from)?;
    let Some(calibration) = judge.calibration else {
        return Ok(());
    };
    let table = &calibration.calibration;
    let threshold = table.threshold(models.model.clone(), CONFLICT_FMR);
    let options = IdentifyOptions {
        max_candidates: 2,
        template: TemplateKind::Mean,
    };
    let candidates = gallery
        .identify(embedding, options)
        .map_err(ApiError::from)?;
    // Somebody who looks like two subjects is no conflict if the first of them is meant.
    let Some(best) = candidates.first() else {
        return Ok(());
    };
    if &*best.name == subject || !threshold.accepts(best.similarity) {
        return Ok(());
    }
    let message = format!(
        "the face looks like `{}`: similarity {}",
        best.name, best.similarity
    );
    Err(Refusal {
        error: Box::new(
            ApiError::new("looks_like_another_subject", message)
                .with_hint("check the name, or pass `allow_conflict=true`"),
        ),
        other: Some((best.name.to_string(), best.similarity.value())),
    })
}
