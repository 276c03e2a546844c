//! Which targets the operator allows.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::Path;

use super::Target;
use super::allowed::Allowed;
use super::network::Network;
use crate::error::{ApiError, ApiResult};
use crate::settings::Settings;

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
        let host = network.host();
        if self.hosts.iter().any(|allowed| allowed.names(host)) {
            return Ok(network.secret());
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
                Ok(network.secret())
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
                Ok(network.secret_at(&first.ip().to_canonical().to_string()))
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
        let is_below = |path: &Path| {
            self.local.iter().any(|allowed| {
                let folder = Path::new(allowed).canonicalize();
                folder.is_ok_and(|folder| folder.is_dir() && path.starts_with(folder))
            })
        };
        let folder = Path::new(path).parent().and_then(|f| f.canonicalize().ok());
        match resolved {
            Some(path) if path.is_file() && is_below(&path) => {
                return Ok(format!("{kind}{}", path.display()));
            }
            None if folder.is_some_and(|folder| is_below(&folder)) => {
                let message = format!("there is no such file to watch: {path}");
                return Err(ApiError::new("address_not_allowed", message)
                    .with_hint("check the name; its folder is one of `camera_devices`"));
            }
            _ => {}
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
        // What is not there is said to be missing, of allowed folders alone.
        let said = |path: &Path| {
            let target = Target::parse(path.to_str().unwrap()).unwrap();
            listed.check(&target).unwrap_err().message
        };
        assert!(said(&folder.path().join("missing.mp4")).contains("no such file"));
        assert!(said(&folder.path().join("../missing.mp4")).contains("not allowed"));
    }
}
