//! A window on a display that nobody sees.

use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use prosopon::Image;
use prosopon_video::show::{ShowError, Window};

/// Run by `scripts/test-video` under `xvfb-run`, once without a display.
#[test]
#[ignore = "needs FFmpeg and a display: scripts/test-video"]
fn a_window_shows_frames_until_q_is_pressed() {
    let image = Image::filled(320, 240, [20, 160, 60]);
    let window = Window::open("prosopon test", (320, 240), None);
    if env::var_os("DISPLAY").is_none() {
        let error = window.err().expect("refused");
        assert!(matches!(error, ShowError::NoDisplay), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("--record")));
        return;
    }
    let mut window = window.expect("a window");
    let begun = Instant::now();
    let mut is_pressed = false;
    while window.show(&image).expect("it is shown") {
        assert!(begun.elapsed() < Duration::from_secs(20), "q does nothing");
        if !is_pressed && begun.elapsed() > Duration::from_secs(1) {
            let status = Command::new("xdotool")
                .args(["search", "--name", "prosopon test", "key", "q"])
                .status()
                .expect("xdotool runs");
            is_pressed = status.success();
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert!(is_pressed);
    println!("q closed it after {:.1?}", begun.elapsed());
}
