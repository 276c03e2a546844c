use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::{EventStore, Filter, StoreError, StoreOptions};
use crate::deliver::TargetId;
use crate::testing::{event, recognised};
use crate::{Event, EventKind};

fn store(folder: &Path) -> Arc<EventStore> {
    Arc::new(EventStore::open(folder.join("events.db")).unwrap())
}

fn aged(hours: i64, mut event: Event) -> Event {
    event.at = Timestamp::now() - SignedDuration::from_hours(hours);
    event
}

fn sequences(store: &EventStore, filter: &Filter) -> Vec<u64> {
    let events = store.list(filter).unwrap();
    events.iter().map(|stored| stored.sequence).collect()
}

#[test]
fn an_event_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let mut written = recognised("hall", 3, "Anna");
    written.crop = Some(vec![1, 2, 3]);
    assert_eq!(store.append(&written, &[]).unwrap(), 1);
    let read = store.event(&written.id).unwrap().unwrap();
    assert!(read.has_crop);
    assert_eq!(read.event.crop, None);
    assert_eq!(
        store.crop(&written.id).unwrap().as_deref(),
        Some(&[1, 2, 3][..])
    );
    written.crop = None;
    assert_eq!(read.event, written);
    assert_eq!(store.event_number(1).unwrap().unwrap(), read);
    assert_eq!(store.event_number(2).unwrap(), None);

    let json = serde_json::to_value(&read).unwrap();
    assert_eq!(json["sequence"], 1);
    assert_eq!(json["subject"]["metadata"]["door"], true);
    assert_eq!(
        serde_json::from_value::<super::StoredEvent>(json).unwrap(),
        read
    );
}

#[test]
fn the_same_event_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let target = TargetId::from_text("t");
    let (a, b) = (
        event("hall", 1, EventKind::Appeared),
        event("hall", 2, EventKind::Appeared),
    );
    let first = store.append(&a, std::slice::from_ref(&target)).unwrap();
    store.delivered(&target, first).unwrap();
    assert_eq!(store.append(&b, &[]).unwrap(), 2);
    assert_eq!(
        store.append(&a, std::slice::from_ref(&target)).unwrap(),
        first
    );
    assert_eq!(store.count(&Filter::default()).unwrap(), 2);
    // Neither is it delivered again.
    assert_eq!(store.outbox(&target).unwrap().pending, 0);
}

#[test]
fn filters_choose() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for event in [
        aged(5, event("hall", 1, EventKind::Appeared)),
        aged(4, recognised("hall", 1, "Änna")),
        aged(3, event("door", 1, EventKind::Unknown)),
        aged(2, event("hall", 1, EventKind::Left)),
    ] {
        store.append(&event, &[]).unwrap();
    }
    let ago = |hours| Some(Timestamp::now() - SignedDuration::from_hours(hours));
    let all = Filter::default;
    for (filter, expected) in [
        (all(), vec![1, 2, 3, 4]),
        (Filter::of_camera("hall"), vec![1, 2, 4]),
        (
            Filter {
                kinds: vec![EventKind::Left, EventKind::Unknown],
                ..all()
            },
            vec![3, 4],
        ),
        (
            Filter {
                subject: Some("äNNA ".to_owned()),
                ..all()
            },
            vec![2],
        ),
        (
            Filter {
                subject: Some("x' OR 1 --".to_owned()),
                ..all()
            },
            vec![],
        ),
        (
            Filter {
                since: Some(Timestamp::now() - SignedDuration::from_mins(210)),
                ..all()
            },
            vec![3, 4],
        ),
        (
            Filter {
                until: ago(3),
                ..Filter::of_camera("hall")
            },
            vec![1, 2],
        ),
        (
            Filter {
                limit: Some(2),
                ..all()
            },
            vec![3, 4],
        ),
        (
            Filter {
                limit: Some(2),
                after_sequence: Some(1),
                ..all()
            },
            vec![2, 3],
        ),
        (
            Filter {
                limit: Some(1),
                before_sequence: Some(4),
                ..Filter::of_camera("hall")
            },
            vec![2],
        ),
    ] {
        assert_eq!(sequences(&store, &filter), expected, "{filter:?}");
    }
    assert_eq!(store.cameras().unwrap(), ["door", "hall"]);
}

