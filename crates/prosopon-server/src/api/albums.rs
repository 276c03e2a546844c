//! `/v1/albums`: photographs, to be grouped by person.

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use prosopon::{DecisionRequest, DecisionRule, Rates, cluster};
use prosopon_gallery::PictureHash;
use prosopon_gallery::album::{Album, GroupingOptions, NewAlbumFace, NewPicture, Start};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Json, Path};
use super::keys::unbound;
use super::types::in_range;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult};
use crate::input::{Form, Upload};
use crate::models::LoadedModels;
use crate::recognise::{self, Wanted};
use crate::state::{App, State as Server};

/// An album and its size.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlbumJson {
    name: String,
    pictures: u64,
    pictures_without_faces: u64,
    faces: u64,
    groups: u64,
    /// Groups with a name.
    named: u64,
}

impl AlbumJson {
    fn new(name: &str, album: &Album) -> ApiResult<Self> {
        let counts = album.counts()?;
        Ok(Self {
            name: name.to_owned(),
            pictures: counts.pictures,
            pictures_without_faces: counts.pictures_without_faces,
            faces: counts.faces,
            groups: counts.groups,
            named: counts.named,
        })
    }
}

/// All albums.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlbumList {
    albums: Vec<AlbumJson>,
}

/// An album to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAlbum {
    /// 1 to 64 letters, digits, `-` or `_`.
    #[schema(example = "summer", pattern = "^[A-Za-z0-9_-]{1,64}$")]
    name: String,
}

/// Runs `work` on an album; keys of one gallery have none. `work` is given a function that notes in the
/// audit log what was done, and to whom.
pub(crate) async fn on_album<T: Send + 'static>(
    app: &App,
    caller: Caller,
    name: String,
    work: impl FnOnce(&Server, &Album, &dyn Fn(&'static str, &str)) -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    unbound(&caller)?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let album = state.albums.get(&name)?;
        let audit = |action: &'static str, outcome: &str| {
            let outcome = format!("{name}: {outcome}");
            state
                .audit
                .record(&actor, action, About::default(), outcome);
        };
        work(&state, &album, &audit)
    })
    .await
}

/// List albums
#[utoipa::path(get, path = "/v1/albums", tag = "Albums", responses((status = 200, body = AlbumList)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> ApiResult<axum::Json<AlbumList>> {
    unbound(&caller)?;
    app.store(move |state| {
        let names = state.albums.names();
        let albums = names
            .iter()
            .map(|name| AlbumJson::new(name, &*state.albums.get(name)?));
        Ok(axum::Json(AlbumList {
            albums: albums.collect::<ApiResult<_>>()?,
        }))
    })
    .await
}

/// Make an album
#[utoipa::path(post, path = "/v1/albums", tag = "Albums", request_body = NewAlbum,
    responses((status = 201, body = AlbumJson)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewAlbum>,
) -> ApiResult<(StatusCode, axum::Json<AlbumJson>)> {
    unbound(&caller)?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let album = state.albums.create(&new.name)?;
        let outcome = format!("{}: ok", new.name);
        state
            .audit
            .record(&actor, "album.create", About::default(), outcome);
        Ok((
            StatusCode::CREATED,
            axum::Json(AlbumJson::new(&new.name, &album)?),
        ))
    })
    .await
}

/// Show an album
#[utoipa::path(get, path = "/v1/albums/{album}", tag = "Albums", params(("album" = String, Path)),
    responses((status = 200, body = AlbumJson)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<AlbumJson>> {
    on_album(&app, caller, name.clone(), move |_, album, _| {
        Ok(axum::Json(AlbumJson::new(&name, album)?))
    })
    .await
}

/// Delete an album
///
/// With everything in it; the bytes of embeddings and pictures do not stay on disk.
#[utoipa::path(delete, path = "/v1/albums/{album}", tag = "Albums", params(("album" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult<StatusCode> {
    let album = name.clone();
    on_album(&app, caller, name, move |state, _, audit| {
        state.albums.delete(&album)?;
        audit("album.delete", "ok");
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// What became of the pictures.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedPictures {
    added: Vec<AddedPicture>,
    rejected: Vec<RejectedPicture>,
}

/// A picture that is now in the album, on disk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedPicture {
    /// Index among the pictures of the request.
    index: usize,
    file_name: String,
    /// How many faces were found on it.
    faces: usize,
}

/// A picture that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectedPicture {
    /// Index among the pictures of the request.
    index: usize,
    file_name: String,
    /// Stable name of the reason; `duplicate` if the album has the picture already.
    reason: String,
    message: String,
    hint: Option<String>,
}

/// Add pictures
///
/// Each has its own outcome. Of a picture the album keeps its name, the faces, their embeddings and small
/// upright crops of them, not the picture itself. Faces are in no group until they are grouped.
#[utoipa::path(post, path = "/v1/albums/{album}/pictures", tag = "Albums", params(("album" = String, Path)),
    request_body(content((crate::openapi::PicturesForm = "multipart/form-data"), (crate::openapi::PicturesJson = "application/json"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = AddedPictures)))]
