//! Bodies that are larger than is allowed, or are announced to be.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::MIB;
use crate::client::{Request, read_answer};
use crate::served::{Served, picture};

#[test]
fn large_bodies_are_refused_to_clients_that_send_all_first() {
    let Some(server) = Served::start(&[("threads", "1"), ("require_keys", "always")]) else {
        return;
    };
    let key = server.place.key("test", "identify", &[]);
    let (before, _) = server.memory_mib();
    let block = vec![0; MIB];
    let head = |headers: &str| {
        format!(
            "POST /v1/detect HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-type: image/jpeg\r\n{headers}\r\n\r\n"
        )
    };
    let start = Instant::now();
    let mut stream = server.connect();
    stream
        .write_all(head(&format!("content-length: {}", 100 * MIB)).as_bytes())
        .expect("sent");
    for _ in 0..100 {
        stream.write_all(&block).expect("the server reads on");
    }
    let answer = read_answer(&mut stream).expect("an answer").expect(413);
    assert_eq!(answer.code(), "body_too_large");
    println!("100 MiB with a length: {:?}", start.elapsed());

    let start = Instant::now();
    let mut stream = server.connect();
    stream
        .write_all(head("transfer-encoding: chunked").as_bytes())
        .expect("sent");
    for _ in 0..100 {
        stream
            .write_all(b"100000\r\n")
            .expect("the server reads on");
        stream.write_all(&block).expect("the server reads on");
        stream.write_all(b"\r\n").expect("the server reads on");
    }
    stream.write_all(b"0\r\n\r\n").expect("the server reads on");
    let answer = read_answer(&mut stream).expect("an answer").expect(413);
    assert_eq!(answer.code(), "body_too_large");
    println!("100 MiB in chunks: {:?}", start.elapsed());

    // Who asks before sending is told at once, and not told to go on.
    let start = Instant::now();
    let mut stream = server.connect();
    let asks = format!("content-length: {}\r\nexpect: 100-continue", 100 * MIB);
    stream.write_all(head(&asks).as_bytes()).expect("sent");
    let answer = read_answer(&mut stream).expect("an answer").expect(413);
    assert_eq!(answer.code(), "body_too_large");
    assert!(start.elapsed() < Duration::from_secs(2));
    // And who asks with something that is taken is told to.
    let good = picture();
    let mut stream = server.connect();
    let asks = format!("content-length: {}\r\nexpect: 100-continue", good.len());
    stream.write_all(head(&asks).as_bytes()).expect("sent");
    read_answer(&mut stream).expect("an answer").expect(100);
    stream.write_all(&good).expect("sent");
    read_answer(&mut stream).expect("an answer").expect(200);

    // Announcing costs nothing: 40 times 30 MiB that never come are more than there is memory for.
    let announced: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = server.connect();
            stream
                .write_all(head(&format!("content-length: {}", 30 * MIB)).as_bytes())
                .expect("sent");
            stream
        })
        .collect();
    // Nor do strangers who do send take the place of callers with a key.
    let strangers: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = server.connect();
            let head = format!(
                "POST /v1/detect HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
                30 * MIB
            );
            stream.write_all(head.as_bytes()).expect("sent");
            for _ in 0..20 {
                stream.write_all(&block).expect("the server reads on");
            }
            stream
        })
        .collect();
    let start = Instant::now();
    let large = Request::new("POST", "/v1/detect")
        .key(&key)
        .body("image/jpeg", vec![0; 15 * MIB]);
    large.send(server.address).expect(422);
    assert!(start.elapsed() < Duration::from_secs(5));
    drop((announced, strangers));
    let (after, most) = server.memory_mib();
    println!("memory: {before} MiB, then {after} MiB, at most {most} MiB");
    assert!(most < before + 500, "{before} MiB, at most {most} MiB");
}
