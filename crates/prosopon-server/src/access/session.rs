//! Browsers that have signed in with a key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use super::keys::KeyId;
use crate::telemetry::{hex, random};

/// Name of the cookie.
pub(crate) const COOKIE: &str = "prosopon_session";

/// Signed-in browsers at a time; past it the oldest is signed out.
const MAX_SESSIONS: usize = 10_000;

/// Sessions are kept in memory: a restart signs everybody out.
pub(crate) struct Sessions {
    length: Duration,
    /// By the hash of the token.
    open: Mutex<HashMap<[u8; 32], (KeyId, Instant)>>,
}

impl Sessions {
    pub(crate) fn new(hours: u64) -> Self {
        Self {
            length: Duration::from_secs(hours * 3600),
            open: Mutex::default(),
        }
    }

    /// Seconds until a new session ends.
    pub(crate) fn length_secs(&self) -> u64 {
        self.length.as_secs()
    }

    /// Opens a session; gives back its token.
    pub(crate) fn open(&self, key: KeyId) -> String {
        let token = hex(&random::<32>());
        let mut open = self.lock();
        let now = Instant::now();
        open.retain(|_, (_, start)| now.duration_since(*start) < self.length);
        if open.len() >= MAX_SESSIONS
            && let Some(oldest) = open
                .iter()
                .min_by_key(|(_, (_, start))| *start)
                .map(|(hash, _)| *hash)
        {
            open.remove(&oldest);
        }
        open.insert(hash(&token), (key, now));
        token
    }

    /// The key that a token was opened with; none once the session has ended.
    pub(crate) fn find(&self, token: &str) -> Option<KeyId> {
        let open = self.lock();
        let (key, start) = open.get(&hash(token))?;
        (start.elapsed() < self.length).then_some(*key)
    }

    /// Ends a session.
    pub(crate) fn close(&self, token: &str) {
        self.lock().remove(&hash(token));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], (KeyId, Instant)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The session's token in the headers.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_open_and_close() {
        let sessions = Sessions::new(1);
        let (a, b) = (sessions.open(KeyId(1)), sessions.open(KeyId(2)));
        assert_ne!(a, b);
        assert_eq!(sessions.find(&a), Some(KeyId(1)));
        sessions.close(&a);
        assert_eq!(
            (sessions.find(&a), sessions.find(&b)),
            (None, Some(KeyId(2)))
        );
        assert_eq!(
            Sessions::new(0).find(&Sessions::new(0).open(KeyId(1))),
            None
        );
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        headers.insert(
            header::COOKIE,
            "a=b; prosopon_session=tok; prosopon_session_2=x"
                .parse()
                .unwrap(),
        );
        assert_eq!(cookie(&headers), Some("tok"));
    }
}
