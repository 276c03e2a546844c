//! Histograms of local binary patterns in a grid of cells, compared by chi-square.
//!
//! Histograms equal those of `OpenCV`, distances within the rounding of its sums.

use std::iter::Peekable;
use std::slice::Iter;

use super::{FaceSample, RecogniserError};
use crate::classic::gray::GrayImage;
use crate::classic::lbp::{Lbp, LbpHistograms};

/// Patterns and grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LbphOptions {
    /// The circle of the patterns.
    pub lbp: Lbp,
    /// Columns and rows of cells, each with a histogram of its own.
    pub grid: (u32, u32),
}

/// The defaults of `OpenCV`: eight neighbours at radius 1, 8 × 8 cells.
impl Default for LbphOptions {
    fn default() -> Self {
        Self {
            lbp: Lbp::default(),
            grid: (8, 8),
        }
    }
}

impl LbphOptions {
    /// How many bins a face of these sides has; `None` if patterns or grid do not fit it.
    pub(super) fn bins(&self, (width, height): (u32, u32)) -> Option<u32> {
        let sample = GrayImage::new(width, height, vec![0; width as usize * height as usize])?;
        let histograms = self.lbp.codes(&sample).ok()?.histograms(self.grid).ok()?;
        Some(histograms.counts.len() as u32)
    }
}

/// The bins that are not empty, by index: most are.
pub(super) type Counts = Vec<(u32, u32)>;

/// Learnt histograms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lbph {
    pub(super) options: LbphOptions,
    /// Pixels in a cell.
    cell_pixels: u32,
    pub(super) faces: Vec<Counts>,
}

impl Lbph {
    pub(super) fn new(options: LbphOptions, (width, height): (u32, u32)) -> Self {
        let side = |side: u32, cells: u32| {
            let patterns = side.saturating_sub(options.lbp.radius.saturating_mul(2));
            patterns.checked_div(cells).unwrap_or(0)
        };
        Self {
            options,
            cell_pixels: side(width, options.grid.0) * side(height, options.grid.1),
            faces: Vec::new(),
        }
    }

    /// Adds the faces of `samples`, or none of them.
    pub(super) fn learn(&mut self, samples: &[FaceSample]) -> Result<(), RecogniserError> {
        let faces: Result<Vec<Counts>, _> = samples
            .iter()
            .map(|sample| self.counts(&sample.picture))
            .collect();
        self.faces.extend(faces?);
        Ok(())
    }

    fn counts(&self, picture: &GrayImage) -> Result<Counts, RecogniserError> {
        let codes = self.options.lbp.codes(picture)?;
        let LbpHistograms { counts, .. } = codes.histograms(self.options.grid)?;
        Ok((0..).zip(counts).filter(|(_, count)| *count > 0).collect())
    }

    pub(super) fn distances(&self, picture: &GrayImage) -> Result<Vec<f64>, RecogniserError> {
        let counts = self.counts(picture)?;
        let distances = self.faces.iter().map(|face| self.chi_square(face, &counts));
        Ok(distances.collect())
    }

    /// 2 Σ (a − b)² / (a + b) over all bins (`HISTCMP_CHISQR_ALT` of `OpenCV`), each bin the share of its cell's
    /// pixels in single precision.
    fn chi_square(&self, a: &[(u32, u32)], b: &[(u32, u32)]) -> f64 {
        let scale = 1.0 / self.cell_pixels as f32;
        // The share of a bin, if it is the next one that is not empty.
        let share = |face: &mut Peekable<Iter<(u32, u32)>>, bin: u32| {
            let found = face.next_if(|(next, _)| *next == bin);
            found.map_or(0.0, |(_, count)| f64::from(*count as f32 * scale))
        };
        let next = |face: &mut Peekable<Iter<(u32, u32)>>| face.peek().map(|(bin, _)| *bin);
        let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
        let mut sum = 0.0;
        while let Some(bin) = [next(&mut a), next(&mut b)].into_iter().flatten().min() {
            let (x, y) = (share(&mut a, bin), share(&mut b, bin));
            sum += (x - y) * (x - y) / (x + y);
        }
        2.0 * sum
    }
}
