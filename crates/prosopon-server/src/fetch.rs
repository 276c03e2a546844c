//! Pictures by address, where the operator has allowed it.
//!
//! `prosopon_fetch` says what may be reached, and fetches; here is what a server adds: only so many
//! at a time, within the memory that requests share, and an answer in time even if a name takes
//! minutes to resolve.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use prosopon_fetch::{Answer, Deadline, FetchError, Location, Network, Request};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::Intake;
use crate::error::{ApiError, ApiResult};
use crate::input::Upload;
use crate::settings::Settings;
use crate::state::App;

/// Pictures that are fetched at a time; others wait.
const MAX_FETCHES: usize = 8;

/// Time for a picture: waiting, names, connections, redirects and body together.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Fetches the picture at `url`.
///
/// # Errors
/// `url_input_disabled`, `invalid_address`, `address_not_allowed`, `fetch_failed`, `too_busy`.
pub(crate) async fn picture(app: &App, url: &str) -> ApiResult<Upload> {
    if !app.settings.allow_url_input {
        return Err(ApiError::new(
            "url_input_disabled",
            "this server does not fetch pictures from addresses",
        )
        .with_hint("send the picture itself, or set `allow_url_input`"));
    }
    let bytes = app.fetcher.fetch(&app.intake, url).await?;
    Ok(Upload {
        bytes,
        file_name: String::new(),
    })
}

/// Fetches pictures.
pub(crate) struct Fetcher {
    network: Arc<Network>,
    slots: Arc<Semaphore>,
    max_bytes: u64,
    max_time: Duration,
}

impl Fetcher {
    pub(crate) fn new(settings: &Settings) -> Self {
        let max_mib = settings.max_file_mib.min(settings.max_buffered_mib);
        Self::on(Network::public(), max_mib << 20, MAX_TIME)
    }

    fn on(network: Network, max_bytes: u64, max_time: Duration) -> Self {
        Self {
            network: Arc::new(network),
            slots: Arc::new(Semaphore::new(MAX_FETCHES)),
            max_bytes,
            max_time,
        }
    }

    /// The bytes at `url`; they count as received for as long as anybody has them.
    async fn fetch(&self, intake: &Intake, url: &str) -> ApiResult<Bytes> {
        let location = Location::parse(url)?;
        let deadline = Deadline::after(self.max_time);
        let memory = intake.reserve(self.max_bytes)?;
        let slot = Arc::clone(&self.slots).acquire_owned();
        let Ok(slot) = tokio::time::timeout_at(deadline.at().into(), slot).await else {
            return Err(
                ApiError::new("too_busy", "too many pictures are being fetched").retry_after(1),
            );
        };
        let slot = slot.map_err(ApiError::internal)?;
        let (network, max_bytes) = (Arc::clone(&self.network), self.max_bytes);
        let work = tokio::task::spawn_blocking(move || {
            // Held by the thread: a name that takes minutes to resolve must not free its slot.
            let _slot = slot;
            let request = Request {
                accept: "image/*, */*;q=0.5",
                // Nothing about this server is anybody's business.
                user_agent: "prosopon",
                max_bytes,
                deadline,
                validators: None,
            };
            match network.fetch(location, &request)? {
                Answer::Body(body) => Ok(Bytes::from_owner(Kept::new(body.bytes, memory))),
                Answer::NotModified => Err(ApiError::internal("an answer to no question")),
            }
        });
        match tokio::time::timeout_at(deadline.at().into(), work).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(ApiError::internal(error)),
            Err(_) => Err(deadline.passed().into()),
        }
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        let answer = Self::new(error.code(), &error);
        match error {
            FetchError::NotPublic => answer.with_hint(
                "only pictures on the public internet are fetched; send the picture itself",
            ),
            _ => answer,
        }
    }
}

/// Bytes with the memory that they were promised.
struct Kept {
    bytes: Vec<u8>,
    _memory: OwnedSemaphorePermit,
}

impl Kept {
    fn new(bytes: Vec<u8>, mut memory: OwnedSemaphorePermit) -> Self {
        let needed = Intake::units(bytes.len() as u64) as usize;
        // What was reserved for a picture of the largest size goes back.
        drop(memory.split(memory.num_permits().saturating_sub(needed)));
        Self {
            bytes,
            _memory: memory,
        }
    }
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
