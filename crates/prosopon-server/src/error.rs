//! Errors as the client sees them: one table of codes, one JSON shape.

use std::fmt::Display;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prosopon::image::ImageError;
use prosopon::{CompareError, DetectError, EngineError};
use prosopon_gallery::{AlbumError, GalleryError, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

/// Codes that the server itself gives, with their HTTP status. Pictures and galleries bring codes
/// of their own ([`ImageError::code`], [`GalleryError::code`]); [`ApiError::from`] says with which
/// status.
#[rustfmt::skip]
pub(crate) const CODES: &[(&str, StatusCode)] = &[
    ("invalid_request", StatusCode::BAD_REQUEST),
    ("invalid_parameter", StatusCode::BAD_REQUEST),
    ("missing_picture", StatusCode::BAD_REQUEST),
    ("invalid_base64", StatusCode::BAD_REQUEST),
    ("invalid_address", StatusCode::BAD_REQUEST),
    ("invalid_name", StatusCode::BAD_REQUEST),
    ("invalid_version", StatusCode::BAD_REQUEST),
    ("incomplete_body", StatusCode::BAD_REQUEST),
    ("key_missing", StatusCode::UNAUTHORIZED),
    ("key_invalid", StatusCode::UNAUTHORIZED),
    ("scope_missing", StatusCode::FORBIDDEN),
    ("other_gallery", StatusCode::FORBIDDEN),
    ("cross_site", StatusCode::FORBIDDEN),
    ("host_not_allowed", StatusCode::FORBIDDEN),
    ("url_input_disabled", StatusCode::FORBIDDEN),
    ("address_not_allowed", StatusCode::FORBIDDEN),
    ("evaluation_folders_disabled", StatusCode::FORBIDDEN),
    ("training_folders_disabled", StatusCode::FORBIDDEN),
    ("not_found", StatusCode::NOT_FOUND),
    ("unknown_camera", StatusCode::NOT_FOUND),
    ("unknown_event", StatusCode::NOT_FOUND),
    ("unknown_live_session", StatusCode::NOT_FOUND),
    ("unknown_classifier", StatusCode::NOT_FOUND),
    ("unknown_version", StatusCode::NOT_FOUND),
    ("no_report", StatusCode::NOT_FOUND),
    ("unknown_evaluation", StatusCode::NOT_FOUND),
    ("unknown_training", StatusCode::NOT_FOUND),
    ("unknown_folder", StatusCode::NOT_FOUND),
    ("unknown_gallery", StatusCode::NOT_FOUND),
    ("unknown_album", StatusCode::NOT_FOUND),
    ("unknown_key", StatusCode::NOT_FOUND),
    ("no_crop", StatusCode::NOT_FOUND),
    ("cascade_missing", StatusCode::NOT_FOUND),
    ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
    ("body_timeout", StatusCode::REQUEST_TIMEOUT),
    ("no_candidate", StatusCode::CONFLICT),
    ("nothing_before", StatusCode::CONFLICT),
    ("stable_version", StatusCode::CONFLICT),
    ("unusable_classifier", StatusCode::CONFLICT),
    ("tool_missing", StatusCode::CONFLICT),
    ("evaluation_state", StatusCode::CONFLICT),
    ("training_state", StatusCode::CONFLICT),
    ("cancelled", StatusCode::CONFLICT),
    ("camera_exists", StatusCode::CONFLICT),
    ("camera_not_running", StatusCode::CONFLICT),
    ("camera_not_pushed", StatusCode::CONFLICT),
    ("too_many_cameras", StatusCode::CONFLICT),
    ("secret_unreadable", StatusCode::CONFLICT),
    ("gallery_exists", StatusCode::CONFLICT),
    ("album_exists", StatusCode::CONFLICT),
    ("too_many_albums", StatusCode::CONFLICT),
    ("group_without_name", StatusCode::CONFLICT),
    ("gallery_not_empty", StatusCode::CONFLICT),
    ("default_gallery", StatusCode::CONFLICT),
    ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE),
    ("training_too_large", StatusCode::PAYLOAD_TOO_LARGE),
    ("unsupported_content_type", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ("missing_identity", StatusCode::UNPROCESSABLE_ENTITY),
    ("too_few_pictures", StatusCode::UNPROCESSABLE_ENTITY),
    ("face_not_found", StatusCode::UNPROCESSABLE_ENTITY),
    ("multiple_faces", StatusCode::UNPROCESSABLE_ENTITY),
    ("missing_class", StatusCode::UNPROCESSABLE_ENTITY),
    ("unusable_face", StatusCode::UNPROCESSABLE_ENTITY),
    ("untrainable", StatusCode::UNPROCESSABLE_ENTITY),
    ("face_too_small", StatusCode::UNPROCESSABLE_ENTITY),
    ("low_confidence", StatusCode::UNPROCESSABLE_ENTITY),
    ("low_quality", StatusCode::UNPROCESSABLE_ENTITY),
    ("looks_like_another_subject", StatusCode::UNPROCESSABLE_ENTITY),
    ("unusable_landmarks", StatusCode::UNPROCESSABLE_ENTITY),
    ("no_landmarks", StatusCode::UNPROCESSABLE_ENTITY),
    ("not_calibrated", StatusCode::UNPROCESSABLE_ENTITY),
    ("camera_failed", StatusCode::UNPROCESSABLE_ENTITY),
    ("fetch_failed", StatusCode::UNPROCESSABLE_ENTITY),
    ("too_many_requests", StatusCode::TOO_MANY_REQUESTS),
    ("training_under_way", StatusCode::TOO_MANY_REQUESTS),
    ("too_many_evaluations", StatusCode::TOO_MANY_REQUESTS),
    ("internal", StatusCode::INTERNAL_SERVER_ERROR),
    ("queue_full", StatusCode::SERVICE_UNAVAILABLE),
    ("too_busy", StatusCode::SERVICE_UNAVAILABLE),
    ("no_frame", StatusCode::SERVICE_UNAVAILABLE),
    ("too_many_viewers", StatusCode::SERVICE_UNAVAILABLE),
    ("too_many_live_sessions", StatusCode::SERVICE_UNAVAILABLE),
    ("loading", StatusCode::SERVICE_UNAVAILABLE),
    ("disk_full", StatusCode::INSUFFICIENT_STORAGE),
];

/// An error on its way to the client.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u64>,
    /// What goes to the log and not to the client.
    pub(crate) cause: Option<String>,
}