#[test]
fn a_restart_knows_the_last_of_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for event in [
        aged(30, event("hall", 1, EventKind::Left)),
        aged(3, recognised("hall", 1, "Anna")),
        aged(2, recognised("hall", 2, "Anna")),
        aged(1, recognised("door", 1, "Anna")),
        aged(1, event("hall", 3, EventKind::Unknown)),
    ] {
        store.append(&event, &[]).unwrap();
    }
    let last: Vec<(u64, EventKind)> = store
        .last_of("hall")
        .unwrap()
        .iter()
        .map(|event| (event.track, event.kind))
        .collect();
    assert_eq!(last, [(2, EventKind::Recognised), (3, EventKind::Unknown)]);
}

#[test]
fn too_much_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let mut large = event("hall", 1, EventKind::Appeared);
    large.crop = Some(vec![0; (2 << 20) + 1]);
    let mut long = event(&"x".repeat(201), 1, EventKind::Appeared);
    long.crop = None;
    let mut talkative = recognised("hall", 1, "Anna");
    let text = "y".repeat(300 << 10);
    let subject = talkative.subject.as_mut().unwrap();
    subject.metadata.insert("text".to_owned(), text.into());
    for event in [large, long, talkative] {
        let error = store.append(&event, &[]).unwrap_err();
        assert_eq!(error.code(), "event_too_large");
        assert!(error.to_string().len() < 300);
    }
    assert_eq!(store.count(&Filter::default()).unwrap(), 0);
}

#[test]
fn purged_events_are_gone_with_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let target = TargetId::from_text("t");
    let needle: Vec<u8> = (0..200_u8).map(|i| i.wrapping_mul(7) ^ 0x5a).collect();
    for i in 0..450 {
        let mut event = aged(
            if i < 430 { 50 } else { 1 },
            event("hall", i, EventKind::Left),
        );
        event.crop = Some(if i < 430 {
            needle.repeat(20)
        } else {
            vec![7; 4000]
        });
        let targets = if i < 3 {
            std::slice::from_ref(&target)
        } else {
            &[]
        };
        store.append(&event, targets).unwrap();
    }
    let holds = || {
        fs::read_dir(folder.path()).unwrap().any(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    };
    assert!(holds());
    let size = || fs::metadata(store.path()).unwrap().len();
    let n_bytes = store.n_bytes().unwrap();
    let before = Timestamp::now() - SignedDuration::from_hours(40);
    assert_eq!(store.purge(before).unwrap(), 430);
    assert_eq!(store.count(&Filter::default()).unwrap(), 20);
    assert!(!holds(), "a purged crop is still there");
    assert!(store.n_bytes().unwrap() < n_bytes / 4);
    assert!(size() < n_bytes / 2, "space is given back");
    let state = store.outbox(&target).unwrap();
    assert_eq!((state.pending, state.dropped), (0, 3));
    assert_eq!(store.last_sequence().unwrap(), 450);
    assert_eq!(store.purge(before).unwrap(), 0);
}

#[test]
fn old_and_many_events_go_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let first = EventStore::open(&path).unwrap();
    for hours in [80, 70, 1] {
        first
            .append(&aged(hours, event("hall", 1, EventKind::Left)), &[])
            .unwrap();
    }
    let options = StoreOptions {
        retention: Some(Duration::from_hours(48)),
        ..StoreOptions::default()
    };
    let second = EventStore::open_with(&path, &options).unwrap();
    second
        .append(&event("hall", 2, EventKind::Left), &[])
        .unwrap();
    assert_eq!(sequences(&second, &Filter::default()), [3, 4]);

    let options = StoreOptions {
        retention: None,
        max_bytes: 1000,
        ..StoreOptions::default()
    };
    let small = EventStore::open_with(&path, &options).unwrap();
    small
        .append(&event("hall", 2, EventKind::Left), &[])
        .unwrap();
    assert_eq!(small.count(&Filter::default()).unwrap(), 0);
}

