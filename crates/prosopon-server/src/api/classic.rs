//! `/v1/classic`: what methods from before networks see in a picture.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prosopon::classic::{Cascade, CascadeHit, GrayImage, MultiScale, View};
use prosopon::detect::EyeRule;
use prosopon::image::ResizeFilter;
use prosopon::{Image, ImageError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::Query;
use super::types::{BoundingBox, in_range, normalized};
use crate::error::{ApiError, ApiResult};
use crate::input::Form;
use crate::metrics::Stage;
use crate::recognise::{self, Wanted};
use crate::state::App;

/// Longer side of a view in pixels, where the request says nothing.
const USUAL_SIDE: u32 = 1024;
/// Longest side of a view: gradients take tens of bytes a pixel while they are drawn.
const MOST_SIDE: u32 = 2048;
/// Longer side of the picture that cascades search; larger ones are shrunk first. Time grows with the pixels,
/// and a face of 24 pixels of this size is 2 % of the picture.
const CASCADE_SIDE: u32 = 1600;
/// Faces that are told about at most.
const MAX_FACES: usize = 1000;
/// Faces in which eyes are looked for at most: each is a search of its own.
const MAX_FACES_WITH_EYES: usize = 100;

/// What can be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassicJson {
    /// In the order in which they are best shown.
    views: Vec<ViewJson>,
    detectors: Vec<DetectorJson>,
    /// Whether eyes can be looked for: the cascade `haar:eye` is installed.
    eyes: bool,
}

/// A way to look at a picture.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ViewJson {
    name: &'static str,
    title: &'static str,
    /// What it shows, in a sentence.
    about: &'static str,
}

/// A way to find faces.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DetectorJson {
    name: DetectorName,
    title: &'static str,
    installed: bool,
    /// The command that installs it on the server, where it is not.
    install: Option<&'static str>,
}

/// How faces are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DetectorName {
    /// The server's network.
    #[default]
    Network,
    /// `OpenCV`'s cascade `haarcascade_frontalface_default`.
    Haar,
}

/// The command that installs all cascades.
const INSTALL: &str = "prosopon models pull haar";

