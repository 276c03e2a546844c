//! Contrast-limited adaptive histogram equalisation (Zuiderveld 1994).
//!
//! Equal to `cv2.createCLAHE(…).apply` (`OpenCV` 4.14) for 8-bit pictures, bit for bit.

use super::border::reflected;
use super::gray::GrayImage;

/// Equalises each part of a picture by the levels around it, and limits how much contrast that adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clahe {
    /// How many times the mean count of a level the count of one may be; what is above is dealt out to all.
    /// Zero or less sets no limit.
    pub clip_limit: f64,
    /// Columns and rows of tiles, each with a histogram of its own; zero is taken as one.
    pub tiles: (u32, u32),
}

/// A limit of 2 and 8 × 8 tiles: what faces are prepared with most often. `OpenCV`'s own limit is 40.
impl Default for Clahe {
    fn default() -> Self {
        Self {
            clip_limit: 2.0,
            tiles: (8, 8),
        }
    }
}

impl Clahe {
    /// The picture equalised.
    ///
    /// # Examples
    /// ```
    /// use prosopon::classic::{Clahe, GrayImage};
    ///
    /// let ramp = GrayImage::new(16, 16, (0..=255).collect()).ok_or("pixels fill the sides")?;
    /// let clahe = Clahe { tiles: (2, 2), ..Clahe::default() };
    /// assert_eq!(clahe.apply(&ramp).width(), 16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn apply(&self, gray: &GrayImage) -> GrayImage {
        let sides = (gray.width(), gray.height());
        let tiles = (self.tiles.0.max(1), self.tiles.1.max(1));
        let tile = tile_size(sides, tiles);
        let curves = self.curves(gray, tiles, tile);
        let width = sides.0 as usize;
        let columns = places(sides.0, tile.0, tiles.0);
        let rows = places(sides.1, tile.1, tiles.1);
        let (left, right): (Vec<f32>, Vec<f32>) = columns.iter().map(Place::weights).unzip();
        let mut pixels = vec![0; gray.pixels().len()];
        let mut lines = gray.pixels().chunks_exact(width);
        let mut new_lines = pixels.chunks_exact_mut(width);
        let mut corners = vec![0; width];
        for rows in rows.chunk_by(Place::has_tiles_of) {
            let cells: Vec<(usize, Cell)> = columns
                .chunk_by(Place::has_tiles_of)
                .map(|columns| {
                    let ([x0, x1], [y0, y1]) = (columns[0].tiles, rows[0].tiles);
                    let corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)];
                    let curves = corners.map(|(x, y)| &curves[y * tiles.0 as usize + x]);
                    (columns.len(), cell(curves))
                })
                .collect();
            for ((row, levels), new) in rows.iter().zip(&mut lines).zip(&mut new_lines) {
                look_up(levels, &cells, &mut corners);
                blend(&corners, (&left, &right), row.weights(), new);
            }
        }
        gray.with_pixels(pixels)
    }

    /// What each tile makes of a level, tiles row by row.
    fn curves(&self, gray: &GrayImage, tiles: (u32, u32), tile: (u32, u32)) -> Vec<Curve> {
        let area = tile.0 * tile.1;
        let limit = (self.clip_limit > 0.0)
            .then(|| ((self.clip_limit * f64::from(area) / 256.0) as u32).max(1));
        let tile_curve = |i: u32| {
            let corner = (i % tiles.0 * tile.0, i / tiles.0 * tile.1);
            let mut counts = counts(gray, corner, tile);
            if let Some(limit) = limit {
                clip(&mut counts, limit);
            }
            curve(&counts, area)
        };
        (0..tiles.0 * tiles.1).map(tile_curve).collect()
    }
}

/// What a tile makes of each level.
type Curve = [u8; 256];

/// What the four tiles around some pixels make of each level, a byte for each: upper left, upper right, lower left,
/// lower right.
type Cell = [u32; 256];

fn cell([a, b, c, d]: [&Curve; 4]) -> Cell {
    std::array::from_fn(|i| u32::from_le_bytes([a[i], b[i], c[i], d[i]]))
}

/// What the tiles around it make of each pixel of a row, which crosses `cells` of some widths.
fn look_up(mut levels: &[u8], cells: &[(usize, Cell)], mut corners: &mut [u32]) {
    for (width, cell) in cells {
        let (here, beyond) = levels.split_at(*width);
        let (found, rest) = corners.split_at_mut(*width);
        for (corners, level) in found.iter_mut().zip(here) {
            *corners = cell[usize::from(*level)];
        }
        (levels, corners) = (beyond, rest);
    }
}

/// Blends across, then down, in the order of `OpenCV`.
fn blend(
    corners: &[u32],
    (left, right): (&[f32], &[f32]),
    (upper, lower): (f32, f32),
    row: &mut [u8],
) {
    let weights = left.iter().zip(right);
    for ((corners, (left, right)), pixel) in corners.iter().zip(weights).zip(row) {
        let [a, b, c, d] = corners.to_le_bytes().map(f32::from);
        let above = a * left + b * right;
        let below = c * left + d * right;
        *pixel = rounded(above * upper + below * lower);
    }
}

