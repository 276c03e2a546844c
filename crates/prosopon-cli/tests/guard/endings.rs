//! What is left when server or client goes away.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prosopon::Image;
use prosopon_gallery::synthetic::Rng;

use crate::client::{Request, connect};
use crate::common::shared;
use crate::processes::{free_port, signal};
use crate::served::{Place, Served, files, picture};

const ROUNDS: u64 = 5;
const CLIENTS: usize = 3;

/// A picture that takes a while.
fn large_picture(place: &Place) -> Vec<u8> {
    let path = place.path("large.png");
    Image::filled(7000, 7000, [90, 120, 60])
        .save(&path)
        .expect("a file");
    std::fs::read(path).expect("a picture")
}

/// Enrols one picture after the other until the server is gone; notes what was acknowledged.
fn enrol_until_gone(
    address: SocketAddr,
    subject: &str,
    pictures: &[Vec<u8>],
    acknowledged: &Mutex<Vec<i64>>,
) {
    let path =
        format!("/v1/galleries/default/enrol?subject={subject}&faces=largest&allow_conflict=true");
    for picture in pictures.iter().cycle() {
        let request = Request::new("POST", path.as_str()).body("image/jpeg", picture.as_slice());
        let Ok(answer) = request.try_send(address) else {
            return;
        };
        if answer.status == 201 {
            let id = answer.json()["added"][0]["face"]["id"]
                .as_i64()
                .expect("a number");
            acknowledged.lock().expect("the list").push(id);
        }
    }
}

#[test]
fn acknowledged_faces_survive_kills_under_load() {
    let Some(place) = Place::new() else { return };
    let lfw = shared("data/lfw/images").expect("pictures");
    let people = files(&lfw);
    let settings = [("requests_per_minute", "0")];
    let mut rng = Rng::new(std::process::id().into());
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    for round in 0..ROUNDS {
        let server = Served::start_in(&place, &settings);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let skipped = (round as usize * CLIENTS + client) * 12;
                let pictures: Vec<Vec<u8>> = people[skipped..skipped + 12]
                    .iter()
                    .map(|person| std::fs::read(&files(person)[0]).expect("a picture"))
                    .collect();
                let (address, acknowledged) = (server.address, Arc::clone(&acknowledged));
                std::thread::spawn(move || {
                    let subject = format!("round-{round}-{client}");
                    enrol_until_gone(address, &subject, &pictures, &acknowledged);
                })
            })
            .collect();
        let so_far = acknowledged.lock().expect("the list").len();
        let start = Instant::now();
        while acknowledged.lock().expect("the list").len() < so_far + 3
            && start.elapsed() < Duration::from_secs(20)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_micros(rng.below(300_000) as u64));
        server.kill();
        for client in clients {
            client.join().expect("a client");
        }
    }
    let acknowledged = acknowledged.lock().expect("the list").clone();
    let server = Served::start_in(&place, &settings);
    for id in &acknowledged {
        let face = server.get(&format!("/v1/galleries/default/faces/{id}"));
        assert_eq!(face.status, 200, "face {id} is lost");
        server
            .get(&format!("/v1/galleries/default/faces/{id}/crop"))
            .expect(200);
    }
    let faces = server.get("/v1/galleries/default").expect(200).json()["faces"].as_u64();
    let faces = faces.expect("a number") as usize;
    // A face may have been stored whose answer did not arrive: at most one for each client.
    assert!(
        faces >= acknowledged.len(),
        "{faces} of {}",
        acknowledged.len()
    );
    assert!(
        faces <= acknowledged.len() + ROUNDS as usize * CLIENTS,
        "{faces}"
    );
    let connection = rusqlite::Connection::open(place.path("home/gallery.db")).expect("a database");
    let verdict: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a verdict");
    assert_eq!(verdict, "ok");
    println!(
        "{} faces acknowledged in {ROUNDS} rounds, none lost",
        acknowledged.len()
    );
    assert!(
        acknowledged.len() >= 3 * ROUNDS as usize,
        "{}",
        acknowledged.len()
    );
}

