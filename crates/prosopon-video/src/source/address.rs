//! Where frames come from, as it is written, without ever telling a password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::percent;

/// Schemes of streams that are handed to FFmpeg as they are.
const SCHEMES: [&str; 8] = [
    "rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "srt", "udp",
];

/// Endings of addresses on HTTP that are files: every frame is wanted, and they end.
const FILE_ENDINGS: [&str; 7] = ["mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg"];

/// Parts of the names of parameters in an address that hold what nobody else may see.
const SECRET_PARAMETERS: [&str; 6] = ["pass", "pwd", "token", "secret", "auth", "key"];

/// Where frames come from.
///
/// | Written | Is |
/// |---|---|
/// | `clip.mp4` | a video file; `file:NAME` if the name looks like another kind |
/// | `pictures/` | a folder of pictures in the order of their names |
/// | `loop:clip.mp4` | a video file over and over in real time, as a camera would give it |
/// | `webcam:0`, `/dev/video0` | a camera of this machine |
/// | `rtsp://…`, `http://…`, … | a stream of the network |
/// | `test:`, `test:640x480@25` | FFmpeg's moving test picture |
/// | `-` | raw frames on standard input |
///
/// `Display` and `Debug` write `***` for user and password; [`Address::secret`] is the whole.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    kind: AddressKind,
    written: String,
}

/// What kind of place an [`Address`] is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind {
    /// A file or a folder of pictures; which of them is seen when it is opened.
    Path(PathBuf),
    /// A video file over and over in real time.
    Loop(PathBuf),
    /// A camera of this machine: a device file, or the number or name that the system has for it.
    Webcam(String),
    /// A stream of the network that does not end.
    Stream,
    /// A video file of the network: every frame counts, and it ends.
    RemoteFile,
    /// FFmpeg's moving test picture.
    Test {
        /// Width and height in pixels.
        size: (u32, u32),
        /// Frames a second.
        frames_per_second: u32,
    },
    /// Raw frames on standard input.
    StandardInput,
}

/// Why a text is no [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing at all.
    #[error("expected a video, a camera or a stream, found an empty address")]
    Empty,
    /// A stream of a kind that is not read.
    #[error("expected an address of {}, found `{found}://`", SCHEMES.join(", "))]
    Scheme {
        /// The scheme.
        found: String,
    },
    /// A stream without a host.
    #[error("expected a host after `{scheme}://`, found none")]
    NoHost {
        /// The scheme.
        scheme: String,
    },
    /// A test picture of a shape that is not understood.
    #[error("expected `test:` or `test:WIDTHxHEIGHT@RATE`, found `test:{found}`")]
    Test {
        /// What follows `test:`.
        found: String,
    },
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(written: &str) -> Result<Self, AddressError> {
        Ok(Self {
            kind: kind_of(written)?,
            written: written.to_owned(),
        })
    }
}

fn kind_of(written: &str) -> Result<AddressKind, AddressError> {
    if written.trim().is_empty() {
        return Err(AddressError::Empty);
    }
    if written == "-" {
        return Ok(AddressKind::StandardInput);
    }
    if let Some((scheme, rest)) = written.split_once("://")
        && scheme.len() > 1
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
        && scheme != "file"
    {
        return stream(scheme, rest);
    }
    if let Some(path) = written.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return Ok(AddressKind::Path(path.into()));
    }
    if let Some(path) = written.strip_prefix("loop:") {
        return Ok(AddressKind::Loop(path.into()));
    }
    if let Some(shape) = written.strip_prefix("test:") {
        return test(shape).ok_or_else(|| AddressError::Test {
            found: shape.to_owned(),
        });
    }
    if written == "webcam" {
        return Ok(AddressKind::Webcam("0".to_owned()));
    }
    if let Some(name) = written.strip_prefix("webcam:") {
        let name = if name.is_empty() { "0" } else { name };
        return Ok(AddressKind::Webcam(name.to_owned()));
    }
    if written.starts_with("/dev/video") || written.starts_with("/dev/v4l/") {
        return Ok(AddressKind::Webcam(written.to_owned()));
    }
    Ok(AddressKind::Path(written.into()))
}

fn stream(scheme: &str, rest: &str) -> Result<AddressKind, AddressError> {
    let scheme = scheme.to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_str()) {
        return Err(AddressError::Scheme { found: scheme });
    }
    let (authority, path) = divide(rest);
    if host_of(authority).is_empty() && scheme != "udp" && scheme != "srt" {
        return Err(AddressError::NoHost { scheme });
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    let is_file = scheme.starts_with("http")
        && ending.is_some_and(|found| FILE_ENDINGS.iter().any(|e| e.eq_ignore_ascii_case(found)));
    Ok(if is_file {
        AddressKind::RemoteFile
    } else {
        AddressKind::Stream
    })
}

