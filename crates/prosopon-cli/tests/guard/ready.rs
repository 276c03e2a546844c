//! `serve --check`: what health checks of containers and services ask.

use std::net::TcpListener;
use std::process::Output;

use serde_json::Value;

use crate::served::{Place, Served};

fn check(place: &Place, address: &str) -> (Output, Value) {
    let output = place.run(&["serve", "--check", "--json", "--listen", address]);
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, answer)
}

#[test]
fn a_server_that_is_ready_is_told_from_one_that_is_not() {
    let Some(place) = Place::new() else { return };
    let server = Served::start_in(&place, &[("require_keys", "always"), ("threads", "1")]);
    let address = server.address.to_string();
    let (output, answer) = check(&place, &address);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        (&answer["is_ready"], &answer["status"]),
        (&true.into(), &200.into())
    );
    assert_eq!(answer["address"], format!("http://{address}"));
    // What listens on all addresses is asked on this machine's own.
    let (output, _) = check(&place, &format!("0.0.0.0:{}", server.address.port()));
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    server.kill();
    let (output, answer) = check(&place, &address);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        (&answer["is_ready"], &answer["status"]),
        (&false.into(), &Value::Null)
    );
    assert!(!answer["message"].as_str().expect("a reason").is_empty());
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_not_ready() {
    let Some(place) = Place::new() else { return };
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let (output, answer) = check(&place, &address);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(answer["status"], Value::Null);
}

#[test]
fn a_port_that_is_chosen_at_the_start_cannot_be_asked() {
    let Some(place) = Place::new() else { return };
    let (output, answer) = check(&place, "127.0.0.1:0");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(answer["error"]["code"], "invalid_setting");
}
