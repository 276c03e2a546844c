//! The networks of attributes on pictures whose answer is known.
//!
//! `cargo test -p prosopon --test attributes -- --nocapture` prints the figures that `docs/attributes.md` quotes.

mod common;
#[path = "common/models.rs"]
mod models;

use std::path::{Path, PathBuf};

use prosopon::attributes::ExpressionLabel;
use prosopon::inference::InferenceError;
use prosopon::{
    AttributeError, AttributeKind, AttributeNetworks, Attributes, BoundingBox, Detection, Detector,
    DetectorOptions, Image, Point,
};

use models::{Models, open};

/// The networks of these kinds, on the fastest backend in f32.
fn networks(models: &Models, kinds: &[AttributeKind]) -> Option<AttributeNetworks> {
    let file = |kind: AttributeKind| {
        let name = match kind {
            AttributeKind::Landmarks68 => "landmark",
            AttributeKind::Eyes => "eye",
            other => other.name(),
        };
        common::model_file(&format!("models/fr-{name}/fr_{name}.onnx"))
    };
    for &kind in kinds {
        file(kind)?;
    }
    let read = |kind| -> Result<Vec<u8>, AttributeError> {
        let bytes = file(kind).and_then(|path| std::fs::read(path).ok());
        Ok(bytes.ok_or(InferenceError::NotOnnx)?)
    };
    Some(AttributeNetworks::open(&models.runtime(), kinds, read).expect("the networks load"))
}

/// The largest face and what the networks say of it.
fn largest(
    detector: &dyn Detector,
    networks: &AttributeNetworks,
    image: &Image,
) -> Option<(Detection, Attributes)> {
    let options = DetectorOptions {
        largest_only: true,
        ..DetectorOptions::default()
    };
    let detection = *detector
        .detect(image, &options)
        .expect("detection")
        .first()?;
    let found = networks.estimate(image, &[detection]).expect("attributes");
    Some((detection, found.into_iter().next()?))
}

/// All files below `folder`, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

fn mirrored(image: &Image) -> Image {
    let mut image = image.clone();
    let row = image.width() as usize * 3;
    for row in image.pixels_mut().chunks_exact_mut(row) {
        row.as_chunks_mut::<3>().0.reverse();
    }
    image
}

/// The golden values: three photographs of LFW. A change of pre-processing moves them.
#[test]
fn golden_values_of_all_networks() {
    let (Some(models), Some(folder)) = (Models::find(), common::shared("data/lfw/images")) else {
        return;
    };
    let Some(networks) = networks(&models, &AttributeKind::ALL) else {
        return;
    };
    let detector = models.load_scrfd(&models.runtime());
    assert_eq!(networks.kinds(), AttributeKind::ALL);
    // Name, yaw, pitch, roll, eyes, liveness, age, gender, expression.
    for (name, yaw, pitch, roll, eyes, liveness, age, gender, expression) in GOLDEN {
        let person = name.rsplit_once('_').expect("a number").0;
        let image = open(&folder.join(person).join(format!("{name}.jpg")));
        let (detection, found) = largest(&*detector, &networks, &image).expect("a face");
        let pose = found.pose.expect("a pose");
        let open = found.eyes.expect("eyes").open();
        let (live, years) = (found.liveness.expect("liveness"), found.age.expect("years"));
        let (gender_found, mood) = (
            found.gender.expect("gender"),
            found.expression.expect("one"),
        );
        println!(
            "(\"{name}\", {:.1}, {:.1}, {:.1}, {open:.2}, {live:.2}, {years:.1}, {:.2}, ExpressionLabel::{:?}),",
            pose.yaw, pose.pitch, pose.roll, gender_found.score, mood.label
        );
        let near =
            |found: f32, expected: f32, tolerance: f32| (found - expected).abs() <= tolerance;
        assert!(
            near(pose.yaw, yaw, 3.0) && near(pose.pitch, pitch, 3.0) && near(pose.roll, roll, 3.0)
        );
        assert!(near(open, eyes, 0.05) && near(live, liveness, 0.05));
        assert!(near(years, age, 6.0) && near(gender_found.score, gender, 0.05));
        assert_eq!(mood.label, expression, "{name}");
        let points = found.landmarks.expect("points");
        assert_eq!(points.len(), 68);
        // The 30th is the tip of the nose, which the detector marks too.
        let nose = detection.landmarks.expect("landmarks").nose;
        let apart = (points[30].x - nose.x).hypot(points[30].y - nose.y);
        assert!(
            apart < 0.1 * detection.bounding_box.width(),
            "{name}: {apart} px"
        );
    }
}

