//! Fisherfaces: the directions along which people differ most, measured by how much pictures of one person do.
//!
//! As `OpenCV` does, principal components first make room (as many as pictures less people), then the linear
//! discriminants follow. Two things differ where `OpenCV`'s answer depends on rounding:
//!
//! - Equal pictures of one person count once for the number of components. With them `OpenCV` divides by variances
//!   that are zero but for rounding: learnt in another order, the same pictures give other names.
//! - `OpenCV`'s solver gives each direction the length at which its part at right angles to those found before is 1.
//!   Before means with a larger eigenvalue, as here, unless there are many people: then it sometimes finds two in another
//!   order, and distances differ by up to some per cent. With seven people of the ORL faces they are equal within 1e-12.

use nalgebra::{DMatrix, DVector};

use super::eigen::Principal;
use super::subspace::Subspace;
use super::{FaceSample, RecogniserError};

/// A variance within people below this part of the largest is rounding; see `eigen.rs`.
const LEAST: f64 = 1e-11;

pub(super) fn train(
    samples: &[FaceSample],
    components: Option<u32>,
) -> Result<Subspace, RecogniserError> {
    let mut labels: Vec<u32> = samples.iter().map(|sample| sample.label).collect();
    labels.sort_unstable();
    labels.dedup();
    let different = different(samples);
    let too_few = RecogniserError::TooFew {
        people: labels.len(),
        pictures: different,
    };
    if labels.len() < 2 || different <= labels.len() {
        return Err(too_few);
    }
    let principal = Principal::of(samples)?;
    let mut dimensions = (different - labels.len()).min(principal.values.len());
    let scatter = loop {
        if dimensions == 0 {
            return Err(too_few);
        }
        let scatter = Scatter::of(samples, &labels, &principal, dimensions);
        // Fewer than there are dimensions if pictures of people are sums of each other, as when there are few pixels.
        let rank = rank(&scatter.within);
        if rank == dimensions {
            break scatter;
        }
        dimensions = rank;
    };
    let wanted = components
        .filter(|n| *n > 0)
        .map_or(usize::MAX, |n| n as usize);
    let kept = wanted.min(labels.len() - 1).min(dimensions);
    let (values, vectors) = scatter.discriminants(kept).ok_or(too_few)?;
    let directions = principal.directions.columns(0, dimensions) * vectors;
    Ok(Subspace::of(samples, principal.mean, values, directions))
}

/// How many pictures there are, equal ones of one person counted once.
fn different(samples: &[FaceSample]) -> usize {
    let mut pictures: Vec<(u32, &[u8])> = samples
        .iter()
        .map(|sample| (sample.label, sample.picture.pixels()))
        .collect();
    pictures.sort_unstable();
    pictures.dedup();
    pictures.len()
}

fn rank(scatter: &DMatrix<f64>) -> usize {
    let values = scatter.symmetric_eigenvalues();
    let largest = values.max();
    values.iter().filter(|v| **v > largest * LEAST).count()
}

/// How pictures scatter around their person's mean, and these around the mean of all, along principal components.
struct Scatter {
    within: DMatrix<f64>,
    between: DMatrix<f64>,
}

impl Scatter {
    fn of(
        samples: &[FaceSample],
        labels: &[u32],
        principal: &Principal,
        dimensions: usize,
    ) -> Self {
        let directions = principal.directions.columns(0, dimensions);
        let places = directions.tr_mul(&principal.centered);
        let mut within = DMatrix::zeros(dimensions, dimensions);
        let mut between = DMatrix::zeros(dimensions, dimensions);
        for label in labels {
            let own: Vec<DVector<f64>> = places
                .column_iter()
                .zip(samples)
                .filter(|(_, sample)| sample.label == *label)
                .map(|(place, _)| place.into_owned())
                .collect();
            let own = DMatrix::from_columns(&own);
            let mean = own.column_mean();
            let offsets = DMatrix::from_fn(own.nrows(), own.ncols(), |i, j| own[(i, j)] - mean[i]);
            within += &offsets * offsets.transpose();
            // The mean of all is the origin. Each person counts once, however many pictures there are of them.
            between += &mean * mean.transpose();
        }
        Self { within, between }
    }

    /// The eigenvalues and eigenvectors of `between` relative to `within`, the largest first; `None` if `within`
    /// cannot be divided by.
    fn discriminants(self, kept: usize) -> Option<(Vec<f64>, DMatrix<f64>)> {
        let dimensions = self.within.nrows();
        // In coordinates in which people scatter alike in all directions, what is left is an ordinary symmetric problem.
        let lower = self.within.cholesky()?.unpack();
        let half = lower.solve_lower_triangular(&self.between)?;
        let whitened = lower.solve_lower_triangular(&half.transpose())?;
        let eigen = (0.5 * (&whitened + whitened.transpose())).symmetric_eigen();
        let mut order: Vec<usize> = (0..dimensions).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        order.truncate(kept);
        let columns: Vec<DVector<f64>> = order
            .iter()
            .map(|i| eigen.eigenvectors.column(*i).into_owned())
            .collect();
        let mut vectors = lower.tr_solve_lower_triangular(&DMatrix::from_columns(&columns))?;
        let triangle = vectors.clone().qr().r();
        for (i, mut vector) in vectors.column_iter_mut().enumerate() {
            // The part at right angles to the vectors before.
            vector /= triangle[(i, i)].abs();
        }
        Some((
            order.iter().map(|i| eigen.eigenvalues[*i]).collect(),
            vectors,
        ))
    }
}
