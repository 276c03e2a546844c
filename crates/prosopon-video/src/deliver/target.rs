//! Who is told: webhooks, MQTT brokers.

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use ureq::http::Uri;

use super::secret::Secret;
use crate::percent;

/// The name of a target in the outbox: the same after every restart, without secrets.
///
/// It says what kind of target that is and where, and has a part of the SHA-256 of the whole address: paths and
/// queries of webhooks are often secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct TargetId(String);

/// Who is told.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// An HTTP server that gets a POST for each event.
    Webhook(Webhook),
    /// An MQTT broker.
    Mqtt(Mqtt),
}

/// An HTTP server that gets a POST for each event. `Display` and `Debug` show its scheme and host only.
#[derive(Clone, PartialEq)]
pub struct Webhook {
    pub(super) url: Uri,
    pub(super) authorization: Option<Secret>,
    /// Signs what is sent.
    pub secret: Option<Secret>,
    /// Send the crop, as base64 in `crop_jpeg`.
    pub with_crop: bool,
    /// How long an answer may take, from the name's resolution to the end of the body.
    pub timeout: Duration,
}

/// An MQTT broker. `Display` and `Debug` show no password.
#[derive(Debug, Clone, PartialEq)]
pub struct Mqtt {
    /// Name or address of the broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What all topics begin with.
    pub prefix: String,
    /// Who we are, if the broker asks.
    pub user: Option<String>,
    /// Proof of that.
    pub password: Option<Secret>,
    /// Announce cameras to Home Assistant, under this prefix; `homeassistant` is what it listens to.
    pub home_assistant: Option<String>,
    /// Publish crops too.
    pub with_crop: bool,
}

/// Why an address cannot be a target.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It cannot be read as an address. The address may be secret, and is not shown.
    #[error("expected {expected}, found an address that {found}")]
    Address {
        /// What would do.
        expected: &'static str,
        /// What is wrong.
        found: &'static str,
    },
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] super::secret::SecretError),
}

const A_WEBHOOK: &str = "the address of a webhook such as `https://example.org/faces`";
const A_BROKER: &str = "the address of a broker such as `mqtt://user@broker:1883/prosopon`";

impl TargetError {
    /// What the user can do about it; one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Address { .. } => "write the whole address, with its scheme and without blanks",
            Self::Secret(error) => error.hint(),
        }
    }

    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "invalid_target",
            Self::Secret(_) => "invalid_secret",
        }
    }
}

impl TargetId {
    /// The id that was written like this; any text is one.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(kind: &str, place: &str, address: &str) -> Self {
        Self(format!("{kind}:{place}:{}", &digest(address)[..16]))
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of `text` in hexadecimal digits.
pub(super) fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    crate::event::hexadecimal(&bytes)
}

impl Target {
    /// Its name in the outbox.
    pub fn id(&self) -> TargetId {
        match self {
            Self::Webhook(webhook) => {
                let place = authority(&webhook.url).1;
                TargetId::of("webhook", place, &webhook.url.to_string())
            }
            Self::Mqtt(mqtt) => {
                let place = format!("{}:{}", mqtt.host, mqtt.port);
                TargetId::of("mqtt", &place, &format!("{place}/{}", mqtt.prefix))
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(webhook) => webhook.fmt(f),
            Self::Mqtt(mqtt) => mqtt.fmt(f),
        }
    }
}

impl Webhook {
    /// A webhook at `http://…` or `https://…`; a `user:password@` becomes a header of its own.
    ///
    /// # Errors
    /// [`TargetError::Address`] if that is no such address.
    pub fn parse(address: &str) -> Result<Self, TargetError> {
        let wrong = |found| TargetError::Address {
            expected: A_WEBHOOK,
            found,
        };
        let uri: Uri = address
            .trim()
            .parse()
            .map_err(|_| wrong("cannot be read"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("begins with neither http:// nor https://"));
        }
        let (user_info, place) = authority(&uri);
        if uri.host().is_none_or(str::is_empty) {
            return Err(wrong("names no host"));
        }
        let authorization = user_info.map(|user_info| {
            let decoded = percent::decoded(user_info);
            let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, decoded);
            Secret::unchecked(format!("Basic {encoded}"))
        });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let scheme = uri.scheme_str().unwrap_or_default();
        let url = format!("{scheme}://{place}{path}");
        Ok(Self {
            url: url.parse().map_err(|_| wrong("cannot be read"))?,
            authorization,
            secret: None,
            with_crop: false,
            timeout: Duration::from_secs(10),
        })
    }

    /// The address without user and password. Its path may be secret.
    pub fn url(&self) -> String {
        self.url.to_string()
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.scheme_str().unwrap_or_default();
        write!(f, "{scheme}://{}", authority(&self.url).1)?;
        f.write_str(if self.url.path() == "/" && self.url.query().is_none() {
            "/"
        } else {
            "/…"
        })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({self})")
    }
}

