//! `/v1/session`: signing in with a key, so that a browser need not keep it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::Json;
use crate::access::keys::{KeyRecord, Scope, now_millis};
use crate::access::{COOKIE, Caller, Denied, Recognised, cookie};
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionJson {
    /// Whether requests of this client are allowed anything.
    signed_in: bool,
    keys_required: bool,
    /// The key's name; null without a key.
    name: Option<String>,
    scopes: Vec<Scope>,
    /// The only gallery that the key is for; null for all.
    gallery: Option<String>,
    /// When the session ends; null without one.
    expires_millis: Option<i64>,
}

/// A key to sign in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    key: String,
}

/// Show who is signed in
#[utoipa::path(get, path = "/v1/session", tag = "Server", responses((status = 200, body = SessionJson)))]
pub(crate) async fn show(
    State(app): State<App>,
    axum::Extension(Recognised(caller)): axum::Extension<Recognised>,
) -> axum::Json<SessionJson> {
    let caller = caller.ok();
    axum::Json(SessionJson {
        signed_in: caller.is_some(),
        keys_required: app.access.required,
        name: caller.as_ref().and_then(|caller| caller.name.clone()),
        gallery: caller.as_ref().and_then(|caller| caller.gallery.clone()),
        scopes: caller.map(|caller| caller.scopes).unwrap_or_default(),
        expires_millis: None,
    })
}

/// Sign in
///
/// Gives a cookie that stands for the key.
#[utoipa::path(post, path = "/v1/session", tag = "Server", request_body = SignIn,
    responses((status = 200, body = SessionJson)))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    axum::extract::ConnectInfo(peer): axum::extract::ConnectInfo<std::net::SocketAddr>,
    headers: HeaderMap,
    Json(form): Json<SignIn>,
) -> ApiResult<Response> {
    check_same_site(&headers)?;
    let address = peer.ip().to_canonical();
    let Some(record) = app.access.keys.find(form.key.trim()) else {
        app.access.count_wrong_key(address)?;
        return Err(ApiError::from(Denied::WrongKey));
    };
    let token = app.access.sessions.open(record.id);
    let KeyRecord {
        id,
        name,
        scopes,
        gallery,
        ..
    } = record;
    let caller = Caller {
        key: Some(id),
        name: Some(name),
        scopes,
        gallery,
        address,
    };
    app.audit.record(
        &Actor::from(&caller),
        "session.open",
        About::default(),
        "ok",
    );
    let secs = app.access.sessions.length_secs();
    let body = SessionJson {
        signed_in: true,
        keys_required: app.access.required,
        name: caller.name,
        scopes: caller.scopes,
        gallery: caller.gallery,
        expires_millis: Some(now_millis() + secs as i64 * 1000),
    };
    let mut response = axum::Json(body).into_response();
    set_cookie(&mut response, &app, &token, secs);
    Ok(response)
}

/// Sign out
#[utoipa::path(delete, path = "/v1/session", tag = "Server", responses((status = 204)))]
pub(crate) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> ApiResult<Response> {
    check_same_site(&headers)?;
    if let Some(token) = cookie(&headers) {
        app.access.sessions.close(token);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, &app, "", 0);
    Ok(response)
}

/// A page from elsewhere must not sign the user in or out.
fn check_same_site(headers: &HeaderMap) -> ApiResult<()> {
    let site = headers
        .get("sec-fetch-site")
        .and_then(|site| site.to_str().ok());
    match site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(ApiError::new(
            "cross_site",
            "the request comes from a page of another site",
        )),
    }
}

fn set_cookie(response: &mut Response, app: &App, token: &str, secs: u64) {
    let secure = if app.settings.tls_certificate.is_some() {
        "; Secure"
    } else {
        ""
    };
    let text =
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={secs}{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}
