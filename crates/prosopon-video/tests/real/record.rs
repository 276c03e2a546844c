//! Recordings as FFmpeg reads them again.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use prosopon::Image;
use prosopon_video::record::{RecordOptions, Recorder};

use crate::made::{Films, all, open};

/// What `ffprobe` says about a stream of a file.
fn fact(path: &Path, stream: &str, entry: &str) -> String {
    let output = Command::new("ffprobe")
        .args([
            "-loglevel",
            "error",
            "-of",
            "csv=p=0",
            "-select_streams",
            stream,
        ])
        .args(["-show_entries", &format!("stream={entry}")])
        .arg(path)
        .output()
        .expect("ffprobe runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn times_and_sound_are_kept() {
    let films = Films::new();
    // Sound of three seconds; pictures of a variable rate that begin half a second later.
    let film = films.make(
        "film.mp4",
        "-f lavfi -i sine=duration=3 -itsoffset 0.5 -f lavfi -i testsrc2=size=322x241:rate=20:duration=2.5 -map 0 \
         -map 1 -vf select='lt(n,10)+not(mod(n,4))',scale=322:242 -fps_mode vfr -c:v libx264 -preset ultrafast \
         -c:a aac",
    );
    let (mut source, _) = open(&film).expect("a film");
    let frames = all(&mut *source);
    assert_eq!(frames[0].position.as_millis(), 500);
    let options = RecordOptions {
        sound_from: Some(film.clone()),
        ..RecordOptions::default()
    };
    let out = films.path("out.mp4");
    let mut recorder =
        Recorder::create(&out, (322, 242), Some(20.0), &options).expect("a recorder");
    for frame in &frames {
        recorder.write(&frame.image, frame.position).expect("room");
    }
    assert!(!out.exists(), "it appears whole");
    recorder.finish().expect("a recording");

    assert_eq!(fact(&out, "v:0", "codec_name,pix_fmt"), "h264,yuv420p");
    assert_eq!(fact(&out, "a:0", "codec_name"), "aac");
    let length: f64 = fact(&out, "a:0", "duration").parse().expect("a number");
    assert!((length - 3.0).abs() < 0.3, "{length}");
    let (mut again, _) = open(&out).expect("a film");
    let copies = all(&mut *again);
    assert!(again.problems().is_empty(), "{:?}", again.problems());
    let times = |frames: &[prosopon_video::Frame]| -> Vec<u128> {
        frames.iter().map(|f| f.position.as_millis()).collect()
    };
    // FFmpeg moves sound and pictures together to the beginning, which sound has at its first packet.
    let moved = times(&copies)[0].abs_diff(500);
    assert!(moved < 60, "{moved}");
    for (a, b) in times(&frames).iter().zip(times(&copies)) {
        assert!(a.abs_diff(b) <= moved + 2, "{a} {b}");
    }
    assert_eq!(frames.len(), copies.len());
    let far = |a: &Image, b: &Image| -> f64 {
        let sum: u64 = a
            .pixels()
            .iter()
            .zip(b.pixels())
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        sum as f64 / a.pixels().len() as f64
    };
    for (a, b) in frames.iter().zip(&copies) {
        assert!(
            far(&a.image, &b.image) < 12.0,
            "{}",
            far(&a.image, &b.image)
        );
    }
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn odd_and_changing_sizes_are_recorded() {
    let films = Films::new();
    let out = films.path("out.mp4");
    let mut recorder =
        Recorder::create(&out, (65, 49), None, &RecordOptions::default()).expect("a recorder");
    for (i, size) in [(65, 49), (200, 40), (65, 49)].into_iter().enumerate() {
        let image = Image::filled(size.0, size.1, [200, 30, 30]);
        recorder
            .write(&image, Duration::from_millis(100 * i as u64))
            .expect("room");
    }
    recorder.finish().expect("a recording");
    assert_eq!(fact(&out, "v:0", "width,height"), "66,50");
    let (mut source, _) = open(&out).expect("a film");
    let frames = all(&mut *source);
    assert_eq!(frames.len(), 3);
    // Black beside a picture of another shape, red in its middle.
    let row = |y: usize| frames[1].image.pixels()[(y * 66 + 30) * 3];
    assert!(row(2) < 60 && row(24) > 140, "{} {}", row(2), row(24));
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn a_recording_that_is_not_finished_leaves_nothing() {
    let films = Films::new();
    let out = films.path("out.mp4");
    let mut recorder =
        Recorder::create(&out, (64, 48), None, &RecordOptions::default()).expect("a recorder");
    recorder
        .write(&Image::filled(64, 48, [9; 3]), Duration::ZERO)
        .expect("room");
    drop(recorder);
    let recorder =
        Recorder::create(&out, (64, 48), None, &RecordOptions::default()).expect("a recorder");
    assert_eq!(recorder.finish().expect_err("empty").code(), "no_frames");
    let folder = out.parent().expect("a folder");
    assert_eq!(fs::read_dir(folder).expect("it is there").count(), 0);
    let nowhere = films.path("no/such/out.mp4");
    let error = Recorder::create(&nowhere, (64, 48), None, &RecordOptions::default());
    assert_eq!(error.err().expect("refused").code(), "unwritable_file");
}
