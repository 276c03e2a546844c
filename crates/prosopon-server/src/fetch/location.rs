//! Addresses as a request or a redirect gives them.

use axum::http::Uri;
use axum::http::uri::Scheme;

use crate::error::{ApiError, ApiResult};

/// Longer ones are refused; browsers and servers take about as much.
const MAX_BYTES: usize = 4096;

/// Where a picture is: scheme, host and port that may be asked, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) uri: Uri,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Location {
    /// # Errors
    /// `invalid_address`; `address_not_allowed` for a port of something that is no web server.
    pub(super) fn parse(text: &str) -> ApiResult<Self> {
        if text.len() > MAX_BYTES {
            let message = format!(
                "expected an address of at most {MAX_BYTES} bytes, found {}",
                text.len()
            );
            return Err(ApiError::new("invalid_address", message));
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
            return Err(ApiError::new(
                "invalid_address",
                "expected an address without a user's name or password",
            ));
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
            let message = format!("expected port 80, 443 or one from 1024, found {port}");
            return Err(ApiError::new("address_not_allowed", message));
        }
        Ok(Self { uri, host, port })
    }

    /// Where a redirect from here leads to (RFC 3986, section 5.2, without dot segments, which the
    /// server at the other end resolves).
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub(super) fn redirected(&self, to: &str) -> ApiResult<Self> {
        let to = to.trim_ascii();
        let to = to.split('#').next().unwrap_or("");
        let scheme = self.uri.scheme_str().unwrap_or("http");
        let root = || {
            let authority = self
                .uri
                .authority()
                .map_or("", |authority| authority.as_str());
            format!("{scheme}://{authority}")
        };
        if has_scheme(to) {
            return Self::parse(to);
        }
        if to.starts_with("//") {
            return Self::parse(&format!("{scheme}:{to}"));
        }
        let path = self.uri.path();
        let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
        Self::parse(&match to.as_bytes().first() {
            None => self.uri.to_string(),
            Some(b'/') => format!("{}{to}", root()),
            Some(b'?') => format!("{}{path}{to}", root()),
            Some(_) => format!("{}{folder}{to}", root()),
        })
    }
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

fn invalid(found: &str) -> ApiError {
    let message =
        format!("expected an address that begins with http:// or https://, found {found}");
    ApiError::new("invalid_address", message)
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
            assert_eq!(Location::parse(text).unwrap_err().code, code, "{text}");
        }
        assert!(Location::parse(&format!("http://a.example/{}", "x".repeat(5000))).is_err());
    }

    #[test]
    fn redirects_are_relative_to_where_they_come_from() {
        let from = Location::parse("https://a.example:8443/b/c?d=e").unwrap();
        for (to, expected) in [
            ("http://x.example/y", "http://x.example/y"),
            ("//x.example/y", "https://x.example/y"),
            ("/y?z", "https://a.example:8443/y?z"),
            ("y:z", ""),
            ("y/z:1", "https://a.example:8443/b/y/z:1"),
            ("y#part", "https://a.example:8443/b/y"),
            ("?q", "https://a.example:8443/b/c?q"),
            ("", "https://a.example:8443/b/c?d=e"),
            ("file:///etc/passwd", ""),
            ("//user@x.example/", ""),
        ] {
            match from.redirected(to) {
                Ok(location) => assert_eq!(location.uri.to_string(), expected, "{to}"),
                Err(error) => assert_eq!((expected, error.code), ("", "invalid_address"), "{to}"),
            }
        }
    }
}
