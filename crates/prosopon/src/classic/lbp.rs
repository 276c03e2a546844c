//! Local binary patterns (Ojala, Pietikäinen and Mäenpää 2002): whether each neighbour on a circle is as bright as
//! the pixel, one bit each.
//!
//! Codes and histograms equal those that `OpenCV` 4.14 (contrib, `face`) computes for LBPH; uniform patterns
//! are numbered as by scikit-image's `nri_uniform`.

use super::gray::GrayImage;

/// Neighbours that are possible: a code has a bit for each, and there is a count for each code.
const MOST_NEIGHBORS: u32 = 16;
/// Bins of a picture: those of 8 × 8 cells with most neighbours.
const MOST_BINS: usize = 1 << 22;

/// The circle whose pixels are compared with its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lbp {
    /// Radius in pixels.
    pub radius: u32,
    /// Points on the circle, the first to the right, then against the clock; the levels between pixels are
    /// interpolated.
    pub neighbors: u32,
}

/// Eight points at radius 1, as in `OpenCV`'s LBPH.
impl Default for Lbp {
    fn default() -> Self {
        Self {
            radius: 1,
            neighbors: 8,
        }
    }
}

/// Why patterns could not be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LbpError {
    /// The circle is none.
    #[error(
        "expected a radius of at least 1 and 1 to {MOST_NEIGHBORS} neighbours, found radius {radius} and {neighbors} neighbours"
    )]
    Circle {
        /// Radius in pixels.
        radius: u32,
        /// Points on the circle.
        neighbors: u32,
    },
    /// The picture has no room for the circle, or its patterns none for the grid.
    #[error("expected a picture of at least {least:?} pixels, found {width} × {height}")]
    TooSmall {
        /// Width and height that are needed.
        least: (u32, u32),
        /// Width of the picture.
        width: u32,
        /// Height of the picture.
        height: u32,
    },
    /// The grid has no cells, or so many that their counts would fill the memory.
    #[error(
        "expected a grid of 1 × 1 to 64 × 64 cells with at most {MOST_BINS} bins, found {columns} × {rows} cells of {bins}"
    )]
    Grid {
        /// Columns.
        columns: u32,
        /// Rows.
        rows: u32,
        /// Bins of a cell.
        bins: usize,
    },
}

/// The pattern at each pixel whose circle lies inside the picture.
#[derive(Clone, PartialEq, Eq)]
pub struct LbpCodes {
    width: u32,
    height: u32,
    neighbors: u32,
    codes: Vec<u32>,
}

/// Leaves the codes out: they show the picture.
impl std::fmt::Debug for LbpCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LbpCodes({} × {})", self.width, self.height)
    }
}

impl Lbp {
    fn check(self) -> Result<(), LbpError> {
        let Self { radius, neighbors } = self;
        if radius == 0 || radius > u32::from(u16::MAX) || !(1..=MOST_NEIGHBORS).contains(&neighbors)
        {
            return Err(LbpError::Circle { radius, neighbors });
        }
        Ok(())
    }

    /// The patterns of a picture: bit `n` is set where neighbour `n` is at least as bright as the pixel.
    ///
    /// # Errors
    /// [`LbpError::Circle`] for no circle or more than 16 neighbours, [`LbpError::TooSmall`] if it does not
    /// fit into the picture.
    pub fn codes(self, gray: &GrayImage) -> Result<LbpCodes, LbpError> {
        self.check()?;
        let border = 2 * self.radius;
        let (width, height) = (gray.width(), gray.height());
        if width.min(height) <= border {
            return Err(LbpError::TooSmall {
                least: (border + 1, border + 1),
                width,
                height,
            });
        }
        let sides = ((width - border) as usize, (height - border) as usize);
        let mut codes = vec![0; sides.0 * sides.1];
        for n in 0..self.neighbors {
            let point = CirclePoint::of(self, n);
            for (y, row) in codes.chunks_exact_mut(sides.0).enumerate() {
                for (x, code) in row.iter_mut().enumerate() {
                    *code |= u32::from(point.is_bright(gray, self.radius as usize, x, y)) << n;
                }
            }
        }
        Ok(LbpCodes {
            width: sides.0 as u32,
            height: sides.1 as u32,
            neighbors: self.neighbors,
            codes,
        })
    }
}

/// Where a point of the circle lies between four pixels, relative to the middle.
struct CirclePoint {
    left: i64,
    right: i64,
    above: i64,
    below: i64,
    /// Upper left, upper right, lower left, lower right.
    weights: [f32; 4],
}

impl CirclePoint {
    /// Single precision, as in `OpenCV`: where levels are equal the last bit decides.
    fn of(lbp: Lbp, n: u32) -> Self {
        let angle = 2.0 * std::f64::consts::PI * f64::from(n) / f64::from(lbp.neighbors);
        let x = (f64::from(lbp.radius) * angle.cos()) as f32;
        let y = (-f64::from(lbp.radius) * angle.sin()) as f32;
        let (right_part, lower_part) = (x - x.floor(), y - y.floor());
        Self {
            left: x.floor() as i64,
            right: x.ceil() as i64,
            above: y.floor() as i64,
            below: y.ceil() as i64,
            weights: [
                (1.0 - right_part) * (1.0 - lower_part),
                right_part * (1.0 - lower_part),
                (1.0 - right_part) * lower_part,
                right_part * lower_part,
            ],
        }
    }

