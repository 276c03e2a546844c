//! Entry points for `fuzz/`: the server without a socket, and the frames of a body that goes on.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;

use crate::cameras::mjpeg::Pictures;
use crate::error::Logged;
use crate::{LoadedModels, Settings, StartError, app, state};

/// Everything that a server with these models answers.
///
/// # Errors
/// [`StartError`].
pub fn router(settings: Settings, home: &Path, models: LoadedModels) -> Result<Router, StartError> {
    let state = state::State::open(settings, home)?;
    state.compute.ready(models).map_err(StartError::Runtime)?;
    Ok(app::router(Arc::clone(&state)))
}

/// What the server's log says of an answer that is the server's own fault.
pub fn fault(response: &Response) -> Option<String> {
    response.extensions().get::<Logged>()?.cause.clone()
}

/// The pictures of a body that arrives in pieces of `step` bytes; none if it makes no sense.
pub fn pushed_pictures(
    content_type: &str,
    body: &[u8],
    step: usize,
    max_bytes: usize,
) -> Option<Vec<Vec<u8>>> {
    let mut pictures = Pictures::of(content_type, max_bytes).ok()?;
    let mut found = Vec::new();
    for piece in body.chunks(step.max(1)) {
        pictures.push(piece);
        while let Some(picture) = pictures.next().ok()? {
            found.push(picture);
        }
    }
    Some(found)
}
