use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;
use crate::source::Clients;
use crate::status::FileState;
use crate::testing::{DETECTOR, EMBEDDER, Tiny, digest, files_below, temp};

const INSTALLED: [&str; 2] = [
    "models/tiny-detector/detector.onnx",
    "models/tiny-embedder/embedder.onnx",
];

fn from_mirror(mirror: &Path) -> PullOptions<'static> {
    PullOptions {
        mirror: Some(mirror.display().to_string()),
        ..PullOptions::default()
    }
}

/// Remembers the sizes and notes that it is told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn begin(&self, _what: &str, total: Option<u64>) {
        self.0.lock().unwrap().push(format!("begin {total:?}"));
    }
    fn advance(&self, bytes: u64) {
        self.0.lock().unwrap().push(format!("advance {bytes}"));
    }
    fn done(&self) {
        self.0.lock().unwrap().push("done".to_owned());
    }
}

/// A shell script that stands for a package client.
#[cfg(unix)]
fn script(dir: &Path, name: &str, body: &str) -> Vec<Vec<std::ffi::OsString>> {
    let path = dir.join(name);
    fs::write(&path, format!("[ \"$1\" = --version ] && exit 0\n{body}\n")).unwrap();
    vec![vec!["sh".into(), path.into()]]
}

/// Serves files of `folder` by name until the test ends; remembers what was asked for.
fn serve(folder: &Path) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (folder, log) = (folder.to_owned(), asked.clone());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
            log.lock().unwrap().push(path.to_owned());
            let (status, body) = match fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // The client may hang up first when there is more than it wants.
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
        }
    });
    (address, asked)
}

#[test]
fn a_folder_of_files_fills_the_store_and_the_second_pull_does_nothing() {
    let (home, mirror) = (temp(), temp());
    let tiny = Tiny::new();
    Tiny::write_mirror(mirror.path());
    let store = tiny.store(home.path());
    let report = store.pull("default", &from_mirror(mirror.path())).unwrap();
    assert_eq!(report.installed, ["tiny-detector", "tiny-embedder"]);
    assert_eq!(report.bytes, (DETECTOR.len() + EMBEDDER.len()) as u64);
    assert_eq!(files_below(home.path()), INSTALLED);

    // Complete: neither the mirror nor a client is asked, and nothing is written.
    fs::remove_file(home.path().join(".lock")).unwrap();
    let again = store.pull("default", &PullOptions::default()).unwrap();
    assert_eq!((again.installed.len(), again.present), (0, 2));
    assert!(!home.path().join(".lock").exists());
    assert!(
        store
            .verify()
            .unwrap()
            .iter()
            .all(|file| file.state == FileState::Present)
    );
}

#[test]
fn a_web_server_is_asked_by_sha256_and_tells_its_progress() {
    let (home, mirror) = (temp(), temp());
    let tiny = Tiny::new();
    Tiny::write_mirror(mirror.path());
    let (address, asked) = serve(mirror.path());
    let told = Told::default();
    let options = PullOptions {
        mirror: Some(format!("{address}/")),
        progress: &told,
        ..PullOptions::default()
    };
    tiny.store(home.path()).pull("default", &options).unwrap();
    assert_eq!(files_below(home.path()), INSTALLED);
    assert_eq!(
        *asked.lock().unwrap(),
        [digest(DETECTOR).to_string(), digest(EMBEDDER).to_string()]
    );
    assert_eq!(
        told.0.lock().unwrap()[..3],
        ["begin Some(10)", "advance 10", "done"]
    );
}

#[test]
fn a_mirror_may_hold_the_archive_instead_and_is_asked_for_it_once() {
    let (home, mirror) = (temp(), temp());
    let tiny = Tiny::new();
    let name = digest(&tiny.archive).to_string();
    fs::write(mirror.path().join(&name), &tiny.archive).unwrap();
    let (address, asked) = serve(mirror.path());
    let options = PullOptions {
        mirror: Some(address),
        ..PullOptions::default()
    };
    tiny.store(home.path()).pull("default", &options).unwrap();
    assert_eq!(files_below(home.path()), INSTALLED);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.iter().filter(|path| **path == name).count(), 1);
}