/// `user:password@host:port` and what follows it.
fn divide(rest: &str) -> (&str, &str) {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password with a slash in it is wrong, and is written all the same: it must not be told.
    match rest[end..].rfind('@') {
        Some(at) if !rest[..end].contains('@') && !rest[end..end + at].contains(['?', '#']) => {
            let host = end + at + 1;
            let end = rest[host..]
                .find(['/', '?', '#'])
                .map_or(rest.len(), |end| host + end);
            (&rest[..end], &rest[end..])
        }
        _ => (&rest[..end], &rest[end..]),
    }
}

fn host_of(authority: &str) -> &str {
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

fn test(shape: &str) -> Option<AddressKind> {
    let (size, rate) = match shape.split_once('@') {
        Some((size, rate)) => (size, rate.parse().ok()?),
        None => (shape, 25),
    };
    let size = if size.is_empty() {
        (640, 480)
    } else {
        let (width, height) = size.split_once('x')?;
        (width.parse().ok()?, height.parse().ok()?)
    };
    let fits = |side: u32| (16..=7680).contains(&side);
    (fits(size.0) && fits(size.1) && (1..=240).contains(&rate)).then_some(AddressKind::Test {
        size,
        frames_per_second: rate,
    })
}

impl Address {
    /// The address of a file or folder, whatever its name looks like.
    pub fn of_path(path: &Path) -> Self {
        Self {
            kind: AddressKind::Path(path.to_owned()),
            written: path.display().to_string(),
        }
    }

    /// What kind of place it is.
    pub fn kind(&self) -> &AddressKind {
        &self.kind
    }

    /// The address with user and password, to be kept sealed and never told.
    pub fn secret(&self) -> &str {
        &self.written
    }

    /// Whether it is a place of the network.
    pub fn is_remote(&self) -> bool {
        matches!(self.kind, AddressKind::Stream | AddressKind::RemoteFile)
    }

    /// The scheme of a place of the network, in small letters.
    pub fn scheme(&self) -> Option<String> {
        let (scheme, _) = self.written.split_once("://")?;
        self.is_remote().then(|| scheme.to_ascii_lowercase())
    }

    /// Host, and port if there is one, of a place of the network, as it is written.
    pub fn host(&self) -> Option<&str> {
        let (_, rest) = self.written.split_once("://")?;
        self.is_remote().then(|| host_of(divide(rest).0))
    }

    /// The same place with another user and password, both as they are; of the network only.
    #[must_use]
    pub fn with_credentials(&self, user: &str, password: &str) -> Self {
        let Some((scheme, rest)) = self.written.split_once("://") else {
            return self.clone();
        };
        if !self.is_remote() {
            return self.clone();
        }
        let (authority, path) = divide(rest);
        let written = format!(
            "{scheme}://{}:{}@{}{path}",
            percent::encoded(user),
            percent::encoded(password),
            host_of(authority)
        );
        Self {
            kind: self.kind.clone(),
            written,
        }
    }

    /// The address for FFmpeg: without what is meant for us.
    pub(crate) fn url(&self) -> &str {
        match self.kind {
            AddressKind::Stream => self.written.split('#').next().unwrap_or_default(),
            _ => &self.written,
        }
    }

    /// What follows `#`: `udp` asks for another transport.
    pub(crate) fn fragment(&self) -> Option<&str> {
        let (_, fragment) = self.written.split_once('#')?;
        (self.kind == AddressKind::Stream).then_some(fragment)
    }

    /// All texts in it that nobody else may see, the longest first.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        if !self.is_remote() {
            return secrets;
        }
        let Some((_, rest)) = self.written.split_once("://") else {
            return secrets;
        };
        let (authority, path) = divide(rest);
        if let Some((user_and_password, _)) = authority.rsplit_once('@') {
            secrets.push(user_and_password.to_owned());
            if let Some((_, password)) = user_and_password.split_once(':') {
                secrets.push(password.to_owned());
                secrets.push(percent::decoded(password));
            }
        }
        for (_, value) in secret_parameters(path) {
            secrets.push(value.to_owned());
            secrets.push(percent::decoded(value));
        }
        // A password of one letter would blacken the whole message; FFmpeg repeats only whole addresses.
        secrets.retain(|secret| secret.len() >= 3);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }
}

