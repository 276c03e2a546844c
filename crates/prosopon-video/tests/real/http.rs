//! Streams and answers on HTTP.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use prosopon_video::source::{SourceOptions, SourceState, Stop};

use crate::made::{Films, error_of, open_with, until};
use crate::network::{bytes, motion_jpeg, page, serve};

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn motion_jpeg_of_changing_size_is_read_and_the_newest_frame_given() {
    let films = Films::new();
    let picture = |name: &str, size: &str| {
        let source = format!("-f lavfi -i testsrc2=size={size} -frames:v 1");
        bytes(&films.make(name, &source))
    };
    let pictures = vec![picture("a.jpg", "320x240"), picture("b.jpg", "400x300")];
    let host = serve(move |stream, _| motion_jpeg(stream, &pictures, 10_000));
    let stop = Stop::new();
    let (mut source, told) = open_with(
        &format!("http://{host}/video"),
        &SourceOptions::default(),
        &stop,
    )
    .expect("a source");
    let mut last = None;
    until(&mut *source, &mut last, |frame| frame.image.width() == 320);
    until(&mut *source, &mut last, |frame| frame.image.width() == 400);
    // Who does not look gets the newest: none that waited for a second.
    thread::sleep(Duration::from_secs(1));
    let before = last.take().expect("a frame");
    let frame = source.next().expect("no error").expect("a frame");
    let gap = frame.index - before.index;
    assert!(gap > 8, "{gap}");
    assert!(source.dropped() + 2 >= gap, "{}", source.dropped());
    assert!(!told.is_any(|state| matches!(state, SourceState::Lost { .. })));
    stop.stop();
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn answers_that_are_no_stream_are_said_without_the_password() {
    let host = serve(|stream, request| {
        if request.contains("/html") {
            page(
                stream,
                "200 OK",
                "<!DOCTYPE html><title>Camera</title>Log in",
            );
        } else if request.contains("/locked") {
            page(stream, "401 Unauthorized", "no");
        } else {
            page(stream, "404 Not Found", "no");
        }
    });
    for (path, code) in [
        ("html", "not_a_video"),
        ("locked", "source_unauthorised"),
        ("nothing", "source_refused"),
    ] {
        let error = error_of(format!("http://me:hunter22@{host}/{path}"));
        assert_eq!(error.code(), code, "{error}");
        let said = format!("{error} {error:?} {:?}", error.hint());
        assert!(!said.contains("hunter22"), "{said}");
    }
    let error = error_of("rtsp://me:hunter22@127.0.0.1:9/live");
    assert_eq!(error.code(), "source_unreachable");
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn a_server_tries_again_and_a_film_of_the_web_ends() {
    let films = Films::new();
    let picture = bytes(&films.make("a.jpg", "-f lavfi -i testsrc2=size=320x240 -frames:v 1"));
    films.film("film.mp4", "320x240", 2);
    let film = bytes(&films.make("front.mp4", "-i film.mp4 -c copy -movflags +faststart"));
    let n_calls = AtomicU32::new(0);
    let host = serve(move |mut stream, request| {
        use std::io::Write;
        if request.contains(".mp4") {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                film.len()
            );
            stream.write_all(head.as_bytes()).ok();
            stream.write_all(&film).ok();
        } else if n_calls.fetch_add(1, Ordering::SeqCst) == 0 {
            page(stream, "503 Service Unavailable", "starting");
        } else {
            motion_jpeg(stream, std::slice::from_ref(&picture), 10_000);
        }
    });
    let options = SourceOptions {
        retry_first: true,
        ..SourceOptions::default()
    };
    let stop = Stop::new();
    let (mut source, told) =
        open_with(&format!("http://{host}/video"), &options, &stop).expect("a source");
    assert!(source.next().expect("no error").is_some());
    assert!(told.is_any(
        |state| matches!(state, SourceState::Lost { reason, .. } if reason.contains("5xx"))
    ));
    stop.stop();

    let (mut source, _) = open_with(
        &format!("http://{host}/film.mp4"),
        &SourceOptions::default(),
        &Stop::new(),
    )
    .expect("a source");
    assert_eq!(crate::made::all(&mut *source).len(), 20);
}