    /// Whether the point around (`x`, `y`) of the patterns is as bright as the pixel there.
    fn is_bright(&self, gray: &GrayImage, radius: usize, x: usize, y: usize) -> bool {
        let width = gray.width() as usize;
        let middle = (y + radius) * width + x + radius;
        let level = |dx: i64, dy: i64| {
            let at = middle.wrapping_add_signed((dy * width as i64 + dx) as isize);
            f32::from(gray.pixels()[at])
        };
        let [upper_left, upper_right, lower_left, lower_right] = self.weights;
        let value = upper_left * level(self.left, self.above)
            + upper_right * level(self.right, self.above)
            + lower_left * level(self.left, self.below)
            + lower_right * level(self.right, self.below);
        let center = level(0, 0);
        value > center || (value - center).abs() < f32::EPSILON
    }
}

/// How often each pattern occurs in each cell of a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LbpHistograms {
    /// Pixels in a cell.
    pub cell_pixels: u32,
    /// Bins of a cell.
    pub bins: usize,
    /// Counts, cells row by row.
    pub counts: Vec<u32>,
}

impl LbpCodes {
    /// Width in pixels: that of the picture less two radii.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The patterns, rows top-down.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// Counts of all patterns, 2ⁿ for n neighbours, in each cell of a grid; what is left at the right and lower
    /// border because cells are whole pixels is not counted, as in `OpenCV`.
    ///
    /// # Errors
    /// [`LbpError::Grid`] for no cells or more than 64 in a row or column, [`LbpError::TooSmall`] if there are
    /// more cells than pixels.
    pub fn histograms(&self, (columns, rows): (u32, u32)) -> Result<LbpHistograms, LbpError> {
        self.counted((columns, rows), 1 << self.neighbors, |code| code as usize)
    }

    /// As [`Self::histograms`], with one bin for each uniform pattern (at most two changes between 0 and 1 around
    /// the circle) and one for all others: n (n − 1) + 3 bins for n neighbours (Ahonen, Hadid and
    /// Pietikäinen 2006).
    ///
    /// # Errors
    /// As [`Self::histograms`].
    pub fn uniform_histograms(&self, grid: (u32, u32)) -> Result<LbpHistograms, LbpError> {
        let n = self.neighbors;
        let bins: Vec<usize> = (0..1 << n).map(|code| uniform_bin(code, n)).collect();
        self.counted(grid, uniform_bins(n), |code| bins[code as usize])
    }

    fn counted(
        &self,
        (columns, rows): (u32, u32),
        bins: usize,
        bin: impl Fn(u32) -> usize,
    ) -> Result<LbpHistograms, LbpError> {
        let allowed = 1..=64;
        let fits = allowed.contains(&columns) && allowed.contains(&rows);
        if !fits || (columns * rows) as usize * bins > MOST_BINS {
            return Err(LbpError::Grid {
                columns,
                rows,
                bins,
            });
        }
        let (cell_width, cell_height) = (self.width / columns, self.height / rows);
        if cell_width == 0 || cell_height == 0 {
            return Err(LbpError::TooSmall {
                least: (columns + 2, rows + 2),
                width: self.width + 2,
                height: self.height + 2,
            });
        }
        let mut counts = vec![0; (columns * rows) as usize * bins];
        let lines = self.codes.chunks_exact(self.width as usize);
        for (y, line) in lines.enumerate().take((cell_height * rows) as usize) {
            let first = y / cell_height as usize * columns as usize;
            let cells = line
                .chunks_exact(cell_width as usize)
                .take(columns as usize);
            for (cell, codes) in cells.enumerate() {
                let counts = &mut counts[(first + cell) * bins..][..bins];
                for code in codes {
                    counts[bin(*code)] += 1;
                }
            }
        }
        Ok(LbpHistograms {
            cell_pixels: cell_width * cell_height,
            bins,
            counts,
        })
    }
}

/// Bins of uniform patterns of `neighbors` bits.
pub fn uniform_bins(neighbors: u32) -> usize {
    (neighbors * neighbors.saturating_sub(1) + 3) as usize
}

/// All zero first, then by the number of ones and the turn, all ones, and the patterns that are not uniform.
fn uniform_bin(code: u32, n: u32) -> usize {
    let bit = |i: u32| code >> (i % n) & 1;
    let changes = (0..n).filter(|i| bit(*i) != bit(i + 1)).count();
    let ones = code.count_ones();
    let bin = if changes > 2 {
        n * (n - 1) + 2
    } else if ones == 0 {
        0
    } else if ones == n {
        n * (n - 1) + 1
    } else {
        let turn = if bit(0) == 1 {
            ones - code.trailing_ones()
        } else {
            n - code.trailing_zeros()
        };
        1 + (ones - 1) * n + turn
    };
    bin as usize
}

