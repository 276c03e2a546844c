//! Targets that answer well, badly and not at all, on real sockets.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::Value;

use super::sign::verify;
use super::{Delivery, Mqtt, Notice, Secret, Target, Webhook};
use crate::EventKind;
use crate::store::{EventStore, Filter};
use crate::testing::{event, recognised};

/// What arrived: path, headers with small names, body.
type Posted = (String, Vec<(String, String)>, Vec<u8>);

/// Answers each POST with what `answer` says about the number of the request.
fn server(answer: impl Fn(usize) -> &'static str + Send + 'static) -> (String, Receiver<Posted>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, posted) = channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            // The other side may be gone already.
            let _ = serve(&stream.unwrap(), answer(n), &sender);
        }
    });
    (address, posted)
}

fn serve(stream: &TcpStream, answer: &str, sender: &Sender<Posted>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = header(&headers, "content-length").parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let _ = sender.send((path, headers, body));
    let mut stream = stream;
    stream.write_all(
        format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes(),
    )
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

fn json(posted: &Posted) -> Value {
    serde_json::from_slice(&posted.2).unwrap()
}

fn webhook(address: &str) -> Webhook {
    let mut webhook = Webhook::parse(address).unwrap();
    webhook.timeout = Duration::from_secs(2);
    webhook
}

fn store(folder: &tempfile::TempDir) -> Arc<EventStore> {
    Arc::new(EventStore::open(folder.path().join("events.db")).unwrap())
}

/// Starts to deliver; the notices are gathered.
fn start(store: &Arc<EventStore>, targets: Vec<Target>) -> (Delivery, Arc<Mutex<Vec<Notice>>>) {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let gathered = Arc::clone(&notices);
    let delivery = Delivery::start(store, targets, move |notice| {
        gathered.lock().unwrap().push(notice);
    });
    (delivery.unwrap(), notices)
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_webhook_gets_signed_json_with_the_crop() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (address, posted) = server(|_| "204 No Content");
    let mut target = webhook(&address.replace("http://", "http://anna:secret@"));
    let secret = Secret::new("0123456789abcdef", "a test").unwrap();
    target.secret = Some(secret.clone());
    target.with_crop = true;
    let (delivery, _) = start(&store, vec![Target::Webhook(target)]);
    let mut event = recognised("Eingang Süd", 3, "Anna");
    event.crop = Some(vec![1, 2, 3]);
    delivery.append(&event).unwrap();

    let got = posted.recv_timeout(PATIENCE).unwrap();
    let (path, headers, body) = &got;
    let header = |name: &str| header(headers, name).to_owned();
    assert_eq!(path, "/hook");
    let checked = verify(
        &secret,
        &header("prosopon-timestamp"),
        &header("prosopon-signature"),
        body,
        Timestamp::now(),
        5,
    );
    assert_eq!(checked, Ok(()));
    assert_eq!(header("prosopon-event-id"), event.id.as_str());
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("authorization"), "Basic YW5uYTpzZWNyZXQ=");
    assert_eq!(header("ce-type"), "prosopon.face.recognised");
    assert!(header("ce-source").ends_with("/Eingang%20S%C3%BCd"));
    let json = json(&got);
    assert_eq!(json["sequence"], 1);
    assert_eq!(json["id"], event.id.as_str());
    assert_eq!(json["subject"]["metadata"]["door"], true);
    let crop = base64::prelude::BASE64_STANDARD.decode(json["crop_jpeg"].as_str().unwrap());
    assert_eq!(crop.unwrap(), [1, 2, 3]);

    let state = delivery.stop(PATIENCE).unwrap();
    assert_eq!((state[0].outbox.delivered, state[0].outbox.pending), (1, 0));
    assert!(posted.try_recv().is_err(), "delivered once");
}

