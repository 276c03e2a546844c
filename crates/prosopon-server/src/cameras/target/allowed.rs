//! Entries of `camera_hosts`.

use std::net::IpAddr;

/// An entry of `camera_hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Allowed {
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
    pub(super) fn parse(text: &str) -> Option<Self> {
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
    pub(super) fn names(&self, host: &str) -> bool {
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
    pub(super) fn holds(&self, address: IpAddr) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
