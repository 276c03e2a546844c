//! Fetching one file over HTTP.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use super::Found;
use crate::error::{ModelsError, Result};
use crate::install::{Pinned, copy_pinned};
use crate::progress::{Bar, Progress};

/// Longest wait for a connection, and for the server's answer to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest time for a whole file; the largest has 64 MB.
const WHOLE: Duration = Duration::from_mins(30);

/// Fetches `url` into `target`, if it is what is pinned.
pub(super) fn fetch(
    url: &str,
    https_only: bool,
    pinned: Pinned<'_>,
    target: &Path,
    progress: &dyn Progress,
) -> Result<Found> {
    let shown = without_login(url);
    let failed = |reason: String| ModelsError::Http {
        what: pinned.what.to_owned(),
        reason,
        url: shown.to_string(),
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .https_only(https_only)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_global(Some(WHOLE))
        .user_agent(concat!("prosopon/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let response = match agent.get(url).call() {
        Ok(response) => response,
        Err(ureq::Error::StatusCode(404 | 410)) => return Ok(Found::No),
        Err(ureq::Error::StatusCode(code)) => return Err(failed(format!("status {code}"))),
        Err(error) => return Err(failed(error.to_string())),
    };
    let what = format!("{} from {shown}", pinned.what);
    let bar = Bar::begin(progress, &what, Some(pinned.size));
    let reader = response.into_body().into_reader();
    match copy_pinned(reader, target, pinned, &shown, Some(&bar)) {
        Err(ModelsError::Io {
            action: "read",
            source,
            ..
        }) => Err(failed(source.to_string())),
        other => other.map(|()| Found::Yes),
    }
}

/// An address as it may be printed: a mirror may ask for a user and a password, which are nobody else's business.
fn without_login(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Cow::Borrowed(url);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://***{}", &rest[at..])),
        None => Cow::Borrowed(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_not_shown() {
        for (url, expected) in [
            (
                "https://me:hunter2@mirror.test/a@b",
                "https://***@mirror.test/a@b",
            ),
            ("http://me:p@ss@mirror.test:80", "http://***@mirror.test:80"),
            ("https://mirror.test/a@b", "https://mirror.test/a@b"),
            ("mirror", "mirror"),
        ] {
            assert_eq!(without_login(url), expected);
        }
    }
}
