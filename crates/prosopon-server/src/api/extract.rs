//! Extractors whose errors are ours.

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, ApiResult};

/// Parameters after the question mark.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(value) = query.map_err(|error| invalid(&error.body_text()))?;
        Ok(Self(value))
    }
}

/// Parts of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(value) = path.map_err(|error| invalid(&error.body_text()))?;
        Ok(Self(value))
    }
}

fn invalid(reason: &str) -> ApiError {
    // The framework begins with a sentence that says less.
    let reason = reason.split_once(": ").map_or(reason, |(_, rest)| rest);
    ApiError::new("invalid_parameter", reason.replace('\n', " "))
}

/// Bytes of a JSON body without a picture. Values take a multiple of their text in memory.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        use axum::extract::rejection::JsonRejection;
        let found = request.body().size_hint().lower();
        if found > MAX_JSON_BYTES {
            let message = format!("expected JSON of at most {MAX_JSON_BYTES} bytes, found {found}");
            return Err(ApiError::new("body_too_large", message));
        }
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::new(
                "unsupported_content_type",
                "expected content of type application/json",
            )),
            Err(error) => {
                let text = error.body_text();
                let reason = text
                    .split_once(": ")
                    .map_or(text.as_str(), |(_, rest)| rest);
                Err(ApiError::new("invalid_request", reason.replace('\n', " ")))
            }
        }
    }
}
