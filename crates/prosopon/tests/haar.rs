//! Haar cascades against what `OpenCV` finds on the same grey pixels, kept in the shared folder.

mod common;
#[path = "common/npz.rs"]
mod npz;

use std::path::Path;

use common::{model_file, shared};
use prosopon::classic::{Cascade, CascadeHit, GrayImage, MultiScale};
use serde_json::Value;

/// How many boxes of the reference there are, and how many were found.
#[derive(Default)]
struct Tally {
    expected: usize,
    equal: usize,
    /// Equal within two pixels on each side.
    near: usize,
    added: usize,
    /// In the same order, and nothing else.
    same_lists: usize,
    lists: usize,
}

impl Tally {
    fn compare(&mut self, found: &[CascadeHit], expected: &Value) {
        let expected: Vec<[i64; 4]> = serde_json::from_value(expected.clone()).expect("boxes");
        let found: Vec<[i64; 4]> = found
            .iter()
            .map(|hit| [hit.left, hit.top, hit.width, hit.height].map(i64::from))
            .collect();
        self.lists += 1;
        self.same_lists += usize::from(found == expected);
        self.expected += expected.len();
        let mut left = found;
        let mut near = 0;
        for wanted in &expected {
            let distance = |b: &[i64; 4]| (0..4).map(|i| (b[i] - wanted[i]).abs()).max();
            let best = (0..left.len()).min_by_key(|i| distance(&left[*i]));
            let Some(best) = best else { continue };
            let distance = distance(&left[best]).unwrap_or(i64::MAX);
            self.equal += usize::from(distance == 0);
            if distance <= 2 {
                near += 1;
                left.swap_remove(best);
            }
        }
        self.near += near;
        self.added += left.len();
    }

    fn report(&self, name: &str) {
        println!(
            "{name}: {} of {} boxes equal, {} within 2 pixels, {} added; {} of {} lists equal in order",
            self.equal, self.expected, self.near, self.added, self.same_lists, self.lists
        );
    }

    fn check(&self, name: &str) {
        self.report(name);
        assert!(self.expected > 0, "{name}");
        assert_eq!(self.equal, self.expected, "{name}");
        assert_eq!(self.added, 0, "{name}");
        assert_eq!(self.same_lists, self.lists, "{name}");
    }
}

fn cascade(name: &str) -> Option<Cascade> {
    let path = model_file(&format!("models/haar/haarcascade_{name}.xml"))?;
    let text = std::fs::read_to_string(&path).expect("a readable file");
    Some(Cascade::from_xml(&text).expect("a cascade"))
}

/// The pictures' names, grey pixels and what `OpenCV` finds on them.
fn pictures() -> Option<Vec<(String, GrayImage, Value)>> {
    let found = read_json(&shared("reference/haar.json")?);
    let mut pixels = npz::Npz::open(&shared("reference/haar_gray.npz")?);
    let found = found.as_object().expect("an object");
    assert_eq!(found.len(), 35);
    let picture = |(name, expected): (&String, &Value)| {
        let (shape, pixels) = pixels.bytes(name);
        let image = GrayImage::new(shape[1] as u32, shape[0] as u32, pixels);
        (name.clone(), image.expect("a picture"), expected.clone())
    };
    Some(found.iter().map(picture).collect())
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a readable file");
    serde_json::from_str(&text).expect("JSON")
}

fn options(scale_factor: f64, min_neighbors: u32) -> MultiScale {
    MultiScale {
        scale_factor,
        min_neighbors,
        ..MultiScale::default()
    }
}

#[test]
fn windows_and_groups_equal_those_of_opencv() {
    let Some(pictures) = pictures() else { return };
    let min_30 = MultiScale {
        min_size: Some((30, 30)),
        ..options(1.1, 10)
    };
    for (name, key, options) in [
        (
            "frontalface_default",
            "face_default_1.3_0_raw",
            options(1.3, 0),
        ),
        ("frontalface_default", "face_default_1.3_5", options(1.3, 5)),
        ("frontalface_default", "face_default_1.1_3", options(1.1, 3)),
        ("frontalface_default", "face_default_1.1_10_min30", min_30),
        ("frontalface_alt", "face_alt_1.1_3", options(1.1, 3)),
        ("frontalface_alt2", "face_alt2_1.1_3", options(1.1, 3)),
        ("profileface", "profile_1.1_3", options(1.1, 3)),
    ] {
        let Some(cascade) = cascade(name) else { return };
        let mut tally = Tally::default();
        for (_, image, expected) in &pictures {
            let hits = cascade.detect_multi_scale(image, &options);
            tally.compare(&hits, &expected[key]);
            if key == "face_default_1.3_5" {
                let neighbors: Vec<u32> = hits.iter().map(|hit| hit.neighbors).collect();
                let expected = &expected["face_default_1.3_5_numDetections"];
                assert_eq!(serde_json::json!(neighbors), *expected);
            }
        }
        tally.check(key);
    }
}

#[test]
fn levels_and_weights_equal_those_of_opencv() {
    let Some(pictures) = pictures() else { return };
    let Some(cascade) = cascade("frontalface_default") else {
        return;
    };
    let mut tally = Tally::default();
    let mut largest = 0.0_f64;
    for (name, image, expected) in &pictures {
        let expected = &expected["face_default_1.1_5_levels"];
        let hits = cascade.detect_multi_scale(image, &options(1.1, 5));
        tally.compare(&hits, &expected["boxes"]);
        let levels: Vec<u32> = hits.iter().map(|hit| hit.reject_level).collect();
        assert_eq!(
            serde_json::json!(levels),
            expected["rejectLevels"],
            "{name}"
        );
        let weights = expected["levelWeights"].as_array().expect("a list");
        assert_eq!(weights.len(), hits.len(), "{name}");
        for (hit, weight) in hits.iter().zip(weights) {
            let difference = (hit.level_weight - weight.as_f64().expect("a number")).abs();
            largest = largest.max(difference);
        }
    }
    tally.check("levels, default 1.1/5");
    println!("largest difference of a level's weight: {largest:e}");
    // Numbers are read from JSON with an error in the last place.
    assert!(largest <= 1e-14, "{largest:e}");
}

#[test]
fn eyes_in_faces_equal_those_of_opencv() {
    let Some(pictures) = pictures() else { return };
    for (name, key, options) in [
        ("eye", "eyes_default(1.1,3)", options(1.1, 3)),
        ("eye", "eyes_1.3_5", options(1.3, 5)),
        ("eye_tree_eyeglasses", "eyes_glasses_1.1_3", options(1.1, 3)),
    ] {
        let Some(cascade) = cascade(name) else { return };
        let mut tally = Tally::default();
        for (_, image, expected) in &pictures {
            for face in expected["eyes_in_faces"].as_array().expect("a list") {
                let [left, top, width, height]: [u32; 4] =
                    serde_json::from_value(face["face"].clone()).expect("a box");
                let region = image.cropped(left, top, width, height).expect("a region");
                tally.compare(&cascade.detect_multi_scale(&region, &options), &face[key]);
            }
        }
        tally.check(key);
    }
}
