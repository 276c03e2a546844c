//! Events through a real broker (Debian's `mosquitto`) to a real subscriber, with the broker and the publisher killed
//! on the way. `scripts/test-video` runs them.
#![cfg(unix)]

#[path = "common/event.rs"]
mod event;
#[path = "../../prosopon/tests/common/processes.rs"]
mod processes;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use event::{acknowledged_id, appeared};
use processes::{Acknowledged, Ends, as_process, connect, free_port};
use prosopon_gallery::{Metadata, SubjectId};
use prosopon_video::deliver::{Mqtt, Secret};
use prosopon_video::{Delivery, Event, EventKind, EventStore, EventSubject, Notice, Target};

const FOLDER: &str = "PROSOPON_TEST_MQTT_FOLDER";
const PORT: &str = "PROSOPON_TEST_MQTT_PORT";
const PASSWORD: &str = "correct horse";
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a broker is installed; with `CI=true` it has to be.
fn has_mosquitto() -> bool {
    let is_there = |program: &str| {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders)
            .chain([PathBuf::from("/usr/sbin")])
            .any(|folder| folder.join(program).exists())
    };
    let has = is_there("mosquitto") && is_there("mosquitto_sub") && is_there("mosquitto_passwd");
    if !has {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "mosquitto and mosquitto-clients are missing"
        );
        eprintln!("left out: mosquitto and mosquitto-clients are not installed");
    }
    has
}

fn program(name: &str) -> Command {
    let beside_root = Path::new("/usr/sbin").join(name);
    if beside_root.exists() {
        Command::new(beside_root)
    } else {
        Command::new(name)
    }
}

/// A broker on loopback that lets `anna` in and nobody else.
fn broker(folder: &Path, port: u16) -> Ends {
    let passwords = folder.join("passwords");
    if !passwords.exists() {
        let made = program("mosquitto_passwd")
            .args(["-b", "-c"])
            .arg(&passwords)
            .args(["anna", PASSWORD])
            .status();
        assert!(made.expect("it starts").success());
    }
    let settings = folder.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\npersistence false\nuser root\n",
        passwords.display()
    );
    std::fs::write(&settings, text).expect("a file");
    let mut mosquitto = program("mosquitto");
    mosquitto.arg("-c").arg(&settings);
    let child = Ends::start(mosquitto.stdout(Stdio::null()).stderr(Stdio::null()));
    connect(port, PATIENCE);
    child
}

/// Topics with what was published there, as `mosquitto_sub` sees them.
struct Subscriber {
    _child: Ends,
    lines: Receiver<(String, String)>,
}

impl Subscriber {
    fn start(port: u16) -> Self {
        let mut mosquitto = program("mosquitto_sub");
        mosquitto
            .args(["-h", "127.0.0.1", "-q", "1", "-t", "#", "-F", "%t %p"])
            .args(["-p", &port.to_string(), "-u", "anna", "-P", PASSWORD])
            .stdout(Stdio::piped());
        let mut child = Ends::start(&mut mosquitto);
        let stdout = child.0.stdout.take().expect("its output");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let (topic, payload) = line.split_once(' ').unwrap_or((&line, ""));
                if sender.send((topic.to_owned(), payload.to_owned())).is_err() {
                    return;
                }
            }
        });
        Self {
            _child: child,
            lines,
        }
    }

    /// All that comes until `last` did, by topic; the last of each.
    fn until(&self, last: impl Fn(&str, &str) -> bool) -> BTreeMap<String, String> {
        let mut seen = BTreeMap::new();
        loop {
            let (topic, payload) = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("it did not come; seen: {seen:#?}"));
            let is_last = last(&topic, &payload);
            seen.insert(topic, payload);
            if is_last {
                return seen;
            }
        }
    }
}

fn target(port: u16) -> Target {
    let mut mqtt = Mqtt::parse(&format!("mqtt://anna@127.0.0.1:{port}/faces")).expect("an address");
    mqtt.password = Some(Secret::unchecked(PASSWORD));
    Target::Mqtt(mqtt)
}

fn event(track: u64, kind: EventKind) -> Event {
    let is_anna = kind == EventKind::Recognised;
    Event {
        kind,
        subject: is_anna.then(|| EventSubject {
            id: SubjectId(1),
            name: "Anna".to_owned(),
            metadata: Metadata::from_iter([("lamp".to_owned(), "warm".into())]),
        }),
        similarity: is_anna.then_some(0.6),
        threshold: is_anna.then_some(0.4),
        ..appeared("Front door", track)
    }
}

fn is_event(topic: &str, track: u64, payload: &str) -> bool {
    topic == "faces/front_door/event" && payload.contains(&format!("\"track\":{track},"))
}

