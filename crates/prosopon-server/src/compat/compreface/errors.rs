//! Errors as CompreFace numbers them.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::compat::said;
use crate::error::ApiError;

/// What an error of ours is called there: our code, its status and number there, and its sentence
/// where programs may look for it; otherwise our own.
#[rustfmt::skip]
const TABLE: &[(&str, u16, u16, Option<&str>)] = &[
    ("key_invalid", 404, 10, None),
    ("scope_missing", 404, 10, None),
    ("other_gallery", 404, 10, None),
    ("unknown_gallery", 404, 10, None),
    ("key_missing", 400, 20, Some("Missing request header: x-api-key")),
    ("unavailable_extension", 400, 21, None),
    ("not_a_picture", 400, 21, None),
    ("unsupported_format", 400, 21, None),
    ("key_not_uuid", 400, 26, Some("Service API key should be UUID")),
    ("invalid_name", 400, 26, None),
    ("invalid_parameter", 400, 26, None),
    ("face_not_found", 400, 28, Some("No face is found in the given image")),
    ("multiple_faces", 400, 31, Some("More than one face in the source image")),
    ("missing_parameter", 400, 33, None),
    ("missing_picture", 400, 34, None),
    ("unreadable_parameter", 400, 36, None),
    ("invalid_request", 400, 36, None),
    ("invalid_base64", 400, 36, None),
    ("wrong_embedding", 400, 37, None),
    ("unknown_subject", 404, 42, None),
    ("name_taken", 400, 43, Some("Subject already exists")),
    ("unknown_face", 404, 44, None),
];

/// Number of errors that CompreFace has no number for.
const UNDEFINED: u16 = 0;

/// Number of a bad argument: pictures that cannot be used, for one.
const BAD_ARGUMENT: u16 = 36;

/// Statuses that clients and proxies act on; others become 400.
const KEPT: &[u16] = &[404, 405, 408, 413, 415, 429, 500, 503, 507];

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    code: u16,
}

/// An error in CompreFace's shape.
pub(in crate::compat) fn error_response(error: &ApiError) -> Response {
    let row = TABLE.iter().find(|(code, ..)| *code == error.code);
    let (status, number, message) = match row {
        Some((_, status, number, message)) => (*status, *number, *message),
        None => match error.status.as_u16() {
            422 => (400, BAD_ARGUMENT, None),
            status if KEPT.contains(&status) => (status, UNDEFINED, None),
            _ => (400, UNDEFINED, None),
        },
    };
    let body = Body {
        message: message.unwrap_or(&error.message),
        code: number,
    };
    said(
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
        body,
    )
}

/// A parameter of the query that must be there.
pub(super) fn missing_parameter(name: &str) -> ApiError {
    let message = format!("expected the parameter `{name}`, found none");
    ApiError::new("missing_parameter", message)
}

/// A parameter that cannot be read at all.
pub(super) fn unreadable(name: &str, expected: &str, found: &str) -> ApiError {
    let found: String = found.chars().take(40).collect();
    let message = format!("expected {expected} as `{name}`, found `{found}`");
    ApiError::new("unreadable_parameter", message)
}

/// A value that breaks a rule.
pub(super) fn invalid(message: &str) -> ApiError {
    ApiError::new("invalid_parameter", message)
}

/// A subject that is not there.
pub(super) fn no_subject(name: &str) -> ApiError {
    ApiError::new("unknown_subject", format!("Subject {name} not found"))
}

/// An enrolled face that is not there.
pub(super) fn no_image(id: &str) -> ApiError {
    ApiError::new("unknown_face", format!("Image {id} not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_of(error: &ApiError) -> (u16, serde_json::Value) {
        let (head, body) = error_response(error).into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let bytes = runtime
            .block_on(axum::body::to_bytes(body, 10_000))
            .unwrap();
        (
            head.status.as_u16(),
            serde_json::from_slice(&bytes).unwrap(),
        )
    }

    #[test]
    fn errors_have_their_number_and_sentence() {
        let no_face = ApiError::new("face_not_found", "ours");
        let expected =
            serde_json::json!({"message": "No face is found in the given image", "code": 28});
        assert_eq!(said_of(&no_face), (400, expected));
        let expected = serde_json::json!({"message": "Subject Anna not found", "code": 42});
        assert_eq!(said_of(&no_subject("Anna")), (404, expected));
        for (code, status, number) in [
            ("queue_full", 503, 0),
            ("too_many_requests", 429, 0),
            ("body_too_large", 413, 0),
            ("not_found", 404, 0),
            ("method_not_allowed", 405, 0),
            ("cross_site", 400, 0),
            ("internal", 500, 0),
            ("unusable_landmarks", 400, 36),
            ("scope_missing", 404, 10),
        ] {
            let (found, body) = said_of(&ApiError::new(code, "ours"));
            let expected = serde_json::json!({"message": "ours", "code": number});
            assert_eq!((found, body), (status, expected), "{code}");
        }
    }
}
