//! Which address leads to which handler, and who may go there.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::keys::Scope;
use crate::access::{recognise_caller, require};
use crate::api::parameters::{Parameters, refuse_unknown};
use crate::api::{
    album_groups, albums, annotate, cameras, classic, classifiers, detect, embed, enrol,
    evaluations, events, faces, galleries, health, identify, keys, live, models, previews, pushed,
    session, subjects, trainings, verify,
};
use crate::error::ApiError;
use crate::settings::Settings;
use crate::state::App;
use crate::{body, compat, openapi, telemetry, web};

/// What pages may load and do: nothing from elsewhere, no script or style inside a page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; frame-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// Everything that the server answers.
pub(crate) fn router(app: App) -> Router {
    let (native, api) = native().split_for_parts();
    let api = openapi::finish(api);
    let api = serde_json::to_value(&api).unwrap_or_default();
    let known = Arc::new(Parameters::of(&api));
    let native = native.route_layer(from_fn_with_state(known, refuse_unknown));
    let page = Bytes::from(openapi::page(&api));
    let api = Bytes::from(api.to_string());
    let json = [(header::CONTENT_TYPE, "application/json")];
    let described = Router::new()
        .route("/openapi.json", get(async move || (json, api.clone())))
        .route("/docs", get(async move || Html(page.clone())))
        .route("/docs.css", get(openapi::style));
    let settings = &app.settings;
    Router::new()
        .merge(native)
        .merge(described)
        .merge(web::routes())
        .merge(compat::routes(&app))
        .fallback(async || {
            ApiError::new("not_found", "there is nothing at this address")
                .with_hint("`/docs` lists all endpoints")
        })
        .method_not_allowed_fallback(async || {
            ApiError::new(
                "method_not_allowed",
                "the address does not take this method",
            )
            .with_hint("`/docs` lists all endpoints")
        })
        // Requests are received whole, within limits of their own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&app), body::receive))
        .layer(from_fn_with_state(Arc::clone(&app), recognise_caller))
        .layer(cors(settings))
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::internal("a panic").into_response()
        }))
        .layer(from_fn(compat::speak))
        .layer(map_response_with_state(Arc::clone(&app), secure))
        .layer(from_fn_with_state(Arc::clone(&app), telemetry::observe))
        .with_state(app)
}

/// The native API: a group of routes for each scope.
fn native() -> OpenApiRouter<App> {
    let public = OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(session::show, session::sign_in, session::sign_out));
    let asking = OpenApiRouter::new()
        .routes(routes!(detect::detect))
        .routes(routes!(embed::embed))
        .routes(routes!(verify::verify))
        .routes(routes!(identify::identify))
        .routes(routes!(annotate::annotate))
        .routes(routes!(classic::list))
        .routes(routes!(classic::view))
        .routes(routes!(classic::faces))
        .routes(routes!(classifiers::list))
        .routes(routes!(classifiers::show))
        .routes(routes!(classifiers::predict))
        .routes(routes!(galleries::list))
        .routes(routes!(galleries::show))
        .routes(routes!(models::models))
        .routes(routes!(models::system))
        .routes(routes!(health::metrics))
        .routes(routes!(live::open))
        .routes(routes!(live::close))
        .routes(routes!(live::frame))
        .routes(routes!(live::challenge))
        .route_layer(from_fn_with_state(Scope::Identify, require));
    let enrolling = OpenApiRouter::new()
        .routes(routes!(subjects::list, subjects::create))
        .routes(routes!(subjects::show, subjects::change, subjects::delete))
        .routes(routes!(subjects::merge))
        .routes(routes!(faces::of_subject, enrol::by_id))
        .routes(routes!(enrol::by_name))
        .routes(routes!(faces::show, faces::delete))
        .routes(routes!(faces::crop))
        .routes(routes!(albums::list, albums::create))
        .routes(routes!(albums::show, albums::delete))
        .routes(routes!(albums::add))
        .routes(routes!(albums::group))
        .routes(routes!(album_groups::list))
        .routes(routes!(album_groups::show))
        .routes(routes!(album_groups::crop))
        .routes(routes!(album_groups::history, album_groups::decide))
        .routes(routes!(album_groups::undo))
        .routes(routes!(album_groups::redo))
        .routes(routes!(album_groups::enrol))
        .route_layer(from_fn_with_state(Scope::Enrol, require));
    let looking = OpenApiRouter::new()
        .routes(routes!(cameras::list))
        .routes(routes!(cameras::show))
        .routes(routes!(previews::preview))
        .routes(routes!(previews::frame))
        .routes(routes!(pushed::socket, pushed::post))
        .routes(routes!(events::list))
        .routes(routes!(events::stream))
        .routes(routes!(events::crop))
        .route_layer(from_fn_with_state(Scope::Cameras, require));
    let administering = OpenApiRouter::new()
        .routes(routes!(cameras::create))
        .routes(routes!(cameras::change, cameras::delete))
        .routes(routes!(cameras::start))
        .routes(routes!(cameras::stop))
        .routes(routes!(events::purge))
        .routes(routes!(galleries::create))
        .routes(routes!(galleries::delete))
        .routes(routes!(classifiers::delete))
        .routes(routes!(classifiers::promote))
        .routes(routes!(classifiers::rollback))
        .routes(routes!(classifiers::report))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(keys::audit))
        .routes(routes!(trainings::list, trainings::create))
        .routes(routes!(trainings::show, trainings::delete))
        .routes(routes!(trainings::add_pictures))
        .routes(routes!(trainings::begin_learning))
        .routes(routes!(evaluations::list, evaluations::create))
        .routes(routes!(evaluations::show, evaluations::delete))
        .routes(routes!(evaluations::add_pictures))
        .routes(routes!(evaluations::finish))
        .routes(routes!(evaluations::report))
        .route_layer(from_fn_with_state(Scope::Admin, require));
    public
        .merge(asking)
        .merge(enrolling)
        .merge(looking)
        .merge(administering)
}

/// Pages of the listed origins may call the API with a key; nobody else's may.
fn cors(settings: &Settings) -> CorsLayer {
    let origins: Vec<HeaderValue> = settings
        .cors_origins
        .iter()
        .filter_map(|origin| origin.parse().ok())
        .collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static("x-api-key"),
            telemetry::REQUEST_ID,
        ])
        .expose_headers([telemetry::REQUEST_ID, annotate::FACES])
        .max_age(std::time::Duration::from_hours(1))
}

/// Headers that every answer carries unless its handler says otherwise.
async fn secure(
    axum::extract::State(app): axum::extract::State<App>,
    mut response: Response,
) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-store");
    set(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(), geolocation=()",
    );
    if app.settings.tls_certificate.is_some() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}
