//! Pictures by address, where the operator has allowed it.

use crate::error::{ApiError, ApiResult};
use crate::input::Upload;
use crate::state::App;

/// Fetches the picture at `url`.
///
/// # Errors
/// `url_input_disabled`.
pub(crate) async fn picture(app: &App, url: &str) -> ApiResult<Upload> {
    let _ = (app, url);
    Err(ApiError::new(
        "url_input_disabled",
        "this server does not fetch pictures from addresses",
    )
    .with_hint("send the picture itself, or set `allow_url_input`"))
}