#[test]
fn the_outbox_keeps_order_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let (a, b) = (TargetId::from_text("a"), TargetId::from_text("b"));
    for track in 1..=5 {
        let event = event("hall", track, EventKind::Appeared);
        store.append(&event, &[a.clone(), b.clone()]).unwrap();
    }
    let now = Timestamp::now();
    let due = |target: &TargetId, now| -> Vec<u64> {
        let due = store.due(target, now, 10).unwrap();
        due.iter().map(|due| due.stored.sequence).collect()
    };
    assert_eq!(due(&a, now), [1, 2, 3, 4, 5]);
    store.delivered(&a, 1).unwrap();
    store.delivered(&a, 1).unwrap();
    let later = now + SignedDuration::from_secs(60);
    store.failed_delivery(&a, "no answer", later).unwrap();
    assert_eq!(due(&a, now), [0_u64; 0]);
    assert_eq!(due(&a, later), [2, 3, 4, 5]);
    let refusals = || store.due(&a, later, 1).unwrap()[0].refusals;
    assert_eq!(refusals(), 0);
    store.refused(&a, 2).unwrap();
    assert_eq!(refusals(), 1);
    assert_eq!(
        due(&b, now),
        [1, 2, 3, 4, 5],
        "a failing target costs no other"
    );
    let state = store.outbox(&a).unwrap();
    assert_eq!((state.pending, state.delivered), (4, 1));
    assert_eq!(state.last_error.as_deref(), Some("no answer"));
    store.register(&a).unwrap();
    assert_eq!(due(&a, now), [2, 3, 4, 5], "a restart asks at once");

    assert_eq!(store.gone(&b, "410").unwrap(), 5);
    store
        .append(&event("hall", 6, EventKind::Left), &[a.clone(), b.clone()])
        .unwrap();
    let state = store.outbox(&b).unwrap();
    assert!(state.is_gone);
    assert_eq!((state.pending, state.dropped), (0, 5));
    store.register(&b).unwrap();
    store
        .append(&event("hall", 7, EventKind::Left), &[a.clone(), b.clone()])
        .unwrap();
    assert_eq!(due(&b, now), [7]);
}

#[test]
fn an_outbox_is_bounded_by_number_and_age() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        outbox_events: 3,
        ..StoreOptions::default()
    };
    let store = EventStore::open_with(folder.path().join("events.db"), &options).unwrap();
    let target = TargetId::from_text("t");
    for track in 1..=5 {
        let event = event("hall", track, EventKind::Appeared);
        store.append(&event, std::slice::from_ref(&target)).unwrap();
    }
    let now = Timestamp::now();
    assert_eq!(store.bound_outbox(&target, now).unwrap(), 2);
    assert_eq!(store.bound_outbox(&target, now).unwrap(), 0);
    let due = store.due(&target, now, 10).unwrap();
    assert_eq!(due[0].stored.sequence, 3);
    let in_two_weeks = now + SignedDuration::from_hours(14 * 24);
    assert_eq!(store.bound_outbox(&target, in_two_weeks).unwrap(), 3);
    let state = store.outbox(&target).unwrap();
    assert_eq!((state.pending, state.dropped), (0, 5));
    assert_eq!(store.count(&Filter::default()).unwrap(), 5);
}

#[test]
fn followers_see_all_of_this_and_of_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let here = store(folder.path());
    // Connections of its own, as another process would have.
    let there = store(folder.path());
    there
        .append(&event("hall", 1, EventKind::Appeared), &[])
        .unwrap();
    let mut follow = here.subscribe(Filter::of_camera("hall")).unwrap();
    let mut from_start = here
        .subscribe(Filter {
            after_sequence: Some(0),
            ..Filter::default()
        })
        .unwrap();
    assert_eq!(follow.next(Duration::ZERO).unwrap(), None);

    let start = Instant::now();
    let writer = std::thread::spawn(move || {
        for track in 0..250 {
            let store = if track % 2 == 0 { &here } else { &there };
            let camera = if track % 5 == 4 { "door" } else { "hall" };
            let event = event(camera, track, EventKind::Appeared);
            store.append(&event, &[]).unwrap();
        }
    });
    let mut tracks = Vec::new();
    while tracks.len() < 200 && start.elapsed() < Duration::from_secs(30) {
        let next = follow.next(Duration::from_millis(500)).unwrap();
        tracks.extend(next.map(|stored| stored.event.track));
    }
    writer.join().unwrap();
    let expected: Vec<u64> = (0..250).filter(|track| track % 5 != 4).collect();
    assert_eq!(tracks, expected);
    assert_eq!(follow.next(Duration::ZERO).unwrap(), None);
    assert_eq!(follow.after(), 251);

    let mut n = 0;
    while let Some(stored) = from_start.next(Duration::ZERO).unwrap() {
        n += 1;
        assert_eq!(stored.sequence, n);
        assert_eq!(from_start.after(), n);
    }
    assert_eq!(n, 251);
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let open = || EventStore::open(&path).unwrap_err();

    fs::write(&path, "no database at all").unwrap();
    assert_eq!(open().code(), "not_events");
    fs::remove_file(&path).unwrap();

    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE cats (name TEXT)")
        .unwrap();
    assert!(matches!(
        open(),
        StoreError::NotEvents {
            found: "a database of another kind",
            ..
        }
    ));
    fs::remove_file(&path).unwrap();

    drop(EventStore::open(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    let error = open();
    assert_eq!(error.code(), "events_newer");
    assert!(error.to_string().contains("found format 99"));

    let error = EventStore::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("found a folder"));
    let error = EventStore::open(folder.path().join("no/events.db")).unwrap_err();
    assert_eq!(error.code(), "events_folder_missing");
    let options = StoreOptions {
        create: false,
        ..StoreOptions::default()
    };
    let missing = folder.path().join("missing.db");
    let error = EventStore::open_with(&missing, &options).unwrap_err();
    assert_eq!(error.code(), "events_missing");
    assert!(!missing.exists());
}