#[test]
fn a_file_that_was_tampered_with_is_refused_and_leaves_nothing() {
    let tiny = Tiny::new();
    for content in [&b"a Detector"[..], b"short", b"much longer than a detector"] {
        let (home, mirror) = (temp(), temp());
        fs::write(mirror.path().join(digest(DETECTOR).to_string()), content).unwrap();
        let (address, _) = serve(mirror.path());
        for mirror in [mirror.path().display().to_string(), address] {
            let options = PullOptions {
                mirror: Some(mirror),
                ..PullOptions::default()
            };
            let store = tiny.store(home.path());
            let error = store.pull("default", &options).unwrap_err();
            let expected = match content.len() {
                10 => matches!(error, ModelsError::HashMismatch { .. }),
                _ => matches!(error, ModelsError::SizeMismatch { .. }),
            };
            assert!(expected, "{error}");
            assert_eq!(files_below(home.path()), [""; 0]);
        }
    }
}

#[test]
fn a_mirror_that_fails_is_named_beside_the_client_that_is_missing() {
    let home = temp();
    let tiny = Tiny::new();
    let gone = home.path().join("no-such-folder");
    let error = tiny
        .store(home.path())
        .pull("default", &from_mirror(&gone))
        .unwrap_err();
    let ModelsError::SourcesFailed { attempts, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        attempts.iter().map(|a| a.source).collect::<Vec<_>>(),
        ["mirror", "npm"]
    );
    assert!(error.hint().unwrap().contains("install Node.js"));
    assert_eq!(error.to_string().lines().count(), 1);
}

#[test]
fn an_address_without_encryption_is_refused() {
    let home = temp();
    let tiny = Tiny::with_urls(&["http://127.0.0.1:9/detector.onnx".to_owned()]);
    let error = tiny
        .store(home.path())
        .pull("default", &PullOptions::default())
        .unwrap_err();
    assert!(matches!(error, ModelsError::NotHttps { .. }), "{error}");
}

