//! Histograms of oriented gradients (Dalal and Triggs 2005).
//!
//! Values equal those of scikit-image 0.26 (`skimage.feature.hog`, block norm `L2-Hys`) for 8-bit grey pictures
//! within 1e-9.

use super::gray::GrayImage;

/// Keeps blocks without gradients from being divided by zero; scikit-image's.
const EPSILON: f64 = 1e-5;
/// No direction may have more than this part of a block, so that one strong edge does not drown the rest (Lowe 2004).
const MOST: f64 = 0.2;

/// How a picture is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hog {
    /// Directions that are told apart, within half a turn.
    pub orientations: u32,
    /// Side of a cell, in pixels: each has a histogram of its own.
    pub cell: u32,
    /// Side of a block, in cells: each is brought to one length.
    pub block: u32,
}

/// The defaults of scikit-image: 9 directions, cells of 8 × 8 pixels, blocks of 3 × 3 cells. (The paper has
/// blocks of 2 × 2.)
impl Default for Hog {
    fn default() -> Self {
        Self {
            orientations: 9,
            cell: 8,
            block: 3,
        }
    }
}

/// Why a picture has no histograms.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HogError {
    /// A number is zero or far too large.
    #[error("expected 1 to 360 orientations, cells and blocks of 1 to 256, found {0:?}")]
    Options(Hog),
    /// There is no room for a block.
    #[error("expected a picture of at least {least} × {least} pixels, found {width} × {height}")]
    TooSmall {
        /// Side that is needed.
        least: u32,
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
}

impl Hog {
    /// Values for a picture of this size: for each block (row by row) for each of its cells (row by row) each direction.
    ///
    /// # Errors
    /// [`HogError`] for numbers out of range or a picture smaller than a block.
    pub fn len(&self, width: u32, height: u32) -> Result<usize, HogError> {
        let sizes = 1..=256;
        if !(1..=360).contains(&self.orientations)
            || !sizes.contains(&self.cell)
            || !sizes.contains(&self.block)
        {
            return Err(HogError::Options(*self));
        }
        let least = self.cell * self.block;
        if width.min(height) < least {
            return Err(HogError::TooSmall {
                least,
                width,
                height,
            });
        }
        let blocks = |side: u32| (side / self.cell - self.block + 1) as usize;
        let in_block = (self.block * self.block * self.orientations) as usize;
        Ok(blocks(width) * blocks(height) * in_block)
    }

    /// The histograms of a picture, each block of length at most 1; values in [0, 1].
    ///
    /// # Errors
    /// As [`Self::len`].
    pub fn features(&self, gray: &GrayImage) -> Result<Vec<f64>, HogError> {
        let len = self.len(gray.width(), gray.height())?;
        let columns = (gray.width() / self.cell) as usize;
        let rows = (gray.height() / self.cell) as usize;
        let cells = self.cells(gray, columns, rows);
        let (side, bins) = (self.block as usize, self.orientations as usize);
        let mut features = Vec::with_capacity(len);
        for y in 0..=rows - side {
            for x in 0..=columns - side {
                let start = features.len();
                for row in y..y + side {
                    let first = (row * columns + x) * bins;
                    features.extend_from_slice(&cells[first..first + side * bins]);
                }
                let block = &mut features[start..];
                to_unit_length(block);
                for value in block.iter_mut() {
                    *value = value.min(MOST);
                }
                to_unit_length(block);
            }
        }
        Ok(features)
    }

