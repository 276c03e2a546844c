//! Every awkward file of the shared `data/hard`: what must come of it, and how fast.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use prosopon::{DecodeLimits, Image, ImageError};

/// Far more than any of these files needs, even on a busy machine without optimisation.
const PATIENCE: Duration = Duration::from_secs(5);

/// One row of the table.
struct Case<'a> {
    file: &'a str,
    outcome: &'a str,
    /// Mean of red, green and blue, where the table has it.
    means: Option<[f64; 3]>,
}

impl Case<'_> {
    fn all() -> impl Iterator<Item = Case<'static>> {
        include_str!("hard_pictures.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .skip(1)
            .map(|line| {
                let fields: Vec<_> = line.split('\t').collect();
                let mean = |i: usize| fields[i].parse::<f64>().ok();
                Case {
                    file: fields[0],
                    outcome: fields[1],
                    means: mean(2)
                        .zip(mean(3))
                        .zip(mean(4))
                        .map(|((r, g), b)| [r, g, b]),
                }
            })
    }
}

fn open(path: &Path) -> Result<Image, ImageError> {
    Image::open(path, &DecodeLimits::default())
}

fn means(image: &Image) -> [f64; 3] {
    let (pixels, _) = image.pixels().as_chunks::<3>();
    [0, 1, 2].map(|channel| {
        let sum: u64 = pixels.iter().map(|pixel| u64::from(pixel[channel])).sum();
        sum as f64 / pixels.len() as f64
    })
}

#[test]
fn every_hard_picture_comes_out_as_expected() {
    let Some(folder) = common::shared("data/hard") else {
        return;
    };
    let mut wrong = Vec::new();
    for case in Case::all() {
        let started = Instant::now();
        let result = open(&folder.join(case.file));
        let took = started.elapsed();
        let outcome = match &result {
            Ok(image) => format!("{}x{}", image.width(), image.height()),
            Err(error) => error.code().to_owned(),
        };
        if outcome != case.outcome {
            wrong.push(format!(
                "{}: expected {}, found {outcome}",
                case.file, case.outcome
            ));
        }
        if took > PATIENCE {
            wrong.push(format!("{}: took {took:?}", case.file));
        }
        match &result {
            Ok(image) => {
                let found = means(image);
                // JPEG decoders round in their own ways; a wrong channel or scale is far outside.
                let close = |expected: [f64; 3]| {
                    expected
                        .iter()
                        .zip(&found)
                        .all(|(a, b)| (a - b).abs() < 1.0)
                };
                if !case.means.is_none_or(close) {
                    let expected = case.means;
                    wrong.push(format!(
                        "{}: expected {expected:?}, found {found:?}",
                        case.file
                    ));
                }
            }
            Err(error) => {
                let message = error.to_string();
                if message.contains('\n') || error.hint().is_none() {
                    wrong.push(format!(
                        "{}: not one line with a hint: {message}",
                        case.file
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_names_every_file() {
    let Some(folder) = common::shared("data/hard") else {
        return;
    };
    let mut files: Vec<String> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "INDEX.tsv")
        .collect();
    files.sort();
    let named: Vec<String> = Case::all().map(|case| case.file.to_owned()).collect();
    assert_eq!(files, named);
}

/// The same motif in all orientations must look alike once upright.
#[test]
fn pictures_of_one_motif_come_out_alike() {
    let Some(folder) = common::shared("data/hard") else {
        return;
    };
    // Files whose name, after its number, starts and ends so; and how far their pixels may differ
    // on average from the first one's: most were compressed anew for each orientation.
    for (prefix, suffix, count, tolerance) in [
        ("Landscape_", ".jpg", 7, 6.0),
        ("Portrait_", ".jpg", 6, 6.0),
        ("hopper_orientation_", ".jpg", 5, 6.0),
        ("hopper_orientation_", ".webp", 7, 3.0),
        ("g4_orientation_", ".tif", 7, 1.0),
    ] {
        let motif: Vec<_> = Case::all()
            .filter(|case| case.file[4..].starts_with(prefix) && case.file.ends_with(suffix))
            .collect();
        assert_eq!(motif.len(), count, "{prefix}");
        let first = open(&folder.join(motif[0].file)).unwrap();
        for case in &motif[1..] {
            let image = open(&folder.join(case.file)).unwrap();
            assert_eq!(
                (image.width(), image.height()),
                (first.width(), first.height())
            );
            let pairs = image.pixels().iter().zip(first.pixels());
            let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            let mean = sum as f64 / first.pixels().len() as f64;
            assert!(mean <= tolerance, "{}: differs by {mean}", case.file);
        }
    }
}

/// Files cut off anywhere, and files with flipped bytes, give a picture or an error.
#[test]
fn damage_never_panics_or_hangs() {
    let Some(folder) = common::shared("data/hard") else {
        return;
    };
    let limits = DecodeLimits {
        pixels: 1_000_000,
        ..DecodeLimits::default()
    };
    // A small generator of numbers that look random; the same on every run.
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for case in Case::all() {
        let bytes = std::fs::read(folder.join(case.file)).unwrap();
        if bytes.len() > 20_000 || bytes.is_empty() {
            continue;
        }
        for round in 0..8 {
            let mut damaged = bytes.clone();
            if round % 2 == 0 {
                damaged.truncate(random(bytes.len()));
            }
            for _ in 0..if round < 2 { 0 } else { round } {
                if !damaged.is_empty() {
                    // Mostly the header, where the numbers are that steer a decoder.
                    let reach = if round > 4 {
                        damaged.len()
                    } else {
                        damaged.len().min(200)
                    };
                    damaged[random(reach)] = random(256) as u8;
                }
            }
            let started = Instant::now();
            let _ = Image::decode(&damaged, &limits);
            assert!(started.elapsed() < PATIENCE, "{} round {round}", case.file);
        }
    }
}
