//! Collecting from servers on loopback, over real sockets.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prosopon::Image;

use super::*;
use crate::manifest::MANIFEST;
use crate::manifest::Status::{Duplicate, Failed, Present, Skipped, Stored};
use crate::testing::{INSIDE, OUTSIDE, Web, is_outside, ok, ok_with, redirect, status};

fn picture(shade: u8) -> Vec<u8> {
    Image::filled(40, 30, [shade; 3]).encode_png().unwrap()
}

/// Names that end in `.inside` are inside, all others outside.
fn network() -> Network {
    let resolve = |host: &str, port| {
        let inside = host.ends_with(".inside") || host == INSIDE.to_string();
        Ok(vec![(if inside { INSIDE } else { OUTSIDE }, port).into()])
    };
    Network::with(resolve, is_outside)
}

fn options() -> CollectOptions {
    CollectOptions {
        delay: Duration::ZERO,
        timeout: Duration::from_millis(700),
        retries: 0,
        ..CollectOptions::default()
    }
}

/// What came of each address, in the order of addresses.
fn collect(root: &Path, options: CollectOptions, wanted: &[String]) -> Vec<Entry> {
    let (network, folder) = (network(), Folder::open(root).unwrap());
    let collector = Collector::new(&network, &folder, options);
    let entries = Mutex::new(Vec::new());
    let wanted_all = wanted.iter().map(Wanted::new).collect();
    let keep = |entry: &Entry| entries.lock().unwrap().push(entry.clone());
    collector.fetch(wanted_all, &keep).unwrap();
    let mut entries = entries.into_inner().unwrap();
    let place = |entry: &Entry| wanted.iter().position(|w| *w == entry.source.to_string());
    entries.sort_by_key(place);
    entries
}

fn outcome(entry: &Entry) -> (Status, &str) {
    let reason = entry.reason.as_ref();
    (entry.status, reason.map_or("", |reason| &reason.code))
}

/// Files of the folder but the manifest.
fn files(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != MANIFEST)
        .collect();
    names.sort();
    names
}

