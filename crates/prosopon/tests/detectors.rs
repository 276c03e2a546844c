//! The contract of every detector, run with the real networks.

mod common;
#[path = "common/models.rs"]
mod models;

use prosopon::image::{Region, ResizeFilter};
use prosopon::{BoundingBox, Detection, Detector, DetectorOptions, Image, InputSize};

use models::Models;

struct Subject {
    name: &'static str,
    detector: Box<dyn Detector>,
    has_landmarks: bool,
}

impl Subject {
    fn all(models: &Models) -> [Self; 2] {
        let runtime = models.runtime();
        [
            Self {
                name: "scrfd",
                detector: models.load_scrfd(&runtime),
                has_landmarks: true,
            },
            Self {
                name: "fr-detect",
                detector: models.load_fr_detect(&runtime),
                has_landmarks: false,
            },
        ]
    }

    fn detect(&self, image: &Image, options: &DetectorOptions) -> Vec<Detection> {
        let found = self.detector.detect(image, options);
        found.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// Two rows of the Solvay photograph with about ten people, 1,500 pixels wide.
fn group(models: &Models) -> Image {
    let whole = models.solvay();
    let region = Region {
        left: whole.width() / 4,
        top: whole.height() / 4,
        width: whole.width() / 2,
        height: whole.height() / 2,
    };
    whole.cropped(region).expect("inside the picture")
}

/// How far apart corresponding edges are, as a share of the width of `b`.
fn edge_distance(a: &BoundingBox, b: &BoundingBox) -> f32 {
    let edges = |b: &BoundingBox| [b.left, b.top, b.right, b.bottom];
    let differences = edges(a)
        .into_iter()
        .zip(edges(b))
        .map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max) / b.width()
}

#[test]
fn no_face_is_an_empty_list_in_pictures_of_every_shape() {
    let Some(models) = Models::find() else { return };
    let options = DetectorOptions::default();
    for subject in Subject::all(&models) {
        for (width, height) in [
            (1, 1),
            (2, 3),
            (64, 64),
            (640, 480),
            (2000, 10),
            (10, 2000),
            (5000, 1),
        ] {
            for value in [0, 128, 255] {
                let picture = Image::filled(width, height, [value; 3]);
                let found = subject.detect(&picture, &options);
                assert_eq!(
                    found,
                    [],
                    "{} in {width} × {height} of grey {value}",
                    subject.name
                );
            }
        }
    }
}

#[test]
fn faces_are_sorted_sound_and_in_pixels_of_the_picture() {
    let Some(models) = Models::find() else { return };
    let picture = group(&models);
    let frame = BoundingBox {
        left: 0.0,
        top: 0.0,
        right: picture.width() as f32,
        bottom: picture.height() as f32,
    };
    for subject in Subject::all(&models) {
        let found = subject.detect(&picture, &DetectorOptions::default());
        assert!(found.len() >= 5, "{}: {} faces", subject.name, found.len());
        assert!(
            found.is_sorted_by(|a, b| a.confidence >= b.confidence),
            "{}",
            subject.name
        );
        for face in &found {
            let b = face.bounding_box;
            assert!((0.5..=1.0).contains(&face.confidence), "{face:?}");
            assert!(b.width() > 0.0 && b.height() > 0.0, "{face:?}");
            assert!(b.iou(&frame) > 0.0, "outside the picture: {face:?}");
            assert_eq!(face.landmarks.is_some(), subject.has_landmarks);
            if let Some(landmarks) = face.landmarks {
                for p in landmarks.to_array() {
                    // A profile's far eye may lie a little outside its box.
                    let margin = b.width() * 0.2;
                    assert!(p.x > b.left - margin && p.x < b.right + margin, "{face:?}");
                    assert!(p.y > b.top - margin && p.y < b.bottom + margin, "{face:?}");
                }
                assert!(landmarks.left_eye.x < landmarks.right_eye.x, "{face:?}");
                assert!(landmarks.left_eye.y < landmarks.mouth_left.y, "{face:?}");
            }
        }
        for (i, a) in found.iter().enumerate() {
            for b in &found[..i] {
                let iou = a.bounding_box.iou(&b.bounding_box);
                assert!(iou <= 0.4, "{}: one face twice: {a:?} {b:?}", subject.name);
            }
        }
    }
}

/// The network sees the same picture, so boxes scale with it.
#[test]
fn boxes_scale_with_the_picture() {
    let Some(models) = Models::find() else { return };
    let picture = group(&models);
    let (width, height) = (picture.width(), picture.height());
    let double = picture
        .resized(2 * width, 2 * height, ResizeFilter::Area)
        .expect("a size");
    let options = DetectorOptions {
        input: InputSize::Fixed(640),
        min_confidence: 0.6,
        ..DetectorOptions::default()
    };
    for subject in Subject::all(&models) {
        let once = subject.detect(&picture, &options);
        let twice = subject.detect(
            &double,
            &DetectorOptions {
                min_confidence: 0.5,
                ..options
            },
        );
        assert!(!once.is_empty(), "{}", subject.name);
        for face in &once {
            let b = face.bounding_box;
            let expected = BoundingBox {
                left: b.left * 2.0,
                top: b.top * 2.0,
                right: b.right * 2.0,
                bottom: b.bottom * 2.0,
            };
            let nearest = twice
                .iter()
                .map(|f| edge_distance(&f.bounding_box, &expected))
                .fold(f32::INFINITY, f32::min);
            assert!(nearest < 0.08, "{}: {nearest} of {b:?}", subject.name);
        }
    }
}

#[test]
fn any_number_of_threads_finds_the_same() {
    let Some(models) = Models::find() else { return };
    let picture = group(&models);
    let options = DetectorOptions::default();
    for subject in Subject::all(&models) {
        let expected = subject.detect(&picture, &options);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert_eq!(subject.detect(&picture, &options), expected));
            }
        });
    }
}

