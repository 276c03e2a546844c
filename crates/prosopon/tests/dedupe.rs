//! Copies that were planted among real photographs.

mod common;

use std::path::PathBuf;

use common::shared;
use prosopon::dedupe::{DedupeOptions, Fingerprint, find_copies};
use prosopon::image::{Region, ResizeFilter};
use prosopon::{DecodeLimits, Image};

/// A copy as it travels: scaled, compressed again, a part cut off.
struct Kind {
    name: &'static str,
    make: fn(&Image, &mut Numbers) -> Image,
}

const KINDS: [Kind; 8] = [
    Kind {
        name: "half the size",
        make: |image, _| scaled(image, 0.5),
    },
    Kind {
        name: "a fifth of the size",
        make: |image, _| scaled(image, 0.2),
    },
    Kind {
        name: "one and a half times the size",
        make: |image, _| scaled(image, 1.5),
    },
    Kind {
        name: "JPEG quality 25",
        make: |image, _| recompressed(image, 25),
    },
    Kind {
        name: "5 % cut off at each side",
        make: |image, _| cut(image, [0.05; 4]),
    },
    Kind {
        name: "12 % cut off at one side",
        make: |image, numbers| {
            let mut shares = [0.0; 4];
            shares[(numbers.next() * 4.0) as usize % 4] = 0.12;
            cut(image, shares)
        },
    },
    Kind {
        name: "0 to 8 % cut off at each side",
        make: |image, numbers| cut(image, [0; 4].map(|_| numbers.next() * 0.08)),
    },
    Kind {
        name: "0 to 8 % cut off, 0.6 of the size, JPEG quality 40",
        make: |image, numbers| {
            let part = cut(image, [0; 4].map(|_| numbers.next() * 0.08));
            recompressed(&scaled(&part, 0.6), 40)
        },
    },
];

fn scaled(image: &Image, factor: f64) -> Image {
    let side = |side: u32| ((f64::from(side) * factor).round() as u32).max(1);
    let (width, height) = (side(image.width()), side(image.height()));
    image
        .resized(width, height, ResizeFilter::Area)
        .expect("a size")
}

fn recompressed(image: &Image, quality: u8) -> Image {
    let jpeg = image.encode_jpeg(quality).expect("a JPEG");
    Image::decode(&jpeg, &DecodeLimits::default()).expect("a picture")
}

/// Shares to cut off: left, top, right, bottom.
fn cut(image: &Image, shares: [f64; 4]) -> Image {
    let sides = [image.width(), image.height(), image.width(), image.height()];
    let off: [u32; 4] = std::array::from_fn(|i| (shares[i] * f64::from(sides[i])).round() as u32);
    let region = Region {
        left: off[0],
        top: off[1],
        width: sides[0] - off[0] - off[2],
        height: sides[1] - off[1] - off[3],
    };
    image.cropped(region).expect("a part")
}

/// Numbers from 0 to 1, the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        // Numerical Recipes' linear congruential generator; its high bits are good enough here.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) & 0xffff_ffff;
        self.0 as f64 / 4_294_967_296.0
    }
}

fn fingerprint(image: &Image) -> Fingerprint {
    // What a file holds does not matter here, as long as no two are the same.
    let sides = [image.width().to_le_bytes(), image.height().to_le_bytes()].concat();
    Fingerprint::new(&[sides.as_slice(), image.pixels()].concat(), image)
}

/// How many copies of each kind were found, and pairs of pictures that were taken for copies.
struct Found {
    of_kind: [usize; 8],
    pictures: usize,
    false_pairs: Vec<(PathBuf, PathBuf)>,
}

fn plant(paths: &[PathBuf]) -> Found {
    let mut numbers = Numbers(1);
    let mut fingerprints = Vec::new();
    for path in paths {
        let image = Image::open(path, &DecodeLimits::default()).expect("a picture");
        fingerprints.push(fingerprint(&image));
        for kind in &KINDS {
            fingerprints.push(fingerprint(&(kind.make)(&image, &mut numbers)));
        }
    }
    let per_picture = KINDS.len() + 1;
    let mut found = Found {
        of_kind: [0; 8],
        pictures: paths.len(),
        false_pairs: Vec::new(),
    };
    for group in find_copies(&fingerprints, &DedupeOptions::default(), || ()) {
        let members: Vec<usize> = group.members.iter().map(|(i, _)| *i).collect();
        let mut originals: Vec<usize> = members.iter().map(|i| i / per_picture).collect();
        originals.sort_unstable();
        originals.dedup();
        for original in &originals {
            let place = original * per_picture;
            for kind in 0..KINDS.len() {
                let both = members.contains(&place) && members.contains(&(place + 1 + kind));
                found.of_kind[kind] += usize::from(both);
            }
        }
        for pair in originals.windows(2) {
            let of = |i: usize| paths[i].clone();
            found.false_pairs.push((of(pair[0]), of(pair[1])));
        }
    }
    found
}

fn photographs() -> Option<Vec<PathBuf>> {
    let folder = shared("data/hobbit/dataset")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .flat_map(|person| std::fs::read_dir(person.expect("an entry").path()).expect("a folder"))
        .map(|file| file.expect("an entry").path())
        .collect();
    files.sort();
    Some(files)
}

#[test]
fn planted_copies_are_found() {
    let Some(files) = photographs() else { return };
    let some: Vec<PathBuf> = files.into_iter().skip(3).step_by(25).collect();
    let found = plant(&some);
    assert_eq!(found.false_pairs, []);
    for (kind, n) in KINDS.iter().zip(found.of_kind) {
        assert!(n + 1 >= found.pictures, "{}: {n}", kind.name);
    }
}

/// `cargo test -p prosopon --test dedupe -- --ignored --nocapture` prints what `ARCHITECTURE.md` tells.
#[test]
#[ignore = "takes minutes"]
fn figures_of_planted_copies() {
    let files = photographs().expect("the shared photographs");
    let found = plant(&files);
    for (kind, n) in KINDS.iter().zip(found.of_kind) {
        println!("{:52} {n} of {}", kind.name, found.pictures);
    }
    for (a, b) in &found.false_pairs {
        println!("also taken for copies: {} {}", a.display(), b.display());
    }
}
