//! Addresses as a request, a redirect or a page gives them.

use std::fmt;

use ureq::http::Uri;
use ureq::http::uri::Scheme;

use crate::error::FetchError;

/// Longer ones are refused; browsers and servers take about as much.
const MAX_BYTES: usize = 4096;

/// Where something is: scheme, host and port that may be asked, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    uri: Uri,
    host: String,
    port: u16,
}

impl Location {
    /// The place that `text` names: `http` or `https`, port 80, 443 or one from 1024, no user's name.
    ///
    /// # Errors
    /// [`FetchError::InvalidAddress`], [`FetchError::LongAddress`], [`FetchError::UserInAddress`];
    /// [`FetchError::PortNotAllowed`] for a port of something that is no web server.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        if text.len() > MAX_BYTES {
            return Err(FetchError::LongAddress {
                most: MAX_BYTES,
                found: text.len(),
            });
        }
        let uri: Uri = text
            .trim_ascii()
            .parse()
            .map_err(|error| invalid(&format!("one that cannot be read: {error}")))?;
        let default_port = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => 80,
            Some(scheme) if *scheme == Scheme::HTTPS => 443,
            Some(scheme) => return Err(invalid(&format!("one that begins with `{scheme}:`"))),
            None => return Err(invalid("one without")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("no host"))?;
        if authority.as_str().contains('@') {
            return Err(FetchError::UserInAddress);
        }
        let host = authority.host();
        let rest = &authority.as_str()[host.len()..];
        let port = match rest.strip_prefix(':') {
            None | Some("") => default_port,
            Some(port) => port
                .parse()
                .map_err(|_| invalid(&format!("port `{port}`")))?,
        };
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
            .to_owned();
        if host.is_empty() {
            return Err(invalid("no host"));
        }
        // Below 1024 are services that a request could be made to speak to: mail, names, files.
        if !matches!(port, 80 | 443 | 1024..) {
            return Err(FetchError::PortNotAllowed { port });
        }
        Ok(Self { uri, host, port })
    }

    /// Where `reference`, found here, leads to (RFC 3986, section 5.2).
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub fn joined(&self, reference: &str) -> Result<Self, FetchError> {
        let reference = reference.trim_ascii();
        let reference = reference.split('#').next().unwrap_or("");
        let scheme = self.uri.scheme_str().unwrap_or("http");
        let root = || {
            let authority = self
                .uri
                .authority()
                .map_or("", |authority| authority.as_str());
            format!("{scheme}://{authority}")
        };
        if has_scheme(reference) {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{scheme}:{reference}"));
        }
        let path = self.uri.path();
        let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
        Self::parse(&match reference.as_bytes().first() {
            None => self.uri.to_string(),
            Some(b'/') => format!("{}{}", root(), without_dots(reference)),
            Some(b'?') => format!("{}{path}{reference}", root()),
            Some(_) => {
                let whole = format!("{folder}{reference}");
                format!("{}{}", root(), without_dots(&whole))
            }
        })
    }

    /// Host without port, and without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port, also where the address leaves it to the scheme.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path without query, as it stands in the address.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

/// An absolute path with `.` and `..` taken out (RFC 3986, section 5.2.4); the query is left alone.
fn without_dots(path_and_query: &str) -> String {
    let end = path_and_query.find('?').unwrap_or(path_and_query.len());
    let (path, query) = path_and_query.split_at(end);
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.strip_prefix('/').unwrap_or(path);
    for segment in segments.split('/') {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    // `/a/.` and `/a/..` name folders.
    if segments == "." || segments == ".." || path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}{query}", kept.join("/"))
}

/// Whether a reference begins with a scheme (RFC 3986, section 3.1).
fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

fn invalid(found: &str) -> FetchError {
    FetchError::InvalidAddress {
        found: found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_taken() {
        for (text, host, port) in [
            ("http://a.example", "a.example", 80),
            (" HTTPS://A.example/b?c=d#e\n", "A.example", 443),
            ("http://a.example:8080/", "a.example", 8080),
            ("http://a.example:/", "a.example", 80),
            ("http://[2606:4700::1111]:1024/x", "2606:4700::1111", 1024),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!(
                (location.host.as_str(), location.port),
                (host, port),
                "{text}"
            );
        }
        for (text, code) in [
            ("", "invalid_address"),
            ("a.example/b.jpg", "invalid_address"),
            ("/etc/passwd", "invalid_address"),
            ("//a.example/b.jpg", "invalid_address"),
            ("file:///etc/passwd", "invalid_address"),
            ("ftp://a.example/", "invalid_address"),
            ("gopher://a.example/", "invalid_address"),
            ("data:image/png;base64,AAAA", "invalid_address"),
            ("javascript:alert(1)", "invalid_address"),
            ("unix:/run/docker.sock", "invalid_address"),
            ("http://", "invalid_address"),
            ("http:///x", "invalid_address"),
            ("http://:80/", "invalid_address"),
            ("http://user@a.example/", "invalid_address"),
            ("http://user:password@a.example/", "invalid_address"),
            ("http://@a.example/", "invalid_address"),
            ("http://a.example:99999/", "invalid_address"),
            ("http://a.example:-1/", "invalid_address"),
            ("http://a.example\\@b.example/", "invalid_address"),
            ("http://a.example /", "invalid_address"),
            ("http://a.exa\r\nHost: b/", "invalid_address"),
            ("http://a.example:22/", "address_not_allowed"),
            ("http://a.example:25/", "address_not_allowed"),
            ("http://a.example:0/", "address_not_allowed"),
        ] {
            assert_eq!(Location::parse(text).unwrap_err().code(), code, "{text}");
        }
        assert!(Location::parse(&format!("http://a.example/{}", "x".repeat(5000))).is_err());
    }

    #[test]
    fn references_are_relative_to_where_they_come_from() {
        let from = Location::parse("https://a.example:8443/b/c?d=e").unwrap();
        for (to, expected) in [
            ("http://x.example/y", "http://x.example/y"),
            ("//x.example/y", "https://x.example/y"),
            ("/y?z", "https://a.example:8443/y?z"),
            ("y:z", ""),
            ("y/z:1", "https://a.example:8443/b/y/z:1"),
            ("y#part", "https://a.example:8443/b/y"),
            ("?q", "https://a.example:8443/b/c?q"),
            ("./y", "https://a.example:8443/b/y"),
            ("../y/./z?a=../b", "https://a.example:8443/y/z?a=../b"),
            ("../../../y", "https://a.example:8443/y"),
            ("/x/../y/..", "https://a.example:8443/"),
            ("x/y/..", "https://a.example:8443/b/x/"),
            ("..", "https://a.example:8443/"),
            ("", "https://a.example:8443/b/c?d=e"),
            ("file:///etc/passwd", ""),
            ("//user@x.example/", ""),
        ] {
            match from.joined(to) {
                Ok(location) => assert_eq!(location.to_string(), expected, "{to}"),
                Err(error) => assert_eq!((expected, error.code()), ("", "invalid_address"), "{to}"),
            }
        }
    }
}