#[test]
fn pictures_are_kept_and_everything_else_is_named() {
    let inside = Web::at(INSIDE, 0, |_, stream| ok(stream, &picture(9)));
    let port = inside.port();
    let web = Web::at(OUTSIDE, 0, move |head, stream| match head.path() {
        "/a.png" | "/copy.png" => ok(stream, &picture(1)),
        // The name lies, the content does not.
        "/other/a.jpg" => ok(stream, &picture(2)),
        "/moved" => redirect(stream, "/deep/real.png"),
        "/deep/real.png" => ok(stream, &picture(3)),
        "/%2e%2e%2f%2e%2e%2fescape.png" => ok(stream, &picture(4)),
        "/inside" => redirect(stream, &format!("http://db.inside:{port}/a.png")),
        "/page.png" => ok(stream, b"<!DOCTYPE html><p>not here"),
        "/icon.png" => ok(stream, &Image::filled(8, 8, [1; 3]).encode_png().unwrap()),
        "/half.png" => ok(stream, &picture(5)[..60]),
        "/cut.png" => {
            let bytes = picture(6);
            let length = bytes.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"
            )?;
            stream.write_all(&bytes[..length / 2])
        }
        "/large.png" => ok(stream, &vec![0; 5000]),
        "/slow.png" => {
            thread::sleep(Duration::from_secs(2));
            ok(stream, &picture(7))
        }
        _ => status(stream, "404 Not Found", ""),
    });
    let root = tempfile::tempdir().unwrap();
    let mut options = options();
    options.limits.decode.file_bytes = 4000;
    options.limits.min_side_px = 20;
    let mut wanted: Vec<String> = [
        "/a.png",
        "/copy.png",
        "/other/a.jpg",
        "/moved",
        "/%2e%2e%2f%2e%2e%2fescape.png",
        "/inside",
        "/page.png",
        "/icon.png",
        "/half.png",
        "/cut.png",
        "/large.png",
        "/slow.png",
        "/missing.png",
    ]
    .map(|path| web.url(path))
    .to_vec();
    wanted.push(format!("http://db.inside:{port}/a.png"));
    wanted.push("ftp://a.example/a.png".to_owned());
    // Named twice, asked for once.
    wanted.push(web.url("/missing.png"));
    options.at_once = 1;
    let entries = collect(root.path(), options, &wanted);
    let outcomes: Vec<_> = entries.iter().map(outcome).collect();
    assert_eq!(
        outcomes,
        [
            (Stored, ""),
            (Duplicate, ""),
            (Stored, ""),
            (Stored, ""),
            (Stored, ""),
            (Failed, "address_not_allowed"),
            (Skipped, "not_a_picture"),
            (Skipped, "picture_too_small"),
            (Skipped, "truncated_picture"),
            (Failed, "fetch_failed"),
            (Failed, "fetch_failed"),
            (Failed, "fetch_failed"),
            (Failed, "fetch_failed"),
            (Failed, "address_not_allowed"),
            (Failed, "invalid_address"),
        ]
    );
    let other = entries[2].file.as_deref().unwrap();
    assert!(
        other.len() == "a-01234567.png".len() && other.starts_with("a-"),
        "{other}"
    );
    let mut expected = vec!["a.png", other, "escape.png", "real.png"];
    expected.sort_unstable();
    assert_eq!(files(root.path()), expected);
    assert_eq!(entries[1].file.as_deref(), Some("a.png"));
    assert_eq!(fs::read(root.path().join("a.png")).unwrap(), picture(1));
    assert_eq!((inside.connections(), web.asked("/missing.png")), (0, 1));
    let agent = format!("user-agent: {USER_AGENT}\r\n");
    assert!(web.requests()[0].to_lowercase().contains(&agent));
    let lines = fs::read_to_string(root.path().join(MANIFEST)).unwrap();
    assert_eq!(lines.lines().count(), entries.len());
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let web = Web::at(OUTSIDE, 0, move |head, stream| {
        if head.path() == "/later.png" && is_broken.load(Ordering::SeqCst) {
            return status(stream, "503 Service Unavailable", "");
        }
        let validator = "etag: \"one\"\r\nlast-modified: Wed, 01 May 2024 12:00:00 GMT\r\n";
        match (head.path(), head.header("if-none-match")) {
            ("/changed.png", Some(_)) => ok_with(stream, "etag: \"two\"\r\n", &picture(3)),
            ("/changed.png", None) => ok_with(stream, validator, &picture(2)),
            (_, Some("\"one\"")) => status(stream, "304 Not Modified", ""),
            _ => ok_with(stream, validator, &picture(1)),
        }
    });
    let root = tempfile::tempdir().unwrap();
    let wanted = ["/a.png", "/changed.png", "/later.png"].map(|path| web.url(path));
    let statuses = |options, expected: [Status; 3]| {
        let entries = collect(root.path(), options, &wanted);
        let found: Vec<Status> = entries.iter().map(|entry| entry.status).collect();
        assert_eq!(found, expected);
        entries
    };
    statuses(options(), [Stored, Stored, Failed]);
    assert_eq!(web.connections(), 3);

    // The second run asks only for what is missing.
    broken.store(false, Ordering::SeqCst);
    statuses(options(), [Present, Present, Duplicate]);
    assert_eq!(web.connections(), 4);

    // Asked to look again, it lets the server say that nothing has changed.
    let refresh = CollectOptions {
        refresh: true,
        ..options()
    };
    let entries = statuses(refresh, [Present, Stored, Present]);
    assert_eq!(web.connections(), 7);
    assert_eq!(entries[1].validators.etag.as_deref(), Some("\"two\""));
    let condition = "if-modified-since: Wed, 01 May 2024 12:00:00 GMT";
    assert!(web.requests().iter().any(|head| head.contains(condition)));
    assert_eq!(files(root.path()).len(), 3);

    // A file that was deleted is fetched again.
    fs::remove_file(root.path().join("a.png")).unwrap();
    let entries = collect(root.path(), options(), &wanted[..1]);
    assert_eq!(entries[0].status, Stored);
}

