//! Eigenfaces: the directions in which the learnt pictures vary most.
//!
//! Equal to `OpenCV` but for directions without variance. As many pictures as there are have at most one direction
//! less, and equal pictures take away one each; `OpenCV` by default keeps them all, with rounding errors for directions,
//! so that its distances change by some per cent when the same pictures are learnt in another order. Here they are
//! left out.

use nalgebra::{DMatrix, DVector};

use super::subspace::{Subspace, centered, mean};
use super::{FaceSample, RecogniserError};

/// Pictures, or pixels, up to which eigenvectors are a matter of minutes.
const MOST: usize = 4096;
/// A variance below this part of the largest is rounding: errors are some 1e-15 of it, the least variance of
/// a real picture some 1e-6.
const LEAST: f64 = 1e-11;

pub(super) fn train(
    samples: &[FaceSample],
    components: Option<u32>,
) -> Result<Subspace, RecogniserError> {
    let principal = Principal::of(samples)?;
    let wanted = components.map_or(usize::MAX, |n| n.max(1) as usize);
    let kept = principal.values.len().min(wanted);
    Ok(Subspace::of(
        samples,
        principal.mean,
        principal.values[..kept].to_vec(),
        principal.directions.columns(0, kept).into_owned(),
    ))
}

/// All principal components with variance, the largest first.
pub(super) struct Principal {
    pub(super) mean: DVector<f64>,
    /// Variances, over the number of pictures.
    pub(super) values: Vec<f64>,
    /// Unit vectors, one a column.
    pub(super) directions: DMatrix<f64>,
    /// Pictures less their mean, one a column.
    pub(super) centered: DMatrix<f64>,
}

impl Principal {
    pub(super) fn of(samples: &[FaceSample]) -> Result<Self, RecogniserError> {
        let mean = mean(samples);
        let (pixels, pictures) = (mean.len(), samples.len());
        if pixels.min(pictures) > MOST {
            return Err(RecogniserError::TooMany {
                most: MOST,
                pictures,
                pixels,
            });
        }
        let centered = centered(samples, &mean);
        // With fewer pictures than pixels the products of pictures have the same eigenvalues as those of pixels, and
        // there are far fewer of them (Turk and Pentland 1991).
        let by_pictures = pictures < pixels;
        let products = if by_pictures {
            centered.tr_mul(&centered)
        } else {
            &centered * centered.transpose()
        };
        let eigen = products.symmetric_eigen();
        let largest = eigen.eigenvalues.max();
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len())
            .filter(|i| eigen.eigenvalues[*i] > largest * LEAST && largest > 0.0)
            .collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let columns: Vec<DVector<f64>> = order
            .iter()
            .map(|i| {
                let vector = eigen.eigenvectors.column(*i);
                if by_pictures {
                    (&centered * vector).normalize()
                } else {
                    vector.into_owned()
                }
            })
            .collect();
        let variance = |i: &usize| eigen.eigenvalues[*i] / pictures as f64;
        Ok(Self {
            values: order.iter().map(variance).collect(),
            directions: if columns.is_empty() {
                DMatrix::zeros(pixels, 0)
            } else {
                DMatrix::from_columns(&columns)
            },
            mean,
            centered,
        })
    }
}
