//! An address of the network: how it is read, and written with and without its secrets.

use std::net::Ipv6Addr;

use prosopon_video::percent;

/// Stands where a secret is left out.
const HIDDEN: &str = "***";

/// Schemes of network cameras, with their usual ports.
const SCHEMES: &[(&str, u16)] = &[("rtsp", 554), ("rtsps", 322), ("http", 80), ("https", 443)];

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

impl Network {
    /// Reads what stands before and behind `://`.
    ///
    /// # Errors
    /// What was expected; there is no secret in it.
    pub(super) fn parse(scheme: &str, rest: &str) -> Result<Self, String> {
        let known = SCHEMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(scheme));
        let Some((scheme, _)) = known else {
            // The rest of the address may hold a password.
            return Err(format!(
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
            return Err("expected a host, a port if any, and a path in the address; in a password, / is written %2F".to_owned());
        };
        Ok(Self {
            scheme,
            user,
            password,
            host,
            port,
            rest: rest.to_owned(),
        })
    }

    /// The same with this user and password, as they are typed.
    pub(super) fn with_login(self, user: &str, password: &str) -> Self {
        Self {
            user: Some(percent::encoded(user)),
            password: (!password.is_empty()).then(|| percent::encoded(password)),
            ..self
        }
    }

    /// The same with the login of `old`, if it has none of its own and leads to the same place.
    pub(super) fn keeping_login_of(self, old: &Self) -> Self {
        let is_same_place =
            (self.scheme, &self.host, self.port) == (old.scheme, &old.host, old.port);
        if self.has_login() || !is_same_place {
            return self;
        }
        Self {
            user: old.user.clone(),
            password: old.password.clone(),
            ..self
        }
    }

    pub(super) fn has_login(&self) -> bool {
        self.user.is_some()
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's usual one where none is named.
    pub(super) fn port(&self) -> u16 {
        let usual = SCHEMES.iter().find(|(scheme, _)| *scheme == self.scheme);
        self.port
            .or(usual.map(|(_, port)| *port))
            .unwrap_or_default()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.scheme, "rtsps" | "https")
    }

    /// The whole address, secrets included.
    pub(super) fn secret(&self) -> String {
        self.secret_at(&self.host)
    }

    /// The same with another host.
    pub(super) fn secret_at(&self, host: &str) -> String {
        self.written(false, host)
    }

    /// Without secrets.
    pub(super) fn shown(&self) -> String {
        self.written(true, &self.host)
    }

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
            let _: Ipv6Addr = host.parse().ok()?;
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
