//! Who may do what: keys, cookies, pages of other sites, and how often.
//!
//! | File | Holds |
//! |---|---|
//! | `operations.rs` | every operation, and what it needs; whoever adds an endpoint adds a row |
//! | `somebody.rs` | everybody who may come along, and what is refused to each |
//! | `matrix.rs` | every operation × everybody |
//! | `sessions.rs` | signing in and out, keys where none belong |
//! | `origins.rs` | pages of other sites |
//! | `rates.rs` | too many requests |
//! | `private_files.rs` | files that nobody else may read |

mod matrix;
mod operations;
mod origins;
mod private_files;
mod rates;
mod sessions;
mod somebody;

use crate::client::Request;
use crate::served::Served;

/// Signs in; the token of the cookie.
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