#[test]
fn nothing_secret_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let mut target = webhook("http://anna:pass1@127.0.0.1:9/T0KEN");
    target.secret = Some(Secret::new("0123456789abcdef", "a test").unwrap());
    let mqtt = Mqtt::parse("mqtt://anna:pass2@127.0.0.1:9").unwrap();
    let (delivery, notices) = start(&store, vec![Target::Webhook(target), Target::Mqtt(mqtt)]);
    delivery.append(&event("hall", 1, EventKind::Left)).unwrap();
    let states = delivery.stop(Duration::from_secs(2)).unwrap();
    assert!(states.iter().all(|state| state.outbox.pending == 1));
    let said = format!("{states:?} {:?}", notices.lock().unwrap());
    let mut everything = vec![said.into_bytes()];
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            everything.push(std::fs::read(path).unwrap());
        }
    }
    assert!(everything.len() > 1);
    for secret in ["T0KEN", "pass1", "pass2", "0123456789abcdef"] {
        let secret = secret.as_bytes();
        let has = |bytes: &Vec<u8>| bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!everything.iter().any(has), "{secret:?}");
    }
}

#[test]
fn failures_are_tried_again_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (address, posted) = server(|n| match n {
        0 => "500 Internal Server Error",
        1 => "302 Found\r\nlocation: http://127.0.0.1:9/elsewhere",
        _ => "200 OK",
    });
    let (delivery, notices) = start(&store, vec![Target::Webhook(webhook(&address))]);
    for track in 1..=3 {
        delivery
            .append(&event("hall", track, EventKind::Appeared))
            .unwrap();
    }
    let mut tracks = Vec::new();
    while tracks.len() < 5 {
        let posted = json(&posted.recv_timeout(PATIENCE).unwrap());
        tracks.push(posted["track"].as_u64().unwrap());
    }
    assert_eq!(tracks, [1, 1, 1, 2, 3]);
    let state = delivery.stop(PATIENCE).unwrap();
    assert_eq!(state[0].outbox.delivered, 3);
    assert_eq!(state[0].outbox.last_error, None);
    let notices = notices.lock().unwrap();
    assert!(
        matches!(&notices[..], [
            Notice::Failing { reason: first, .. },
            Notice::Failing { reason: second, .. },
            Notice::Recovered { .. },
        ] if first.contains("500") && second.contains("redirects are not followed")),
        "{notices:?}"
    );
}

#[test]
fn a_dead_target_costs_the_others_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    // Accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}/", silent.local_addr().unwrap());
    let (address, posted) = server(|_| "200 OK");
    let targets = [dead.as_str(), "http://127.0.0.1:9/", &address].map(webhook);
    let (delivery, _) = start(&store, targets.map(Target::Webhook).to_vec());
    let start = Instant::now();
    for track in 0..20 {
        delivery
            .append(&event("hall", track, EventKind::Appeared))
            .unwrap();
    }
    for track in 0..20 {
        let posted = json(&posted.recv_timeout(PATIENCE).unwrap());
        assert_eq!(posted["track"], track);
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    let states = delivery.stop(Duration::ZERO).unwrap();
    let pending: Vec<u64> = states.iter().map(|state| state.outbox.pending).collect();
    assert_eq!(pending[..2], [20, 20]);
    assert!(pending[2] <= 1);
}

#[test]
fn who_is_gone_gets_nothing_until_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (address, posted) = server(|n| if n == 1 { "410 Gone" } else { "200 OK" });
    let target = || vec![Target::Webhook(webhook(&address))];
    for track in 0..4 {
        let event = event("hall", track, EventKind::Appeared);
        store.append(&event, &[target()[0].id()]).unwrap();
    }
    let (delivery, notices) = start(&store, target());
    let state = delivery.stop(PATIENCE).unwrap();
    assert!(state[0].outbox.is_gone);
    assert_eq!(state[0].outbox.delivered, 1);
    assert_eq!(state[0].outbox.dropped, 3);
    assert!(matches!(
        notices.lock().unwrap()[..],
        [Notice::Gone { n_events: 3, .. }]
    ));
    let (delivery, _) = start(&store, target());
    delivery
        .append(&event("hall", 9, EventKind::Appeared))
        .unwrap();
    assert_eq!(delivery.stop(PATIENCE).unwrap()[0].outbox.pending, 0);
    let tracks: Vec<Value> = posted
        .try_iter()
        .map(|got| json(&got)["track"].clone())
        .collect();
    assert_eq!(tracks, [0, 1, 9]);
}

