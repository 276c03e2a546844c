//! How long a cascade takes on grey pictures (PGM, 8 bits), for `scripts/bench-haar`, which times
//! `OpenCV` beside it.
//!
//!     cargo bench -p prosopon --bench haar -- THREADS ROUNDS CASCADE.xml SCALE NEIGHBORS PICTURE.pgm…
//!
//! Prints one line of JSON: for each picture the fastest of its rounds, in milliseconds, and what was found.

use std::path::PathBuf;
use std::time::Instant;

use prosopon::classic::{Cascade, GrayImage, MultiScale};
use serde_json::json;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let [
        threads,
        rounds,
        cascade,
        scale_factor,
        min_neighbors,
        pictures @ ..,
    ] = &arguments[..]
    else {
        eprintln!("left out: run scripts/bench-haar");
        return;
    };
    let cascade = std::fs::read_to_string(cascade).expect("a readable file");
    let cascade = Cascade::from_xml(&cascade).expect("a cascade");
    let options = MultiScale {
        scale_factor: scale_factor.parse().expect("a number"),
        min_neighbors: min_neighbors.parse().expect("a number"),
        ..MultiScale::default()
    };
    let rounds: usize = rounds.parse().expect("a number");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.parse().expect("a number"));
    let pool = pool.build().expect("threads");
    let results: Vec<_> = pictures
        .iter()
        .map(|path| {
            let image = read_pgm(&PathBuf::from(path));
            let mut best = f64::INFINITY;
            let mut boxes = Vec::new();
            for _ in 0..rounds {
                let start = Instant::now();
                let hits = pool.install(|| cascade.detect_multi_scale(&image, &options));
                best = best.min(start.elapsed().as_secs_f64() * 1e3);
                boxes = hits
                    .iter()
                    .map(|h| [h.left, h.top, h.width, h.height])
                    .collect();
            }
            json!({ "millis": best, "boxes": boxes })
        })
        .collect();
    println!("{}", json!(results));
}

/// A file that begins with `P5 WIDTH HEIGHT 255` on one line.
fn read_pgm(path: &PathBuf) -> GrayImage {
    let bytes = std::fs::read(path).expect("a readable file");
    let end = bytes.iter().position(|b| *b == b'\n').expect("a header");
    let header = String::from_utf8_lossy(&bytes[..end]);
    let mut sides = header
        .split(' ')
        .skip(1)
        .map(|side| side.parse().expect("a side"));
    let (width, height) = (
        sides.next().expect("a width"),
        sides.next().expect("a height"),
    );
    GrayImage::new(width, height, bytes[end + 1..].to_vec()).expect("pixels")
}
