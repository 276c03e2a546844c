use super::super::linear_exact::Scaled;
use super::scale::Scale;
use super::testing::SPOT;
use super::xml::{Description, Feature, Rectangle, Stage, Tree};
use super::*;
use crate::evaluate::Resampler;

fn spot() -> Cascade {
    Cascade::from_xml(SPOT).unwrap()
}

/// A dark picture with some noise and bright squares of two pixels times `scale`.
fn picture(width: u32, height: u32, spots: &[(u32, u32, u32)]) -> GrayImage {
    let mut pixels = vec![0; (width * height) as usize];
    for (i, pixel) in pixels.iter_mut().enumerate() {
        *pixel = (i % 7) as u8;
    }
    for (left, top, side) in spots {
        for y in *top..top + side {
            for x in *left..left + side {
                pixels[(y * width + x) as usize] = 220;
            }
        }
    }
    GrayImage::new(width, height, pixels).unwrap()
}

fn raw(scale_factor: f64) -> MultiScale {
    MultiScale {
        scale_factor,
        min_neighbors: 0,
        ..MultiScale::default()
    }
}

/// The windows that pass at one scale, found without integral images, tiles or tables: column and row of the
/// scaled picture.
fn plainly(description: &Description, image: &GrayImage, scale: &Scale) -> Vec<(usize, usize)> {
    let (width, height) = (scale.width as usize, scale.height as usize);
    let mut pixels = vec![0; width * height];
    Scaled::new(image, scale.width, scale.height).fill(0, &mut pixels, &mut Vec::new());
    let side = i64::from(description.width);
    let mut found = Vec::new();
    for top in (0..scale.rows).step_by(scale.step) {
        let mut left = 0;
        while left < scale.columns {
            let pixel = |x: i64, y: i64| {
                i64::from(pixels[(top as i64 + y) as usize * width + left + x as usize])
            };
            let sum = |inside: &dyn Fn(i64, i64) -> bool, value: &dyn Fn(i64) -> i64| -> i64 {
                let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
                let places = places.filter(|(x, y)| inside(*x, *y));
                places.map(|(x, y)| value(pixel(x, y))).sum()
            };
            let corner = |feature: &Feature, x: i64, y: i64| {
                if feature.tilted {
                    sum(&|px, py| (px - x + 1).abs() < y - py, &|v| v)
                } else {
                    sum(&|px, py| px < x && py < y, &|v| v)
                }
            };
            let value = |feature: &Feature| {
                let rectangle = |r: &Rectangle| {
                    let (x, y) = (i64::from(r.left), i64::from(r.top));
                    let (w, h) = (i64::from(r.width), i64::from(r.height));
                    let corners = if feature.tilted {
                        [
                            (x, y),
                            (x - h, y + h),
                            (x + w, y + w),
                            (x + w - h, y + w + h),
                        ]
                    } else {
                        [(x, y), (x + w, y), (x, y + h), (x + w, y + h)]
                    };
                    let [a, b, c, d] = corners.map(|(x, y)| corner(feature, x, y));
                    r.weight * (a - b - c + d) as f32
                };
                feature.rectangles.iter().map(rectangle).sum::<f32>()
            };
            let inner = |x: i64, y: i64| x > 0 && y > 0 && x < side - 1 && y < side - 1;
            let area = ((side - 2) * (side - 2)) as f64;
            let (mean, squares) = (sum(&inner, &|v| v), sum(&inner, &|v| v * v));
            let spread = area * squares as f64 - (mean * mean) as f64;
            let norm = (1.0 / spread.sqrt()) as f32;
            if spread <= 0.0 || area * f64::from(norm) >= 0.1 {
                left += scale.step;
                continue;
            }
            let passes = |stage: &Stage| {
                let tree = |tree: &Tree| {
                    let mut child = 0;
                    loop {
                        let node = tree.nodes[child as usize];
                        let yes =
                            value(&description.features[node.feature]) * norm < node.threshold;
                        child = if yes { node.left } else { node.right };
                        if child <= 0 {
                            return f64::from(tree.leaves[-child as usize]);
                        }
                    }
                };
                stage.trees.iter().map(tree).sum::<f64>() >= f64::from(stage.threshold)
            };
            match description.stages.iter().position(|stage| !passes(stage)) {
                None => found.push((left, top)),
                Some(0) => left += scale.step,
                Some(_) => {}
            }
            left += scale.step;
        }
    }
    found
}