/// The JSON of an error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
    /// Also in the header `x-request-id` and in the server's log.
    pub(crate) request_id: String,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// Stable name of the kind of error.
    pub(crate) code: String,
    /// What went wrong, in one line; may be improved.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl From<&ApiError> for ErrorDetail {
    fn from(error: &ApiError) -> Self {
        Self {
            code: error.code.to_owned(),
            message: error.message.clone(),
            hint: error.hint.clone(),
        }
    }
}

impl ApiError {
    /// An error of [`CODES`].
    pub(crate) fn new(code: &'static str, message: impl Display) -> Self {
        let known = CODES.iter().find(|(known, _)| *known == code);
        Self {
            status: known.map_or(StatusCode::INTERNAL_SERVER_ERROR, |(_, status)| *status),
            code,
            message: message.to_string(),
            hint: None,
            retry_after: None,
            cause: None,
        }
    }

    /// The same with a hint.
    pub(crate) fn with_hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same with a time after which to try again.
    pub(crate) fn retry_after(mut self, secs: u64) -> Self {
        self.retry_after = Some(secs);
        self
    }

    /// A fault of ours: the cause goes to the log, not to the client.
    pub(crate) fn internal(cause: impl Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new("internal", "something went wrong in the server")
                .with_hint("the server's log has the cause, under this request id")
        }
    }

    /// The server's disk is full: not the client's fault, and nothing that a retry mends at once. Which file it was is in
    /// the log.
    pub(crate) fn disk_full(cause: impl Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new("disk_full", "no space is left on the server's disk").with_hint(
                "whoever runs the server has to make room; nothing that was acknowledged is lost",
            )
        }
    }

    fn of_status(
        status: StatusCode,
        code: &'static str,
        error: &impl std::error::Error,
        hint: Option<String>,
    ) -> Self {
        let mut error = Self {
            status,
            code,
            message: with_causes(error),
            hint,
            retry_after: None,
            cause: None,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            error.cause = Some(std::mem::replace(
                &mut error.message,
                "something went wrong in the server".to_owned(),
            ));
        }
        error
    }
}

/// An error with what caused it, in one line.
pub(crate) fn with_causes(error: &impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text.replace('\n', " ")
}

