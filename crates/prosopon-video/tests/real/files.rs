//! Video files, whole and broken.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use prosopon_video::source::{SourceOptions, SourceState, Stop};

use crate::made::{Films, all, error_of, open, open_with};

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn every_frame_comes_with_its_time() {
    let films = Films::new();
    let film = films.film("film.mp4", "320x240", 3);
    let (mut source, told) = open(&film).expect("a film");
    let facts = source.facts();
    assert_eq!(facts.size, Some((320, 240)));
    assert_eq!((facts.n_frames, facts.is_live), (Some(30), false));
    let frames = all(&mut *source);
    assert_eq!(frames.len(), 30);
    for (i, frame) in frames.iter().enumerate() {
        assert_eq!(frame.index, i as u64);
        let late = frame.position.as_secs_f64() - i as f64 / 10.0;
        assert!(late.abs() < 0.002, "frame {i} is late by {late}");
    }
    assert_eq!(frames[20].at.duration_since(frames[0].at).as_millis(), 2000);
    assert!(source.problems().is_empty(), "{:?}", source.problems());
    assert_eq!(source.dropped(), 0);
    assert_eq!(told.all().last(), Some(&SourceState::Ended));
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn times_of_a_variable_rate_survive() {
    let films = Films::new();
    // Frames 0 to 9, then every fourth.
    let film = films.make(
        "vfr.mp4",
        "-f lavfi -i testsrc2=size=320x240:rate=20:duration=2 -vf select='lt(n,10)+not(mod(n,4))' -fps_mode vfr \
         -c:v libx264 -preset ultrafast",
    );
    let (mut source, _) = open(&film).expect("a film");
    let millis: Vec<_> = all(&mut *source)
        .iter()
        .map(|frame| frame.position.as_millis())
        .collect();
    let expected: Vec<_> = (0..40)
        .filter(|n| *n < 10 || n % 4 == 0)
        .map(|n| n * 50)
        .collect();
    assert_eq!(millis, expected);
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn a_film_that_changes_its_size_goes_on() {
    let films = Films::new();
    let mut bytes = fs::read(films.film("a.ts", "320x240", 1)).expect("a film");
    bytes.extend(fs::read(films.film("b.ts", "480x270", 1)).expect("a film"));
    fs::write(films.path("ab.ts"), bytes).expect("a file");
    let (mut source, told) = open(films.path("ab.ts")).expect("a film");
    let sizes: Vec<_> = all(&mut *source)
        .iter()
        .map(|frame| (frame.image.width(), frame.image.height()))
        .collect();
    assert_eq!(sizes[..10], [(320, 240); 10]);
    assert_eq!(sizes[10..], [(480, 270); 10]);
    let n_running = told
        .all()
        .iter()
        .filter(|state| matches!(state, SourceState::Running { .. }))
        .count();
    assert_eq!(n_running, 2);
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn a_film_held_upright_is_turned() {
    let films = Films::new();
    films.make(
        "lying.mp4",
        "-f lavfi -i color=red:size=320x240:rate=10:duration=1 -c:v libx264 -preset ultrafast",
    );
    // FFmpeg 6 gave the input an option for it, and took the way by the output's metadata away.
    let turned = std::process::Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-loglevel",
            "error",
            "-y",
            "-display_rotation",
            "90",
            "-i",
        ])
        .arg(films.path("lying.mp4"))
        .args(["-c", "copy"])
        .arg(films.path("upright.mp4"))
        .stderr(std::process::Stdio::null())
        .status()
        .expect("ffmpeg runs");
    if !turned.success() {
        films.make(
            "upright.mp4",
            "-i lying.mp4 -c copy -metadata:s:v rotate=90",
        );
    }
    let (mut source, _) = open(films.path("upright.mp4")).expect("a film");
    assert_eq!(source.facts().size, Some((240, 320)));
    let frame = source.next().expect("no error").expect("a frame");
    assert_eq!((frame.image.width(), frame.image.height()), (240, 320));
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn what_is_no_film_is_said() {
    let films = Films::new();
    let film = fs::read(films.film("film.mp4", "320x240", 2)).expect("a film");
    films.make("sound.m4a", "-f lavfi -i sine=duration=1 -c:a aac");
    fs::write(films.path("empty.mp4"), []).expect("a file");
    fs::write(films.path("half.mp4"), &film[..film.len() / 2]).expect("a file");
    fs::write(
        films.path("text.mp4"),
        "This is a letter, not a film.\n".repeat(99),
    )
    .expect("one");
    let error = |name: &str| {
        let error = error_of(films.path(name));
        assert!(!error.to_string().contains('\n'));
        (error.code(), error.to_string())
    };
    assert_eq!(error("nothing.mp4").0, "source_not_found");
    assert_eq!(error("empty.mp4").0, "empty_file");
    assert_eq!(error("text.mp4").0, "not_a_video");
    assert_eq!(
        error("sound.m4a"),
        (
            "no_video_stream",
            "expected a video, found only sound (aac)".to_owned()
        )
    );
    let (code, message) = error("half.mp4");
    assert_eq!(code, "not_a_video");
    assert!(message.contains("index (moov)"), "{message}");
    let small = SourceOptions {
        max_pixels: 320 * 240 - 1,
        ..SourceOptions::default()
    };
    let path = films.path("film.mp4").display().to_string();
    let error = open_with(&path, &small, &Stop::new()).err();
    assert_eq!(error.expect("refused").code(), "too_many_pixels");
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn a_cut_film_gives_what_there_is_and_says_so() {
    let films = Films::new();
    films.film("film.mp4", "320x240", 20);
    let whole = films.make("front.mp4", "-i film.mp4 -c copy -movflags +faststart");
    let bytes = fs::read(whole).expect("a film");
    fs::write(films.path("cut.mp4"), &bytes[..bytes.len() / 2]).expect("a file");
    let (mut source, _) = open(films.path("cut.mp4")).expect("a film");
    let n_frames = all(&mut *source).len();
    assert!((50..190).contains(&n_frames), "{n_frames}");
    let problems = source.problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].contains("cut") && problems[0].contains(&format!("{n_frames} frames")),
        "{problems:?}"
    );
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn a_playlist_reaches_neither_files_nor_the_network() {
    let films = Films::new();
    films.film("a.ts", "320x240", 1);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let web = format!("http://{}/a.ts", listener.local_addr().expect("one"));
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n";
    let lists = [
        ("list.m3u8", format!("{head}a.ts\n#EXT-X-ENDLIST\n")),
        ("named.mp4", format!("{head}a.ts\n#EXT-X-ENDLIST\n")),
        ("web.m3u8", format!("{head}{web}\n#EXT-X-ENDLIST\n")),
        ("concat.mp4", "ffconcat version 1.0\nfile a.ts\n".to_owned()),
    ];
    for (name, text) in lists {
        fs::write(films.path(name), text).expect("a file");
        assert_eq!(
            error_of(films.path(name)).code(),
            "playlist_refused",
            "{name}"
        );
    }
    listener.set_nonblocking(true).expect("it can");
    assert!(listener.accept().is_err(), "somebody called");
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn a_loop_begins_anew() {
    let films = Films::new();
    let film = films.film("film.mp4", "320x240", 2);
    let address = format!("loop:{}", film.display());
    let stop = Stop::new();
    let (mut source, told) =
        open_with(&address, &SourceOptions::default(), &stop).expect("a source");
    let mut last = None;
    let taken = crate::made::until(&mut *source, &mut last, |frame| frame.index >= 30);
    assert!(taken > Duration::from_secs(2), "it is not in real time");
    assert!(!told.is_any(|state| matches!(state, SourceState::Lost { .. })));
    stop.stop();
    while source.next().expect("no error").is_some() {}
}