impl Mqtt {
    /// A broker at `mqtt://[user[:password]@]host[:port][/prefix]`; port 1883 and prefix `prosopon` if they are not
    /// given. Home Assistant is told, with its usual prefix.
    ///
    /// # Errors
    /// [`TargetError::Address`] if that is no such address.
    pub fn parse(address: &str) -> Result<Self, TargetError> {
        let wrong = |found| TargetError::Address {
            expected: A_BROKER,
            found,
        };
        let uri: Uri = address
            .trim()
            .parse()
            .map_err(|_| wrong("cannot be read"))?;
        match uri.scheme_str() {
            Some("mqtt") => {}
            Some("mqtts") => {
                return Err(wrong(
                    "asks for TLS, which is not supported: use a broker on this machine that forwards over TLS",
                ));
            }
            _ => return Err(wrong("does not begin with mqtt://")),
        }
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(wrong("names no host"));
        }
        // A `#` begins what a URL keeps to itself, and it is no part of any topic that can be published to.
        if uri.query().is_some() || address.contains('#') {
            return Err(wrong("has a `?` or `#`"));
        }
        let prefix = match uri.path().trim_matches('/') {
            "" => "prosopon".to_owned(),
            path => percent::decoded(path),
        };
        if prefix.contains(['+', '#', '\0']) || prefix.starts_with('$') || prefix.len() > 200 {
            return Err(wrong(
                "has `+`, `#`, a leading `$` or more than 200 bytes in its prefix",
            ));
        }
        let (user, password) = match authority(&uri).0 {
            None => (None, None),
            Some(user_info) => match user_info.split_once(':') {
                None => (Some(percent::decoded(user_info)), None),
                Some((user, password)) => (
                    Some(percent::decoded(user)),
                    Some(Secret::unchecked(percent::decoded(password))),
                ),
            },
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(1883),
            prefix,
            user,
            password,
            home_assistant: Some("homeassistant".to_owned()),
            with_crop: false,
        })
    }
}

impl fmt::Display for Mqtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mqtt://{}:{}/{}", self.host, self.port, self.prefix)
    }
}

/// User with password, and host with port.
fn authority(uri: &Uri) -> (Option<&str>, &str) {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    match authority.rsplit_once('@') {
        Some((user_info, place)) => (Some(user_info), place),
        None => (None, authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_addresses_are_not_shown() {
        let webhook =
            Webhook::parse("https://anna:pass%40word@example.org:8443/hooks/T0KEN?key=S3CRET")
                .unwrap();
        assert_eq!(
            webhook.url(),
            "https://example.org:8443/hooks/T0KEN?key=S3CRET"
        );
        let target = Target::Webhook(webhook.clone());
        let mqtt = Mqtt::parse("mqtt://anna:hidden@broker").unwrap();
        assert_eq!(mqtt.user.as_deref(), Some("anna"));
        assert_eq!((mqtt.port, mqtt.prefix.as_str()), (1883, "prosopon"));
        assert_eq!(mqtt.password.as_ref().map(Secret::reveal), Some("hidden"));
        for shown in [
            format!("{target} {target:?} {}", target.id()),
            format!("{mqtt} {mqtt:?} {}", Target::Mqtt(mqtt.clone()).id()),
        ] {
            for secret in ["T0KEN", "S3CRET", "pass", "hidden"] {
                // `password` is the name of a field.
                let shown = shown.replace("password:", "");
                assert!(!shown.contains(secret), "{secret} in {shown}");
            }
        }
        assert_eq!(
            webhook.authorization.unwrap().reveal(),
            "Basic YW5uYTpwYXNzQHdvcmQ="
        );
    }

    #[test]
    fn ids_last_and_depend_on_the_place_only() {
        let id = |address| Target::Webhook(Webhook::parse(address).unwrap()).id();
        assert_eq!(id("http://a/x"), id("http://someone:else@a/x"));
        assert_ne!(id("http://a/x"), id("http://a/y"));
        assert_eq!(id("http://a/x").as_str(), "webhook:a:c1d78952d54b4441");
        let mqtt = |address| Target::Mqtt(Mqtt::parse(address).unwrap()).id();
        assert_eq!(mqtt("mqtt://b"), mqtt("mqtt://u:p@b:1883/prosopon/"));
        assert_ne!(mqtt("mqtt://b"), mqtt("mqtt://b/other"));
    }

    #[test]
    fn what_is_no_address_is_said_without_showing_it() {
        for address in [
            "",
            "example.org/x",
            "ftp://example.org",
            "http://",
            "http:// a",
            "http://a b/SECRET",
        ] {
            let error = Webhook::parse(address).unwrap_err();
            assert_eq!(error.code(), "invalid_target", "{address}");
            assert!(!error.to_string().contains("SECRET"));
        }
        for address in [
            "broker",
            "mqtts://broker",
            "mqtt://broker/a/#",
            "mqtt://broker/$SYS",
            "mqtt://broker/?x",
        ] {
            assert!(Mqtt::parse(address).is_err(), "{address}");
        }
        assert_eq!(Mqtt::parse("mqtt://[::1]:1884/a/b").unwrap().host, "::1");
    }
}
