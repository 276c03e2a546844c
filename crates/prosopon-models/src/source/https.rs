//! A file's own address.

use std::path::Path;

use super::{Found, http};
use crate::error::{ModelsError, Result};
use crate::install::Pinned;
use crate::progress::Progress;

/// Fetches `url`, which must be encrypted, also after redirections.
pub(super) fn fetch(
    url: &str,
    pinned: Pinned<'_>,
    target: &Path,
    progress: &dyn Progress,
) -> Result<Found> {
    if !url.starts_with("https://") {
        return Err(ModelsError::NotHttps {
            url: url.to_owned(),
        });
    }
    http::fetch(url, true, pinned, target, progress)
}