pub(crate) async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    form: Form,
) -> ApiResult<axum::Json<AddedPictures>> {
    let uploads = form.some_pictures(&app).await?;
    let hashes: Vec<PictureHash> = uploads.iter().map(|u| PictureHash::of(&u.bytes)).collect();
    let places: Vec<(PictureHash, String)> = hashes
        .iter()
        .copied()
        .zip(uploads.iter().map(|upload| upload.file_name.clone()))
        .collect();
    let known = on_album(&app, caller.clone(), name.clone(), move |_, album, _| {
        let known = places.iter().map(|(hash, path)| album.knows(hash, path));
        Ok(known.collect::<Result<Vec<bool>, _>>()?)
    })
    .await?;

    let mut outcome = AddedPictures {
        added: Vec::new(),
        rejected: Vec::new(),
    };
    let mut new = Vec::new();
    let mut may_wait = false;
    let looked_up = uploads.into_iter().zip(hashes).zip(known);
    for (index, ((upload, sha256), is_known)) in looked_up.enumerate() {
        let file_name = upload.file_name.clone();
        if is_known {
            outcome.rejected.push(RejectedPicture {
                index,
                file_name,
                reason: "duplicate".to_owned(),
                message: "the album has this picture already".to_owned(),
                hint: None,
            });
            continue;
        }
        let state = Arc::clone(&app);
        let work = move |models: &LoadedModels| match picture(&state, models, &upload, sha256) {
            Err(error) if error.status.is_server_error() => Err(error),
            picture => Ok(picture),
        };
        let looked_at = if may_wait {
            app.compute.run_later(work).await?
        } else {
            app.compute.run(work).await?
        };
        may_wait = true;
        match looked_at {
            Ok(picture) => {
                outcome.added.push(AddedPicture {
                    index,
                    file_name,
                    faces: picture.faces.len(),
                });
                new.push(picture);
            }
            Err(error) => outcome.rejected.push(RejectedPicture {
                index,
                file_name,
                reason: error.code.to_owned(),
                message: error.message,
                hint: error.hint,
            }),
        }
    }
    on_album(&app, caller, name, move |_, album, audit| {
        album.add(&new)?;
        let (added, rejected) = (outcome.added.len(), outcome.rejected.len());
        let said = format!("{added} added, {rejected} rejected");
        audit("album.add", &said);
        Ok(axum::Json(outcome))
    })
    .await
}

fn picture(
    app: &Server,
    models: &LoadedModels,
    upload: &Upload,
    sha256: PictureHash,
) -> ApiResult<NewPicture> {
    let found = recognise::analyse(app, models, upload, Wanted::default())?;
    let faces = found.faces.iter().map(NewAlbumFace::of);
    Ok(NewPicture {
        path: upload.file_name.clone(),
        sha256,
        width: found.image.width(),
        height: found.image.height(),
        faces: faces.collect::<Result<_, _>>()?,
    })
}

/// How to group.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GroupRequest {
    /// False match rate of one comparison; 0.1 by the number of faces, from 1e-3 to 1e-5, if neither it nor
    /// `threshold` is given.
    #[schema(minimum = 1e-12, maximum = 1.0)]
    fmr: Option<f64>,
    /// Least mean similarity of groups that are joined.
    #[schema(minimum = -1.0, maximum = 1.0)]
    threshold: Option<f32>,
    /// Forget the groups and make them anew; what was decided stays.
    again: bool,
    /// A person may be on a picture twice: mirrors, collages.
    allow_twice: bool,
}

/// What grouping changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Grouped {
    faces: usize,
    groups: usize,
    /// Of the faces that were in a group, those that are in another one now.
    moved_faces: usize,
    /// Least mean similarity of groups that were joined.
    threshold: f32,
    /// What it stands for; null if that is not known.
    fmr: Option<f64>,
}

/// Group the faces of an album
///
/// Joins groups of faces as long as the mean similarity between them reaches the threshold. Nothing that was
/// decided is changed.
#[utoipa::path(post, path = "/v1/albums/{album}/group", tag = "Albums", params(("album" = String, Path)),
    request_body = GroupRequest, responses((status = 200, body = Grouped)))]
pub(crate) async fn group(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Json(asked): Json<GroupRequest>,
) -> ApiResult<axum::Json<Grouped>> {
    in_range("threshold", asked.threshold, -1.0, 1.0)?;
    in_range("fmr", asked.fmr.map(|fmr| fmr as f32), 1e-12, 1.0)?;
    if asked.fmr.is_some() && asked.threshold.is_some() {
        let message = "expected `fmr` or `threshold`, found both";
        return Err(ApiError::new("invalid_parameter", message));
    }
    unbound(&caller)?;
    let (actor, asked_name) = (Actor::from(&caller), name.clone());
    let album = app
        .store(move |state| state.albums.get(&asked_name))
        .await?;
    app.run(move |state, models| {
        let mut request = DecisionRequest {
            fmr: asked.fmr,
            threshold: asked.threshold,
            uncertain_fmr: Some(0.0),
        };
        if request.fmr.is_none() && request.threshold.is_none() {
            request.fmr = Some(cluster::fmr(album.counts()?.faces as usize));
        }
        let calibration = models.calibration.as_ref();
        let rule = DecisionRule::resolve(&models.model, calibration, request, Rates::default());
        let threshold = rule?.threshold;
        let report = album.regroup(&GroupingOptions {
            threshold: &threshold,
            start: if asked.again {
                Start::Decisions
            } else {
                Start::Groups
            },
            allows_twice_in_picture: asked.allow_twice,
            progress: &|_| {},
        })?;
        let outcome = format!("{name}: {} groups", report.groups);
        state
            .audit
            .record(&actor, "album.group", About::default(), outcome);
        Ok(axum::Json(Grouped {
            faces: report.faces,
            groups: report.groups,
            moved_faces: report.moved_faces,
            threshold: threshold.similarity,
            fmr: threshold.fmr,
        }))
    })
    .await
}

/// The name of a picture's file; where it lay is nobody's business here.
pub(crate) fn file_name(path: &str) -> String {
    let name = FilePath::new(path).file_name();
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