/// List classic views
///
/// The views that can be drawn, and the detectors that are installed.
#[utoipa::path(get, path = "/v1/classic", tag = "Classic", responses((status = 200, body = ClassicJson)))]
pub(crate) async fn list(State(app): State<App>) -> ApiResult<Json<ClassicJson>> {
    let cascades = &app.compute.models()?.cascades;
    let view = |view: View| ViewJson {
        name: view.name(),
        title: view.title(),
        about: view.about(),
    };
    let detector = |name, title, installed: bool| DetectorJson {
        name,
        title,
        installed,
        install: (!installed).then_some(INSTALL),
    };
    Ok(Json(ClassicJson {
        views: View::ALL.into_iter().map(view).collect(),
        detectors: vec![
            detector(DetectorName::Network, "Network", true),
            detector(DetectorName::Haar, "Haar cascade", cascades.face.is_some()),
        ],
        eyes: cascades.eye.is_some(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ViewQuery {
    /// Name of the view, one of those that `GET /v1/classic` lists.
    view: String,
    /// Longer side of the answer in pixels, from 16 to 2048; larger pictures are shrunk first. 1024 if not given.
    #[param(minimum = 16, maximum = 2048)]
    max_side: Option<u32>,
}

/// Draw a classic view
///
/// The picture as a classic method sees it: gradients, equalised levels, outlines …
#[utoipa::path(post, path = "/v1/classic/view", tag = "Classic", params(ViewQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (crate::openapi::PictureForm = "multipart/form-data"), (crate::openapi::PictureJson = "application/json"))),
    responses((status = 200, description = "The view.", content((Vec<u8> = "image/png")))))]
pub(crate) async fn view(
    State(app): State<App>,
    Query(query): Query<ViewQuery>,
    form: Form,
) -> ApiResult<Response> {
    let view: View = query.view.parse().map_err(|error| {
        let names = View::ALL.map(View::name).join("`, `");
        ApiError::new("invalid_parameter", error).with_hint(format!("one of `{names}`"))
    })?;
    let side = query.max_side.unwrap_or(USUAL_SIDE);
    if !(16..=MOST_SIDE).contains(&side) {
        let message = format!("expected `max_side` from 16 to {MOST_SIDE}, found {side}");
        return Err(ApiError::new("invalid_parameter", message));
    }
    let upload = form.picture(&app, "image").await?;
    app.run(move |state, _| {
        let image = recognise::decode(&state, &upload)?;
        let png = state.metrics.time(Stage::Draw, || {
            view.draw(&shrunk(image, side)?).encode_png()
        })?;
        Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
    })
    .await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FacesQuery {
    /// How faces are found; `network` if not given.
    #[param(inline)]
    detector: Option<DetectorName>,
    /// Look for eyes within each face, with the cascade `haar:eye`.
    eyes: Option<bool>,
    /// Of a cascade: from one size to the next, from 1.05 to 2; 1.1 if not given.
    #[param(minimum = 1.05, maximum = 2.0)]
    scale_factor: Option<f32>,
    /// Of a cascade: how many windows on each other make a face, from 0 (every window) to 100; 5 if not given.
    #[param(minimum = 0, maximum = 100)]
    min_neighbors: Option<u32>,
}

/// The faces on a picture, as a classic method or the network finds them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassicFaces {
    width: u32,
    height: u32,
    detector: DetectorName,
    /// Largest first.
    faces: Vec<ClassicFace>,
}

/// A face.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClassicFace {
    /// In pixels of the upright picture.
    bounding_box: BoundingBox,
    /// The same divided by the picture's width and height.
    bounding_box_normalized: BoundingBox,
    /// How sure the network is, from 0 to 1; null from a cascade.
    confidence: Option<f32>,
    /// How many windows of the cascade it was put together from; null from the network.
    neighbors: Option<u32>,
    /// Null unless eyes were asked for, and for all but the hundred largest faces.
    eyes: Option<Vec<EyeJson>>,
}

/// An eye.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EyeJson {
    bounding_box: BoundingBox,
    bounding_box_normalized: BoundingBox,
}

/// Find faces and eyes
///
/// Boxes of faces by a Haar cascade or the network, and of the eyes within them.
#[utoipa::path(post, path = "/v1/classic/faces", tag = "Classic", params(FacesQuery),
    request_body(content((Vec<u8> = "application/octet-stream"), (crate::openapi::PictureForm = "multipart/form-data"), (crate::openapi::PictureJson = "application/json"))),
    responses((status = 200, body = ClassicFaces)))]
pub(crate) async fn faces(
    State(app): State<App>,
    Query(query): Query<FacesQuery>,
    form: Form,
) -> ApiResult<Json<ClassicFaces>> {
    in_range("scale_factor", query.scale_factor, 1.05, 2.0)?;
    let neighbors = query.min_neighbors;
    if neighbors.is_some_and(|n| n > 100) {
        let message = "expected `min_neighbors` from 0 to 100";
        return Err(ApiError::new("invalid_parameter", message));
    }
    let upload = form.picture(&app, "image").await?;
    app.run(move |state, models| {
        let detector = query.detector.unwrap_or_default();
        let eyes = match query.eyes {
            Some(true) => Some(installed(models.cascades.eye.as_ref())?),
            _ => None,
        };
        let (image, mut found) = match detector {
            DetectorName::Network => {
                let found = recognise::detect(&state, models, &upload, Wanted::default())?;
                let faces = found.faces.iter().map(|face| Found {
                    bounding_box: face.bounding_box,
                    confidence: Some(face.confidence),
                    neighbors: None,
                });
                (found.image, faces.collect())
            }
            DetectorName::Haar => {
                let cascade = installed(models.cascades.face.as_ref())?;
                let image = recognise::decode(&state, &upload)?;
                let search = MultiScale {
                    scale_factor: query.scale_factor.map_or(1.1, f64::from),
                    min_neighbors: neighbors.unwrap_or(5),
                    ..MultiScale::default()
                };
                let found = state
                    .metrics
                    .time(Stage::Detect, || by_cascade(cascade, &image, &search))?;
                state.metrics.looked(found.len());
                (image, found)
            }
        };
        found.truncate(MAX_FACES);
        let rule = eyes.map(|eyes| EyeRule {
            eyes: eyes.clone(),
            at_least: 0,
        });
        let search = rule.as_ref().map(|_| Searched::of(&image)).transpose()?;
        let eyes_of = |i: usize, face: &prosopon::BoundingBox| {
            let (rule, searched) = rule.as_ref().zip(search.as_ref())?;
            let here = searched.box_in_it(face);
            let eyes = (i < MAX_FACES_WITH_EYES).then(|| {
                let eyes = || rule.eyes(&searched.gray, &here);
                state.metrics.time(Stage::Detect, eyes)
            })?;
            let eye = |eye: prosopon::BoundingBox| {
                let eye = searched.box_in_picture(&eye);
                EyeJson {
                    bounding_box: eye.into(),
                    bounding_box_normalized: normalized(&eye, &image),
                }
            };
            Some(eyes.into_iter().map(eye).collect())
        };
        let json = |(i, found): (usize, &Found)| ClassicFace {
            bounding_box: found.bounding_box.into(),
            bounding_box_normalized: normalized(&found.bounding_box, &image),
            confidence: found.confidence,
            neighbors: found.neighbors,
            eyes: eyes_of(i, &found.bounding_box),
        };
        Ok(Json(ClassicFaces {
            width: image.width(),
            height: image.height(),
            detector,
            faces: found.iter().enumerate().map(json).collect(),
        }))
    })
    .await
}