#[test]
fn a_stop_finishes_what_was_accepted() {
    let Some(mut server) = Served::start(&[("threads", "1"), ("shutdown_secs", "120")]) else {
        return;
    };
    let large = large_picture(&server.place);
    let address = server.address;
    let requests: Vec<_> = (0..4)
        .map(|_| {
            let large = large.clone();
            std::thread::spawn(move || {
                Request::new("POST", "/v1/detect")
                    .body("image/png", large)
                    .try_send(address)
            })
        })
        .collect();
    assert!(
        server.wait_for_queue(|waiting, running| waiting + running == 4),
        "{:?}",
        server.queue()
    );
    // A connection that only waits does not hold the server up.
    let _idle = connect(address, Ipv4Addr::LOCALHOST).expect("a connection");
    server.terminate();
    for request in requests {
        let answer = request.join().expect("a client").expect("an answer");
        answer.expect(200);
    }
    let start = Instant::now();
    let status = server.wait();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(
        Request::new("GET", "/health/live")
            .try_send(address)
            .is_err()
    );
    let log = server.log_with("stopping");
    assert!(log.contains("stopping"), "{log}");
}

#[test]
fn a_stop_while_the_models_load_is_a_clean_end() {
    let Some(place) = Place::new() else { return };
    for delay_ms in [0, 100, 300, 700, 1500] {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let child = place
            .command(&[])
            .args(["serve", "--offline", "--listen", &address.to_string()])
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let alive = Request::new("GET", "/health/live");
        let start = Instant::now();
        while alive.try_send(address).is_err() && start.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(delay_ms));
        signal(&child, "-TERM");
        let output = child.wait_with_output().expect("it ends");
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "after {delay_ms} ms: {log}");
        assert!(log.contains("stopped"), "after {delay_ms} ms: {log}");
    }
}

#[test]
fn a_client_that_goes_away_frees_its_place() {
    let Some(server) = Served::start(&[("threads", "1"), ("queue", "2")]) else {
        return;
    };
    let large = large_picture(&server.place);
    let good = picture();
    let (address, is_done) = (server.address, Arc::new(AtomicBool::new(false)));
    // Somebody keeps the only thread busy.
    let busy = {
        let is_done = Arc::clone(&is_done);
        std::thread::spawn(move || {
            let request = Request::new("POST", "/v1/detect").body("image/png", large);
            while !is_done.load(Ordering::SeqCst) {
                let _ = request.try_send(address);
            }
        })
    };
    let waiting = Request::new("POST", "/v1/detect").body("image/jpeg", good.as_slice());
    let bytes = waiting.bytes("localhost");
    let mut seen = (false, false);
    for _ in 0..20 {
        if !server.wait_for_queue(|waiting, running| (waiting, running) == (0, 1)) {
            break;
        }
        let mut leaver = connect(address, Ipv4Addr::LOCALHOST).expect("a connection");
        leaver.write_all(&bytes).expect("sent");
        if !server.wait_for_queue(|waiting, running| (waiting, running) == (1, 1)) {
            continue;
        }
        let refused = waiting.send(address);
        if refused.status == 503 {
            assert_eq!(refused.code(), "queue_full");
            assert!(refused.header("retry-after").is_some());
            seen.0 = true;
        }
        drop(leaver);
        // Nobody waits any more, although the first picture is still being looked at.
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(200) && seen.0 {
            if server.queue() == (0, 1) {
                seen.1 = true;
                break;
            }
        }
        if seen == (true, true) {
            break;
        }
    }
    is_done.store(true, Ordering::SeqCst);
    busy.join().expect("a client");
    assert_eq!(
        seen,
        (true, true),
        "a full queue was seen, and a place that was freed"
    );
    server.detect(&good).expect(200);
}
