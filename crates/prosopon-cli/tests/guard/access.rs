//! Every operation that the server describes × everybody who may ask for it.

use std::net::Ipv4Addr;

use crate::client::{Answer, Request};
use crate::served::{Place, Served};

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Public,
    Identify,
    Enrol,
    Cameras,
    Admin,
}

impl Need {
    /// Whether a key of this scope may do what needs `other`.
    fn includes(self, other: Self) -> bool {
        self == other || self == Admin || (self, other) == (Enrol, Identify)
    }
}

/// What it has to do with a gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Nothing, or only with the key's own.
    Own,
    /// It names one: `default` here.
    Named,
    /// It is about the server as a whole.
    Server,
}

use Need::{Admin, Cameras, Enrol, Identify, Public};
use Reach::{Named, Own, Server};

const NO_PICTURE: &str = r#"{"image": "AAAA"}"#;

/// Method, path with parameters filled in, what it needs, what it reaches, body. Whoever adds an
/// endpoint adds a row, and so says who may use it.
#[rustfmt::skip]
const OPERATIONS: &[(&str, &str, &str, Need, Reach, &str)] = &[
    ("GET", "/health/live", "/health/live", Public, Own, ""),
    ("GET", "/health/ready", "/health/ready", Public, Own, ""),
    ("GET", "/v1/session", "/v1/session", Public, Own, ""),
    ("POST", "/v1/session", "/v1/session", Public, Own, r#"{"key": 1}"#),
    ("DELETE", "/v1/session", "/v1/session", Public, Own, ""),
    ("POST", "/v1/detect", "/v1/detect", Identify, Own, NO_PICTURE),
    ("POST", "/v1/embed", "/v1/embed", Identify, Own, NO_PICTURE),
    ("POST", "/v1/verify", "/v1/verify", Identify, Own, r#"{"probe": "AAAA", "reference": "AAAA"}"#),
    ("POST", "/v1/identify", "/v1/identify?gallery=default", Identify, Named, NO_PICTURE),
    ("POST", "/v1/annotate", "/v1/annotate?gallery=default", Identify, Named, NO_PICTURE),
    ("GET", "/v1/classic", "/v1/classic", Identify, Own, ""),
    ("POST", "/v1/classic/view", "/v1/classic/view?view=gray", Identify, Own, NO_PICTURE),
    ("POST", "/v1/classic/faces", "/v1/classic/faces", Identify, Own, NO_PICTURE),
    ("GET", "/v1/classifiers", "/v1/classifiers", Identify, Server, ""),
    ("GET", "/v1/classifiers/{name}", "/v1/classifiers/none", Identify, Server, ""),
    ("POST", "/v1/classifiers/{name}/predict", "/v1/classifiers/none/predict", Identify, Server, NO_PICTURE),
    ("DELETE", "/v1/classifiers/{name}", "/v1/classifiers/none", Admin, Server, ""),
    ("POST", "/v1/classifiers/{name}/promote", "/v1/classifiers/none/promote", Admin, Server, "{}"),
    ("POST", "/v1/classifiers/{name}/rollback", "/v1/classifiers/none/rollback", Admin, Server, ""),
    ("GET", "/v1/classifiers/{name}/versions/{version}/report", "/v1/classifiers/none/versions/1/report", Admin, Server, ""),
    ("GET", "/v1/galleries", "/v1/galleries", Identify, Own, ""),
    ("GET", "/v1/galleries/{gallery}", "/v1/galleries/default", Identify, Named, ""),
    ("GET", "/v1/models", "/v1/models", Identify, Own, ""),
    ("GET", "/v1/system", "/v1/system", Identify, Own, ""),
    ("GET", "/metrics", "/metrics", Identify, Server, ""),
    ("POST", "/v1/live", "/v1/live", Identify, Own, "{}"),
    ("DELETE", "/v1/live/{id}", "/v1/live/none", Identify, Own, ""),
    ("POST", "/v1/live/{id}/frames", "/v1/live/none/frames", Identify, Own, NO_PICTURE),
    ("POST", "/v1/live/{id}/challenge", "/v1/live/none/challenge", Identify, Own, ""),
    ("GET", "/v1/cameras", "/v1/cameras", Cameras, Server, ""),
    ("POST", "/v1/cameras", "/v1/cameras", Admin, Server, r#"{"name": "a/b", "address": "push:"}"#),
    ("GET", "/v1/cameras/{id}", "/v1/cameras/999", Cameras, Server, ""),
    ("PATCH", "/v1/cameras/{id}", "/v1/cameras/999", Admin, Server, "{}"),
    ("DELETE", "/v1/cameras/{id}", "/v1/cameras/999", Admin, Server, ""),
    ("POST", "/v1/cameras/{id}/start", "/v1/cameras/999/start", Admin, Server, ""),
    ("POST", "/v1/cameras/{id}/stop", "/v1/cameras/999/stop", Admin, Server, ""),
    ("GET", "/v1/cameras/{id}/preview", "/v1/cameras/999/preview", Cameras, Server, ""),
    ("GET", "/v1/cameras/{id}/frame.jpg", "/v1/cameras/999/frame.jpg", Cameras, Server, ""),
    ("GET", "/v1/cameras/{id}/frames", "/v1/cameras/999/frames", Cameras, Server, ""),
    ("POST", "/v1/cameras/{id}/frames", "/v1/cameras/999/frames", Cameras, Server, "{}"),
    ("GET", "/v1/events", "/v1/events", Cameras, Server, ""),
    ("DELETE", "/v1/events", "/v1/events?before=2000-01-01T00:00:00Z", Admin, Server, ""),
    ("GET", "/v1/events/stream", "/v1/events/stream?kind=none", Cameras, Server, ""),
    ("GET", "/v1/events/{id}/crop", "/v1/events/none/crop", Cameras, Server, ""),
    ("GET", "/v1/galleries/{gallery}/subjects", "/v1/galleries/default/subjects", Enrol, Named, ""),
    ("POST", "/v1/galleries/{gallery}/subjects", "/v1/galleries/default/subjects", Enrol, Named, r#"{"name": "matrix"}"#),
    ("GET", "/v1/galleries/{gallery}/subjects/{id}", "/v1/galleries/default/subjects/999", Enrol, Named, ""),
    ("PATCH", "/v1/galleries/{gallery}/subjects/{id}", "/v1/galleries/default/subjects/999", Enrol, Named, r#"{"name": "other"}"#),
    ("DELETE", "/v1/galleries/{gallery}/subjects/{id}", "/v1/galleries/default/subjects/999", Enrol, Named, ""),
    ("POST", "/v1/galleries/{gallery}/subjects/{id}/merge", "/v1/galleries/default/subjects/999/merge", Enrol, Named, r#"{"into": 998}"#),
    ("GET", "/v1/galleries/{gallery}/subjects/{id}/faces", "/v1/galleries/default/subjects/999/faces", Enrol, Named, ""),
    ("POST", "/v1/galleries/{gallery}/subjects/{id}/faces", "/v1/galleries/default/subjects/999/faces", Enrol, Named, NO_PICTURE),
    ("POST", "/v1/galleries/{gallery}/enrol", "/v1/galleries/default/enrol?subject=matrix", Enrol, Named, NO_PICTURE),
    ("GET", "/v1/galleries/{gallery}/faces/{id}", "/v1/galleries/default/faces/999", Enrol, Named, ""),
    ("DELETE", "/v1/galleries/{gallery}/faces/{id}", "/v1/galleries/default/faces/999", Enrol, Named, ""),
    ("GET", "/v1/galleries/{gallery}/faces/{id}/crop", "/v1/galleries/default/faces/999/crop", Enrol, Named, ""),
    ("GET", "/v1/albums", "/v1/albums", Enrol, Server, ""),
    ("POST", "/v1/albums", "/v1/albums", Enrol, Server, r#"{"name": "no name"}"#),
    ("GET", "/v1/albums/{album}", "/v1/albums/none", Enrol, Server, ""),
    ("DELETE", "/v1/albums/{album}", "/v1/albums/none", Enrol, Server, ""),
    ("POST", "/v1/albums/{album}/pictures", "/v1/albums/none/pictures", Enrol, Server, NO_PICTURE),
    ("POST", "/v1/albums/{album}/group", "/v1/albums/none/group", Enrol, Server, "{}"),
    ("GET", "/v1/albums/{album}/groups", "/v1/albums/none/groups", Enrol, Server, ""),
    ("GET", "/v1/albums/{album}/groups/{id}", "/v1/albums/none/groups/1", Enrol, Server, ""),
    ("POST", "/v1/albums/{album}/groups/{id}/enrol", "/v1/albums/none/groups/1/enrol", Enrol, Server, "{}"),
    ("GET", "/v1/albums/{album}/faces/{id}/crop", "/v1/albums/none/faces/1/crop", Enrol, Server, ""),
    ("GET", "/v1/albums/{album}/decisions", "/v1/albums/none/decisions", Enrol, Server, ""),
    ("POST", "/v1/albums/{album}/decisions", "/v1/albums/none/decisions", Enrol, Server, r#"{"kind": "apart", "a": 1, "b": 2}"#),
    ("POST", "/v1/albums/{album}/undo", "/v1/albums/none/undo", Enrol, Server, ""),
    ("POST", "/v1/albums/{album}/redo", "/v1/albums/none/redo", Enrol, Server, ""),
    ("POST", "/v1/galleries", "/v1/galleries", Admin, Named, r#"{"name": "default"}"#),
    ("DELETE", "/v1/galleries/{gallery}", "/v1/galleries/default", Admin, Named, ""),
    ("GET", "/v1/keys", "/v1/keys", Admin, Server, ""),
    ("POST", "/v1/keys", "/v1/keys", Admin, Server, r#"{"name": "matrix", "scopes": ["identify"]}"#),
    ("DELETE", "/v1/keys/{id}", "/v1/keys/999", Admin, Server, ""),
    ("GET", "/v1/audit", "/v1/audit", Admin, Server, ""),
    ("GET", "/v1/trainings", "/v1/trainings", Admin, Server, ""),
    ("POST", "/v1/trainings", "/v1/trainings", Admin, Server, r#"{"name": "no name"}"#),
    ("GET", "/v1/trainings/{id}", "/v1/trainings/999", Admin, Server, ""),
    ("DELETE", "/v1/trainings/{id}", "/v1/trainings/999", Admin, Server, ""),
    ("POST", "/v1/trainings/{id}/pictures", "/v1/trainings/999/pictures", Admin, Server, NO_PICTURE),
    ("POST", "/v1/trainings/{id}/start", "/v1/trainings/999/start", Admin, Server, ""),
    ("GET", "/v1/evaluations", "/v1/evaluations", Admin, Server, ""),
    ("POST", "/v1/evaluations", "/v1/evaluations", Admin, Server, r#"{"folder": "matrix"}"#),
    ("GET", "/v1/evaluations/{id}", "/v1/evaluations/999", Admin, Server, ""),
    ("DELETE", "/v1/evaluations/{id}", "/v1/evaluations/999", Admin, Server, ""),
    ("POST", "/v1/evaluations/{id}/pictures", "/v1/evaluations/999/pictures", Admin, Server, NO_PICTURE),
    ("POST", "/v1/evaluations/{id}/finish", "/v1/evaluations/999/finish", Admin, Server, ""),
    ("GET", "/v1/evaluations/{id}/report", "/v1/evaluations/999/report", Admin, Server, ""),
];

/// Operations of compatible APIs, which have no description: method, path, what it needs. They say
/// in words of their own what is wrong with a key.
#[rustfmt::skip]
const COMPATIBLE: &[(&str, &str, Need)] = &[
    ("GET", "/api/v1/recognition/subjects", Enrol),
    ("POST", "/api/v1/recognition/subjects", Enrol),
    ("PUT", "/api/v1/recognition/subjects/nobody", Enrol),
    ("DELETE", "/api/v1/recognition/subjects/nobody", Enrol),
    ("GET", "/api/v1/recognition/faces", Enrol),
    ("POST", "/api/v1/recognition/faces?subject=a", Enrol),
    ("POST", "/api/v1/recognition/faces/delete", Enrol),
    ("DELETE", "/api/v1/recognition/faces/00000000-0000-4000-8000-000000000001", Enrol),
    ("GET", "/api/v1/recognition/faces/00000000-0000-4000-8000-000000000001/img", Enrol),
    ("POST", "/api/v1/recognition/recognize", Identify),
    ("POST", "/api/v1/recognition/faces/00000000-0000-4000-8000-000000000001/verify", Identify),
    ("POST", "/api/v1/recognition/embeddings/recognize", Identify),
    ("POST", "/api/v1/detection/detect", Identify),
    ("POST", "/api/v1/verification/verify", Identify),
    ("POST", "/api/v1/verification/embeddings/verify", Identify),
    ("POST", "/v1/vision/face", Identify),
    ("POST", "/v1/vision/face/recognize", Identify),
    ("POST", "/v1/vision/face/match", Identify),
    ("POST", "/v1/vision/face/register", Enrol),
    ("POST", "/v1/vision/face/list", Enrol),
    ("POST", "/v1/vision/face/delete", Enrol),
    ("POST", "/classify_image", Identify),
    ("POST", "/upload", Identify),
];

/// How somebody shows who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Nothing,
    Header,
    Bearer,
    Cookie,
    /// The cookie, in a request that a page of another site makes the browser send.
    CookieFromElsewhere,
    /// The same from a browser that says so itself.
    CookieCrossSite,
}

struct Somebody {
    name: String,
    proof: Proof,
    secret: String,
    /// What the key is for; none if it is no key.
    scope: Option<Need>,
    is_bound: bool,
}

impl Somebody {
    fn ask(&self, method: &str, path: &str, body: &str, to: std::net::SocketAddr, n: u8) -> Answer {
        // From many addresses, so that the limit for wrong keys is not met here.
        let mut request = Request::new(method, path).from(Ipv4Addr::new(127, 0, 1, n));
        if !body.is_empty() {
            request = request.json(body);
        }
        let cookie = format!("a=b; prosopon_session={}", self.secret);
        match self.proof {
            Proof::Nothing => request,
            Proof::Header => request.key(&self.secret),
            Proof::Bearer => request.header("authorization", format!("Bearer {}", self.secret)),
            Proof::Cookie => request
                .header("cookie", cookie)
                .header("origin", format!("http://{to}")),
            Proof::CookieFromElsewhere => request
                .header("cookie", cookie)
                .header("origin", "http://elsewhere.example"),
            Proof::CookieCrossSite => request
                .header("cookie", cookie)
                .header("sec-fetch-site", "cross-site"),
        }
        .send(to)
    }

    /// Status and code of the refusal that is due; none if the operation is allowed.
    fn refusal(&self, method: &str, need: Need, reach: Reach) -> Option<(u16, &'static str)> {
        let from_elsewhere = matches!(
            self.proof,
            Proof::CookieFromElsewhere | Proof::CookieCrossSite
        );
        if from_elsewhere && method != "GET" {
            return Some((403, "cross_site"));
        }
        if need == Public {
            return None;
        }
        let Some(scope) = self.scope else {
            return Some((
                401,
                if self.proof == Proof::Nothing {
                    "key_missing"
                } else {
                    "key_invalid"
                },
            ));
        };
        if !scope.includes(need) {
            return Some((403, "scope_missing"));
        }
        (self.is_bound && reach != Own).then_some((403, "other_gallery"))
    }
}

fn signed_in(server: &Served, key: &str) -> String {
    let answer = Request::new("POST", "/v1/session")
        .json(format!(r#"{{"key": "{key}"}}"#))
        .send(server.address)
        .expect(200);
    let cookie = answer.header("set-cookie").expect("a cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        !cookie.contains(key) && !cookie.contains("Secure"),
        "{cookie}"
    );
    let token = cookie.split(['=', ';']).nth(1).expect("a token");
    token.to_owned()
}

/// Everybody who may come along.
fn everybody(server: &Served) -> Vec<Somebody> {
    let place = &server.place;
    let somebody = |name: &str, proof, secret: &str, scope, is_bound| Somebody {
        name: name.to_owned(),
        proof,
        secret: secret.to_owned(),
        scope,
        is_bound,
    };
    let revoked = place.key("revoked", "admin", &[]);
    let keys: Vec<serde_json::Value> = {
        let output = place.run(&["keys", "list", "--json"]);
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        list["keys"].as_array().expect("a list").clone()
    };
    let id = keys
        .iter()
        .find(|key| key["name"] == "revoked")
        .expect("the key")["id"]
        .to_string();
    let expired = place.key("expired", "admin", &["--days", "1"]);
    let open = rusqlite::Connection::open(place.path("home/server.db")).expect("the database");
    let ended = "UPDATE keys SET expires_millis = 1 WHERE name = 'expired'";
    assert_eq!(open.execute(ended, []).expect("a change"), 1);
    drop(open);
    let mut all = vec![
        somebody("no key", Proof::Nothing, "", None, false),
        somebody(
            "no key's shape",
            Proof::Header,
            "'; DROP TABLE keys; --",
            None,
            false,
        ),
        somebody("empty key", Proof::Header, "", None, false),
        somebody(
            "unknown key",
            Proof::Header,
            "00000000-0000-4000-8000-000000000000",
            None,
            false,
        ),
        somebody(
            "unknown bearer",
            Proof::Bearer,
            "00000000-0000-4000-8000-000000000000",
            None,
            false,
        ),
        somebody("revoked key", Proof::Header, &revoked, None, false),
        somebody("expired key", Proof::Header, &expired, None, false),
    ];
    let mut forged = somebody(
        "forged cookie",
        Proof::Nothing,
        &"0".repeat(64),
        None,
        false,
    );
    forged.proof = Proof::Cookie;
    let cookies_of_a_revoked_key = signed_in(server, &revoked);
    assert!(place.run(&["keys", "revoke", &id]).status.success());
    for (name, secret) in [
        ("forged cookie", forged.secret.clone()),
        ("cookie of a revoked key", cookies_of_a_revoked_key),
    ] {
        // A cookie that stands for nothing is no key at all.
        all.push(Somebody {
            name: name.to_owned(),
            secret,
            ..somebody("", Proof::Cookie, "", None, false)
        });
    }
    for (scope, need) in [
        ("identify", Identify),
        ("enrol", Enrol),
        ("cameras", Cameras),
        ("admin", Admin),
    ] {
        let key = place.key(&format!("{scope} key"), scope, &[]);
        all.push(somebody(scope, Proof::Header, &key, Some(need), false));
        all.push(somebody(scope, Proof::Bearer, &key, Some(need), false));
        for proof in [
            Proof::Cookie,
            Proof::CookieFromElsewhere,
            Proof::CookieCrossSite,
        ] {
            let token = signed_in(server, &key);
            all.push(somebody(scope, proof, &token, Some(need), false));
        }
        let bound = place.key(&format!("{scope} of other"), scope, &["--gallery", "other"]);
        all.push(somebody(scope, Proof::Header, &bound, Some(need), true));
        let token = signed_in(server, &bound);
        all.push(somebody(scope, Proof::Cookie, &token, Some(need), true));
    }
    all
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, or one story")]
fn everybody_may_do_what_they_may_and_nothing_else() {
    let Some(place) = Place::new() else {
        return;
    };
    let folder = place.path("").display().to_string();
    let settings = [
        ("require_keys", "always"),
        ("requests_per_minute", "0"),
        ("threads", "1"),
        // There is nothing to be evaluated in it.
        ("evaluate_dir", &folder),
    ];
    let server = Served::start_in(&place, &settings);
    let admin = server.place.key("first", "admin", &[]);
    Request::new("POST", "/v1/galleries")
        .key(&admin)
        .json(r#"{"name": "other"}"#)
        .send(server.address)
        .expect(201);
    let api = server.get("/openapi.json").expect(200).json();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let known = OPERATIONS
                .iter()
                .find(|row| row.0 == method.to_uppercase() && row.1 == path);
            let known = known.unwrap_or_else(|| {
                panic!("{method} {path} is not in the table of operations: who may use it?")
            });
            let says_key = operation.get("security").is_some();
            assert_eq!(says_key, known.3 != Public, "security of {method} {path}");
            described.push((method.to_uppercase(), path.clone()));
        }
    }
    for row in OPERATIONS {
        let is_described = described.iter().any(|(m, p)| m == row.0 && p == row.1);
        assert!(is_described, "{} {} is gone", row.0, row.1);
    }

    let mut asked = 0;
    for (n, somebody) in everybody(&server).iter().enumerate() {
        for (i, (method, _, path, need, reach, body)) in OPERATIONS.iter().enumerate() {
            if (*method, *path) == ("DELETE", "/v1/session") {
                // It works for everybody and ends what the others need; `sessions_end` has it.
                continue;
            }
            let address = (n * 4 + i / 10) as u8;
            let answer = somebody.ask(method, path, body, server.address, address);
            let who = format!(
                "{} ({:?}, bound: {})",
                somebody.name, somebody.proof, somebody.is_bound
            );
            let what = format!("{who}: {method} {path}: {}", answer.status);
            let is_no_key = somebody.scope.is_none() && somebody.proof == Proof::Cookie;
            let due = match somebody.refusal(method, *need, *reach) {
                Some((401, _)) if is_no_key => Some((401, "key_missing")),
                due => due,
            };
            match due {
                Some((status, code)) => {
                    assert_eq!(
                        (answer.status, answer.code().as_str()),
                        (status, code),
                        "{what}"
                    );
                    let asks = answer.header("www-authenticate");
                    assert_eq!(asks.is_some(), status == 401, "{what}");
                }
                None => {
                    assert!(
                        !matches!(answer.status, 401 | 403 | 405 | 429 | 500..),
                        "{what}"
                    );
                }
            }
            assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
            assert_eq!(
                answer.header("x-content-type-options"),
                Some("nosniff"),
                "{what}"
            );
            asked += 1;
        }
        for (method, path, need) in COMPATIBLE {
            let answer = somebody.ask(method, path, "", server.address, (n * 4 + 3) as u8);
            let text = String::from_utf8_lossy(&answer.body).to_lowercase();
            let what = format!(
                "{} ({:?}): {method} {path}: {} {text}",
                somebody.name, somebody.proof, answer.status
            );
            match somebody.refusal(method, *need, Own) {
                // CompreFace's own words speak of the key, too.
                Some((_, code)) => {
                    let word = if code == "cross_site" { "site" } else { "key" };
                    assert!(
                        (400..500).contains(&answer.status) && text.contains(word),
                        "{what}"
                    );
                }
                None => assert!(answer.status < 500 && !text.contains("key"), "{what}"),
            }
            asked += 1;
        }
    }
    // What was turned away has left nothing behind.
    let people = Request::new("GET", "/v1/galleries/default")
        .key(&admin)
        .send(server.address);
    assert_eq!(people.expect(200).json()["faces"], 0);
    println!(
        "{asked} requests: {} operations, each by everybody",
        OPERATIONS.len() + COMPATIBLE.len()
    );

    // A key of one gallery sees no other.
    let bound = server
        .place
        .key("looks around", "identify", &["--gallery", "other"]);
    for path in ["/v1/galleries", "/v1/system"] {
        let seen = Request::new("GET", path)
            .key(&bound)
            .send(server.address)
            .expect(200)
            .json();
        let names: Vec<_> = seen["galleries"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|gallery| gallery["name"].clone())
            .collect();
        assert_eq!(names, ["other"], "{path}");
    }
    let own = Request::new("POST", "/v1/identify")
        .key(&bound)
        .json(NO_PICTURE);
    own.send(server.address).expect(422);
}

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

#[test]
fn listed_origins_may_call_and_no_others() {
    let settings = [
        ("require_keys", "always"),
        ("threads", "1"),
        ("cors_origins", "https://photos.example"),
    ];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    let key = server.place.key("page", "identify", &[]);
    for (origin, allowed) in [
        ("https://photos.example", Some("https://photos.example")),
        ("http://photos.example", None),
        ("https://photos.example.evil.example", None),
        ("https://evil.example", None),
        ("null", None),
    ] {
        let preflight = Request::new("OPTIONS", "/v1/detect")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "x-api-key")
            .send(server.address);
        assert_eq!(
            preflight.header("access-control-allow-origin"),
            allowed,
            "{origin}"
        );
        let asked = Request::new("GET", "/v1/galleries")
            .key(&key)
            .header("origin", origin);
        let asked = asked.send(server.address).expect(200);
        assert_eq!(
            asked.header("access-control-allow-origin"),
            allowed,
            "{origin}"
        );
        // Keys travel in headers; cookies never go along.
        assert_eq!(
            asked.header("access-control-allow-credentials"),
            None,
            "{origin}"
        );
    }
}

/// Without keys the machine's own user may do everything, and no page that they look at.
#[test]
fn pages_from_elsewhere_do_not_reach_a_server_without_keys() {
    let Some(server) = Served::start(&[("threads", "1")]) else {
        return;
    };
    let port = server.address.port();
    for (host, allowed) in [
        (format!("127.0.0.1:{port}"), true),
        (format!("localhost:{port}"), true),
        (format!("LocalHost:{port}"), true),
        (format!("[::1]:{port}"), true),
        ("localhost".to_owned(), true),
        (format!("rebound.example:{port}"), false),
        (format!("127.0.0.1.rebound.example:{port}"), false),
        (format!("localhost.rebound.example:{port}"), false),
        (format!("127.0.0.1@rebound.example:{port}"), false),
        ("0.0.0.0".to_owned(), false),
        (format!("192.168.0.1:{port}"), false),
    ] {
        for (method, path) in [
            ("GET", "/v1/galleries"),
            ("GET", "/"),
            ("POST", "/v1/detect"),
        ] {
            let request = Request::new(method, path).header("host", host.clone());
            let answer = request.send(server.address);
            if allowed {
                assert_ne!(answer.status, 403, "{host} {path}");
            } else if answer.status != 400 {
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (403, "host_not_allowed"),
                    "{host} {path}"
                );
            }
        }
    }
    let own = format!("http://{}", server.address);
    for (name, value, allowed) in [
        ("origin", own.as_str(), true),
        ("origin", "http://elsewhere.example", false),
        ("origin", "null", false),
        ("origin", "http://127.0.0.1:1", false),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "none", true),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "cross-site", false),
    ] {
        for (method, path) in [
            ("POST", "/v1/galleries"),
            ("DELETE", "/v1/galleries/x"),
            ("PATCH", "/v1/galleries/x/subjects/1"),
        ] {
            let answer = Request::new(method, path)
                .header(name, value)
                .json("{}")
                .send(server.address);
            let refused = answer.status == 403 && answer.code() == "cross_site";
            assert_eq!(
                refused, !allowed,
                "{method} {path} {name}: {value}: {}",
                answer.status
            );
        }
    }
    // An unknown key is as good as none here, also for this.
    for path in [
        "/api/v1/recognition/subjects",
        "/v1/vision/face/delete",
        "/v1/galleries",
    ] {
        let request = Request::new("POST", path).key("00000000-0000-4000-8000-000000000000");
        let answer = request
            .header("origin", "http://elsewhere.example")
            .json("{}")
            .send(server.address);
        // CompreFace has its own words and statuses.
        let text = String::from_utf8_lossy(&answer.body);
        let refused = (400..=403).contains(&answer.status);
        assert!(
            refused && (text.contains("another site") || text.contains("key_invalid")),
            "{path}: {text}"
        );
    }
    // What is read is not shown to them.
    let read = Request::new("GET", "/v1/galleries").header("origin", "http://elsewhere.example");
    let read = read.send(server.address).expect(200);
    assert_eq!(read.header("access-control-allow-origin"), None);
    assert_eq!(
        read.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
}

#[test]
fn too_many_requests_are_told_when_to_come_back() {
    let settings = [
        ("require_keys", "always"),
        ("requests_per_minute", "20"),
        ("threads", "1"),
    ];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    let (a, b) = (
        server.place.key("a", "identify", &[]),
        server.place.key("b", "identify", &[]),
    );
    let ask = |key: &str| {
        Request::new("GET", "/v1/galleries")
            .key(key)
            .send(server.address)
    };
    let answers: Vec<Answer> = (0..25).map(|_| ask(&a)).collect();
    assert!(answers[..20].iter().all(|answer| answer.status == 200));
    let refused = answers[24].clone().expect(429);
    assert_eq!(refused.code(), "too_many_requests");
    let secs: u64 = refused
        .header("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&secs), "{secs}");
    // One key's haste is not another's.
    ask(&b).expect(200);

    let wrong: Vec<u16> = (0..40).map(|i| ask(&format!("wrong {i}")).status).collect();
    assert_eq!(
        wrong.iter().filter(|status| **status == 401).count(),
        30,
        "{wrong:?}"
    );
    assert_eq!(
        wrong.iter().filter(|status| **status == 429).count(),
        10,
        "{wrong:?}"
    );
    let at_the_door = Request::new("POST", "/v1/session").json(r#"{"key": "wrong"}"#);
    assert_eq!(at_the_door.send(server.address).status, 429);
    ask(&b).expect(200);
    // A refused upload hears the answer although it sends all before it reads.
    let upload = Request::new("POST", "/v1/detect")
        .key(&a)
        .body("image/jpeg", vec![0; 4 << 20]);
    upload.send(server.address).expect(429);
}

/// Files that hold faces and keys are their owner's.
#[test]
fn databases_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let Some(place) = place else { return };
    let server = Served::start_in(&place, &[("threads", "1")]);
    Request::new("POST", "/v1/galleries")
        .json(r#"{"name": "other"}"#)
        .send(server.address)
        .expect(201);
    for name in [
        "server.db",
        "gallery.db",
        "galleries/other.db",
        "gallery.db-wal",
        "server.db-wal",
        "events.db",
    ] {
        let path = place.path("home").join(name);
        let mode = std::fs::metadata(&path).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
