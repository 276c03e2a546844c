use super::*;
use crate::geometry::{BoundingBox, Landmarks, Point};

/// Stripes, which are sharp, in a picture with a face in the middle.
fn picture(dark: u8, bright: u8) -> Image {
    let pixels = (0..200u32)
        .flat_map(|_| {
            (0..200u32).flat_map(move |x| [if x / 4 % 2 == 0 { dark } else { bright }; 3])
        })
        .collect();
    Image::from_rgb(200, 200, pixels).unwrap()
}

fn detection(side: f32, nose: f32) -> Detection {
    let at = |x: f32, y: f32| Point::new(100.0 + (x - 0.5) * side, 100.0 + (y - 0.5) * side);
    Detection {
        bounding_box: BoundingBox {
            left: 100.0 - side / 2.0,
            top: 100.0 - side / 2.0,
            right: 100.0 + side / 2.0,
            bottom: 100.0 + side / 2.0,
        },
        landmarks: Some(Landmarks {
            left_eye: at(0.3, 0.35),
            right_eye: at(0.7, 0.35),
            nose: at(nose, 0.55),
            mouth_left: at(0.35, 0.75),
            mouth_right: at(0.65, 0.75),
        }),
        confidence: 0.9,
    }
}

fn score(image: &Image, detection: &Detection) -> Quality {
    assess_detection(image, detection, None).unwrap()
}

#[test]
fn a_good_face_has_nothing_to_complain_of() {
    let quality = score(&picture(80, 160), &detection(120.0, 0.5));
    assert!(quality.score > 0.99, "{quality:?}");
    assert_eq!(quality.parts.eyes, None);
}

#[test]
fn each_fault_is_seen_in_its_part() {
    let good = picture(80, 160);
    // So that it is sharp even when it is enlarged.
    let stark = picture(0, 255);
    let flat = Image::filled(200, 200, [120; 3]);
    let black = picture(0, 12);
    let cut_off = Detection {
        bounding_box: BoundingBox {
            left: -60.0,
            top: 40.0,
            right: 60.0,
            bottom: 160.0,
        },
        landmarks: None,
        confidence: 0.9,
    };
    let unsure = Detection {
        confidence: 0.3,
        ..detection(120.0, 0.5)
    };
    for (image, detection, part) in [
        (&stark, detection(14.0, 0.5), "size"),
        (&flat, detection(120.0, 0.5), "sharpness"),
        (&good, detection(120.0, 0.95), "pose"),
        (&black, detection(120.0, 0.5), "brightness"),
        (&good, cut_off, "inside"),
        (&good, unsure, "confidence"),
    ] {
        let quality = score(image, &detection);
        assert_eq!(quality.parts.worst().0, part, "{quality:?}");
        assert!(quality.score < 0.5, "{part}: {quality:?}");
    }
}

#[test]
fn networks_say_more_than_landmarks() {
    use crate::attributes::{Attributes, Eyes, Pose};
    let image = picture(80, 160);
    let with = |yaw: f32, open: f32| {
        let attributes = Attributes {
            pose: Some(Pose {
                yaw,
                ..Pose::default()
            }),
            eyes: Some(Eyes {
                left_open: open,
                right_open: open,
            }),
            ..Attributes::default()
        };
        assess_detection(&image, &detection(120.0, 0.5), Some(&attributes)).unwrap()
    };
    let (straight, turned, asleep) = (with(0.0, 1.0), with(70.0, 1.0), with(0.0, 0.0));
    assert!(straight.score > 0.99, "{straight:?}");
    assert!(
        turned.score < 0.5 && turned.parts.worst().0 == "pose",
        "{turned:?}"
    );
    assert!(
        asleep.score < 0.6 && asleep.parts.worst().0 == "eyes",
        "{asleep:?}"
    );
}

#[test]
fn a_box_outside_the_picture_is_no_error() {
    let outside = Detection {
        bounding_box: BoundingBox {
            left: 900.0,
            top: 900.0,
            right: 950.0,
            bottom: 950.0,
        },
        landmarks: None,
        confidence: 0.9,
    };
    assert_eq!(score(&picture(80, 160), &outside).score, 0.0);
}
