//! What a camera may be: an address of the network, a device, a file, or pictures that are pushed here.
//!
//! A server that connects to where it is told to can be sent where the one who tells it cannot go. FFmpeg resolves
//! names and follows redirects by itself, so a check before it starts would be worth little. Cameras are therefore
//! only to be had at hosts that the operator has named in `camera_hosts`; a name that is allowed for its address
//! alone (`public`, a network) is resolved here, and the connection goes to the address that was checked.
//!
//! | File | Holds |
//! |---|---|
//! | `network.rs` | an address of the network: how it is read, and written with and without its secrets |
//! | `allowed.rs` | entries of `camera_hosts` |
//! | `targets.rs` | which targets the operator allows |

mod allowed;
mod network;
mod targets;

use std::fmt;

use crate::error::{ApiError, ApiResult};
use network::Network;

pub(crate) use allowed::wrong_host;
pub(crate) use targets::Targets;

/// Longest address that is taken, in bytes.
const MAX_BYTES: usize = 2048;

/// Where the pictures of a camera come from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Clients send them: `push:`.
    Pushed,
    /// A device of this machine, a file, or what FFmpeg makes by itself.
    Local(String),
    /// A camera of the network.
    Network(Network),
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// `invalid_address`.
    pub(crate) fn parse(text: &str) -> ApiResult<Self> {
        let text = text.trim();
        let invalid = |message: String| {
            Err(ApiError::new("invalid_address", message).with_hint(
                "such as rtsp://192.168.1.20:554/stream1, http://camera.lan/video.mjpg, /dev/video0, or push: for \
                 pictures that are sent to the server",
            ))
        };
        if text.is_empty() || text.len() > MAX_BYTES || text.chars().any(char::is_control) {
            return invalid(format!(
                "expected the address of a camera of 1 to {MAX_BYTES} bytes, found {}",
                text.len()
            ));
        }
        if text == "push:" {
            return Ok(Self::Pushed);
        }
        match text.split_once("://") {
            None => Ok(Self::Local(text.to_owned())),
            Some((scheme, rest)) => Network::parse(scheme, rest)
                .map(Self::Network)
                .or_else(invalid),
        }
    }

    /// The same with this user and password, as they are typed.
    ///
    /// # Errors
    /// `invalid_parameter` if there is nobody to show them to.
    pub(crate) fn with_login(self, user: &str, password: &str) -> ApiResult<Self> {
        match self {
            Self::Network(network) => Ok(Self::Network(network.with_login(user, password))),
            _ => Err(ApiError::new(
                "invalid_parameter",
                "expected no user and password for a camera that is not on the network",
            )),
        }
    }

    /// The same with the login of `old`, if it has none of its own and leads to the same place: whoever may change
    /// an address must not have the password sent somewhere else.
    pub(crate) fn keeping_login_of(self, old: &Self) -> Self {
        match (self, old) {
            (Self::Network(new), Self::Network(old)) => Self::Network(new.keeping_login_of(old)),
            (new, _) => new,
        }
    }

    /// The whole address, secrets included.
    pub(crate) fn secret(&self) -> String {
        match self {
            Self::Pushed => "push:".to_owned(),
            Self::Local(text) => text.clone(),
            Self::Network(network) => network.secret(),
        }
    }

    /// Whether a password or the like is in it.
    pub(crate) fn has_login(&self) -> bool {
        matches!(self, Self::Network(network) if network.has_login())
    }
}

/// Without secrets: neither login nor the values of parameters, where cameras take passwords too.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => f.write_str(&network.shown()),
            other => f.write_str(&other.secret()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        for address in [
            "rtsp://admin:hunter2@10.0.0.9:554/live",
            "http://admin:hunter2@cam.lan/snap?user=admin&pwd=hunter2",
            "rtsp://admin:hunt@er2@10.0.0.9/",
        ] {
            let target = Target::parse(address).unwrap();
            for shown in [target.to_string(), format!("{target:?}")] {
                assert!(!shown.contains("hunt") && !shown.contains("er2"), "{shown}");
                assert!(shown.contains("***"), "{shown}");
            }
            assert_eq!(target.secret(), address);
        }
        let plain = Target::parse("RTSP://Cam.LAN/live?a=1").unwrap();
        assert_eq!(plain.to_string(), "rtsp://cam.lan/live?a=***");
        let error = Target::parse("ftp://admin:hunter2@host/").unwrap_err();
        assert!(!error.message.contains("hunter2"));
    }

    #[test]
    fn logins_are_encoded_and_stay_where_they_belong() {
        let target = Target::parse("rtsp://cam.lan/live").unwrap();
        let target = target.with_login("admin", "p@ss:w/rd").unwrap();
        assert_eq!(target.secret(), "rtsp://admin:p%40ss%3Aw%2Frd@cam.lan/live");
        let same = Target::parse("rtsp://cam.lan/other")
            .unwrap()
            .keeping_login_of(&target);
        assert_eq!(same.secret(), "rtsp://admin:p%40ss%3Aw%2Frd@cam.lan/other");
        for elsewhere in [
            "rtsp://evil.lan/live",
            "rtsp://cam.lan:99/live",
            "http://cam.lan/live",
        ] {
            let elsewhere = Target::parse(elsewhere).unwrap().keeping_login_of(&target);
            assert!(!elsewhere.has_login(), "{elsewhere}");
        }
    }
}