#[test]
fn damaged_files_are_errors_and_no_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let store = EventStore::open(&path).unwrap();
    for track in 0..60 {
        let mut event = recognised("hall", track, "Anna");
        event.crop = Some(vec![track as u8; 3000]);
        store
            .append(&event, &[TargetId::from_text("a target")])
            .unwrap();
    }
    drop(store);
    let bytes = fs::read(&path).unwrap();
    let mut rng = fastrand::Rng::with_seed(8);
    for _ in 0..100 {
        let mut damaged = bytes.clone();
        let start = rng.usize(..damaged.len());
        let end = (start + rng.usize(1..3000)).min(damaged.len());
        rng.fill(&mut damaged[start..end]);
        fs::write(&path, &damaged).unwrap();
        for log in ["events.db-wal", "events.db-shm"] {
            let _ = fs::remove_file(folder.path().join(log));
        }
        let outcome = EventStore::open(&path).and_then(|store| {
            store.list(&Filter::default())?;
            store.targets()?;
            store.append(&event("hall", 1, EventKind::Left), &[])
        });
        if let Err(error) = outcome {
            assert!(!error.to_string().contains('\n') && !error.hint().is_empty());
        }
    }
}

#[test]
fn many_writers_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let target = TargetId::from_text("t");
    std::thread::scope(|scope| {
        for camera in ["a", "b", "c", "d"] {
            let (folder, target) = (folder.path(), &target);
            scope.spawn(move || {
                let store = store(folder);
                for track in 0..25 {
                    let event = event(camera, track, EventKind::Appeared);
                    store.append(&event, std::slice::from_ref(target)).unwrap();
                }
            });
        }
    });
    let store = store(folder.path());
    assert_eq!(store.count(&Filter::default()).unwrap(), 100);
    assert_eq!(store.outbox(&target).unwrap().pending, 100);
    for camera in ["a", "b", "c", "d"] {
        let events = store.list(&Filter::of_camera(camera)).unwrap();
        let tracks: Vec<u64> = events.iter().map(|stored| stored.event.track).collect();
        assert_eq!(tracks, (0..25).collect::<Vec<_>>());
    }
}

#[test]
fn a_check_finds_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    assert!(matches!(
        EventStore::check(&path),
        Err(StoreError::Missing { .. })
    ));
    drop(store(folder.path()));
    EventStore::check(&path).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    for byte in bytes[middle..].iter_mut().step_by(3) {
        *byte ^= 0x5a;
    }
    fs::write(&path, bytes).unwrap();
    assert!(matches!(
        EventStore::check(&path),
        Err(StoreError::Damaged { .. })
    ));
}

#[test]
fn after_a_long_pause_not_all_events_go_at_once() {
    // Either nobody was there for a month, or the clock is wrong; an hour shows which.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let for_ever = StoreOptions {
        retention: None,
        ..StoreOptions::default()
    };
    let first = EventStore::open_with(&path, &for_ever).unwrap();
    for hours in [1000, 900] {
        first
            .append(&aged(hours, event("hall", 1, EventKind::Left)), &[])
            .unwrap();
    }
    drop(first);
    let second = EventStore::open(&path).unwrap();
    second
        .append(&event("hall", 2, EventKind::Left), &[])
        .unwrap();
    assert_eq!(second.count(&Filter::default()).unwrap(), 3);
}