#[test]
fn options_are_honoured() {
    let Some(models) = Models::find() else { return };
    let picture = group(&models);
    let defaults = DetectorOptions::default();
    for subject in Subject::all(&models) {
        let all = subject.detect(&picture, &defaults);
        let median = {
            let mut widths: Vec<f32> = all.iter().map(|f| f.bounding_box.width()).collect();
            widths.sort_by(f32::total_cmp);
            widths[widths.len() / 2]
        };
        let large: Vec<_> = all
            .iter()
            .copied()
            .filter(|f| f.bounding_box.width() >= median)
            .collect();
        let options = DetectorOptions {
            min_face_px: median,
            ..defaults
        };
        assert_eq!(
            subject.detect(&picture, &options),
            large,
            "{}",
            subject.name
        );

        let options = DetectorOptions {
            largest_only: true,
            ..defaults
        };
        let largest = subject.detect(&picture, &options);
        let area = |f: &Detection| f.bounding_box.area();
        assert_eq!(largest.len(), 1, "{}", subject.name);
        assert!(all.iter().all(|f| area(f) <= area(&largest[0])));

        let bar = all[all.len() / 2].confidence;
        let options = DetectorOptions {
            min_confidence: bar,
            ..defaults
        };
        let sure = subject.detect(&picture, &options);
        assert!(sure.iter().all(|f| f.confidence >= bar), "{}", subject.name);
        assert!(
            !sure.is_empty() && sure.len() < all.len(),
            "{}",
            subject.name
        );

        let options = DetectorOptions {
            min_confidence: 1.0,
            ..defaults
        };
        assert_eq!(subject.detect(&picture, &options), [], "{}", subject.name);
    }
}

/// What the quick start promises.
#[test]
fn the_solvay_photograph_has_29_faces() {
    let Some(models) = Models::find() else { return };
    let [scrfd, _] = Subject::all(&models);
    let found = scrfd.detect(&models.solvay(), &DetectorOptions::default());
    let confidences: Vec<f32> = found.iter().map(|f| f.confidence).collect();
    assert_eq!(found.len(), 29, "{confidences:?}");
    assert!(confidences[28] >= 0.7, "{confidences:?}");
}

#[test]
fn a_face_cut_off_by_the_border_does_no_harm() {
    let Some(models) = Models::find() else { return };
    let picture = group(&models);
    for subject in Subject::all(&models) {
        let faces = subject.detect(&picture, &DetectorOptions::default());
        let b = faces[0].bounding_box;
        // The right half of the face, at the left border of a picture.
        let region = Region {
            left: b.center().x as u32,
            top: b.top.max(0.0) as u32,
            width: 200,
            height: 200,
        };
        let cut = picture.cropped(region).expect("inside the picture");
        for face in subject.detect(&cut, &DetectorOptions::default()) {
            assert!(face.bounding_box.right > 0.0, "{face:?}");
        }
    }
}
