//! Pictures by address alone, for pages that cannot send a header. The key is in the address, so
//! this is off unless the setting `compreface_static_images` turns it on.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::access::{Service, no_service};
use super::faces::kept;
use crate::access::keys::Scope;
use crate::api::extract::Path;
use crate::error::ApiResult;
use crate::state::App;

pub(super) async fn show(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((key, image_id)): Path<(String, String)>,
) -> ApiResult<Response> {
    let address = peer.ip().to_canonical();
    let caller = app.access.by_key(&key, address);
    let caller = caller.or_else(|_| app.access.without_key(address));
    let Some(caller) = caller.ok().filter(|caller| caller.may(Scope::Enrol)) else {
        app.access.count_wrong_key(address)?;
        return Err(no_service(Service::Recognition, &key, "key_invalid"));
    };
    let bytes = kept(&app, caller, image_id).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        // A UUID never stands for another face.
        (header::CACHE_CONTROL, "public, max-age=31536000"),
    ];
    Ok((headers, bytes).into_response())
}