/// A face, however it was found.
struct Found {
    bounding_box: prosopon::BoundingBox,
    confidence: Option<f32>,
    neighbors: Option<u32>,
}

fn installed(cascade: Option<&Cascade>) -> ApiResult<&Cascade> {
    cascade.ok_or_else(|| {
        ApiError::new(
            "cascade_missing",
            "the Haar cascades are not installed on the server",
        )
        .with_hint(format!(
            "run `{INSTALL}` there, then start the server again"
        ))
    })
}

/// What cascades search: the picture in grey, shrunk if it is large.
struct Searched {
    gray: GrayImage,
    /// Pixels of the picture for one of these, along x and y.
    per_x: f32,
    per_y: f32,
}

impl Searched {
    fn of(image: &Image) -> Result<Self, ImageError> {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let gray = if image.width().max(image.height()) > CASCADE_SIDE {
            GrayImage::with_opencv_luma(&shrunk(image.clone(), CASCADE_SIDE)?)
        } else {
            GrayImage::with_opencv_luma(image)
        };
        Ok(Self {
            per_x: width / gray.width() as f32,
            per_y: height / gray.height() as f32,
            gray,
        })
    }

    fn box_in_picture(&self, b: &prosopon::BoundingBox) -> prosopon::BoundingBox {
        prosopon::BoundingBox {
            left: b.left * self.per_x,
            top: b.top * self.per_y,
            right: b.right * self.per_x,
            bottom: b.bottom * self.per_y,
        }
    }

    fn box_in_it(&self, b: &prosopon::BoundingBox) -> prosopon::BoundingBox {
        prosopon::BoundingBox {
            left: b.left / self.per_x,
            top: b.top / self.per_y,
            right: b.right / self.per_x,
            bottom: b.bottom / self.per_y,
        }
    }
}

/// The hits of a cascade, largest first.
fn by_cascade(
    cascade: &Cascade,
    image: &Image,
    search: &MultiScale,
) -> Result<Vec<Found>, ImageError> {
    let searched = Searched::of(image)?;
    let hits = cascade.detect_multi_scale(&searched.gray, search);
    let found = |hit: &CascadeHit| Found {
        bounding_box: searched.box_in_picture(&prosopon::BoundingBox {
            left: hit.left as f32,
            top: hit.top as f32,
            right: (hit.left + hit.width) as f32,
            bottom: (hit.top + hit.height) as f32,
        }),
        confidence: None,
        neighbors: Some(hit.neighbors),
    };
    let mut found: Vec<Found> = hits.iter().map(found).collect();
    found.sort_by(|a, b| b.bounding_box.area().total_cmp(&a.bounding_box.area()));
    Ok(found)
}

/// The picture with a longer side of at most `side`.
fn shrunk(image: Image, side: u32) -> Result<Image, ImageError> {
    let longer = image.width().max(image.height());
    if longer <= side {
        return Ok(image);
    }
    let scale = f64::from(side) / f64::from(longer);
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    image.resized(
        scaled(image.width()),
        scaled(image.height()),
        ResizeFilter::Area,
    )
}