/// The patterns of eight neighbours at radius 1 as a picture, two pixels smaller on each axis.
///
/// # Errors
/// [`LbpError::TooSmall`] below 3 × 3 pixels.
pub fn lbp_picture(gray: &GrayImage) -> Result<GrayImage, LbpError> {
    let codes = Lbp::default().codes(gray)?;
    let levels = codes.codes.iter().map(|code| *code as u8);
    Ok(GrayImage::sized(
        (codes.width, codes.height),
        levels.collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{digest, formula, noise};

    /// What `cv2.face.LBPHFaceRecognizer` keeps of `formula(…)`, as counts of 32 bits; `OpenCV` 4.14.
    #[test]
    fn histograms_are_those_of_opencv() {
        for ((width, height), radius, neighbors, grid, expected) in [
            ((48, 48), 1, 8, (8, 8), "cafb0e8cd6570ff1"),
            ((37, 45), 1, 8, (4, 6), "e6a48000a9b0a91f"),
            ((37, 45), 2, 8, (3, 2), "bbeaec9b7a7ba443"),
            ((37, 45), 3, 12, (2, 2), "ed8ebeed7e950ead"),
        ] {
            let codes = Lbp { radius, neighbors }.codes(&formula(width, height));
            let found = codes.unwrap().histograms(grid).unwrap();
            let bytes: Vec<u8> = found.counts.iter().flat_map(|n| n.to_le_bytes()).collect();
            assert_eq!(digest(&bytes), expected, "{radius} {neighbors}");
        }
    }

    /// `np.bincount` of the inner pixels of `local_binary_pattern(a, 8, 1, "nri_uniform")`, scikit-image 0.26.
    #[test]
    fn uniform_patterns_are_numbered_as_by_scikit_image() {
        let codes = Lbp::default().codes(&formula(37, 45)).unwrap();
        let found = codes.uniform_histograms((1, 1)).unwrap();
        let expected = [
            196, 67, 9, 49, 0, 13, 1, 19, 0, 4, 41, 49, 5, 7, 0, 0, 16, 11, 15, 47, 13, 11, 0, 8,
            1, 3, 28, 30, 19, 17, 0, 0, 0, 0, 25, 11, 30, 9, 20, 1, 1, 1, 11, 9, 23, 25, 6, 10, 0,
            0, 9, 5, 45, 27, 44, 0, 10, 227, 277,
        ];
        assert_eq!(found.counts, expected);
    }

    #[test]
    fn bits_say_who_is_brighter() {
        let picture = GrayImage::new(3, 3, vec![0, 0, 0, 0, 50, 200, 0, 50, 0]).unwrap();
        let codes = Lbp {
            radius: 1,
            neighbors: 4,
        };
        // To the right (bit 0) and below (bit 3).
        assert_eq!(codes.codes(&picture).unwrap().codes(), [0b1001]);
    }

    /// Every pixel of a cell is in one bin, uniform or not.
    #[test]
    fn histograms_add_up_to_the_pixels() {
        for seed in 0..20 {
            let codes = Lbp::default().codes(&noise(seed, 42, 34)).unwrap();
            let all = codes.histograms((8, 4)).unwrap();
            let uniform = codes.uniform_histograms((8, 4)).unwrap();
            assert_eq!((all.bins, uniform.bins), (256, 59));
            for histograms in [all, uniform] {
                assert_eq!(histograms.cell_pixels, 40);
                for cell in histograms.counts.chunks_exact(histograms.bins) {
                    assert_eq!(cell.iter().sum::<u32>(), 40);
                }
            }
        }
    }

    #[test]
    fn every_uniform_pattern_has_a_bin_of_its_own() {
        for n in 2..=12 {
            let mut counts = vec![0; uniform_bins(n)];
            (0..1 << n).for_each(|code| counts[uniform_bin(code, n)] += 1);
            let others = counts.pop().unwrap();
            assert!(counts.iter().all(|count| *count == 1), "{n}");
            assert_eq!(others, (1 << n) - counts.len());
        }
    }

    #[test]
    fn circles_and_grids_are_checked() {
        let picture = noise(1, 5, 9);
        for (radius, neighbors) in [(0, 8), (1, 0), (1, 17), (u32::MAX, 8)] {
            let error = Lbp { radius, neighbors }.codes(&picture).unwrap_err();
            assert!(matches!(error, LbpError::Circle { .. }));
        }
        let codes = Lbp {
            radius: 3,
            neighbors: 8,
        }
        .codes(&picture);
        assert!(matches!(
            codes,
            Err(LbpError::TooSmall { least: (7, 7), .. })
        ));
        let codes = Lbp::default().codes(&picture).unwrap();
        assert!(matches!(
            codes.histograms((4, 1)),
            Err(LbpError::TooSmall { .. })
        ));
        assert!(matches!(
            codes.histograms((0, 1)),
            Err(LbpError::Grid { .. })
        ));
        assert!(lbp_picture(&noise(1, 2, 2)).is_err());
        assert_eq!(lbp_picture(&picture).unwrap().width(), 3);
    }
}
