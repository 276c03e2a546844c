//! A running server whose classifier is switched by another process.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use prosopon::Image;
use prosopon_gallery::synthetic::Rng;

use crate::client::Request;
use crate::served::{Place, Served};

const CLIENTS: usize = 50;

/// A pattern of squares, dark or light: each seed gives another, so that no two are taken for copies.
fn pattern(is_light: bool, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut image = Image::filled(64, 64, [0; 3]);
    let squares: Vec<u8> = (0..64)
        .map(|_| rng.below(100) as u8 + if is_light { 150 } else { 0 })
        .collect();
    for (i, pixel) in image.pixels_mut().chunks_exact_mut(3).enumerate() {
        pixel.fill(squares[(i / 64 / 8) * 8 + i % 64 / 8]);
    }
    image.encode_png().expect("a picture")
}

/// Trains a version that calls light and dark patterns by these names.
fn train(place: &Place, light: &str, dark: &str) {
    for (name, is_light) in [(light, true), (dark, false)] {
        let folder = place.path(&format!("{light}-{dark}/{name}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        for seed in 0..8 {
            let path = folder.join(format!("{seed}.png"));
            std::fs::write(path, pattern(is_light, seed + 100 * u64::from(is_light)))
                .expect("a file");
        }
    }
    let folder = format!("{light}-{dark}");
    let input = [
        "--faces",
        "as-is",
        "--feature",
        "pixels",
        "--learner",
        "centroid",
    ];
    let output = place.run(&[&["train", &folder, "--name", "tones"], &input[..]].concat());
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn fifty_predictions_during_a_promotion_are_all_answered() {
    let Some(place) = Place::new() else { return };
    train(&place, "light", "dark");
    train(&place, "hell", "dunkel");
    let settings = [("requests_per_minute", "0"), ("classifier", "tones")];
    let server = Served::start_in(&place, &settings);
    let address = server.address;
    let picture = pattern(true, 7000);
    let ask = || {
        let request = Request::new("POST", "/v1/classifiers/tones/predict");
        let answer = request.body("image/png", picture.as_slice()).send(address);
        let answer = answer.expect(200).json();
        let version = answer["version"].as_u64().expect("a number");
        let class = answer["faces"][0]["class"].as_str().expect("a class");
        assert_eq!(class, ["light", "hell"][version as usize - 1], "{answer}");
        version
    };
    assert_eq!(ask(), 1);
    let mut seen = BTreeSet::new();
    for (action, expected) in [("promote", 2), ("rollback", 1), ("promote", 2)] {
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
            let output = place.run(&["classifiers", action, "tones"]);
            assert!(output.status.success(), "{output:?}");
            for asked in asking {
                seen.insert(asked.join().expect("an answer"));
            }
        });
        // From the next request on, or the one after it, since nobody waits while a version is read.
        let start = Instant::now();
        while ask() != expected {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "version {expected} never answers"
            );
        }
    }
    assert_eq!(seen, BTreeSet::from([1, 2]));
    // The other protocol follows the same label.
    let body = [("image_data", "a.png", picture.as_slice())];
    let (kind, body) = crate::client::form(&body);
    let request = Request::new("POST", "/classify_image").body(&kind, body);
    let faces = request.send(address).expect(200).json();
    assert_eq!(faces[0]["class"], "hell", "{faces}");
    assert_eq!(faces[0]["class_dictionary"]["dunkel"], 0, "{faces}");
    let metrics = String::from_utf8(server.get("/metrics").expect(200).body).expect("text");
    assert!(
        metrics.contains(r#"classifier="tones",version="2""#),
        "{metrics}"
    );
}