#[test]
fn an_event_that_is_not_accepted_does_not_stop_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (address, posted) = server(|n| {
        if n < 3 {
            "422 Unprocessable Content"
        } else {
            "200 OK"
        }
    });
    let (delivery, notices) = start(&store, vec![Target::Webhook(webhook(&address))]);
    for track in 1..=2 {
        delivery
            .append(&event("hall", track, EventKind::Appeared))
            .unwrap();
    }
    for expected in [1, 1, 1, 2] {
        let posted = json(&posted.recv_timeout(PATIENCE).unwrap());
        assert_eq!(posted["track"], expected);
    }
    let state = delivery.stop(PATIENCE).unwrap();
    assert_eq!((state[0].outbox.delivered, state[0].outbox.dropped), (1, 1));
    let notices = notices.lock().unwrap();
    let is_dropped = |notice: &Notice| matches!(notice, Notice::Dropped { n_events: 1, .. });
    assert!(notices.iter().any(is_dropped), "{notices:?}");
}

/// Two bad minutes of the network must not make the first refusal the last.
#[test]
fn outages_are_no_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (address, posted) = server(|n| match n {
        0 | 1 => "503 Service Unavailable",
        2 => "422 Unprocessable Content",
        _ => "200 OK",
    });
    let (delivery, _) = start(&store, vec![Target::Webhook(webhook(&address))]);
    delivery
        .append(&event("hall", 1, EventKind::Appeared))
        .unwrap();
    for _ in 0..4 {
        posted.recv_timeout(PATIENCE).unwrap();
    }
    let state = delivery.stop(PATIENCE).unwrap();
    assert_eq!((state[0].outbox.delivered, state[0].outbox.dropped), (1, 0));
}

#[test]
fn of_two_one_delivers_and_the_other_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (address, posted) = server(|_| "200 OK");
    let target = || vec![Target::Webhook(webhook(&address))];
    // Each with connections and locks of its own, as two processes have.
    let (first_store, second_store) = (store(&folder), store(&folder));
    let (first, _) = start(&first_store, target());
    first.append(&event("a", 1, EventKind::Appeared)).unwrap();
    posted.recv_timeout(PATIENCE).unwrap();
    let (second, notices) = start(&second_store, target());
    for track in 2..=5 {
        second
            .append(&event("b", track, EventKind::Appeared))
            .unwrap();
        let posted = json(&posted.recv_timeout(PATIENCE).unwrap());
        assert_eq!(posted["track"], track);
    }
    assert!(matches!(
        notices.lock().unwrap()[..],
        [Notice::Elsewhere { .. }]
    ));
    first.stop(PATIENCE).unwrap();
    second.append(&event("b", 6, EventKind::Appeared)).unwrap();
    assert_eq!(json(&posted.recv_timeout(PATIENCE).unwrap())["track"], 6);
    second.stop(PATIENCE).unwrap();
    assert!(posted.try_recv().is_err(), "nothing came twice");
}

#[test]
fn what_waits_is_delivered_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    drop(listener);
    let target = || vec![Target::Webhook(webhook(&address))];
    {
        let (delivery, notices) = start(&store(&folder), target());
        for track in 1..=3 {
            delivery
                .append(&event("hall", track, EventKind::Appeared))
                .unwrap();
        }
        let state = delivery.stop(Duration::from_millis(700)).unwrap();
        assert_eq!(state[0].outbox.pending, 3);
        assert!(state[0].outbox.last_error.is_some());
        assert!(matches!(
            notices.lock().unwrap()[..],
            [Notice::Failing { .. }]
        ));
    }
    // The same address, and now somebody is there.
    let place = address
        .trim_start_matches("http://")
        .trim_end_matches("/hook")
        .to_owned();
    let listener = TcpListener::bind(place).unwrap();
    let (sender, posted) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = serve(&stream.unwrap(), "200 OK", &sender);
        }
    });
    let store = store(&folder);
    let (delivery, _) = start(&store, target());
    let state = delivery.stop(PATIENCE).unwrap();
    assert_eq!((state[0].outbox.pending, state[0].outbox.delivered), (0, 3));
    let tracks: Vec<Value> = posted
        .try_iter()
        .map(|got| json(&got)["track"].clone())
        .collect();
    assert_eq!(tracks, [1, 2, 3]);
    assert_eq!(store.count(&Filter::default()).unwrap(), 3);
}
