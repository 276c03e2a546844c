//! Why a frame could not be looked at.

use prosopon::{AttributeError, DetectError, EmbedError};

/// Why a frame could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// Faces could not be searched for.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// Faces could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Attributes could not be estimated.
    #[error(transparent)]
    Attributes(#[from] AttributeError),
}
