//! The measuring part of `scripts/bench-search`: the exact index on rows that NumPy wrote.
//!
//! ```text
//! bench_search ROWS PROBES DIM K    files of little-endian f32, one vector after another
//! ```
//!
//! Prints seconds to build the index, milliseconds for each probe, and the rows that were found, as JSON.

use std::error::Error;
use std::time::Instant;

use prosopon_gallery::index::{ExactIndex, Grouping, Index};
use prosopon_gallery::{FaceId, SubjectId};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rows, probes, dim, k] = arguments.as_slice() else {
        return Err("expected ROWS PROBES DIM K".into());
    };
    let (dim, k): (usize, usize) = (dim.parse()?, k.parse()?);
    let (rows, probes) = (floats(rows)?, floats(probes)?);
    let n = rows.len() / dim;
    let faces = (0..n as i64).map(FaceId).collect();
    let subjects = (0..n as i64).map(SubjectId).collect();
    let start = Instant::now();
    let index = ExactIndex::from_rows(dim, faces, subjects, rows);
    let build_seconds = start.elapsed().as_secs_f64();

    let (mut milliseconds, mut found) = (Vec::new(), Vec::new());
    for probe in probes.chunks_exact(dim) {
        let start = Instant::now();
        let hits = index.search(probe, k, Grouping::Faces);
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        found.push(hits.iter().map(|hit| hit.face.0).collect::<Vec<_>>());
    }
    println!(
        "{}",
        json!({"build_seconds": build_seconds, "milliseconds": milliseconds, "found": found})
    );
    Ok(())
}

fn floats(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let (values, _) = bytes.as_chunks::<4>();
    Ok(values.iter().copied().map(f32::from_le_bytes).collect())
}
