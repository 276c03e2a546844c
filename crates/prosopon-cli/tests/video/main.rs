//! `prosopon watch` before a real RTSP server that is cut, frozen and restarted, and `kill -9` of it.
//!
//! `scripts/test-video` runs these; they are left out of `cargo test`, which needs no FFmpeg.
#![cfg(unix)]

#[path = "../../../prosopon-video/tests/real/camera.rs"]
mod camera;
#[path = "../../../prosopon/tests/common/mod.rs"]
mod common;
#[path = "../../../prosopon/tests/common/processes.rs"]
mod processes;
mod watch;
mod watching;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use camera::Camera;
use watching::{Place, Watch};

/// Frames must come again within this time after the camera is back.
const BACK_WITHIN: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs FFmpeg and GStreamer's RTSP server: scripts/test-video"]
fn rtsp_is_watched_through_cuts_and_kills_and_no_event_is_lost_or_doubled() {
    let Some(place) = Place::with_two_people() else {
        return;
    };
    let film = place.film();
    let camera = Camera::start("0", &film, None);
    let address = format!("door=rtsp://127.0.0.1:{}/live", camera.port);
    let watch = Watch::start(&place, &address);
    watch.wait_for(Duration::from_mins(1), "two people", |seen| {
        seen.names("recognised").len() == 2
    });

    // Cut, and back after four seconds.
    let port = camera.port.clone();
    drop(camera);
    thread::sleep(Duration::from_secs(4));
    let n_before = watch.n_starts();
    let camera = Camera::start(&port, &film, None);
    let since = Instant::now();
    watch.wait_for(BACK_WITHIN, "frames after the cut", |seen| {
        seen.n_starts() > n_before
    });
    println!("after a cut: {:.1?}", since.elapsed());

    // Frozen for longer than the watchdog waits.
    camera.signal("-STOP");
    thread::sleep(Duration::from_secs(8));
    let n_before = watch.n_starts();
    camera.signal("-CONT");
    let since = Instant::now();
    watch.wait_for(BACK_WITHIN, "frames after the freeze", |seen| {
        seen.n_starts() > n_before
    });
    println!("after a freeze: {:.1?}", since.elapsed());

    // Killed: whatever it printed is in the file, once; the next run goes on, and greets nobody again.
    watch.signal("-KILL");
    let first = watch.end();
    assert!(first.n_events > 2, "{}", first.text);
    let kept = place.events();
    let ids: BTreeSet<_> = kept.iter().map(|event| event.id.clone()).collect();
    assert_eq!(ids.len(), kept.len(), "an event is kept twice");
    for id in &first.ids {
        assert!(ids.contains(id), "{id} was printed and is lost");
    }

    let watch = Watch::start(&place, &address);
    watch.wait_for(Duration::from_mins(1), "somebody", |seen| {
        seen.n_events() > 0
    });
    thread::sleep(Duration::from_secs(4));
    watch.signal("-INT");
    let second = watch.end();
    let all = place.events();
    let ids: BTreeSet<_> = all.iter().map(|event| event.id.clone()).collect();
    assert_eq!(ids.len(), all.len(), "an event is kept twice");
    assert!(second.ids.iter().all(|id| ids.contains(id)));
    for name in ["alex", "lin"] {
        let n = all
            .iter()
            .filter(|event| event.kind == "recognised" && event.name.as_deref() == Some(name))
            .count();
        assert_eq!(n, 1, "{name} was greeted {n} times within the cooldown");
    }
    drop(camera);
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn sources_that_cannot_be_watched_are_one_clear_line() {
    let Some(place) = Place::with_two_people() else {
        return;
    };
    std::fs::write(place.path("empty.mp4"), []).expect("a file");
    std::fs::write(place.path("letter.mp4"), "no film\n".repeat(99)).expect("a file");
    let cases: [(&str, &str); 6] = [
        ("empty.mp4", "empty file"),
        ("letter.mp4", "expected a video"),
        ("nothing.mp4", "found nothing"),
        ("/dev/video99", "expected a camera"),
        ("rtsp://me:hunter22@127.0.0.1:9/live", "connection refused"),
        ("gopher://127.0.0.1/", "gopher://"),
    ];
    for (source, says) in cases {
        let output = place.run(&["watch", source]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{source}");
        let errors: Vec<_> = text.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{source}: {text}");
        assert!(errors[0].contains(says), "{source}: {text}");
        assert!(text.contains("hint: "), "{source}: {text}");
        assert!(!text.contains("hunter22"), "{text}");
    }
    // Without FFmpeg: a folder that has none.
    let empty = place.path("bin");
    std::fs::create_dir(&empty).expect("a folder");
    let output = place
        .command(&["watch", "letter.mp4", "--json"])
        .env("PATH", &empty)
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    assert!(
        text.contains("ffmpeg_missing") || text.contains("is missing"),
        "{text}"
    );
    assert!(text.contains("apt-get install ffmpeg"), "{text}");
}

/// Runs FFmpeg with these arguments in `folder`.
fn ffmpeg(folder: &Path, arguments: &[&str]) {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y"])
        .args(arguments)
        .current_dir(folder)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success(), "{arguments:?}");
}