#[test]
#[ignore = "needs mosquitto; scripts/test-video runs it"]
fn mosquitto_gets_states_events_and_discovery() {
    if !has_mosquitto() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut running = broker(folder.path(), port);
    let subscriber = Subscriber::start(port);
    let store = Arc::new(EventStore::open(folder.path().join("events.db")).expect("events"));
    let delivery = Delivery::start(&store, vec![target(port)], |_| {}).expect("threads");
    subscriber.until(|topic, payload| topic == "faces/status" && payload == "online");

    let start = Instant::now();
    delivery
        .append(&event(1, EventKind::Appeared))
        .expect("written");
    let seen = subscriber.until(|topic, payload| is_event(topic, 1, payload));
    println!("from append to subscriber: {:?}", start.elapsed());
    assert_eq!(seen["faces/front_door/occupancy"], "ON");
    let discovery = |component: &str, what: &str| {
        let topic = format!(
            "homeassistant/{component}/prosopon_{}/front_door_{what}/config",
            store.installation()
        );
        let json: serde_json::Value = serde_json::from_str(&seen[&topic]).expect("JSON");
        json
    };
    assert_eq!(
        discovery("sensor", "person")["state_topic"],
        "faces/front_door/person"
    );
    assert_eq!(
        discovery("binary_sensor", "occupancy")["availability_topic"],
        "faces/status"
    );
    let types = &discovery("event", "event")["event_types"];
    assert_eq!(types.as_array().map(Vec::len), Some(5));

    delivery
        .append(&event(1, EventKind::Recognised))
        .expect("written");
    delivery
        .append(&event(1, EventKind::Left))
        .expect("written");
    let seen = subscriber
        .until(|topic, payload| topic.ends_with("/event") && payload.contains("\"kind\":\"left\""));
    let person: serde_json::Value =
        serde_json::from_str(&seen["faces/front_door/person"]).expect("JSON");
    assert_eq!(person["name"], "Anna");
    assert_eq!(person["subject"]["metadata"]["lamp"], "warm");
    assert_eq!(seen["faces/front_door/occupancy"], "OFF");

    // The broker is killed; what happens meanwhile is told afterwards, in order.
    running.kill();
    for track in 2..=4 {
        delivery
            .append(&event(track, EventKind::Appeared))
            .expect("written");
    }
    std::thread::sleep(Duration::from_millis(300));
    drop(subscriber);
    let _running = broker(folder.path(), port);
    let subscriber = Subscriber::start(port);
    for track in 2..=4 {
        subscriber.until(|topic, payload| is_event(topic, track, payload));
    }

    // Whoever comes later finds the states, and no old event.
    let late = Subscriber::start(port);
    let seen = late.until(|topic, _| topic == "faces/front_door/occupancy");
    assert!(!seen.contains_key("faces/front_door/event"));
    let state = delivery.stop(PATIENCE).expect("states");
    assert_eq!((state[0].outbox.pending, state[0].outbox.delivered), (0, 6));
    subscriber.until(|topic, payload| topic == "faces/status" && payload == "offline");
}

#[test]
#[ignore = "needs mosquitto; scripts/test-video runs it"]
fn mosquitto_refuses_a_wrong_password() {
    if !has_mosquitto() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let _broker = broker(folder.path(), port);
    let store = Arc::new(EventStore::open(folder.path().join("events.db")).expect("events"));
    let Target::Mqtt(mut mqtt) = target(port) else {
        unreachable!("it is one")
    };
    mqtt.password = Some(Secret::unchecked("wrong"));
    let (sender, notices) = channel();
    let delivery = Delivery::start(&store, vec![Target::Mqtt(mqtt)], move |notice| {
        let _ = sender.send(notice);
    })
    .expect("threads");
    let Ok(Notice::Failing { reason, target, .. }) = notices.recv_timeout(PATIENCE) else {
        panic!("it should fail")
    };
    assert!(reason.contains("does not let this user in"), "{reason}");
    assert_eq!(target, format!("mqtt://127.0.0.1:{port}/faces"));
    drop(delivery);
}

/// Delivers until it is killed.
#[test]
#[ignore = "a process of the test below"]
fn publisher() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let port = std::env::var(PORT)
        .expect("a port")
        .parse()
        .expect("a number");
    let store = Arc::new(EventStore::open(folder.join("events.db")).expect("events"));
    let delivery = Delivery::start(&store, vec![target(port)], |_| {}).expect("threads");
    // The test's own name may stand at the beginning of the line.
    println!();
    for track in 1.. {
        let event = event(track, EventKind::Appeared);
        delivery.append(&event).expect("written");
        println!("acknowledged {}", event.id);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "needs mosquitto; scripts/test-video runs it"]
fn mosquitto_loses_nothing_when_the_publisher_is_killed() {
    if !has_mosquitto() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let _broker = broker(folder.path(), port);
    let subscriber = Subscriber::start(port);
    let mut acknowledged = Vec::new();
    let seen = RefCell::new(BTreeSet::new());
    let notice_events = |topic: &str, payload: &str| {
        if topic.ends_with("/event") {
            let event: serde_json::Value = serde_json::from_str(payload).expect("JSON");
            let id = event["id"].as_str().expect("an id").to_owned();
            seen.borrow_mut().insert(id);
        }
    };
    let wait_for_status = |status: &str| {
        subscriber.until(|topic, payload| {
            notice_events(topic, payload);
            topic == "faces/status" && payload == status
        });
    };
    for _ in 0..3 {
        let mut publisher = as_process("publisher");
        publisher
            .env(FOLDER, folder.path())
            .env(PORT, port.to_string());
        let mut publisher = Ends::start(&mut publisher);
        let ids = Acknowledged::by(&mut publisher.0, acknowledged_id);
        wait_for_status("online");
        std::thread::sleep(Duration::from_millis(300));
        publisher.kill();
        // The broker tells of the end by itself.
        wait_for_status("offline");
        acknowledged.extend(ids.all());
    }
    // What is left goes out at the next start.
    let store = Arc::new(EventStore::open(folder.path().join("events.db")).expect("events"));
    let delivery = Delivery::start(&store, vec![target(port)], |_| {}).expect("threads");
    let state = delivery.stop(PATIENCE).expect("states");
    assert_eq!(state[0].outbox.pending, 0);
    wait_for_status("offline");
    let seen = seen.into_inner();
    assert!(acknowledged.len() > 30, "only {}", acknowledged.len());
    let lost: Vec<&String> = acknowledged
        .iter()
        .filter(|id| !seen.contains(*id))
        .collect();
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
    println!("{} acknowledged, {} seen", acknowledged.len(), seen.len());
}
