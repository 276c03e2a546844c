//! `/v1/galleries`: list, make, show, delete.

use axum::extract::State;
use axum::http::StatusCode;
use prosopon::DecisionRequest;
use prosopon_gallery::Gallery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Json, Path, Query};
use super::types::DecisionJson;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult};
use crate::galleries::DEFAULT;
use crate::state::{App, State as Server};

/// A gallery and its size.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GalleryJson {
    name: String,
    /// Whether it is used where none is named.
    is_default: bool,
    /// The model whose embeddings it has; null before the first face.
    model: Option<String>,
    subjects: u64,
    faces: u64,
    /// What decides here where a request names nothing else; null while the models are being loaded, and
    /// for a model that nobody has measured.
    decision: Option<DecisionJson>,
}

impl GalleryJson {
    pub(crate) fn new(app: &Server, name: &str, gallery: &Gallery) -> ApiResult<Self> {
        let counts = gallery.counts()?;
        let models = app.compute.models().ok();
        let rule = models.map(|models| {
            let judge = models.judge(gallery)?;
            let rule = judge.rule(DecisionRequest::default(), app.settings.rates());
            Ok::<_, ApiError>(rule.ok())
        });
        Ok(Self {
            decision: rule.transpose()?.flatten().as_ref().map(DecisionJson::from),
            name: name.to_owned(),
            is_default: name == DEFAULT,
            model: gallery.binding()?.map(|bound| bound.model.to_string()),
            subjects: counts.subjects,
            faces: counts.faces,
        })
    }
}

/// The galleries that a key may use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GalleryList {
    galleries: Vec<GalleryJson>,
}

/// A gallery to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGallery {
    /// 1 to 64 letters, digits, `-` or `_`.
    #[schema(example = "office", pattern = "^[A-Za-z0-9_-]{1,64}$")]
    name: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// Delete it with the subjects that are in it.
    force: Option<bool>,
}

/// All galleries that `caller` may see.
pub(crate) fn visible(app: &App, caller: &Caller) -> ApiResult<Vec<GalleryJson>> {
    let names = match &caller.gallery {
        Some(own) => vec![own.clone()],
        None => app.galleries.names(),
    };
    names
        .iter()
        .map(|name| GalleryJson::new(app, name, &*app.galleries.get(name)?))
        .collect()
}

/// List galleries
#[utoipa::path(get, path = "/v1/galleries", tag = "Galleries", responses((status = 200, body = GalleryList)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> ApiResult<axum::Json<GalleryList>> {
    app.store(move |state| {
        let galleries = visible(&state, &caller)?;
        Ok(axum::Json(GalleryList { galleries }))
    })
    .await
}

/// Make a gallery
#[utoipa::path(post, path = "/v1/galleries", tag = "Galleries", request_body = NewGallery,
    responses((status = 201, body = GalleryJson)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewGallery>,
) -> ApiResult<(StatusCode, axum::Json<GalleryJson>)> {
    caller.gallery(Some(&new.name))?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        let gallery = state.galleries.create(&new.name)?;
        let about = About {
            gallery: Some(&new.name),
            subject: None,
        };
        state.audit.record(&actor, "gallery.create", about, "ok");
        Ok((
            StatusCode::CREATED,
            axum::Json(GalleryJson::new(&state, &new.name, &gallery)?),
        ))
    })
    .await
}

/// Show a gallery
#[utoipa::path(get, path = "/v1/galleries/{gallery}", tag = "Galleries", params(("gallery" = String, Path)),
    responses((status = 200, body = GalleryJson)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<GalleryJson>> {
    app.store(move |state| {
        let (name, gallery) = state.gallery(&caller, Some(&name))?;
        Ok(axum::Json(GalleryJson::new(&state, &name, &gallery)?))
    })
    .await
}

/// Delete a gallery
///
/// With everything in it; the bytes of embeddings and pictures do not stay on disk.
#[utoipa::path(delete, path = "/v1/galleries/{gallery}", tag = "Galleries",
    params(("gallery" = String, Path), DeleteQuery), responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> ApiResult<StatusCode> {
    caller.gallery(Some(&name))?;
    let actor = Actor::from(&caller);
    app.store(move |state| {
        state
            .galleries
            .delete(&name, query.force.unwrap_or(false))?;
        state.metrics.forget_gallery(&name);
        let about = About {
            gallery: Some(&name),
            subject: None,
        };
        state.audit.record(&actor, "gallery.delete", about, "ok");
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
