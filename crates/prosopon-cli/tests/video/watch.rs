//! The clip of the shared data: who is on it, and when. Times are those that people see in its frames.

use serde_json::Value;

use crate::common::shared;
use crate::watching::Place;

/// In media time, which begins at 0.8 s. The shots: both from afar; Alex near, from the side; Lin; the audience, of whom nobody is enrolled.
const LIN_ALONE: (f64, f64) = (3.6, 7.8);
const AUDIENCE: f64 = 7.9;

fn seconds(value: &Value) -> f64 {
    value.as_f64().expect("seconds")
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn who_is_named_on_the_clip_is_there_and_nobody_else_is_named() {
    let (Some(place), Some(videos)) = (Place::with_two_people(), shared("data/video")) else {
        return;
    };
    let clip = videos.join("short_hamilton_clip.mp4").display().to_string();
    for every in ["1", "3", "5"] {
        let output = place.run(&[
            "watch",
            &clip,
            "--every",
            every,
            "--json",
            "--record",
            "named.mp4",
            "--timeline",
            "who.png",
        ]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let source = &document["sources"][0];
        assert_eq!(source["frames"], 275);
        assert_eq!(source["identity_switches"], 0, "every {every}");
        let people = source["people"].as_array().expect("people");
        let named: Vec<&Value> = people
            .iter()
            .filter(|person| person["identity"] == "known")
            .collect();
        let intervals = |name: &str| -> Vec<(f64, f64)> {
            let named = named
                .iter()
                .filter(|person| person["subject"]["name"] == name);
            named
                .flat_map(|person| person["intervals"].as_array().expect("intervals"))
                .map(|interval| (seconds(&interval["start"]), seconds(&interval["end"])))
                .collect()
        };
        let (lin, alex) = (intervals("lin"), intervals("alex"));
        let alone: f64 = lin
            .iter()
            .map(|(start, end)| (end.min(LIN_ALONE.1) - start.max(LIN_ALONE.0)).max(0.0))
            .sum();
        assert!(alone > 0.9 * (LIN_ALONE.1 - LIN_ALONE.0), "{lin:?}");
        assert!(lin.iter().all(|interval| interval.1 <= AUDIENCE), "{lin:?}");
        // From afar and from the side he is hardly like his portrait (0.17 on average): no name is no mistake.
        assert!(
            alex.iter().all(|interval| interval.1 <= LIN_ALONE.0),
            "{alex:?}"
        );
        // None of the audience has a name.
        let labels = named.iter().map(|person| &person["subject"]["name"]);
        assert!(
            labels.clone().all(|name| name == "lin" || name == "alex"),
            "{people:#?}"
        );
        let length = |name: &str| std::fs::metadata(place.path(name)).expect(name).len();
        assert!(length("named.mp4") > 100_000 && length("who.png") > 10_000);
    }
}
