//! POST with a signature.

use std::time::Duration;

use jiff::Timestamp;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

use super::courier::{Courier, Undelivered, json};
use super::sign::{EVENT_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use super::target::Webhook;
use crate::percent;
use crate::store::StoredEvent;

/// How much of an answer is read: enough to use the connection again after usual answers.
const ANSWER_BYTES: u64 = 64 << 10;

/// Sends events to one address.
pub(super) struct Poster {
    webhook: Webhook,
    agent: Agent,
    installation: String,
}

impl Poster {
    pub(super) fn new(webhook: Webhook, installation: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(webhook.timeout))
            .http_status_as_error(false)
            // A redirect would carry faces to where nobody said they should go.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("prosopon/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            webhook,
            agent: config.into(),
            installation: installation.to_owned(),
        }
    }
}

impl Courier for Poster {
    fn wants_crop(&self) -> bool {
        self.webhook.with_crop
    }

    fn deliver(&mut self, stored: &StoredEvent, crop: Option<&[u8]>) -> Result<(), Undelivered> {
        let body = json(stored, crop)?;
        let now = Timestamp::now();
        let event = &stored.event;
        let source = format!(
            "/prosopon/{}/{}",
            self.installation,
            percent::encoded(&event.camera)
        );
        let mut request = self
            .agent
            .post(self.webhook.url())
            .header("content-type", "application/json")
            .header(EVENT_HEADER, event.id.as_str())
            .header(TIMESTAMP_HEADER, now.as_second().to_string())
            // CloudEvents 1.0, HTTP binding in binary mode: receivers that know it need nothing else.
            .header("ce-specversion", "1.0")
            .header("ce-id", event.id.as_str())
            .header("ce-source", source)
            .header("ce-type", format!("prosopon.face.{}", event.kind.name()))
            .header("ce-time", event.at.to_string());
        if let Some(secret) = &self.webhook.secret {
            request = request.header(SIGNATURE_HEADER, sign(secret, now, &body));
        }
        if let Some(authorization) = &self.webhook.authorization {
            request = request.header("authorization", authorization.reveal());
        }
        match request.send(&body[..]) {
            Ok(mut answer) => {
                let result = judge(&answer);
                // Read to its end, the connection can be used again; what it says does not matter.
                let _ = answer
                    .body_mut()
                    .with_config()
                    .limit(ANSWER_BYTES)
                    .read_to_vec();
                result
            }
            Err(error) => Err(Undelivered::again(explain(&error))),
        }
    }
}

/// What a status says about the event.
fn judge<T>(answer: &Response<T>) -> Result<(), Undelivered> {
    let status = answer.status();
    let reason = format!("answered {status}");
    match status.as_u16() {
        200..300 => Ok(()),
        410 => Err(Undelivered::Gone { reason }),
        // It is the message that is wrong: too large, not understood.
        400 | 413 | 415 | 422 => Err(Undelivered::Refused { reason }),
        300..400 => Err(Undelivered::again(format!(
            "answered {status}; redirects are not followed"
        ))),
        // 401, 403 and 404 too: somebody will correct the secret or the address, and nothing should be lost.
        _ => Err(Undelivered::Again {
            reason,
            after: retry_after(answer),
        }),
    }
}

/// The pause that the receiver asks for; dates are not read.
fn retry_after<T>(answer: &Response<T>) -> Option<Duration> {
    if !matches!(
        answer.status(),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) {
        return None;
    }
    let value = answer.headers().get("retry-after")?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// What went wrong, without the address.
fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "no host of this name".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::BadUri(_) => "the address cannot be used".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Response<()> {
        let mut builder = Response::builder().status(status);
        if let Some(value) = retry_after {
            builder = builder.header("retry-after", value);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn statuses_say_what_to_do() {
        for status in [200, 202, 204] {
            assert_eq!(judge(&answer(status, None)), Ok(()));
        }
        for status in [301, 308, 401, 403, 404, 408, 429, 500, 503] {
            assert!(
                matches!(
                    judge(&answer(status, None)),
                    Err(Undelivered::Again { after: None, .. })
                ),
                "{status}"
            );
        }
        for status in [400, 413, 422] {
            assert!(matches!(
                judge(&answer(status, None)),
                Err(Undelivered::Refused { .. })
            ));
        }
        assert!(matches!(
            judge(&answer(410, None)),
            Err(Undelivered::Gone { .. })
        ));
    }

    #[test]
    fn receivers_may_ask_for_time() {
        let after = |status, value| retry_after(&answer(status, Some(value)));
        assert_eq!(after(429, "7"), Some(Duration::from_secs(7)));
        assert_eq!(after(503, " 9 "), Some(Duration::from_secs(9)));
        assert_eq!(after(429, "Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(after(429, "-1"), None);
        assert_eq!(after(500, "7"), None);
    }
}