#[test]
fn windows_are_those_of_a_plain_search() {
    // More than two tiles wide and two strips high, with spots everywhere.
    let mut rng = Resampler(3);
    let spots: Vec<_> = (0..900)
        .map(|_| {
            let (x, y) = (rng.below(690), rng.below(320));
            (x as u32, y as u32, 2 + rng.below(4) as u32)
        })
        .collect();
    let image = picture(700, 330, &spots);
    let description = xml::read(SPOT).unwrap();
    for side in [6, 12] {
        let options = MultiScale {
            min_size: Some((side, side)),
            max_size: Some((side, side)),
            ..raw(2.0)
        };
        let scales = scale::scales((700, 330), (6, 6), &options);
        assert_eq!(scales.len(), 1);
        let expected = plainly(&description, &image, &scales[0]);
        assert!(expected.len() > 200, "{}", expected.len());
        let hits = spot().detect_multi_scale(&image, &options);
        let factor = side / 6;
        let found: Vec<_> = hits
            .iter()
            .map(|hit| ((hit.left / factor) as usize, (hit.top / factor) as usize))
            .collect();
        assert!(found == expected, "windows of {side} pixels");
        assert!(
            hits.iter()
                .all(|hit| hit.reject_level == 2 && hit.neighbors == 1)
        );
    }
    assert!(
        spot()
            .detect_multi_scale(&picture(90, 60, &[]), &raw(2.0))
            .is_empty()
    );
}

#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let image = picture(400, 500, &[(20, 30, 2), (60, 120, 8), (300, 400, 30)]);
    let with = |n| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap();
        pool.install(|| spot().detect_multi_scale(&image, &raw(1.2)))
    };
    assert!(!with(1).is_empty());
    assert_eq!(with(1), with(3));
}

#[test]
fn pictures_smaller_than_the_window_have_no_hits() {
    for (width, height) in [(1, 1), (5, 100), (100, 5)] {
        let image = picture(width, height, &[]);
        assert!(
            spot()
                .detect_multi_scale(&image, &MultiScale::default())
                .is_empty()
        );
    }
    // One window: nothing to find, and no panic.
    spot().detect_multi_scale(&picture(6, 6, &[]), &MultiScale::default());
}

/// Changes of the file, what becomes of it, and how the error begins.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "<opencv_storage>",
        "<opencv_storag>",
        "not a readable XML file",
    ),
    ("</opencv_storage>\n", "", "not a readable XML file"),
    (
        "<?xml version=\"1.0\"?>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]>",
        "not a readable XML file",
    ),
    (
        "BOOST",
        "BOOSTED",
        "expected stages of type BOOST, found `BOOSTED` (line 4",
    ),
    (
        "HAAR",
        "LBP",
        "expected features of type HAAR, found `LBP` (line 5, column 3)",
    ),
    (
        "<maxCatCount>0",
        "<maxCatCount>256",
        "expected no categories, found `256`",
    ),
    (
        "opencv-cascade-classifier",
        "opencv-haar-classifier",
        "the cascade is in the old format",
    ),
    (
        "<stageType>BOOST</stageType>",
        "<size>6 6</size>",
        "the cascade is in the old format",
    ),
    (
        "<stageType>BOOST</stageType>",
        "",
        "expected a cascade below <opencv_storage>, found <cascade>",
    ),
    (
        "<width>6</width>",
        "",
        "<width> is missing in <cascade> (line 4",
    ),
    (
        "<width>6",
        "<width>2",
        "expected a side of 3 to 128 pixels in <width>, found `2`",
    ),
    (
        "<height>6",
        "<height>4000000000",
        "expected a side of 3 to 128 pixels",
    ),
    (
        "<stageThreshold>0.5</stageThreshold>",
        "",
        "<stageThreshold> is missing in <_> (line 12",
    ),
    (
        "<stageThreshold>0.5",
        "<stageThreshold>NaN",
        "expected a finite number in <stageThreshold>, found `NaN`",
    ),
    (
        "<stageThreshold>0.5",
        "<stageThreshold>1e39",
        "expected a finite number",
    ),
    (
        "2.0e-01",
        "inf",
        "expected a finite number in <internalNodes>, found `inf`",
    ),
    (
        "0 -1 0 2.0e-01",
        "0 -1 0",
        "expected 4 numbers for each of 1 to 255 nodes in <internalNodes>, found 3",
    ),
    (
        "0 -1 0 2.0e-01",
        "0 -1 9 2.0e-01",
        "node 0 of a tree refers to feature 9, which is not there (line 17",
    ),
    (
        "0 -1 0 2.0e-01",
        "0 -1 0.5 2.0e-01",
        "expected a whole number of 32 bits",
    ),
    (
        "0 -1 0 2.0e-01",
        "0 -2 0 2.0e-01",
        "node 0 of a tree refers to leaf -2, which is not there",
    ),
    (
        "0 -1 0 2.0e-01",
        "1 -1 0 2.0e-01",
        "node 0 of a tree refers to node 1, which is not there",
    ),
    (
        "1 0 0 -1.0 -1 -2 1 -1.0",
        "1 0 0 -1.0 1 -2 1 -1.0",
        "node 1 of a tree refers to node 1, which was reached before",
    ),
    (
        "0 -1 0 2.0e-01",
        "-2147483648 0 0 2.0e-01",
        "node 0 of a tree refers to leaf -2147483648",
    ),
    (
        "<leafValues>-1. 1.",
        "<leafValues>-1.",
        "expected 2 leaves in <leafValues>, found 1",
    ),
    (
        "0 0 6 6 -1.",
        "0 0 7 6 -1.",
        "expected a rectangle inside of the window of 6 × 6, found `0 0 7 6 -1.`",
    ),
    ("0 0 6 6 -1.", "-1 0 6 6 -1.", "expected a rectangle inside"),
    ("0 0 6 6 -1.", "0 0 0 6 -1.", "expected a rectangle inside"),
    (
        "0 0 6 6 -1.",
        "0 0 6 -1.",
        "expected 5 numbers in <_>, found 4",
    ),
    (
        "0 0 6 6 -1.",
        "0 0 6.5 6 -1.",
        "expected a whole number of pixels",
    ),
    ("3 0 2 2 -1.", "1 0 2 2 -1.", "expected a rectangle inside"),
    ("3 0 2 2 -1.", "3 0 3 4 -1.", "expected a rectangle inside"),
    (
        "<_>0 0 6 6 -1.</_>",
        "<_>0 0 1 1 1</_><_>0 0 1 1 1</_><_>0 0 1 1 1</_>",
        "expected 1 to 3 rectangles in <rects>, found 4",
    ),
];