impl From<ImageError> for ApiError {
    fn from(error: ImageError) -> Self {
        let status = match error {
            ImageError::FileTooLarge { .. }
            | ImageError::TooManyPixels { .. }
            | ImageError::TooMuchMemory { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ImageError::Encode { .. } | ImageError::Read { .. } | ImageError::Write { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::of_status(
            status,
            error.code(),
            &error,
            error.hint().map(str::to_owned),
        )
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NoLandmarks => {
                Self::new("no_landmarks", error).with_hint("run the server with `--detector scrfd`")
            }
            EngineError::Align(error) => Self::new("unusable_landmarks", error),
            error => Self::internal(with_causes(&error)),
        }
    }
}

impl From<DetectError> for ApiError {
    fn from(error: DetectError) -> Self {
        Self::internal(with_causes(&error))
    }
}

impl From<CompareError> for ApiError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::NotCalibrated { .. } => Self::new("not_calibrated", error.to_string())
                .with_hint("pass `threshold`, a similarity from -1 to 1"),
            CompareError::UncertainRate { .. } | CompareError::Rate { .. } => {
                Self::new("invalid_parameter", error.to_string())
            }
            _ => Self::internal(with_causes(&error)),
        }
    }
}

impl From<GalleryError> for ApiError {
    fn from(error: GalleryError) -> Self {
        if let GalleryError::Store(StoreError::Full { .. }) = error {
            return Self::disk_full(error);
        }
        let status = match &error {
            GalleryError::UnknownSubject { .. }
            | GalleryError::UnknownSubjectId { .. }
            | GalleryError::UnknownFace { .. } => StatusCode::NOT_FOUND,
            GalleryError::NameTaken { .. } | GalleryError::MergeWithItself { .. } => {
                StatusCode::CONFLICT
            }
            GalleryError::InvalidName { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            GalleryError::Store(
                StoreError::ModelMismatch { .. } | StoreError::DimensionMismatch { .. },
            ) => StatusCode::CONFLICT,
            GalleryError::Store(StoreError::Busy { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        // Hints of the gallery speak of the command line.
        let hint = match &error {
            GalleryError::UnknownSubject {
                closest: Some(name),
                ..
            } => Some(format!("did you mean `{name}`?")),
            GalleryError::NameTaken { .. }
            | GalleryError::InvalidName { .. }
            | GalleryError::MergeWithItself { .. } => Some(error.hint()),
            _ => None,
        };
        let mut answer = Self::of_status(status, error.code(), &error, hint);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.retry_after = Some(1);
        }
        answer
    }
}

impl From<AlbumError> for ApiError {
    fn from(error: AlbumError) -> Self {
        if let AlbumError::Store(StoreError::Full { .. }) = error {
            return Self::disk_full(error);
        }
        let status = match &error {
            AlbumError::UnknownGroup { .. } | AlbumError::UnknownFace { .. } => {
                StatusCode::NOT_FOUND
            }
            AlbumError::InvalidName { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            AlbumError::Store(StoreError::Busy { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            AlbumError::Store(
                StoreError::ModelMismatch { .. } | StoreError::DimensionMismatch { .. },
            ) => StatusCode::CONFLICT,
            AlbumError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::CONFLICT,
        };
        // Some hints of the album speak of the command line.
        let hint = match &error {
            AlbumError::NameTaken { .. }
            | AlbumError::InvalidName { .. }
            | AlbumError::SameGroup { .. }
            | AlbumError::SeveralGroups { .. }
            | AlbumError::WholeGroup { .. }
            | AlbumError::NoFaces => Some(error.hint()),
            _ => None,
        };
        let mut answer = Self::of_status(status, error.code(), &error, hint);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.retry_after = Some(1);
        }
        answer
    }
}

/// The id is filled in on the way out, by the layer that knows it ([`crate::telemetry`]).
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: ErrorDetail::from(&self),
            request_id: crate::telemetry::current_request_id(),
        };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(secs) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, secs.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
            .extensions_mut()
            .insert(Given(Arc::new(self.clone())));
        response.extensions_mut().insert(Logged {
            code: self.code,
            cause: self.cause,
        });
        response
    }
}

/// The error that a response stands for, so that another API can say it in its own shape.
#[derive(Debug, Clone)]
pub(crate) struct Given(pub(crate) Arc<ApiError>);

/// What the log says about a response that is an error.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) code: &'static str,
    pub(crate) cause: Option<String>,
}

/// Answers of handlers.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

#[cfg(test)]
mod tests {
    use prosopon_gallery::FileKind;

    use super::*;

    #[test]
    fn a_full_disk_is_said_without_its_path() {
        let full = || StoreError::Full {
            file: FileKind::Gallery,
            path: "/srv/secret/gallery.db".into(),
        };
        for error in [
            ApiError::from(GalleryError::Store(full())),
            ApiError::from(AlbumError::Store(full())),
        ] {
            assert_eq!((error.status.as_u16(), error.code), (507, "disk_full"));
            assert!(error.hint.is_some() && !error.message.contains("secret"));
            assert!(error.cause.unwrap().contains("secret"));
        }
    }
}