#[test]
fn pages_give_their_pictures() {
    let web = Web::at(OUTSIDE, 0, |head, stream| {
        match head.path() {
        "/old" => redirect(stream, "/people/"),
        "/people/" => ok(
            stream,
            b"<img src='a.png'><a href='/b.png'>b</a><img src='a.png'><img src='http://db.inside/c.png'>",
        ),
        "/people/a.png" => ok(stream, &picture(1)),
        "/b.png" => ok(stream, &picture(2)),
        "/empty" => ok(stream, b"<p>nothing"),
        _ => status(stream, "404 Not Found", ""),
    }
    });
    let root = tempfile::tempdir().unwrap();
    let (network, folder) = (network(), Folder::open(root.path()).unwrap());
    let collector = Collector::new(&network, &folder, options());
    let entries = Mutex::new(Vec::new());
    let keep = |entry: &Entry| entries.lock().unwrap().push(entry.clone());
    let pages = ["/old", "/empty", "/missing"].map(|path| web.url(path));
    let wanted = collector.pages(&pages, &keep).unwrap();
    let addresses: Vec<&str> = wanted.iter().map(|wanted| &*wanted.address).collect();
    let (a, b) = (web.url("/people/a.png"), web.url("/b.png"));
    assert_eq!(addresses, [&*a, &*b, "http://db.inside/c.png"]);
    let of_pages: Vec<_> = entries.lock().unwrap().drain(..).collect();
    let outcomes: Vec<_> = of_pages.iter().map(outcome).collect();
    assert_eq!(
        outcomes,
        [(Skipped, "no_pictures"), (Failed, "fetch_failed")]
    );
    collector.fetch(wanted, &keep).unwrap();
    let entries = entries.into_inner().unwrap();
    assert!(
        entries
            .iter()
            .all(|entry| entry.page.as_ref() == Some(&pages[0]))
    );
    assert_eq!(files(root.path()), ["a.png", "b.png"]);
}

#[test]
fn hosts_are_asked_slowly_and_left_alone_when_they_say_so() {
    let root = tempfile::tempdir().unwrap();
    let web = Web::at(OUTSIDE, 0, |head, stream| {
        let shade = head.path().len() as u8;
        ok(stream, &picture(shade))
    });
    let slow = CollectOptions {
        delay: Duration::from_millis(60),
        ..options()
    };
    let wanted: Vec<String> = (1..6)
        .map(|n| web.url(&format!("/{}", "x".repeat(n))))
        .collect();
    let start = Instant::now();
    let entries = collect(root.path(), slow, &wanted);
    assert!(entries.iter().all(|entry| entry.status == Stored));
    assert!(start.elapsed() >= Duration::from_millis(240));

    let asked = Arc::new(AtomicBool::new(false));
    let web = Web::at(OUTSIDE, 0, move |_, stream| {
        if asked.swap(true, Ordering::SeqCst) {
            return ok(stream, &picture(200));
        }
        status(stream, "429 Too Many Requests", "retry-after: 1\r\n")
    });
    let patient = CollectOptions {
        retries: 1,
        ..options()
    };
    let start = Instant::now();
    let entries = collect(root.path(), patient, &[web.url("/a")]);
    assert_eq!(outcome(&entries[0]), (Stored, ""));
    assert!(start.elapsed() >= Duration::from_secs(1));

    // Who asks for an hour is not waited for.
    let web = Web::at(OUTSIDE, 0, |_, stream| {
        status(stream, "503 Service Unavailable", "retry-after: 3600\r\n")
    });
    let start = Instant::now();
    let entries = collect(root.path(), patient, &[web.url("/a")]);
    assert_eq!(entries[0].status, Failed);
    assert!(start.elapsed() < Duration::from_secs(1) && web.connections() == 1);
}

#[test]
fn hosts_take_turns() {
    let wanted = [
        "http://a/1",
        "http://a/2",
        "http://a/3",
        "http://b/1",
        "http://c/1",
        "http://b/1",
    ];
    let turns = by_turns(wanted.map(Wanted::new).to_vec());
    let turns: Vec<&str> = turns.iter().map(|wanted| &*wanted.address).collect();
    let expected = [
        "http://a/1",
        "http://b/1",
        "http://c/1",
        "http://a/2",
        "http://a/3",
    ];
    assert_eq!(turns, expected);
}

#[test]
fn a_full_disk_ends_the_run() {
    let web = Web::at(OUTSIDE, 0, |_, stream| ok(stream, &picture(1)));
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open(&root.path().join("into")).unwrap();
    // As good as a full disk: the folder is gone.
    fs::remove_dir_all(folder.root()).unwrap();
    fs::write(folder.root(), b"").unwrap();
    let network = network();
    let collector = Collector::new(&network, &folder, options());
    let wanted = vec![Wanted::new(web.url("/a.png"))];
    let error = collector.fetch(wanted, &|_| {}).unwrap_err();
    assert_eq!(error.code(), "unwritable_file");
}