/// Parameters of an address whose names say that they are secret.
fn secret_parameters(path: &str) -> impl Iterator<Item = (&str, &str)> {
    path.split(['?', '&', '#'])
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, value)| {
            let name = name.to_ascii_lowercase();
            !value.is_empty() && SECRET_PARAMETERS.iter().any(|part| name.contains(part))
        })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.written.split_once("://").filter(|_| self.is_remote())
        else {
            return f.write_str(&self.written);
        };
        let (authority, path) = divide(rest);
        let user = if authority.contains('@') { "***@" } else { "" };
        let mut path = path.to_owned();
        let secrets: Vec<_> = secret_parameters(&path)
            .map(|(name, value)| (format!("{name}={value}"), format!("{name}=***")))
            .collect();
        for (written, shown) in secrets {
            path = path.replace(&written, &shown);
        }
        write!(f, "{scheme}://{user}{}{path}", host_of(authority))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(written: &str) -> AddressKind {
        written.parse::<Address>().expect(written).kind
    }

    #[test]
    fn kinds_are_known_by_how_they_are_written() {
        let path = |path: &str| AddressKind::Path(path.into());
        assert_eq!(kind("clip.mp4"), path("clip.mp4"));
        assert_eq!(kind("C:\\films\\clip.mp4"), path("C:\\films\\clip.mp4"));
        assert_eq!(kind("file:test:"), path("test:"));
        assert_eq!(kind("file:///films/a.mp4"), path("/films/a.mp4"));
        assert_eq!(kind("loop:a.mp4"), AddressKind::Loop("a.mp4".into()));
        assert_eq!(kind("-"), AddressKind::StandardInput);
        assert_eq!(kind("webcam"), AddressKind::Webcam("0".into()));
        assert_eq!(kind("webcam:2"), AddressKind::Webcam("2".into()));
        assert_eq!(
            kind("/dev/video1"),
            AddressKind::Webcam("/dev/video1".into())
        );
        assert_eq!(kind("rtsp://cam/live"), AddressKind::Stream);
        assert_eq!(kind("HTTP://cam/live.mjpg"), AddressKind::Stream);
        assert_eq!(kind("https://site/a.MP4?x=1"), AddressKind::RemoteFile);
        let test = |size, frames_per_second| AddressKind::Test {
            size,
            frames_per_second,
        };
        assert_eq!(kind("test:"), test((640, 480), 25));
        assert_eq!(kind("test:320x240@10"), test((320, 240), 10));
    }

    #[test]
    fn what_is_no_address_is_said() {
        let error = |text: &str| text.parse::<Address>().expect_err(text);
        assert_eq!(error(" "), AddressError::Empty);
        assert!(matches!(error("ftp://a/b"), AddressError::Scheme { .. }));
        assert!(matches!(error("rtsp://"), AddressError::NoHost { .. }));
        assert!(matches!(
            error("rtsp://u:p@/x"),
            AddressError::NoHost { .. }
        ));
        assert!(matches!(error("test:huge"), AddressError::Test { .. }));
        assert!(matches!(error("test:0x9@1"), AddressError::Test { .. }));
    }

    #[test]
    fn passwords_are_never_shown() {
        for written in [
            "rtsp://admin:hunter22@10.0.0.7:554/live",
            "rtsp://admin:hunt/er22@10.0.0.7/live",
            "rtsp://admin:h@hunter22@10.0.0.7/live",
            "http://10.0.0.7/video.cgi?user=admin&pwd=hunter22",
            "https://10.0.0.7/v?access_token=hunter22#x",
        ] {
            let address: Address = written.parse().expect(written);
            for shown in [format!("{address}"), format!("{address:?}")] {
                assert!(!shown.contains("er22"), "{shown}");
                assert!(shown.contains("***"), "{shown}");
                assert!(shown.contains("10.0.0.7"), "{shown}");
            }
            assert_eq!(address.secret(), written);
            assert!(address.host().is_some_and(|h| h.starts_with("10.0.0.7")));
        }
    }

    #[test]
    fn secrets_are_listed_as_they_are_and_as_they_are_meant() {
        let address: Address = "rtsp://me:p%40ss@cam/live".parse().expect("an address");
        assert_eq!(address.secrets(), ["me:p%40ss", "p%40ss", "p@ss"]);
    }

    #[test]
    fn credentials_are_put_in() {
        let address: Address = "rtsp://old:one@cam:554/live?x=1".parse().expect("one");
        let other = address.with_credentials("me", "p@ss/word");
        assert_eq!(other.secret(), "rtsp://me:p%40ss%2Fword@cam:554/live?x=1");
        assert_eq!(other.host(), Some("cam:554"));
        assert_eq!(other.to_string(), "rtsp://***@cam:554/live?x=1");
    }

    #[test]
    fn the_transport_is_not_part_of_the_url() {
        let address: Address = "rtsp://cam/live#udp".parse().expect("one");
        assert_eq!(address.url(), "rtsp://cam/live");
        assert_eq!(address.fragment(), Some("udp"));
    }
}
