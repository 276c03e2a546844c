//! What a camera may be: an address of the network, a device, a file, or pictures that are pushed here.
//!
//! A server that connects to where it is told to can be sent where the one who tells it cannot go. FFmpeg resolves
//! names and follows redirects by itself, so a check before it starts would be worth little. Cameras are therefore
//! only to be had at hosts that the operator has named in `camera_hosts`; a name that is allowed for its address
//! alone (`public`, a network) is resolved here, and the connection goes to the address that was checked.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

use crate::error::{ApiError, ApiResult};
use crate::settings::Settings;

/// Longest address that is taken, in bytes.
const MAX_BYTES: usize = 2048;

/// Stands where a secret is left out.
const HIDDEN: &str = "***";

/// Schemes of network cameras, with their usual ports.
const SCHEMES: &[(&str, u16)] = &[("rtsp", 554), ("rtsps", 322), ("http", 80), ("https", 443)];

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

/// `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH]`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Network {
    scheme: &'static str,
    /// As in the address: percent-encoded.
    user: Option<String>,
    password: Option<String>,
    host: String,
    port: Option<u16>,
    /// From the slash on.
    rest: String,
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
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Local(text.to_owned()));
        };
        let known = SCHEMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(scheme));
        let Some((scheme, _)) = known else {
            // The rest of the address may hold a password.
            return invalid(format!(
                "expected an address with rtsp, rtsps, http or https, found one with `{scheme}`"
            ));
        };
        let (authority, rest) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, "")))
        {
            Some((user, "")) => (Some(user.to_owned()), None),
            Some((user, password)) => (Some(user.to_owned()), Some(password.to_owned())),
            None => (None, None),
        };
        // What programs may read as another host than we do.
        let path = rest.split('?').next().unwrap_or("");
        let is_odd = path.contains('@') || rest.contains(['\\', ' ']);
        let Some((host, port)) = host_and_port(host).filter(|_| !is_odd) else {
            return invalid("expected a host, a port if any, and a path in the address; in a password, / is written %2F".to_owned());
        };
        Ok(Self::Network(Network {
            scheme,
            user,
            password,
            host,
            port,
            rest: rest.to_owned(),
        }))
    }

    /// The same with this user and password, as they are typed.
    ///
    /// # Errors
    /// `invalid_parameter` if there is nobody to show them to.
    pub(crate) fn with_login(self, user: &str, password: &str) -> ApiResult<Self> {
        match self {
            Self::Network(network) => Ok(Self::Network(Network {
                user: Some(percent_encoded(user)),
                password: (!password.is_empty()).then(|| percent_encoded(password)),
                ..network
            })),
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
            (Self::Network(new), Self::Network(old))
                if new.user.is_none()
                    && (new.scheme, &new.host, new.port) == (old.scheme, &old.host, old.port) =>
            {
                Self::Network(Network {
                    user: old.user.clone(),
                    password: old.password.clone(),
                    ..new
                })
            }
            (new, _) => new,
        }
    }

    /// The whole address, secrets included.
    pub(crate) fn secret(&self) -> String {
        match self {
            Self::Pushed => "push:".to_owned(),
            Self::Local(text) => text.clone(),
            Self::Network(network) => network.written(false, &network.host),
        }
    }

    /// Whether a password or the like is in it.
    pub(crate) fn has_login(&self) -> bool {
        matches!(self, Self::Network(network) if network.user.is_some())
    }
}

/// Without secrets: neither login nor the values of parameters, where cameras take passwords too.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => f.write_str(&network.written(true, &network.host)),
            other => f.write_str(&other.secret()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

impl Network {
    fn written(&self, is_shown: bool, host: &str) -> String {
        let login = match (&self.user, &self.password) {
            (None, _) => String::new(),
            (Some(_), _) if is_shown => format!("{HIDDEN}@"),
            (Some(user), Some(password)) => format!("{user}:{password}@"),
            (Some(user), None) => format!("{user}@"),
        };
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let port = self
            .port
            .map_or_else(String::new, |port| format!(":{port}"));
        let rest = match self.rest.split_once('?') {
            Some((path, query)) if is_shown => format!("{path}?{}", without_values(query)),
            _ => self.rest.clone(),
        };
        format!("{}://{login}{host}{port}{rest}", self.scheme)
    }

    fn port(&self) -> u16 {
        let usual = SCHEMES.iter().find(|(scheme, _)| *scheme == self.scheme);
        self.port
            .or(usual.map(|(_, port)| *port))
            .unwrap_or_default()
    }

    fn is_encrypted(&self) -> bool {
        matches!(self.scheme, "rtsps" | "https")
    }
}

/// A query with its names and without their values.
fn without_values(query: &str) -> String {
    let hidden = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None => pair.to_owned(),
    });
    hidden.collect::<Vec<_>>().join("&")
}

fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            let _: std::net::Ipv6Addr = host.parse().ok()?;
            (host, port.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port > 0)?),
        None => None,
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    let is_host = !host.is_empty() && host.chars().all(is_plain);
    is_host.then(|| (host.to_ascii_lowercase(), port))
}

/// As a login stands in an address (RFC 3986, section 2).
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// An entry of `camera_hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    /// A name or an address.
    Host(String),
    /// `*.NAME`: everything below it.
    Below(String),
    /// A network, as its first address and the length of its prefix.
    Network(IpAddr, u32),
    /// The open internet.
    Public,
}

impl Allowed {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text == "public" {
            return Some(Self::Public);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            return Some(Self::Network(
                address,
                bits.parse().ok().filter(|bits| *bits <= most)?,
            ));
        }
        if let Some(name) = text.strip_prefix("*.") {
            return is_name(name).then(|| Self::Below(name.to_owned()));
        }
        let is_address = text.parse::<IpAddr>().is_ok();
        (is_address || is_name(&text)).then_some(Self::Host(text))
    }

    /// Whether the host itself was named.
    fn names(&self, host: &str) -> bool {
        let same_address = |a: &str| matches!((a.parse::<IpAddr>(), host.parse::<IpAddr>()), (Ok(a), Ok(b)) if a == b);
        match self {
            Self::Host(name) => name == host || same_address(name),
            Self::Below(name) => host
                .strip_suffix(name.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            _ => false,
        }
    }

    /// Whether an address lies in it.
    fn holds(&self, address: IpAddr) -> bool {
        match self {
            Self::Network(network, bits) => is_in(address, *network, *bits),
            Self::Public => prosopon_fetch::is_public(address),
            Self::Host(name) => name.parse() == Ok(address),
            Self::Below(_) => false,
        }
    }
}

fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    !text.is_empty() && text.chars().all(is_plain)
}

fn is_in(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address.to_canonical(), network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        _ => false,
    }
}

/// What is wrong with an entry of `camera_hosts`; none if nothing is.
pub(crate) fn wrong_host(entry: &str) -> Option<String> {
    Allowed::parse(entry).is_none().then(|| {
        format!("expected a name, *.NAME, an address, a network such as 192.168.1.0/24, or public, found `{entry}`")
    })
}

/// What the operator allows cameras to be.
pub(crate) struct Targets {
    hosts: Vec<Allowed>,
    local: Vec<String>,
    resolve: fn(&str, u16) -> io::Result<Vec<SocketAddr>>,
}

impl Targets {
    pub(crate) fn new(settings: &Settings) -> Self {
        let hosts = settings.camera_hosts.iter();
        Self {
            hosts: hosts.filter_map(|entry| Allowed::parse(entry)).collect(),
            local: settings.camera_devices.clone(),
            resolve: |host, port| Ok((host, port).to_socket_addrs()?.collect()),
        }
    }

    /// The address to connect to, secrets included; none for one that is pushed. Names may be resolved for it, which
    /// may take long.
    ///
    /// # Errors
    /// `address_not_allowed`, `fetch_failed` if a name has no address.
    pub(crate) fn check(&self, target: &Target) -> ApiResult<Option<String>> {
        match target {
            Target::Pushed => Ok(None),
            Target::Local(text) => self.check_local(text).map(Some),
            Target::Network(network) => self.check_network(network).map(Some),
        }
    }

