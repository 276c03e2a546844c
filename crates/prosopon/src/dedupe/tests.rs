use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::image::{Image, Region, ResizeFilter};

/// A picture of waves that `seed` shapes, of 300 × 200 pixels.
fn picture(seed: u32) -> Image {
    let s = f64::from(seed);
    let pixels = (0..200u32).flat_map(|y| {
        (0..300u32).flat_map(move |x| {
            let (u, v) = (f64::from(x) / 50.0, f64::from(y) / 40.0);
            let waves = (u * (1.0 + s / 3.0) + v * v / 2.0 + s).sin() * 50.0
                + (v * (2.0 - s / 4.0) - u * u / 5.0 + s * s).cos() * 60.0;
            let level = (125.0 + waves) as u8;
            [level, level / 2 + 40, 255 - level]
        })
    });
    Image::from_rgb(300, 200, pixels.collect()).unwrap()
}

fn part(image: &Image, left: u32, top: u32, right: u32, bottom: u32) -> Image {
    let region = Region {
        left,
        top,
        width: image.width() - left - right,
        height: image.height() - top - bottom,
    };
    image.cropped(region).unwrap()
}

fn fingerprint(image: &Image) -> Fingerprint {
    Fingerprint::new(image.pixels(), image)
}

fn search(images: &[Image]) -> Vec<CopyGroup> {
    let fingerprints: Vec<Fingerprint> = images.iter().map(fingerprint).collect();
    let calls = AtomicUsize::new(0);
    let count = || {
        calls.fetch_add(1, Ordering::Relaxed);
    };
    let groups = find_copies(&fingerprints, &DedupeOptions::default(), count);
    assert_eq!(calls.into_inner(), images.len());
    groups
}

fn places(group: &CopyGroup) -> Vec<usize> {
    group.members.iter().map(|(i, _)| *i).collect()
}

#[test]
fn copies_are_found_and_the_largest_is_best() {
    let original = picture(1);
    let small = original.resized(150, 100, ResizeFilter::Area).unwrap();
    let squeezed = original.resized(200, 180, ResizeFilter::Triangle).unwrap();
    let images = [
        small,
        picture(2),
        original.clone(),
        part(&original, 12, 6, 10, 9),
        squeezed,
        original.clone(),
        picture(3),
        part(&original, 30, 0, 0, 0),
    ];
    let groups = search(&images);
    let [group] = &groups[..] else {
        panic!("{groups:?}");
    };
    assert_eq!(places(group), [2, 0, 3, 4, 5, 7]);
    assert_eq!(group.members[0].1, Likeness::Best);
    assert_eq!(group.members[4].1, Likeness::Exact);
    for (i, likeness) in [1, 2, 3, 5].map(|i| group.members[i]) {
        assert!(
            matches!(likeness, Likeness::Near(ssim) if ssim > 0.9),
            "{i} {likeness:?}"
        );
    }
}

#[test]
fn different_pictures_are_not_copies() {
    let images: Vec<Image> = (1..12).map(picture).collect();
    assert_eq!(search(&images), []);
    assert_eq!(search(&[]), []);
}

#[test]
fn pictures_without_structure_and_tiny_ones_are_compared_too() {
    let white = Image::filled(100, 80, [255; 3]);
    let images = [
        white.clone(),
        Image::filled(100, 80, [0; 3]),
        white,
        Image::filled(1, 1, [9; 3]),
        Image::filled(2000, 1, [90; 3]),
    ];
    let groups = search(&images);
    assert!(
        groups.iter().any(|group| places(group) == [0, 2]),
        "{groups:?}"
    );
    assert!(
        groups.iter().all(|group| !places(group).contains(&1)),
        "{groups:?}"
    );
}

#[test]
fn a_window_is_found_where_it_was_cut() {
    let original = picture(4);
    let cut = part(&original, 21, 4, 6, 18);
    let (outer, inner) = (fingerprint(&original), fingerprint(&cut));
    let near = candidate(&outer, &inner, 64).unwrap();
    assert!(!near.swapped);
    let overlap = overlap::find(&outer.thumbnail, &inner.thumbnail, near.window);
    let place = overlap.place;
    assert!(overlap.is_plausible() && overlap.ssim > 0.97, "{overlap:?}");
    for (found, expected) in [
        (place.left, 21.0 / 300.0),
        (place.width, 273.0 / 300.0),
        (place.top, 4.0 / 200.0),
        (place.height, 178.0 / 200.0),
    ] {
        assert!((found - expected).abs() < 0.01, "{place:?}");
    }
}

#[test]
fn one_hash_alone_groups_by_distance() {
    use crate::classic::{HashMethod, perceptual_hash};
    let original = picture(5);
    let images = [
        original.resized(90, 60, ResizeFilter::Area).unwrap(),
        picture(6),
        original,
    ];
    let hashes: Vec<PerceptualHash> = images
        .iter()
        .map(|image| perceptual_hash(image, HashMethod::Average, 8).unwrap())
        .collect();
    let groups = group_by_hash(&hashes, 4, |i| (u64::from(images[i].width()), 0));
    let [group] = &groups[..] else {
        panic!("{groups:?}");
    };
    assert_eq!(places(group), [2, 0]);
    assert!(matches!(group.members[1].1, Likeness::Hash(distance) if distance <= 4));
}
