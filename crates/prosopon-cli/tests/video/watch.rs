//! The clip of the shared data: who is on it, and when. Times are those that people see in its frames.

use serde_json::Value;

use crate::common::shared;
use crate::watching::Place;

/// In media time, which begins at 0.8 s. The shots: both from afar until 1.5 s; Alex near, from the side; Lin; the audience, of whom nobody is enrolled.
const LIN_ALONE: (f64, f64) = (3.6, 7.8);
const BOTH: (f64, f64) = (0.8, 1.5);
const AUDIENCE: f64 = 7.9;

fn seconds(value: &Value) -> f64 {
    value.as_f64().expect("seconds")
}

/// What `watch` with these options says of the clip.
fn watched(place: &Place, options: &[&str]) -> Value {
    let clip = shared("data/video")
        .expect("the clip")
        .join("short_hamilton_clip.mp4");
    let clip = clip.display().to_string();
    let output = place.run(&[&["watch", &clip, "--json"], options].concat());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    document["sources"][0].clone()
}

/// The people with a name, and when they are there.
fn named(source: &Value) -> Vec<(String, (f64, f64))> {
    let people = source["people"].as_array().expect("people").iter();
    people
        .filter(|person| person["identity"] == "known")
        .flat_map(|person| {
            let name = person["subject"]["name"].as_str().expect("a name");
            let intervals = person["intervals"].as_array().expect("intervals").iter();
            intervals.map(|interval| {
                let (start, end) = (seconds(&interval["start"]), seconds(&interval["end"]));
                (name.to_owned(), (start, end))
            })
        })
        .collect()
}

/// How long of a shot somebody has a name, in seconds.
fn during(named: &[(String, (f64, f64))], name: &str, shot: (f64, f64)) -> f64 {
    let theirs = named.iter().filter(|(other, _)| other == name);
    theirs
        .map(|(_, (start, end))| (end.min(shot.1) - start.max(shot.0)).max(0.0))
        .sum()
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn who_is_named_on_the_clip_is_there_and_nobody_else_is_named() {
    let Some(place) = Place::with_two_people() else {
        return;
    };
    for every in ["1", "3", "5"] {
        let options = [
            "--every",
            every,
            "--record",
            "named.mp4",
            "--timeline",
            "who.png",
        ];
        let source = watched(&place, &options);
        assert_eq!(source["frames"], 275);
        assert_eq!(source["identity_switches"], 0, "every {every}");
        let named = named(&source);
        let alone = during(&named, "lin", LIN_ALONE);
        assert!(alone > 0.9 * (LIN_ALONE.1 - LIN_ALONE.0), "{named:?}");
        // Alex is 24 pixels wide and blurred, or seen from the side: no name is no mistake. Nobody else has one.
        let last = |name: &str| if name == "lin" { AUDIENCE } else { LIN_ALONE.0 };
        assert!(
            named
                .iter()
                .all(|(name, (_, end))| ["lin", "alex"].contains(&name.as_str())
                    && *end <= last(name)),
            "{named:?}"
        );
        let length = |name: &str| std::fs::metadata(place.path(name)).expect(name).len();
        assert!(length("named.mp4") > 100_000 && length("who.png") > 10_000);
    }
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn small_and_blurred_faces_have_names_where_that_is_asked_for() {
    let Some(place) = Place::with_two_people() else {
        return;
    };
    let named = named(&watched(&place, &["--fmr", "0.01", "--min-quality", "0"]));
    let both = BOTH.1 - BOTH.0;
    assert!(during(&named, "alex", BOTH) > 0.8 * both, "{named:?}");
    assert!(during(&named, "lin", BOTH) > 0.8 * both, "{named:?}");
    assert!(
        during(&named, "lin", LIN_ALONE) > 0.9 * (LIN_ALONE.1 - LIN_ALONE.0),
        "{named:?}"
    );
    assert!(
        named
            .iter()
            .all(|(name, (_, end))| ["lin", "alex"].contains(&name.as_str()) && *end <= AUDIENCE),
        "{named:?}"
    );
}
