//! Signatures of webhooks: who knows the secret sent this, just now, and nobody changed it.
//!
//! The signature is HMAC-SHA256 (RFC 2104, FIPS 198-1) under the secret's bytes over the timestamp's digits, a dot
//! and the body's bytes, as 64 hexadecimal digits. That the time is part of it keeps an old message from being sent
//! again later; that of the last minutes is known by its event id.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

use super::secret::Secret;

/// The header with the time of sending, in seconds since 1970-01-01 UTC.
pub const TIMESTAMP_HEADER: &str = "prosopon-timestamp";

/// The header with the signature: `v1=` and 64 hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "prosopon-signature";

/// The header with the event's id.
pub const EVENT_HEADER: &str = "prosopon-event-id";

/// The way of signing, so that there may be another one day.
const VERSION: &str = "v1=";

/// Why a message is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The header is not of the form `v1=` and 64 hexadecimal digits, or the timestamp is no number.
    #[error("expected `v1=` and 64 hexadecimal digits, and a timestamp in seconds")]
    Malformed,
    /// Somebody without the secret sent it, or somebody changed it.
    #[error("the signature does not belong to this message")]
    Wrong,
    /// It was sent too long ago, or in the future.
    #[error(
        "expected a message of the last {tolerance_secs} s, found one that is {age_secs} s old"
    )]
    Stale {
        /// Its age; negative in the future.
        age_secs: i64,
        /// The age that is tolerated.
        tolerance_secs: u32,
    },
}

/// The signature of `body` as sent at `timestamp`, for the header `prosopon-signature`.
pub fn sign(secret: &Secret, timestamp: Timestamp, body: &[u8]) -> String {
    let tag = mac(secret, &timestamp.as_second().to_string(), body).finalize();
    let digits = tag
        .into_bytes()
        .into_iter()
        .map(|byte| format!("{byte:02x}"));
    VERSION.to_owned() + &digits.collect::<String>()
}

/// Checks a message by its headers `prosopon-timestamp` and `prosopon-signature`. The body is to be as it was
/// received, before it is read as JSON.
///
/// This says nothing about repetition within `tolerance_secs`: whoever acts on a message remembers the ids of the
/// events of that time.
///
/// # Errors
/// [`SignatureError`] if the message is not to be believed. The signature is compared in constant time.
pub fn verify(
    secret: &Secret,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: Timestamp,
    tolerance_secs: u32,
) -> Result<(), SignatureError> {
    let tag = signature
        .trim()
        .strip_prefix(VERSION)
        .and_then(bytes_from_hex)
        .ok_or(SignatureError::Malformed)?;
    let timestamp = timestamp.trim();
    let sent: i64 = timestamp.parse().map_err(|_| SignatureError::Malformed)?;
    mac(secret, timestamp, body)
        .verify_slice(&tag)
        .map_err(|_| SignatureError::Wrong)?;
    let age_secs = now.as_second().saturating_sub(sent);
    if age_secs.unsigned_abs() > u64::from(tolerance_secs) {
        return Err(SignatureError::Stale {
            age_secs,
            tolerance_secs,
        });
    }
    Ok(())
}

fn mac(secret: &Secret, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of every length; the error is that of other kinds of codes"
    )]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

fn bytes_from_hex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..64)
        .step_by(2)
        .map(|i| u8::from_str_radix(&digits[i..i + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("0123456789abcdef0123456789abcdef", "a test").unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`
    #[test]
    fn signs_like_openssl() {
        assert_eq!(
            sign(&secret(), at(1_700_000_000), br#"{"a":1}"#),
            "v1=f05f2539e3ae1c49aec5f8cfdad75ef6b06480b133973ffbb7ec9e18827af177"
        );
    }

    #[test]
    fn only_what_was_signed_is_believed() {
        let (secret, now) = (secret(), at(1_700_000_100));
        let signature = sign(&secret, at(1_700_000_000), b"body");
        let check = |timestamp: &str, signature: &str, body: &[u8]| {
            verify(&secret, timestamp, signature, body, now, 300)
        };
        assert_eq!(check("1700000000", &signature, b"body"), Ok(()));
        assert_eq!(
            check(
                "1700000000",
                &signature.to_uppercase().replace("V1", "v1"),
                b"body"
            ),
            Ok(())
        );
        for (timestamp, body) in [
            ("1700000000", b"bodY".as_slice()),
            ("1700000001", b"body"),
            ("1700000000", b""),
            ("170000000", b"0.body"),
        ] {
            assert_eq!(
                check(timestamp, &signature, body),
                Err(SignatureError::Wrong)
            );
        }
        for (timestamp, signature) in [
            ("", signature.as_str()),
            ("now", &signature),
            ("1700000000", ""),
            ("1700000000", &signature[3..]),
            ("1700000000", &signature[..66]),
            ("1700000000", &signature.replace("v1", "v2")),
        ] {
            assert_eq!(
                check(timestamp, signature, b"body"),
                Err(SignatureError::Malformed)
            );
        }
        let other = Secret::new("ffffffffffffffffffffffffffffffff", "a test").unwrap();
        assert_eq!(
            verify(&other, "1700000000", &signature, b"body", now, 300),
            Err(SignatureError::Wrong)
        );
        for later in [1_700_000_301, 1_699_999_699] {
            let verified = verify(&secret, "1700000000", &signature, b"body", at(later), 300);
            assert!(matches!(verified, Err(SignatureError::Stale { .. })));
        }
    }
}
