//! A real RTSP server that is cut, frozen, restarted, and gives another size.

use std::thread;
use std::time::Duration;

use prosopon_video::source::{SourceOptions, SourceState, Stop};

use crate::camera::Camera;
use crate::made::{Films, error_of, open_with, until};

/// Frames must come again within this time after the camera is back.
const BACK_WITHIN: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs FFmpeg and GStreamer's RTSP server: scripts/test-video"]
fn frames_come_again_within_ten_seconds() {
    let films = Films::new();
    let film = films.film("film.mp4", "320x240", 120);
    let other = films.film("other.mp4", "480x270", 120);
    let camera = Camera::start("0", &film, None);
    let port = camera.port.clone();
    let address = format!("rtsp://127.0.0.1:{port}/live");
    let stop = Stop::new();
    let (mut source, told) =
        open_with(&address, &SourceOptions::default(), &stop).expect("a source");
    let mut last = None;
    let taken = until(&mut *source, &mut last, |frame| frame.index >= 10);
    println!("first ten frames after {taken:.1?}");

    // Cut: the server is gone for longer than the longest wait, and comes back with another size.
    drop(camera);
    let back = thread::spawn(move || {
        thread::sleep(Duration::from_secs(6));
        (
            Camera::start(&port, &other, None),
            std::time::Instant::now(),
        )
    });
    until(&mut *source, &mut last, |frame| frame.image.width() == 480);
    let (camera, since) = back.join().expect("no panic");
    println!("after a cut and with another size: {:.1?}", since.elapsed());
    assert!(since.elapsed() < BACK_WITHIN);

    // Frozen for longer than the watchdog waits: nothing comes, nothing ends.
    camera.signal("-STOP");
    let frozen = thread::spawn(move || {
        thread::sleep(Duration::from_secs(7));
        camera.signal("-CONT");
        (camera, std::time::Instant::now())
    });
    let before = last.as_ref().map_or(0, |frame| frame.index);
    let position = last.as_ref().map(|frame| frame.position).expect("a frame");
    until(&mut *source, &mut last, |frame| {
        frame.index > before + 3 && frame.position > position + Duration::from_secs(6)
    });
    let (camera, since) = frozen.join().expect("no panic");
    println!("after a freeze: {:.1?}", since.elapsed());
    assert!(since.elapsed() < BACK_WITHIN);
    assert!(told.is_any(
        |state| matches!(state, SourceState::Lost { reason, .. } if reason.contains("no frame came"))
    ));

    // Restarted at once.
    let port = camera.port.clone();
    drop(camera);
    let before = last.as_ref().map_or(0, |frame| frame.index);
    let camera = Camera::start(&port, &film, None);
    let since = std::time::Instant::now();
    until(&mut *source, &mut last, |frame| {
        frame.index > before && frame.image.width() == 320
    });
    println!("after a restart: {:.1?}", since.elapsed());
    assert!(since.elapsed() < BACK_WITHIN);
    stop.stop();
    drop(camera);
}

#[test]
#[ignore = "needs FFmpeg and GStreamer's RTSP server: scripts/test-video"]
fn user_and_password_open_a_camera() {
    let films = Films::new();
    let film = films.film("film.mp4", "320x240", 20);
    let camera = Camera::start("0", &film, Some("me:hunt@er22"));
    let host = format!("127.0.0.1:{}", camera.port);
    let error = error_of(format!("rtsp://me:wrong@{host}/live"));
    assert_eq!(error.code(), "source_unauthorised");
    assert!(!error.to_string().contains("wrong"));
    let error = error_of(format!("rtsp://{host}/live"));
    assert_eq!(error.code(), "source_unauthorised");
    let error = error_of(format!("rtsp://me:hunt%40er22@{host}/other"));
    assert_eq!(error.code(), "source_refused", "{error}");

    for transport in ["", "#udp"] {
        let stop = Stop::new();
        let (mut source, _) = open_with(
            &format!("rtsp://me:hunt%40er22@{host}/live{transport}"),
            &SourceOptions::default(),
            &stop,
        )
        .expect("a source");
        let frame = source.next().expect("no error").expect("a frame");
        assert_eq!(frame.image.width(), 320);
        assert!(!source.facts().name.contains("hunt"));
        stop.stop();
    }
}
