//! Keys as CompreFace has them: one for each service, missing ones a mistake of the request, wrong
//! ones not found.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::keys::{Scope, is_uuid};
use crate::access::{Caller, Denied, Recognised};
use crate::error::{ApiError, ApiResult};
use crate::state::App;

/// What a key of CompreFace is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Service {
    Recognition,
    Detection,
    Verification,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Recognition => "Recognition",
            Self::Detection => "Detection",
            Self::Verification => "Verification",
        }
    }
}

/// What stands before a group of routes.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) app: App,
    pub(super) service: Service,
    pub(super) scope: Scope,
}

/// Lets only callers through whose key has the scope. Where no key is required, an unknown one is
/// as good as none: clients send the key of the system that they came from.
pub(super) async fn admit(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let sent = request.headers().get("x-api-key");
    let sent = sent.map(|key| key.to_str().unwrap_or("").to_owned());
    let recognised = request.extensions().get::<Recognised>();
    let recognised = recognised.map_or(Err(Denied::NoKey), |Recognised(caller)| caller.clone());
    let caller = recognised.or_else(|denied| {
        let without = door.app.access.without_key(peer.ip().to_canonical());
        without.map_err(|_| denied)
    });
    match checked(caller, sent.as_deref().unwrap_or(""), &door) {
        Ok(caller) => {
            request.extensions_mut().insert(Recognised(Ok(caller)));
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

fn checked(caller: Result<Caller, Denied>, sent: &str, door: &Door) -> ApiResult<Caller> {
    match caller {
        Ok(caller) if caller.may(door.scope) => Ok(caller),
        Err(Denied::NoKey) => Err(Denied::NoKey.into()),
        Err(Denied::WrongKey) if !is_uuid(sent) => Err(ApiError::new("key_not_uuid", "")),
        Ok(_) => Err(no_service(door.service, sent, "scope_missing")),
        Err(Denied::WrongKey) => Err(no_service(door.service, sent, "key_invalid")),
    }
}

/// The error for a key that opens no such service.
pub(super) fn no_service(service: Service, key: &str, code: &'static str) -> ApiError {
    let name = service.name();
    ApiError::new(code, format!("{name} service with API Key {key} not found"))
}
