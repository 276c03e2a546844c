//! HTTPS with a certificate of one's own.

use std::io::{Read as _, Write as _};
use std::process::Command;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::served::{Place, Served, picture};

/// Makes `certificate.pem` and `key.pem`; `false` without OpenSSL's program.
fn make_certificate(place: &Place) -> bool {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(place.path(""))
        .output();
    match made {
        Ok(output) => {
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            true
        }
        Err(error) => {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "no openssl: {error}"
            );
            eprintln!("left out: HTTPS, since there is no openssl: {error}");
            false
        }
    }
}

#[test]
fn https_works_and_its_cookie_stays_there() {
    let Some(place) = Place::new() else { return };
    if !make_certificate(&place) {
        return;
    }
    let settings = [
        ("require_keys", "always"),
        ("threads", "1"),
        ("tls_certificate", "certificate.pem"),
        ("tls_key", "key.pem"),
    ];
    let server = Served::start_in(&place, &settings);
    assert!(server.is_https);
    let listen = format!("{}", server.address);
    let check = place
        .command(&settings)
        .args(["serve", "--check", "--listen", &listen])
        .status();
    assert!(check.expect("it starts").success());
    let key = place.key("browser", "admin", &[]);
    let pem = std::fs::read(place.path("certificate.pem")).expect("a certificate");
    let roots = RootCerts::new_with_certs(&[Certificate::from_pem(&pem).expect("a certificate")]);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build()
        .into();
    let url = |path: &str| format!("https://{}{path}", server.address);
    let signed_in = agent
        .post(url("/v1/session"))
        .content_type("application/json")
        .send(format!(r#"{{"key": "{key}"}}"#))
        .expect("an answer");
    assert_eq!(signed_in.status(), 200);
    let header = |name: &str| {
        signed_in
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let cookie = header("set-cookie").expect("a cookie");
    for part in ["Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(header("strict-transport-security").is_some());
    let token = cookie.split(';').next().expect("a token");
    let post = |origin: &str| {
        let request = agent
            .post(url("/v1/detect"))
            .header("cookie", token)
            .header("origin", origin);
        request
            .content_type("image/jpeg")
            .send(picture())
            .expect("an answer")
            .status()
    };
    assert_eq!(post(&format!("https://{}", server.address)), 200);
    // The same place without encryption is another place.
    assert_eq!(post(&format!("http://{}", server.address)), 403);

    // Plain HTTP is not answered on this port, and harms nobody.
    let mut stream = server.connect();
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(
        !answer.starts_with(b"HTTP/"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let live = agent.get(url("/health/live")).call().expect("an answer");
    assert_eq!(live.status(), 200);
}