    /// For each cell the mean length of the gradients in each direction.
    fn cells(&self, gray: &GrayImage, columns: usize, rows: usize) -> Vec<f64> {
        let (width, cell) = (gray.width() as usize, self.cell as usize);
        let bins = self.orientations as usize;
        let pixels = gray.pixels();
        let last = (width - 1, gray.height() as usize - 1);
        // At the border the direction across it has no gradient.
        let change = |at: usize, step: usize, is_inner: bool| {
            let difference = || f64::from(pixels[at + step]) - f64::from(pixels[at - step]);
            if is_inner { difference() } else { 0.0 }
        };
        // scikit-image sums in single precision.
        let mut cells = vec![0.0f32; columns * rows * bins];
        for y in 0..rows * cell {
            for x in 0..columns * cell {
                let at = y * width + x;
                let across = change(at, 1, x > 0 && x < last.0);
                let down = change(at, width, y > 0 && y < last.1);
                let degrees = down.atan2(across).to_degrees().rem_euclid(180.0);
                let bin = (degrees * bins as f64 / 180.0) as usize;
                let first = (y / cell * columns + x / cell) * bins;
                // Rounding may take a tiny negative angle to 180 degrees, which are in no bin.
                if bin < bins {
                    let sum = &mut cells[first + bin];
                    *sum = (f64::from(*sum) + across.hypot(down)) as f32;
                }
            }
        }
        let area = (cell * cell) as f32;
        cells.into_iter().map(|sum| f64::from(sum / area)).collect()
    }
}

fn to_unit_length(block: &mut [f64]) {
    let squares: f64 = block.iter().map(|v| v * v).sum();
    let length = (squares + EPSILON * EPSILON).sqrt();
    for value in block {
        *value /= length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{formula, noise};

    /// `skimage.feature.hog(a, orientations, (cell, cell), (block, block))`, scikit-image 0.26: length, sum, the sum of
    /// values times their index, and three values.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "as the reference prints them")]
    fn values_are_those_of_scikit_image() {
        for ((width, height), (orientations, cell, block), len, expected) in [
            (
                (64, 64),
                (9, 8, 3),
                2916,
                [
                    243.03032707670224,
                    342373.84331353044,
                    0.10892490330607693,
                    0.11136436192383757,
                    0.267719445489731,
                ],
            ),
            (
                (37, 45),
                (9, 8, 3),
                486,
                [
                    48.27033723191707,
                    11648.601254293137,
                    0.10892490330607693,
                    0.2028402546675237,
                    0.25909703302071874,
                ],
            ),
            (
                (50, 41),
                (8, 6, 2),
                1120,
                [
                    181.94927826395505,
                    100521.44012270586,
                    0.24048549520587886,
                    0.10474596506955236,
                    0.04418115206057789,
                ],
            ),
            (
                (64, 128),
                (12, 16, 1),
                384,
                [
                    103.52272187781263,
                    19371.353424500725,
                    0.3077197721881341,
                    0.351467224790219,
                    0.38753777036483783,
                ],
            ),
        ] {
            let hog = Hog {
                orientations,
                cell,
                block,
            };
            let found = hog.features(&formula(width, height)).unwrap();
            assert_eq!(found.len(), len);
            let weighted = found.iter().enumerate().map(|(i, v)| i as f64 * v);
            let sums = [
                found.iter().sum(),
                weighted.sum(),
                found[0],
                found[len / 2],
                found[len - 1],
            ];
            for (value, expected) in sums.iter().zip(expected) {
                assert!(
                    (value - expected).abs() < 1e-9 * f64::max(1.0, expected),
                    "{sums:?}"
                );
            }
        }
    }

    #[test]
    fn blocks_have_unit_length_and_flat_ones_none() {
        let hog = Hog::default();
        let found = hog.features(&noise(5, 48, 33)).unwrap();
        assert_eq!(found.len(), hog.len(48, 33).unwrap());
        for block in found.chunks_exact(81) {
            let length = block.iter().map(|v| v * v).sum::<f64>();
            assert!((length - 1.0).abs() < 1e-6, "{length}");
        }
        let flat = GrayImage::new(24, 24, vec![80; 576]).unwrap();
        assert!(hog.features(&flat).unwrap().iter().all(|v| *v == 0.0));
    }

    #[test]
    fn sizes_are_checked() {
        let error = Hog::default().features(&noise(1, 23, 40)).unwrap_err();
        assert!(error.to_string().contains("24 × 24"), "{error}");
        let none = Hog {
            cell: 0,
            ..Hog::default()
        };
        assert!(matches!(none.len(99, 99), Err(HogError::Options(_))));
    }
}
