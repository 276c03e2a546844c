//! Classic measures against the values of the usual Python packages, kept in the shared folder.

mod common;
#[path = "common/npz.rs"]
mod npz;

use std::path::Path;

use common::shared;
use prosopon::classic::diff::differing_regions;
use prosopon::classic::{
    GrayImage, HashMethod, Window, external_contours, otsu_threshold, perceptual_hash,
    structural_similarity, thresholded,
};
use prosopon::{DecodeLimits, Image};
use serde_json::Value;

fn reference(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a readable file");
    serde_json::from_str(&text).expect("JSON")
}

/// Method, side, and the name in the reference.
const HASHES: [(HashMethod, u32, &str); 10] = [
    (HashMethod::Average, 8, "ahash"),
    (HashMethod::Perceptual, 8, "phash"),
    (HashMethod::Difference, 8, "dhash"),
    (HashMethod::DifferenceVertical, 8, "dhash_vertical"),
    (HashMethod::PerceptualSimple, 8, "phash_simple"),
    (HashMethod::Wavelet, 8, "whash"),
    (HashMethod::Average, 16, "ahash_16"),
    (HashMethod::Perceptual, 16, "phash_16"),
    (HashMethod::Difference, 16, "dhash_16"),
    (HashMethod::WaveletDb4, 8, "whash_db4"),
];

#[test]
fn hashes_equal_those_of_imagehash() {
    let Some(reference_path) = shared("reference/classic.json") else {
        return;
    };
    let Some(pictures) = shared("data/hobbit") else {
        return;
    };
    let reference = reference(&reference_path);
    let per_image = reference["per_image"].as_object().expect("an object");
    assert_eq!(per_image.len(), 20);
    let mut different = Vec::new();
    for (name, expected) in per_image {
        let picture =
            Image::open(&pictures.join(name), &DecodeLimits::default()).expect("a picture");
        for (method, side, key) in HASHES {
            let hash = perceptual_hash(&picture, method, side).expect("a hash");
            if expected[key] != hash.to_string() {
                different.push(format!("{name} {key}: {hash}, not {}", expected[key]));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn structural_similarity_equals_that_of_scikit_image() {
    let Some(path) = shared("reference/arrays.npz") else {
        return;
    };
    let Some(reference_path) = shared("reference/classic.json") else {
        return;
    };
    let mut arrays = npz::Npz::open(&path);
    let reference = reference(&reference_path);
    let pairs = reference["ssim_pairs"].as_array().expect("a list");
    assert_eq!(pairs.len(), 12);
    for pair in pairs {
        let mut picture = |key: &str| {
            let (shape, pixels) = arrays.bytes(pair[key].as_str().expect("a name"));
            GrayImage::new(shape[1] as u32, shape[0] as u32, pixels).expect("a picture")
        };
        let (a, b) = (picture("a"), picture("b"));
        for (window, key) in [
            (Window::Uniform, "ssim_default_win7"),
            (Window::Gaussian, "ssim_gauss"),
        ] {
            // The noisy picture was compared in one way only.
            let Some(expected) = pair[key].as_f64() else {
                continue;
            };
            let found = structural_similarity(&a, &b, window).expect("sizes agree");
            assert!(
                (found.mean - expected).abs() < 1e-9,
                "{pair} {}",
                found.mean
            );
        }
        if pair["b"] == "ssim_noisy" {
            let found = structural_similarity(&a, &b, Window::Uniform).expect("sizes agree");
            let (_, expected) = arrays.floats("ssim_noisy_map");
            let pairs = found.map.iter().zip(&expected);
            let largest = pairs
                .map(|(a, b)| (a - f64::from(*b)).abs())
                .fold(0.0, f64::max);
            assert!(largest < 1e-6, "{largest}");
            let (_, expected) = arrays.bytes("ssim_diff_u8");
            let image = found.difference_image();
            let gray = image.pixels().iter().step_by(3);
            // NumPy wraps what is below zero, which no picture shows.
            let differ = gray
                .zip(&expected)
                .zip(&found.map)
                .filter(|((a, b), v)| **v >= 0.0 && a != b);
            assert_eq!(differ.count(), 0);
            // The way from the map to what differs, as `prosopon diff` goes it.
            let side = (expected.len() as f64).sqrt() as u32;
            let map = GrayImage::new(side, side, expected).expect("a square");
            let level = otsu_threshold(&map);
            assert_eq!(pair["diff_otsu_inv"], f64::from(level));
            let contours = external_contours(&thresholded(&map, level, true));
            assert_eq!(pair["diff_contours"], contours.len());
            assert_eq!(differing_regions(&map, level, 0.0).len(), contours.len());
        }
    }
}