    fn check_network(&self, network: &Network) -> ApiResult<String> {
        let host = &network.host;
        if self.hosts.iter().any(|allowed| allowed.names(host)) {
            return Ok(network.written(false, host));
        }
        let refused = |found: &str| {
            let message = format!("cameras at {found} are not allowed on this server");
            Err(
                ApiError::new("address_not_allowed", message).with_hint(format!(
                    "add it to the server's configuration, camera_hosts = [\"{host}\"], or set \
                 PROSOPON_CAMERA_HOSTS={host}, and start the server again"
                )),
            )
        };
        let by_address = self
            .hosts
            .iter()
            .any(|allowed| matches!(allowed, Allowed::Network(..) | Allowed::Public));
        if !by_address {
            return refused(&format!("`{host}`"));
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return if self.hosts.iter().any(|allowed| allowed.holds(address)) {
                Ok(network.written(false, host))
            } else {
                refused(&format!("`{host}`"))
            };
        }
        if network.is_encrypted() {
            // Certificates are for names: the checked address cannot take the name's place.
            return refused(&format!(
                "`{host}` by an encrypted connection to a name that is not listed"
            ));
        }
        let found = (self.resolve)(host, network.port()).map_err(|error| {
            ApiError::new(
                "fetch_failed",
                format!("could not resolve the name: {error}: {host}"),
            )
            .with_hint("check the spelling, or use the camera's address")
        })?;
        let allowed = |address: &SocketAddr| {
            let address = address.ip().to_canonical();
            self.hosts.iter().any(|allowed| allowed.holds(address))
        };
        match found.first() {
            // All of them: otherwise a name could have one to be checked and one to be used.
            Some(first) if found.iter().all(allowed) => {
                Ok(network.written(false, &first.ip().to_canonical().to_string()))
            }
            Some(first) => refused(&format!("`{host}` ({})", first.ip())),
            None => refused(&format!("`{host}`")),
        }
    }

