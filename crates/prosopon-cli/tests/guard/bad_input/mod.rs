//! Whatever is sent, the answer names the trouble and the server goes on.
//!
//! | File | What is sent |
//! |---|---|
//! | `pictures.rs` | damaged pictures, small files that want to be large |
//! | `bodies.rs` | bodies, parameters and addresses that make no sense |
//! | `large.rs` | more than is allowed, or the announcement of it |
//! | `heads.rs` | heads without end or sense, pipelines, requests within others |
//! | `malformed.rs` | requests that are changed at random |

mod bodies;
mod heads;
mod large;
mod malformed;
mod pictures;

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::client::Answer;
use crate::served::Served;

const MIB: usize = 1 << 20;

/// Statuses of bad input: the client's fault, in words.
fn named(answer: &Answer, what: &str) {
    assert!(
        (400..500).contains(&answer.status),
        "{what}: {}",
        answer.head
    );
    assert!(!answer.code().is_empty(), "{what}");
}

/// A normal request, which must be answered well and quickly.
fn is_well(server: &Served, picture: &[u8]) {
    let start = Instant::now();
    let found = server.detect(picture).expect(200).json();
    assert_eq!(found["faces"].as_array().expect("a list").len(), 1);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "a detection takes {took:?}");
}

/// Sends these bytes and nothing after them. What comes back, and how reading it ended.
fn exchanged(server: &Served, bytes: &[u8], patience: Duration) -> (Vec<u8>, io::Result<usize>) {
    let mut stream = server.connect();
    stream.set_read_timeout(Some(patience)).expect("a time");
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    (answer, end)
}
