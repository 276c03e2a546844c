//! `prosopon watch` on folders of pictures, which need no FFmpeg; films are watched by `scripts/test-video`.

use std::fs;

use serde_json::Value;

use crate::testenv::{TestEnv, list, number, text};

/// A gallery of Amelia, and `frames/` in which she is seen ten times, then nobody for a while, then a stranger.
fn film() -> Option<TestEnv> {
    let env = TestEnv::with_people()?;
    let enrol = ["enrol", "--subject", "Amelia", "people/Amelia_Vega/1.jpg"];
    env.run(&[&enrol[..], &["--gallery", "g.db", "--largest-face"]].concat())
        .expect(0);
    fs::create_dir(env.path("frames")).expect("a folder");
    let copy = |from: &str, i: usize| {
        fs::copy(env.path(from), env.path(&format!("frames/{i:03}.jpg"))).expect("a copy");
    };
    (0..10).for_each(|i| copy("people/Amelia_Vega/2.jpg", i));
    (10..20).for_each(|i| copy("stranger.jpg", i));
    Some(env)
}

fn watch<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let fixed = [
        "watch",
        "frames",
        "--fps",
        "5",
        "--every",
        "1",
        "--gallery",
        "g.db",
    ];
    [&fixed[..], more].concat()
}

#[test]
fn people_have_their_intervals() {
    let Some(env) = film() else { return };
    let args = watch(&["--timeline", "who.png", "--largest-face"]);
    let document = env.json(0, &[&args[..], env.decision()].concat());
    let source = &list(&document, "/sources")[0];
    assert_eq!(number(source, "/frames"), 20.0);
    assert_eq!(number(source, "/identity_switches"), 0.0);
    let people = list(source, "/people");
    assert_eq!(text(&people[0], "/subject/name"), "Amelia", "{people:#?}");
    let interval = &list(&people[0], "/intervals")[0];
    assert_eq!(
        (number(interval, "/start"), number(interval, "/end")),
        (0.0, 1.8)
    );
    // Nobody else has a name.
    assert!(people[1..].iter().all(|person| person["subject"].is_null()));
    assert!(env.read_picture("who.png").width() > 800);
}

#[test]
fn events_are_lines_and_are_kept() {
    let Some(env) = film() else { return };
    let args = watch(&["--events", "e.db", "--largest-face"]);
    let args = [&args[..], env.decision()].concat();
    let events = env.json_lines(0, &args);
    let kinds = |events: &[Value], camera: &str| -> Vec<String> {
        assert!(events.iter().all(|event| text(event, "/camera") == camera));
        let kinds = events.iter().map(|event| text(event, "/kind").to_owned());
        kinds.collect()
    };
    let found = kinds(&events, "frames");
    assert_eq!(
        found.iter().filter(|kind| *kind == "recognised").count(),
        1,
        "{found:?}"
    );
    assert_eq!(
        found.iter().filter(|kind| *kind == "left").count(),
        2,
        "{found:?}"
    );
    let recognised = events
        .iter()
        .find(|event| event["kind"] == "recognised")
        .expect("one");
    assert!(number(recognised, "/similarity") >= number(recognised, "/threshold"));
    // The second run knows from the file that Amelia was seen just now, as a camera of the same name.
    let again = env.json_lines(0, &args);
    let found = kinds(&again, "frames");
    assert!(!found.iter().any(|kind| kind == "recognised"), "{found:?}");
}

#[test]
fn without_a_gallery_faces_are_followed_all_the_same() {
    let Some(env) = film() else { return };
    let args = [
        "watch",
        "frames",
        "--fps",
        "5",
        "--every",
        "1",
        "--max-frames",
        "8",
    ];
    let outcome = env.run(&args).expect(0);
    assert!(
        outcome.stderr.contains("nobody is enrolled"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stdout.contains("appeared") && outcome.stdout.contains("8 frames"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn what_cannot_be_watched_is_said_before_models_are_loaded() {
    let env = TestEnv::without_models();
    let refused = |status: i32, args: &[&str], code: &str| {
        let document = env.json(status, args);
        assert_eq!(text(&document, "/error/code"), code, "{document:#}");
    };
    refused(3, &["watch", "nowhere/clip.mp4"], "source_not_found");
    refused(2, &["watch", "gopher://host/"], "bad_address");
    fs::create_dir(env.path("empty")).expect("a folder");
    refused(3, &["watch", "empty"], "no_pictures");
    let two = ["watch", "empty", "empty", "--record", "out.mp4"];
    refused(2, &two, "several_sources");
    env.run(&["watch", "empty", "--every", "0"]).fails(2);
}
