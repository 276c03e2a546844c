//! The default detector on photographs with labelled faces: shared `data/detection`.

mod common;
#[path = "common/models.rs"]
mod models;

use std::path::Path;

use prosopon::{BoundingBox, DecodeLimits, DetectorOptions, Image};

use models::Models;

/// The labelled faces of one photograph.
struct Labelled {
    file: String,
    boxes: Vec<BoundingBox>,
}

/// Reads the lists that dlib's tools write: `<image file='…'>` with `<box top='…' left='…' …>`.
fn labelled(list: &Path) -> Vec<Labelled> {
    let text = std::fs::read_to_string(list).expect("a list of labelled faces");
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!("{name}='")).nth(1)?;
        Some(value.split('\'').next()?.to_owned())
    };
    text.split("<image ")
        .skip(1)
        .map(|image| Labelled {
            file: attribute(image, "file").expect("a file"),
            boxes: image
                .split("<box ")
                .skip(1)
                .map(|tag| {
                    let number = |name| -> f32 {
                        let value = attribute(tag, name).expect("an edge or side");
                        value.parse().expect("a number")
                    };
                    let (left, top) = (number("left"), number("top"));
                    BoundingBox {
                        left,
                        top,
                        right: left + number("width"),
                        bottom: top + number("height"),
                    }
                })
                .collect(),
        })
        .collect()
}

/// Faces that were never labelled are narrower than this, and those labelled are not.
const SMALLEST_LABELLED_PX: f32 = 30.0;

#[test]
fn labelled_faces_are_found_and_little_else() {
    let (Some(models), Some(folder)) = (Models::find(), common::shared("data/detection")) else {
        return;
    };
    let detector = models.load_scrfd(&models.runtime());
    let (mut n_labelled, mut n_found, mut n_false) = (0, 0, 0);
    for list in [
        "testing_with_face_landmarks.xml",
        "training_with_face_landmarks.xml",
    ] {
        for photograph in labelled(&folder.join(list)) {
            let path = folder.join(&photograph.file);
            let image = Image::open(&path, &DecodeLimits::default()).expect("a photograph");
            let found = detector
                .detect(&image, &DetectorOptions::default())
                .expect("the detector runs");
            let boxes: Vec<BoundingBox> = found.iter().map(|d| d.bounding_box).collect();
            for labelled in &photograph.boxes {
                n_labelled += 1;
                n_found += usize::from(boxes.iter().any(|b| b.iou(labelled) >= 0.5));
            }
            n_false += boxes
                .iter()
                .filter(|b| b.width() >= SMALLEST_LABELLED_PX)
                .filter(|b| photograph.boxes.iter().all(|l| b.iou(l) < 0.3))
                .count();
        }
    }
    assert!(n_labelled >= 40, "{n_labelled} labelled faces");
    assert!(
        n_found * 10 >= n_labelled * 9,
        "{n_found} of {n_labelled} faces found"
    );
    assert!(n_false <= 2, "{n_false} false faces");
}

#[test]
fn close_ups_and_crowds_are_found() {
    let (Some(models), Some(data)) = (Models::find(), common::shared("data")) else {
        return;
    };
    let detector = models.load_scrfd(&models.runtime());
    let count = |path: &Path| {
        let image = Image::open(path, &DecodeLimits::default()).expect("a photograph");
        let found = detector.detect(&image, &DetectorOptions::default());
        found.expect("the detector runs").len()
    };
    // One view of 640 pixels finds about 150 faces here, and no face in the tight crops.
    let crowd = count(&data.join("groups/linzaer-17.jpg"));
    assert!(crowd >= 400, "{crowd} faces in a crowd");
    for actor in ["billy_boyd", "elijah_wood", "sean_astin"] {
        let path = data.join(format!("hobbit/cropped_images/{actor}/{actor}1.png"));
        assert_eq!(count(&path), 1, "{actor}");
    }
}
