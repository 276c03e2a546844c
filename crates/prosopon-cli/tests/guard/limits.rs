//! Clients that take their time, and clients that come in crowds.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::client::{connect, read_answer};
use crate::served::{Served, picture};

/// The time in which the head of a request must have arrived.
const HEAD_SECS: u64 = 30;

#[test]
fn slow_clients_are_told_or_left() {
    let settings = [("threads", "1"), ("body_timeout_secs", "2")];
    let Some(server) = Served::start(&settings) else {
        return;
    };
    // Heads that never end, and connections on which nothing ever comes.
    let opened = Instant::now();
    let mut silent = Vec::new();
    for start in [
        "",
        "P",
        "GET /health/live HTTP/1.1\r\n",
        "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let mut stream = server.connect();
        stream.write_all(start.as_bytes()).expect("sent");
        silent.push((start, stream));
    }

    let start = Instant::now();
    let mut stream = server.connect();
    let head = "POST /v1/detect HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    let mut drip = stream.try_clone().expect("a connection");
    std::thread::spawn(move || {
        while drip.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    let answer = read_answer(&mut stream).expect("an answer").expect(408);
    assert_eq!(answer.code(), "body_timeout");
    let took = start.elapsed();
    assert!((2..5).contains(&took.as_secs()), "{took:?}");

    // Half a body, and then no more.
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(&[0; 500]).expect("sent");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("half closed");
    if let Ok(answer) = read_answer(&mut stream) {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "incomplete_body")
        );
    }

    server.detect(&picture()).expect(200);
    for (start, mut stream) in silent {
        let mut rest = Vec::new();
        let closed = stream.read_to_end(&mut rest);
        assert!(
            closed.is_ok(),
            "{start:?} is still open after {:?}",
            opened.elapsed()
        );
    }
    let took = opened.elapsed().as_secs();
    assert!(
        took <= HEAD_SECS + 10,
        "silent connections were closed after {took} s"
    );
}

#[test]
fn a_crowd_of_connections_leaves_the_server_its_files() {
    let Some(server) = Served::start(&[("threads", "1"), ("requests_per_minute", "0")]) else {
        return;
    };
    let crowd: Vec<TcpStream> = (0..700)
        .filter_map(|_| connect(server.address, Ipv4Addr::LOCALHOST).ok())
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.pid()));
    let files = files.map_or(0, Iterator::count);
    assert!(files < 700, "{files} files are open");
    // Its own records can still be written: that needs files.
    server.place.key("meanwhile", "identify", &[]);
    drop(crowd);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if connect(server.address, Ipv4Addr::LOCALHOST)
            .and_then(|mut stream| {
                stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
                read_answer(&mut stream)
            })
            .is_ok_and(|answer| answer.status == 200)
        {
            server.detect(&picture()).expect(200);
            return;
        }
    }
    panic!("it does not recover from a crowd");
}