type Golden = (
    &'static str,
    f32,
    f32,
    f32,
    f32,
    f32,
    f32,
    f32,
    ExpressionLabel,
);

/// Computed once with another implementation of the same steps, in Python with ONNX Runtime and `OpenCV`.
const GOLDEN: [Golden; 3] = [
    (
        "Aaron_Sorkin_0001",
        18.8,
        -9.2,
        -0.0,
        1.00,
        1.00,
        31.0,
        0.99,
        ExpressionLabel::Happy,
    ),
    (
        "Adrien_Brody_0002",
        0.0,
        -7.9,
        -3.0,
        1.00,
        0.95,
        39.9,
        0.95,
        ExpressionLabel::Neutral,
    ),
    (
        "Afton_Smith_0001",
        -6.0,
        -1.2,
        0.0,
        1.00,
        0.99,
        27.8,
        0.04,
        ExpressionLabel::Happy,
    ),
];

/// A face and its mirror image look the other way, and their left eye is the right one.
#[test]
fn mirror_images_say_the_mirrored() {
    let (Some(models), Some(folder)) = (Models::find(), common::shared("data/lfw/images")) else {
        return;
    };
    let kinds = [AttributeKind::Pose, AttributeKind::Eyes];
    let Some(networks) = networks(&models, &kinds) else {
        return;
    };
    let detector = models.load_scrfd(&models.runtime());
    let mut people = files(&folder);
    people.truncate(20);
    let (mut differences, mut n) = ([0.0f32; 3], 0.0f32);
    for person in people {
        let image = open(&files(&person)[0]);
        let both = [image.clone(), mirrored(&image)]
            .map(|image| largest(&*detector, &networks, &image).and_then(|(_, found)| found.pose));
        let [Some(a), Some(b)] = both else { continue };
        differences[0] += (a.yaw + b.yaw).abs();
        differences[1] += (a.pitch - b.pitch).abs();
        differences[2] += (a.roll + b.roll).abs();
        n += 1.0;
    }
    let [yaw, pitch, roll] = differences.map(|sum| sum / n);
    println!(
        "pose: mirror images of {n} faces differ by yaw {yaw:.1}°, pitch {pitch:.1}°, roll {roll:.1}°"
    );
    assert!(n >= 15.0 && yaw < 5.0 && pitch < 3.0 && roll < 5.0);
}

