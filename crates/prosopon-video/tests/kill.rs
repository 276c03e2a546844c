//! Camera and receiver are killed again and again; nothing that was acknowledged is lost, and what comes twice comes
//! with the same id.
//!
//! Both are processes of their own: this program started again as one of the tests that are marked as ignored.
#![cfg(unix)]

#[path = "common/event.rs"]
mod event;
#[path = "../../prosopon/tests/common/processes.rs"]
mod processes;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{acknowledged_id, appeared};
use hmac::{Hmac, KeyInit as _, Mac as _};
use processes::{Acknowledged, Ends, as_process};
use prosopon_video::deliver::{Secret, Webhook};
use prosopon_video::{Delivery, Event, EventStore, Filter, Target};
use sha2::Sha256;

const SECRET: &str = "a secret that is only for this test";
const FOLDER: &str = "PROSOPON_TEST_KILL_FOLDER";
const PORT: &str = "PROSOPON_TEST_KILL_PORT";

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// This program as one of the processes below.
fn start(role: &str, folder: &Path, port: u16) -> Ends {
    let mut process = as_process(role);
    process.env(FOLDER, folder).env(PORT, port.to_string());
    Ends::start(&mut process)
}

/// Waits for a line that begins like this.
fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, start: &str) -> String {
    lines
        .map_while(Result::ok)
        .find(|line| line.starts_with(start))
        .unwrap_or_else(|| panic!("it ended without `{start}`"))
}

fn event(track: u64) -> Event {
    Event {
        crop: Some(vec![7; 5000]),
        ..appeared("hall", track)
    }
}

/// Appends events until it is killed; prints the id of each that was acknowledged.
#[test]
#[ignore = "a process of the test below"]
fn camera() {
    let Some(folder) = folder() else { return };
    // The test's own name may stand at the beginning of the line.
    println!();
    let port = std::env::var(PORT).expect("a port");
    let store = Arc::new(EventStore::open(folder.join("events.db")).expect("events"));
    let mut webhook = Webhook::parse(&format!("http://127.0.0.1:{port}/")).expect("an address");
    webhook.secret = Some(Secret::new(SECRET, "a test").expect("long enough"));
    webhook.timeout = Duration::from_secs(2);
    let delivery =
        Delivery::start(&store, vec![Target::Webhook(webhook)], |_| {}).expect("threads");
    if folder.join("finish").exists() {
        let state = delivery.stop(Duration::from_mins(1)).expect("states");
        println!("pending {}", state[0].outbox.pending);
        return;
    }
    let mut out = std::io::stdout();
    for track in 1.. {
        let event = event(track);
        delivery.append(&event).expect("written");
        writeln!(out, "acknowledged {}", event.id).expect("a reader");
        out.flush().expect("a reader");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Takes events, checks signatures with code of its own, and writes down what it took before it answers.
#[test]
#[ignore = "a process of the test below"]
fn receiver() {
    let Some(folder) = folder() else { return };
    let port: u16 = std::env::var(PORT)
        .expect("a port")
        .parse()
        .expect("a number");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let mut log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("received"))
        .expect("a file");
    println!(
        "\nport {}",
        listener.local_addr().expect("an address").port()
    );
    for (n, stream) in listener.incoming().enumerate() {
        // Whoever asked may be dead.
        let _ = take(&stream.expect("a connection"), n, &mut log);
    }
}

fn take(stream: &TcpStream, n: usize, log: &mut File) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut timestamp, mut signature, mut id) =
        (0, String::new(), String::new(), String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "prosopon-timestamp" => value.clone_into(&mut timestamp),
            "prosopon-signature" => value.clone_into(&mut signature),
            "prosopon-event-id" => value.clone_into(&mut id),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(&body);
    let expected: String = mac
        .finalize()
        .into_bytes()
        .into_iter()
        .fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_true = signature == format!("v1={expected}") && json["id"] == id.as_str();
    // Now and then it has a bad day, before it took the event or after.
    let answer = if n % 41 == 5 {
        "503 Service Unavailable"
    } else {
        let verdict = if is_true { "true" } else { "false" };
        writeln!(log, "{verdict} {} {id}", json["sequence"])?;
        if n % 29 == 7 {
            return Ok(());
        }
        "200 OK"
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

#[test]
fn no_acknowledged_event_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let start_receiver = |port| {
        let mut receiver = start("receiver", folder, port);
        let stdout = receiver.0.stdout.take().expect("its output");
        let line = wait_for(&mut BufReader::new(stdout).lines(), "port ");
        let port = line["port ".len()..].parse::<u16>().expect("a number");
        (receiver, port)
    };
    let (mut receiver, port) = start_receiver(0);
    let mut acknowledged = BTreeSet::new();
    for round in 0..8 {
        let mut camera = start("camera", folder, port);
        let ids = Acknowledged::by(&mut camera.0, acknowledged_id);
        std::thread::sleep(Duration::from_millis(fastrand::u64(150..400)));
        if round % 3 == 1 {
            receiver.kill();
            std::thread::sleep(Duration::from_millis(fastrand::u64(50..200)));
        }
        camera.kill();
        acknowledged.extend(ids.all());
        if round % 3 == 1 {
            receiver = start_receiver(port).0;
        }
    }
    File::create(folder.join("finish")).expect("a file");
    let begin = Instant::now();
    let mut camera = start("camera", folder, port);
    let stdout = camera.0.stdout.take().expect("its output");
    let pending = wait_for(&mut BufReader::new(stdout).lines(), "pending ");
    camera.0.wait().expect("it ended");
    receiver.kill();
    assert_eq!(pending, "pending 0", "after {:?}", begin.elapsed());

    let received = fs::read_to_string(folder.join("received")).expect("a log");
    let mut ids = BTreeSet::new();
    let mut last = 0;
    let mut n_twice = 0;
    for line in received.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!(fields[0], "true", "a signature is wrong: {line}");
        let sequence: u64 = fields[1].parse().expect("a number");
        if ids.insert(fields[2].to_owned()) {
            assert!(sequence > last, "out of order: {line} after {last}");
            last = sequence;
        } else {
            n_twice += 1;
            assert_eq!(sequence, last, "an old event came again: {line}");
        }
    }
    let lost: Vec<&String> = acknowledged.difference(&ids).collect();
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
    let store = EventStore::open(folder.join("events.db")).expect("events");
    assert_eq!(
        store.count(&Filter::default()).expect("a count"),
        ids.len() as u64
    );
    println!(
        "{} acknowledged, {} delivered, {n_twice} of them twice",
        acknowledged.len(),
        ids.len()
    );
    assert!(acknowledged.len() > 80, "only {}", acknowledged.len());
    assert!(n_twice > 0, "nothing was interrupted");
}
