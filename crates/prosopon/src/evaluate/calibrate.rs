//! Measuring which similarity stands for which false match rate.

use std::thread;

use crate::compare::{Calibration, CalibrationPoint, CompareError};
use crate::embed::Embedding;

/// Rates of the table.
const FMRS: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];
/// Bins of the histogram over [−1, 1]; a threshold is known to the width of one, 0.0001.
const BINS: usize = 20_000;

/// One face and whose it is.
#[derive(Debug, Clone)]
pub struct LabelledFace {
    /// Number of the person.
    pub identity: usize,
    /// The face.
    pub embedding: Embedding,
}

/// Compares every two faces of different people and gives the threshold for each false match rate
/// from 1e-1 to 1e-6 that at least one false match stands behind.
///
/// Time grows with the square of the number of faces; memory does not. `source` names the data.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if several models made the embeddings,
/// [`CompareError::Calibration`] if there are too few comparisons for two rates.
pub fn calibrate(
    faces: &[LabelledFace],
    source: &str,
    threads: usize,
) -> Result<Calibration, CompareError> {
    if let Some(odd) = faces
        .iter()
        .find(|f| f.embedding.model() != faces[0].embedding.model())
    {
        return Err(CompareError::ModelMismatch {
            probe: odd.embedding.model().clone(),
            reference: faces[0].embedding.model().clone(),
        });
    }
    let counts = impostor_histogram(faces, threads.max(1));
    let comparisons: u64 = counts.iter().sum();
    let points = FMRS
        .into_iter()
        .filter(|fmr| fmr * comparisons as f64 >= 1.0)
        .map(|fmr| CalibrationPoint {
            fmr,
            similarity: smallest_similarity(&counts, (fmr * comparisons as f64) as u64),
        })
        .collect();
    let calibration = Calibration {
        source: source.to_owned(),
        comparisons,
        points,
    };
    calibration.check()?;
    Ok(calibration)
}

/// How many impostor comparisons fall into each bin.
fn impostor_histogram(faces: &[LabelledFace], threads: usize) -> Vec<u64> {
    let count_rows = |start: usize| {
        let mut counts = vec![0u64; BINS];
        // Rows shrink towards the end; dealing them out in turn balances the threads.
        for i in (start..faces.len()).step_by(threads) {
            let a = &faces[i];
            for b in &faces[..i] {
                if a.identity != b.identity {
                    let cosine = dot(a.embedding.values(), b.embedding.values());
                    let bin = (cosine.midpoint(1.0) * BINS as f32) as usize;
                    counts[bin.min(BINS - 1)] += 1;
                }
            }
        }
        counts
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|start| scope.spawn(move || count_rows(start)))
            .collect();
        let mut total = vec![0; BINS];
        for worker in workers {
            let counts = worker.join().expect("counting does not panic");
            total.iter_mut().zip(counts).for_each(|(t, c)| *t += c);
        }
        total
    })
}

/// The dot product in eight independent sums, which the compiler turns into vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// Lower edge of the lowest bin from which on at most `allowed` comparisons lie.
fn smallest_similarity(counts: &[u64], allowed: u64) -> f32 {
    let mut above = 0;
    for (bin, count) in counts.iter().enumerate().rev() {
        above += count;
        if above > allowed {
            return (bin + 1) as f32 / BINS as f32 * 2.0 - 1.0;
        }
    }
    -1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::ModelId;

    /// One face each of `people` in arbitrary directions.
    fn crowd(people: usize) -> Vec<LabelledFace> {
        let mut resampler = crate::evaluate::Resampler(7);
        (0..people)
            .map(|identity| {
                let values = (0..16).map(|_| resampler.below(2001) as f32 - 1000.0);
                let embedding = Embedding::from_values(ModelId::new("m"), values.collect());
                LabelledFace {
                    identity,
                    embedding: embedding.unwrap(),
                }
            })
            .collect()
    }

    #[test]
    fn thresholds_keep_to_their_rates() {
        let faces = crowd(200);
        let calibration = calibrate(&faces, "a crowd", 3).unwrap();
        assert_eq!(calibration.comparisons, 200 * 199 / 2);
        assert_eq!(
            calibration.points.len(),
            4,
            "19,900 pairs carry rates to 1e-4"
        );
        for point in &calibration.points {
            let accepted = (0..200)
                .flat_map(|i| (0..i).map(move |j| (i, j)))
                .filter(|&(i, j)| {
                    dot(faces[i].embedding.values(), faces[j].embedding.values())
                        >= point.similarity
                })
                .count();
            let rate = accepted as f64 / calibration.comparisons as f64;
            assert!(
                rate <= point.fmr && rate > point.fmr / 2.0,
                "{rate} at {point:?}"
            );
        }
    }

    #[test]
    fn pairs_of_one_person_do_not_count() {
        let mut faces = crowd(50);
        let one_thread = calibrate(&faces, "a crowd", 1).unwrap();
        faces.extend(crowd(1));
        let more = calibrate(&faces, "a crowd", 2).unwrap();
        assert_eq!(more.comparisons, one_thread.comparisons + 49);
    }

    #[test]
    fn too_little_data_is_an_error() {
        assert!(calibrate(&crowd(3), "three people", 1).is_err());
        assert!(calibrate(&[], "nobody", 1).is_err());
    }
}