#[test]
fn every_mistake_has_its_error() {
    for (from, to, expected) in MISTAKES {
        assert!(SPOT.contains(from), "{from}");
        let error = Cascade::from_xml(&SPOT.replacen(from, to, 1)).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(expected), "{to}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn huge_and_deep_files_are_refused_quickly() {
    let long = " ".repeat((16 << 20) + 1);
    let error = Cascade::from_xml(&long).unwrap_err();
    assert!(matches!(error, CascadeError::TooLarge { .. }), "{error}");
    let deep = "<a>".repeat(300_000);
    let nested = format!("{deep}{}", "</a>".repeat(300_000));
    for text in [deep, nested, "<a/>".repeat(3_000_000)] {
        assert!(Cascade::from_xml(&text).is_err());
    }
    let many = "<_/>".repeat(1_001);
    let error =
        Cascade::from_xml(&SPOT.replace("<stages>", &format!("<stages>{many}"))).unwrap_err();
    assert!(
        error.to_string().starts_with("expected 1 to 1000 stages"),
        "{error}"
    );
}

/// What a fuzzer does, the same each time: whatever becomes of the file, there is an error or a cascade
/// that can search.
#[test]
fn mutated_files_give_an_error_or_a_cascade() {
    let image = picture(40, 30, &[(12, 14, 2)]);
    let pieces = [
        "-1",
        "0",
        "1e38",
        "NaN",
        "-2147483648",
        "9999999999",
        "<_>",
        "</_>",
        "<!--",
        "]]>",
        "&a;",
        "\u{e9}",
    ];
    let mut rng = Resampler(7);
    let (mut errors, mut cascades) = (0, 0);
    for _ in 0..4_000 {
        let mut bytes = SPOT.as_bytes().to_vec();
        for _ in 0..=rng.below(3) {
            let at = rng.below(bytes.len());
            match rng.below(5) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = rng.below(256) as u8,
                2 => drop(bytes.drain(at..(at + 1 + rng.below(20)).min(bytes.len()))),
                3 => {
                    let piece = pieces[rng.below(pieces.len())];
                    bytes.splice(at..at, piece.bytes());
                }
                // A digit for a digit: most likely to stay a file that can be read.
                _ => {
                    if let Some(digit) = bytes[at..].iter_mut().find(|b| b.is_ascii_digit()) {
                        *digit = b'0' + rng.below(10) as u8;
                    }
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        match Cascade::from_xml(&String::from_utf8_lossy(&bytes)) {
            Ok(cascade) => {
                cascades += 1;
                cascade.detect_multi_scale(&image, &raw(1.5));
            }
            Err(error) => {
                errors += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(
        errors > 1_000 && cascades > 300,
        "{errors} errors, {cascades} cascades"
    );
}