    fn check_local(&self, text: &str) -> ApiResult<String> {
        // Standard input is the server's own.
        if text != "-" && self.local.iter().any(|allowed| allowed == text) {
            return Ok(text.to_owned());
        }
        // Below a folder that is listed; links are followed first.
        let (kind, path) = match text.strip_prefix("loop:") {
            Some(path) => ("loop:", path),
            None => ("", text),
        };
        let resolved = Path::new(path).canonicalize().ok();
        let is_below = |path: &PathBuf| {
            self.local.iter().any(|allowed| {
                let folder = Path::new(allowed).canonicalize();
                folder.is_ok_and(|folder| folder.is_dir() && path.starts_with(folder))
            })
        };
        if let Some(path) = resolved.filter(|path| path.is_file() && is_below(path)) {
            return Ok(format!("{kind}{}", path.display()));
        }
        Err(ApiError::new(
            "address_not_allowed",
            format!("the device or file is not allowed as a camera on this server: {text}"),
        )
        .with_hint(format!(
            "add it to the server's configuration, camera_devices = [\"{text}\"], or set \
             PROSOPON_CAMERA_DEVICES={text}, and start the server again"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(hosts: &[&str], local: &[&str]) -> Targets {
        Targets {
            hosts: hosts
                .iter()
                .map(|host| Allowed::parse(host).unwrap())
                .collect(),
            local: local.iter().map(|&text| text.to_owned()).collect(),
            resolve: |host, port| {
                let addresses: &[[u8; 4]] = match host {
                    "inside.example" => &[[192, 168, 1, 7]],
                    "outside.example" => &[[93, 184, 216, 34]],
                    "both.example" => &[[93, 184, 216, 34], [127, 0, 0, 1]],
                    _ => return Err(io::Error::other("no such name")),
                };
                Ok(addresses
                    .iter()
                    .map(|address| (*address, port).into())
                    .collect())
            },
        }
    }

    fn check(targets: &Targets, address: &str) -> Result<String, &'static str> {
        let target = Target::parse(address).map_err(|error| error.code)?;
        match targets.check(&target) {
            Ok(address) => Ok(address.unwrap_or_default()),
            Err(error) => Err(error.code),
        }
    }

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

    #[test]
    fn only_what_the_operator_names_is_reached() {
        let none = targets(&[], &[]);
        for address in [
            "rtsp://192.168.1.7/",
            "http://outside.example/",
            "/dev/video0",
            "/etc/passwd",
            "test:",
        ] {
            assert_eq!(
                check(&none, address),
                Err("address_not_allowed"),
                "{address}"
            );
        }
        assert_eq!(check(&none, "push:").unwrap(), "");
        let named = targets(&["192.168.1.7", "*.lan", "Gate.Example"], &["/dev/video0"]);
        for address in [
            "rtsp://192.168.1.7/a",
            "http://cam.lan:8080/",
            "https://gate.example/",
            "/dev/video0",
        ] {
            assert_eq!(check(&named, address).unwrap(), address);
        }
        for address in [
            "rtsp://192.168.1.8/",
            "http://lan/",
            "http://evil-lan/",
            "http://inside.example/",
            "/dev/video1",
        ] {
            assert_eq!(
                check(&named, address),
                Err("address_not_allowed"),
                "{address}"
            );
        }
        for address in [
            "gopher://192.168.1.7/",
            "",
            "rtsp://",
            "rtsp://host:0/",
            "rtsp://ho st/",
            "rtsp://[x]/",
            "rtsp://192.168.1.7/@evil/",
        ] {
            assert_eq!(check(&named, address), Err("invalid_address"), "{address}");
        }
    }

    #[test]
    fn a_name_that_is_allowed_by_its_address_is_pinned_to_it() {
        let home = targets(&["192.168.1.0/24"], &[]);
        assert_eq!(
            check(&home, "rtsp://a:b@inside.example/x").unwrap(),
            "rtsp://a:b@192.168.1.7/x"
        );
        assert_eq!(
            check(&home, "rtsp://192.168.1.200/x").unwrap(),
            "rtsp://192.168.1.200/x"
        );
        for address in [
            "rtsp://outside.example/",
            "rtsp://192.168.2.1/",
            "rtsps://inside.example/",
            "rtsp://both.example/",
        ] {
            assert_eq!(
                check(&home, address),
                Err("address_not_allowed"),
                "{address}"
            );
        }
        assert_eq!(check(&home, "rtsp://nowhere.example/"), Err("fetch_failed"));
        let public = targets(&["public"], &[]);
        assert_eq!(
            check(&public, "http://outside.example/v").unwrap(),
            "http://93.184.216.34/v"
        );
        for address in [
            "http://inside.example/",
            "http://both.example/",
            "http://127.0.0.1/",
            "http://169.254.169.254/",
        ] {
            assert_eq!(
                check(&public, address),
                Err("address_not_allowed"),
                "{address}"
            );
        }
    }

    #[test]
    fn the_refusal_says_which_setting_to_change() {
        let error = targets(&[], &[])
            .check(&Target::parse("rtsp://u:hunter2@192.168.1.20/s").unwrap())
            .unwrap_err();
        let hint = error.hint.unwrap();
        assert!(hint.contains("camera_hosts = [\"192.168.1.20\"]"), "{hint}");
        assert!(!hint.contains("hunter2") && !error.message.contains("hunter2"));
    }

    #[test]
    fn files_below_a_folder_that_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let clip = folder.path().join("clip.mp4");
        std::fs::write(&clip, "video").unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        let listed = targets(&[], &[folder.path().to_str().unwrap()]);
        assert!(check(&listed, clip.to_str().unwrap()).is_ok());
        let up = folder
            .path()
            .join("..")
            .join(outside.path().file_name().unwrap());
        for path in [outside.path(), &up, &folder.path().join("missing.mp4")] {
            assert_eq!(
                check(&listed, path.to_str().unwrap()),
                Err("address_not_allowed"),
                "{path:?}"
            );
        }
    }

    #[test]
    fn entries_of_the_setting() {
        for entry in [
            "cam.lan",
            "10.0.0.0/8",
            "fd00::/8",
            "::1",
            "public",
            "*.lan",
        ] {
            assert_eq!(wrong_host(entry), None, "{entry}");
        }
        for entry in ["", "*", "10.0.0.0/33", "http://cam.lan", "a b"] {
            assert!(wrong_host(entry).is_some(), "{entry}");
        }
    }
}