/// 68 points against those of dlib's examples.
#[test]
fn landmarks_lie_where_they_were_labelled() {
    let (Some(models), Some(folder)) = (Models::find(), common::shared("data/detection")) else {
        return;
    };
    let Some(networks) = networks(&models, &[AttributeKind::Landmarks68]) else {
        return;
    };
    let detector = models.load_scrfd(&models.runtime());
    let mut errors = Vec::new();
    for list in [
        "testing_with_face_landmarks.xml",
        "training_with_face_landmarks.xml",
    ] {
        let text = std::fs::read_to_string(folder.join(list)).expect("a list");
        for photograph in text.split("<image ").skip(1) {
            let file = quoted(photograph, "file=");
            let image = open(&folder.join(file));
            let found = detector
                .detect(&image, &DetectorOptions::default())
                .expect("faces");
            for labelled in photograph.split("<box ").skip(1) {
                let mut expected = vec![Point::default(); 68];
                for part in labelled.split("<part ").skip(1) {
                    let number = |name| quoted(part, name).parse::<f32>().expect("a number");
                    expected[number("name=") as usize] = Point::new(number("x="), number("y="));
                }
                let holds = |b: &BoundingBox, p: Point| {
                    (b.left..b.right).contains(&p.x) && (b.top..b.bottom).contains(&p.y)
                };
                let Some(face) = found.iter().find(|d| holds(&d.bounding_box, expected[30])) else {
                    continue;
                };
                let points = networks.estimate(&image, &[*face]).expect("points")[0]
                    .landmarks
                    .clone()
                    .expect("points");
                let apart = |a: Point, b: Point| (a.x - b.x).hypot(a.y - b.y);
                let sum: f32 = points
                    .iter()
                    .zip(&expected)
                    .map(|(a, b)| apart(*a, *b))
                    .sum();
                errors.push(sum / 68.0 / apart(expected[36], expected[45]));
            }
        }
    }
    let mean = errors.iter().sum::<f32>() / errors.len() as f32;
    println!(
        "landmarks: mean error {mean:.4} of the eyes' distance, {} faces",
        errors.len()
    );
    assert!(
        errors.len() >= 40 && mean < 0.05,
        "{mean} of {}",
        errors.len()
    );
}

/// What stands between quotes behind `name` in a tag.
fn quoted<'a>(tag: &'a str, name: &str) -> &'a str {
    let rest = tag.split_once(name).expect("an attribute").1;
    rest[1..].split('\'').next().expect("a quote")
}

/// FER2013's pictures are faces already.
#[test]
fn expressions_of_fer2013() {
    let (Some(models), Some(folder)) = (Models::find(), common::shared("data/fer2013/test")) else {
        return;
    };
    let Some(networks) = networks(&models, &[AttributeKind::Expression]) else {
        return;
    };
    let (mut n_right, mut n) = (0, 0);
    for label in ExpressionLabel::ALL {
        let mut right = 0;
        let pictures = files(&folder.join(label.name()));
        let pictures: Vec<_> = pictures.iter().step_by(3).collect();
        for path in &pictures {
            let image = open(path);
            let whole = Detection {
                bounding_box: BoundingBox {
                    left: 0.0,
                    top: 0.0,
                    right: image.width() as f32,
                    bottom: image.height() as f32,
                },
                landmarks: None,
                confidence: 1.0,
            };
            let found = networks.estimate(&image, &[whole]).expect("an expression");
            right += usize::from(
                found[0]
                    .expression
                    .as_ref()
                    .is_some_and(|e| e.label == label),
            );
        }
        println!("expression {}: {right} of {}", label.name(), pictures.len());
        n_right += right;
        n += pictures.len();
    }
    println!("expression: {n_right} of {n}");
    assert!(n_right * 100 >= n * 58, "{n_right} of {n}");
}

/// Few pictures, so that this shows that the input is made right, not how good the network is.
#[test]
fn living_faces_score_higher_than_copies() {
    let (Some(models), Some(folder)) = (Models::find(), common::shared("data/spoof")) else {
        return;
    };
    let Some(networks) = networks(&models, &[AttributeKind::Liveness]) else {
        return;
    };
    let detector = models.load_scrfd(&models.runtime());
    let scores = |kind: &str| -> Vec<f32> {
        let pictures = files(&folder.join(kind));
        let found = pictures
            .iter()
            .filter_map(|path| largest(&*detector, &networks, &open(path)));
        found
            .filter_map(|(_, attributes)| attributes.liveness)
            .collect()
    };
    let (real, fake) = (scores("real"), scores("fake"));
    println!("liveness: living {real:.2?}, copies {fake:.2?}");
    assert!(real.len() >= 4 && fake.len() >= 5);
    let mean = |scores: &[f32]| scores.iter().sum::<f32>() / scores.len() as f32;
    assert!(mean(&real) > 0.9 && mean(&fake) < 0.3, "{real:?} {fake:?}");
}
