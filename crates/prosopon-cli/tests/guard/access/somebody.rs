//! Everybody who may come along: how they show who they are, and what is refused to them.

use std::net::{Ipv4Addr, SocketAddr};

use super::operations::Need::{self, Admin, Cameras, Enrol, Identify, Public};
use super::operations::Reach::{self, Own};
use super::signed_in;
use crate::client::{Answer, Request};
use crate::served::Served;

/// How somebody shows who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    Nothing,
    Header,
    Bearer,
    Cookie,
    /// The cookie, in a request that a page of another site makes the browser send.
    CookieFromElsewhere,
    /// The same from a browser that says so itself.
    CookieCrossSite,
}

/// Somebody who asks.
pub(super) struct Somebody {
    pub(super) name: String,
    pub(super) proof: Proof,
    secret: String,
    /// What the key is for; none if it is no key.
    pub(super) scope: Option<Need>,
    pub(super) is_bound: bool,
}

impl Somebody {
    /// Asks from the `n`th address.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
        to: SocketAddr,
        n: u8,
    ) -> Answer {
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
    pub(super) fn refusal(
        &self,
        method: &str,
        need: Need,
        reach: Reach,
    ) -> Option<(u16, &'static str)> {
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

/// Everybody who may come along.
pub(super) fn everybody(server: &Served) -> Vec<Somebody> {
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
    let cookies_of_a_revoked_key = signed_in(server, &revoked);
    assert!(place.run(&["keys", "revoke", &id]).status.success());
    for (name, secret) in [
        ("forged cookie", "0".repeat(64)),
        ("cookie of a revoked key", cookies_of_a_revoked_key),
    ] {
        // A cookie that stands for nothing is no key at all.
        all.push(somebody(name, Proof::Cookie, &secret, None, false));
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