#[test]
fn a_missing_client_is_named_with_what_to_do() {
    let home = temp();
    let error = Tiny::new()
        .store(home.path())
        .pull("default", &PullOptions::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "tiny 1.0.0 needs npm, found none of: no-such-npm-here"
    );
    let hint = error.hint().unwrap();
    for way in ["Node.js", "prosopon models add", "--mirror"] {
        assert!(hint.contains(way), "{hint}");
    }
    assert_eq!(files_below(home.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_client_that_fails_or_hangs_or_lies_is_reported() {
    let (home, bin) = (temp(), temp());
    let tiny = Tiny::new();
    let try_with = |body: &str| {
        let clients = Clients {
            npm: script(bin.path(), "npm", body),
            pip: Vec::new(),
        };
        let options = PullOptions {
            client_timeout: Duration::from_millis(200),
            ..PullOptions::default()
        };
        let store = tiny.store(home.path()).with_clients(clients);
        let error = store.pull("default", &options).unwrap_err();
        assert_eq!(files_below(home.path()), [""; 0]);
        error
    };
    let failed = try_with("echo 'npm error 404 Not Found' >&2; exit 1");
    assert!(
        failed
            .to_string()
            .ends_with("could not fetch tiny 1.0.0: npm error 404 Not Found")
    );
    assert!(matches!(failed, ModelsError::ClientFailed { .. }));
    let silent = try_with("exit 3");
    assert!(silent.to_string().ends_with("exit status: 3"), "{silent}");
    let hanging = try_with("exec sleep 30");
    assert!(
        matches!(hanging, ModelsError::ClientTimeout { .. }),
        "{hanging}"
    );
    let nothing = try_with("exit 0");
    assert!(matches!(nothing, ModelsError::Io { .. }), "{nothing}");
    let changed = try_with("echo changed > tiny-1.0.0.tgz");
    assert!(
        matches!(changed, ModelsError::SizeMismatch { .. }),
        "{changed}"
    );
}

#[cfg(unix)]
#[test]
fn a_client_that_works_is_run_once_for_both_files() {
    let (home, bin) = (temp(), temp());
    let tiny = Tiny::new();
    let (source, count) = (bin.path().join("archive"), bin.path().join("count"));
    fs::write(&source, &tiny.archive).unwrap();
    let body = format!(
        "echo \"$@\" >> '{}'; cp '{}' tiny-1.0.0.tgz",
        count.display(),
        source.display()
    );
    let clients = Clients {
        npm: script(bin.path(), "npm", &body),
        pip: Vec::new(),
    };
    let store = tiny.store(home.path()).with_clients(clients);
    store.pull("default", &PullOptions::default()).unwrap();
    assert_eq!(files_below(home.path()), INSTALLED);
    let calls = fs::read_to_string(count).unwrap();
    assert_eq!(
        calls,
        "pack tiny@1.0.0 --pack-destination . --ignore-scripts --loglevel=error\n"
    );
}

#[test]
fn offline_names_what_is_missing_and_still_takes_a_folder() {
    let (home, mirror) = (temp(), temp());
    let tiny = Tiny::new();
    Tiny::write_mirror(mirror.path());
    let store = tiny.store(home.path());
    let mut options = PullOptions {
        offline: true,
        mirror: Some("http://127.0.0.1:9".to_owned()),
        ..PullOptions::default()
    };
    let error = store.pull("default", &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot fetch while offline, missing: tiny-detector, tiny-embedder"
    );
    options.mirror = Some(mirror.path().display().to_string());
    store.pull("default", &options).unwrap();
    assert_eq!(files_below(home.path()), INSTALLED);
}

#[test]
fn offline_never_starts_a_client() {
    let (home, mirror) = (temp(), temp());
    let options = PullOptions {
        offline: true,
        ..from_mirror(mirror.path())
    };
    let error = Tiny::new()
        .store(home.path())
        .pull("default", &options)
        .unwrap_err();
    assert!(matches!(error, ModelsError::Offline { .. }), "{error}");
}

#[test]
fn unclear_weights_are_refused_by_name() {
    let home = temp();
    let options = PullOptions {
        commercial_only: true,
        ..PullOptions::default()
    };
    let error = Tiny::new()
        .store(home.path())
        .pull("default", &options)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "pack `default` holds files not clearly free for commercial use: tiny-detector"
    );
}

#[test]
fn an_unknown_pack_is_answered_with_the_known_ones() {
    let home = temp();
    let error = Tiny::new()
        .store(home.path())
        .pull("all", &PullOptions::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown pack `all`, expected one of: default"
    );
}

#[test]
fn a_changed_file_is_found_and_fetched_again_only_on_request() {
    let (home, mirror) = (temp(), temp());
    let tiny = Tiny::new();
    Tiny::write_mirror(mirror.path());
    let store = tiny.store(home.path());
    let mut options = from_mirror(mirror.path());
    store.pull("default", &options).unwrap();
    fs::write(home.path().join(INSTALLED[0]), b"a Detector").unwrap();
    assert!(
        store
            .pull("default", &options)
            .unwrap()
            .installed
            .is_empty()
    );
    let states = store.verify().unwrap();
    assert!(
        matches!(states[0].state, FileState::Changed { .. }),
        "{states:?}"
    );
    assert_eq!(states[1].state, FileState::Present);
    options.check_hashes = true;
    assert_eq!(
        store.pull("default", &options).unwrap().installed,
        ["tiny-detector"]
    );
    assert_eq!(store.verify().unwrap()[0].state, FileState::Present);
}

#[test]
fn what_a_killed_pull_left_is_cleared_and_the_rest_is_fetched() {
    let (home, mirror) = (temp(), temp());
    let tiny = Tiny::new();
    Tiny::write_mirror(mirror.path());
    let store = tiny.store(home.path());
    let place = home.path().join(INSTALLED[0]);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, DETECTOR).unwrap();
    let half = home.path().join(".staging/pull-dead/half");
    fs::create_dir_all(half.parent().unwrap()).unwrap();
    fs::write(half, "a detec").unwrap();
    let report = store.pull("default", &from_mirror(mirror.path())).unwrap();
    assert_eq!(report.installed, ["tiny-embedder"]);
    assert_eq!(files_below(home.path()), INSTALLED);
}

#[test]
fn several_pulls_at_once_do_no_harm() {
    let (home, mirror) = (temp(), temp());
    let tiny = Tiny::new();
    Tiny::write_mirror(mirror.path());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = tiny.store(home.path());
                store.pull("default", &from_mirror(mirror.path())).unwrap();
            });
        }
    });
    assert_eq!(files_below(home.path()), INSTALLED);
}

#[test]
fn a_home_that_is_a_file_or_full_is_an_error_with_its_path() {
    let (dir, mirror) = (temp(), temp());
    let tiny = Tiny::new();
    Tiny::write_mirror(mirror.path());
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let store = tiny.store(&file.join("home"));
    let error = store
        .pull("default", &from_mirror(mirror.path()))
        .unwrap_err();
    assert!(error.to_string().contains("file/home"), "{error}");
    if let Ok(full) = fs::File::options().write(true).open("/dev/full") {
        let written = (&full).write_all(b"x").unwrap_err();
        let error = ModelsError::io("write", Path::new("/dev/full"), written);
        assert_eq!(
            error.to_string(),
            "no space left while trying to write: /dev/full"
        );
    }
}