/// How many pixels of a tile have each level.
fn counts(gray: &GrayImage, (left, top): (u32, u32), tile: (u32, u32)) -> [u32; 256] {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let (left, right) = (left as usize, (left + tile.0) as usize);
    let (inside, beyond) = (left.min(width)..right.min(width), left.max(width)..right);
    // Neighbours often have the same level: each counts in a table of its own, so that none waits for the last.
    let mut tables = [[0u32; 256]; 8];
    for y in top..top + tile.1 {
        let row = &gray.pixels()[reflected(i64::from(y), height) * width..][..width];
        let (eights, rest) = row[inside.clone()].as_chunks::<8>();
        for eight in eights {
            for (table, level) in tables.iter_mut().zip(eight) {
                table[usize::from(*level)] += 1;
            }
        }
        for level in rest {
            tables[0][usize::from(*level)] += 1;
        }
        for x in beyond.clone() {
            tables[0][usize::from(row[reflected(x as i64, width)])] += 1;
        }
    }
    std::array::from_fn(|level| tables.iter().map(|table| table[level]).sum())
}

/// Sides of a tile. Where the tiles do not fill a picture it is mirrored beyond its right and lower border;
/// as in `OpenCV`, a side that they do fill then grows by one column or row for each of them all the same.
fn tile_size(sides: (u32, u32), tiles: (u32, u32)) -> (u32, u32) {
    let (across, down) = (sides.0 % tiles.0, sides.1 % tiles.1);
    if across == 0 && down == 0 {
        return (sides.0 / tiles.0, sides.1 / tiles.1);
    }
    (sides.0 / tiles.0 + 1, sides.1 / tiles.1 + 1)
}

/// Cuts counts off at `limit` and deals out what was cut: the same to each level, the rest evenly spaced.
fn clip(counts: &mut [u32; 256], limit: u32) {
    let mut cut = 0;
    for count in counts.iter_mut() {
        cut += count.saturating_sub(limit);
        *count = (*count).min(limit);
    }
    for count in counts.iter_mut() {
        *count += cut / 256;
    }
    let rest = cut as usize % 256;
    if let Some(step) = 256usize.checked_div(rest) {
        for count in counts.iter_mut().step_by(step).take(rest) {
            *count += 1;
        }
    }
}

/// The share of pixels that are as dark or darker, as levels.
fn curve(counts: &[u32; 256], area: u32) -> Curve {
    let scale = 255.0 / area as f32;
    let mut sum = 0;
    counts.map(|count| {
        sum += count;
        rounded(sum as f32 * scale)
    })
}

/// A value from 0 to 255 rounded, half to even: beside 2²³ a float has no bits left behind the point.
fn rounded(value: f32) -> u8 {
    (value + 8_388_608.0).to_bits() as u8
}

/// The two tiles between whose middles a column or row lies, and how far it is towards the second.
struct Place {
    tiles: [usize; 2],
    share: f32,
}

/// The places of all columns or rows of a side.
fn places(side: u32, tile: u32, tiles: u32) -> Vec<Place> {
    (0..side).map(|at| Place::of(at, tile, tiles)).collect()
}

impl Place {
    fn of(at: u32, tile: u32, tiles: u32) -> Self {
        let position = at as f32 * (1.0 / tile as f32) - 0.5;
        let before = position.floor();
        let last = tiles as usize - 1;
        Self {
            // `as` takes what is below zero as zero.
            tiles: [before as usize, ((before + 1.0) as usize).min(last)],
            share: position - before,
        }
    }

    fn has_tiles_of(&self, other: &Self) -> bool {
        self.tiles == other.tiles
    }

    /// How much the first and the second tile count.
    fn weights(&self) -> (f32, f32) {
        (1.0 - self.share, self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{digest, formula, noise};

    /// `hashlib.sha256(cv2.createCLAHE(limit, tiles).apply(a)).hexdigest()[:16]`, `OpenCV` 4.14.
    #[test]
    fn pixels_are_those_of_opencv() {
        for ((width, height), clip_limit, tiles, expected) in [
            ((64, 64), 2.0, (8, 8), "fb9d1f867093ff5a"),
            ((37, 45), 2.0, (8, 8), "4a671a6d1254160f"),
            ((64, 45), 2.0, (8, 8), "0b4304602e67e8ca"),
            ((101, 67), 40.0, (4, 3), "7d59d9404074b67a"),
            ((50, 70), 0.0, (5, 2), "68bdd6e2ba9a5fed"),
        ] {
            let clahe = Clahe { clip_limit, tiles };
            let found = clahe.apply(&formula(width, height));
            assert_eq!(digest(found.pixels()), expected, "{width} × {height}");
        }
    }

    /// Without a limit and with one tile there is nothing adaptive left, only the share of pixels.
    #[test]
    fn one_tile_is_the_share_of_pixels() {
        let picture = GrayImage::new(4, 1, vec![9, 9, 200, 70]).unwrap();
        let clahe = Clahe {
            clip_limit: 0.0,
            tiles: (1, 1),
        };
        assert_eq!(clahe.apply(&picture).pixels(), [128, 128, 255, 191]);
    }

    #[test]
    fn pictures_smaller_than_the_tiles_are_fine() {
        for (width, height) in [(1, 1), (3, 2), (9, 1), (2, 16)] {
            let found = Clahe::default().apply(&noise(5, width, height));
            assert_eq!((found.width(), found.height()), (width, height));
        }
        let none = Clahe {
            clip_limit: f64::NAN,
            tiles: (0, 0),
        };
        assert_eq!(none.apply(&noise(5, 8, 8)).height(), 8);
    }
}
