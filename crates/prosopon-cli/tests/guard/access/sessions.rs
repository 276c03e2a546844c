//! Signing in and out, and keys where none belong.

use super::signed_in;
use crate::client::Request;
use crate::served::Served;

#[test]
fn keys_in_addresses_are_no_keys_and_sessions_end() {
    let settings = [("require_keys", "always"), ("threads", "1")];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    let key = server.place.key("admin", "admin", &[]);
    for name in [
        "key",
        "api_key",
        "apikey",
        "x-api-key",
        "access_token",
        "token",
    ] {
        let answer = server
            .get(&format!("/v1/galleries?{name}={key}"))
            .expect(401);
        assert_eq!(answer.code(), "key_missing");
    }
    server.get(&format!("/v1/galleries;{key}")).expect(404);
    let in_user_info = Request::new(
        "GET",
        format!("http://x:{key}@{}/v1/galleries", server.address),
    );
    assert_ne!(in_user_info.send(server.address).status, 200);

    let token = signed_in(&server, &key);
    let with_cookie = |method| {
        Request::new(method, "/v1/session")
            .header("cookie", format!("prosopon_session={token}"))
            .send(server.address)
    };
    assert_eq!(with_cookie("GET").json()["signed_in"], true);
    let gone = with_cookie("DELETE").expect(204);
    let cookie = gone.header("set-cookie").expect("a cookie");
    assert!(
        cookie.contains("prosopon_session=;") && cookie.contains("Max-Age=0"),
        "{cookie}"
    );
    assert_eq!(with_cookie("GET").json()["signed_in"], false);

    // A form of another site cannot sign anybody in: it cannot send JSON without being asked first.
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
    ] {
        let answer = Request::new("POST", "/v1/session")
            .body(content_type, format!(r#"{{"key": "{key}"}}"#))
            .send(server.address);
        assert_eq!(answer.code(), "unsupported_content_type", "{content_type}");
    }
    let asked_first = Request::new("OPTIONS", "/v1/session")
        .header("origin", "http://elsewhere.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send(server.address);
    assert_eq!(asked_first.header("access-control-allow-origin"), None);
}
