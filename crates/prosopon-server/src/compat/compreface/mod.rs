//! The REST API of CompreFace 1.2, without its administration.
//!
//! The gallery of the key takes the place of the “face collection”. Everything speaks of subjects by
//! name and of enrolled faces by UUID ([`image_id`]).

mod access;
mod detection;
mod embeddings;
mod errors;
mod faces;
mod image_id;
mod looking;
mod query;
mod recognition;
mod service;
mod static_images;
mod subjects;
mod types;
mod verification;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use self::access::{Door, Service, admit};
pub(super) use self::errors::error_response;
pub(super) use self::subjects::names;
use crate::access::keys::Scope;
use crate::state::App;

/// Where the API lies.
pub(super) const ROOT: &str = "/api/v1";

/// All routes: a group for each kind of key.
pub(super) fn routes(app: &App) -> Router<App> {
    let door = |service, scope| {
        let door = Door {
            app: app.clone(),
            service,
            scope,
        };
        from_fn_with_state(door, admit)
    };
    let of_subjects = get(subjects::list)
        .post(subjects::create)
        .delete(subjects::delete_all);
    let enrolling = Router::new()
        .route("/recognition/subjects", of_subjects.clone())
        .route("/recognition/subjects/", of_subjects)
        .route(
            "/recognition/subjects/{subject}",
            delete(subjects::delete_one).put(subjects::rename),
        )
        .route(
            "/recognition/faces",
            get(faces::list)
                .post(faces::add)
                .delete(faces::delete_of_subject),
        )
        .route("/recognition/faces/delete", post(faces::delete_several))
        .route("/recognition/faces/{image_id}", delete(faces::delete_one))
        .route("/recognition/faces/{image_id}/img", get(faces::image))
        .route_layer(door(Service::Recognition, Scope::Enrol));
    let recognising = Router::new()
        .route("/recognition/recognize", post(recognition::recognize))
        .route(
            "/recognition/faces/{image_id}/verify",
            post(recognition::verify),
        )
        .route(
            "/recognition/embeddings/recognize",
            post(embeddings::recognize),
        )
        .route(
            "/recognition/embeddings/faces/{image_id}/verify",
            post(embeddings::verify_with_face),
        )
        .route_layer(door(Service::Recognition, Scope::Identify));
    let detecting = Router::new()
        .route("/detection/detect", post(detection::detect))
        .route_layer(door(Service::Detection, Scope::Identify));
    let verifying = Router::new()
        .route("/verification/verify", post(verification::verify))
        .route("/verification/embeddings/verify", post(embeddings::verify))
        .route_layer(door(Service::Verification, Scope::Identify));
    let mut public = Router::new()
        .route("/config", get(service::config))
        .route("/consistence/status", get(service::status));
    if app.settings.compreface_static_images {
        public = public.route(
            "/static/{api_key}/images/{image_id}",
            get(static_images::show),
        );
    }
    let all = public
        .merge(enrolling)
        .merge(recognising)
        .merge(detecting)
        .merge(verifying);
    Router::new().nest(ROOT, all)
}
