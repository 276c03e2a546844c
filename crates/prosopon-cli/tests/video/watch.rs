//! The clip of the shared data: who is on it, and when. Times are those that people see in its frames.

use serde_json::Value;

use crate::common::shared;
use crate::watching::Place;

/// The clip's shots: both from afar; Alex near, from the side; Lin; the audience, of whom nobody is enrolled.
const LIN_ALONE: (f64, f64) = (2.8, 7.1);
const AUDIENCE: f64 = 7.3;

fn seconds(value: &Value) -> f64 {
    value.as_f64().expect("seconds")
}

#[test]
#[ignore = "needs FFmpeg: scripts/test-video"]
fn the_two_people_of_the_clip_are_named_when_they_are_there() {
    let (Some(place), Some(videos)) = (Place::with_two_people(), shared("data/video")) else {
        return;
    };
    let clip = videos.join("short_hamilton_clip.mp4").display().to_string();
    for every in ["1", "3", "5"] {
        let output = place.run(&[
            "watch", &clip, "--every", every, "--json", "--record", "named.mp4", "--timeline", "who.png",
        ]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let source = &document["sources"][0];
        assert_eq!(source["frames"], 275);
        assert_eq!(source["identity_switches"], 0, "every {every}");
        let people = source["people"].as_array().expect("people");
        let named: Vec<&Value> = people.iter().filter(|person| person["identity"] == "known").collect();
        let of = |name: &str| {
            let person = named.iter().find(|person| person["subject"]["name"] == name);
            person.unwrap_or_else(|| panic!("{name} is not named with every {every}: {people:#?}"))
        };
        assert_eq!(named.len(), 2, "{people:#?}");
        let intervals = |name: &str| -> Vec<(f64, f64)> {
            let intervals = of(name)["intervals"].as_array().expect("intervals");
            let pairs = intervals.iter().map(|i| (seconds(&i["start"]), seconds(&i["end"])));
            pairs.collect()
        };
        let lin = intervals("lin");
        let alone: f64 = lin
            .iter()
            .map(|(start, end)| (end.min(LIN_ALONE.1) - start.max(LIN_ALONE.0)).max(0.0))
            .sum();
        assert!(alone > 0.9 * (LIN_ALONE.1 - LIN_ALONE.0), "{lin:?}");
        for (start, end) in lin.into_iter().chain(intervals("alex")) {
            assert!(start <= end && end <= AUDIENCE, "{start} to {end} with every {every}");
        }
        // None of the audience has a name.
        assert!(people.iter().any(|person| person["identity"] == "unknown"));
        let length = |name: &str| std::fs::metadata(place.path(name)).expect(name).len();
        assert!(length("named.mp4") > 100_000 && length("who.png") > 10_000);
    }
}
