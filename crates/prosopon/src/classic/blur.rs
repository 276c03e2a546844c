//! Gaussian and median blur.
//!
//! Equal to `cv2.GaussianBlur` and `cv2.medianBlur` (`OpenCV` 4.14) for 8-bit pictures, bit for bit: the
//! Gaussian has `OpenCV`'s weights in 256ths and its border, mirrored without the outermost pixel; the median
//! repeats the outermost.

use super::border::{clamped, reflected};
use super::gray::GrayImage;

/// Bits behind the point of the weights.
const FRACTION: u32 = 8;
/// Sides that are allowed: beyond, a weight of the Gaussian is less than one 256th in most places.
const LARGEST_SIDE: u32 = 255;

/// A window that a blur cannot have.
#[derive(Debug, thiserror::Error)]
#[error("expected an odd window from 1 to {LARGEST_SIDE} pixels, found {side}")]
pub struct BlurError {
    /// Side of the window in pixels.
    pub side: u32,
}

fn checked(side: u32) -> Result<usize, BlurError> {
    if side.is_multiple_of(2) || side > LARGEST_SIDE {
        return Err(BlurError { side });
    }
    Ok(side as usize)
}

/// The picture averaged over `side` × `side` pixels with Gaussian weights of standard deviation `sigma` pixels.
/// A `sigma` of zero or less is taken from the side, 0.3 · ((side − 1) / 2 − 1) + 0.8, as `OpenCV` does.
///
/// # Errors
/// [`BlurError`] if `side` is even or above 255.
///
/// # Examples
/// ```
/// use prosopon::classic::{GrayImage, gaussian_blurred};
///
/// let dot = GrayImage::new(3, 1, vec![0, 200, 0]).ok_or("pixels fill the sides")?;
/// assert_eq!(gaussian_blurred(&dot, 3, 0.0)?.pixels(), [100, 100, 100]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gaussian_blurred(gray: &GrayImage, side: u32, sigma: f64) -> Result<GrayImage, BlurError> {
    let side = checked(side)?;
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    // Across a single column or row there is nothing to average.
    let weights = |len: usize| fixed_weights(if len == 1 { 1 } else { side }, sigma);
    let (across, down) = (weights(width), weights(height));
    let mut sums = Vec::with_capacity(gray.pixels().len());
    for row in gray.pixels().chunks_exact(width) {
        sums.extend((0..width).map(|x| {
            let first = x as i64 - across.len() as i64 / 2;
            let old = (first..).map(|i| u32::from(row[reflected(i, width)]));
            old.zip(&across).map(|(v, w)| v * w).sum::<u32>()
        }));
    }
    let half = 1 << (2 * FRACTION - 1);
    let mut pixels = Vec::with_capacity(sums.len());
    for y in 0..height {
        let mut totals = vec![half; width];
        let first = y as i64 - down.len() as i64 / 2;
        for (i, weight) in (first..).zip(&down) {
            let start = reflected(i, height) * width;
            for (total, sum) in totals.iter_mut().zip(&sums[start..start + width]) {
                *total += sum * weight;
            }
        }
        pixels.extend(totals.iter().map(|total| (total >> (2 * FRACTION)) as u8));
    }
    Ok(gray.with_pixels(pixels))
}

/// Gaussian weights in 256ths that add up to 256. What rounding takes from a weight is given to the next one
/// inwards.
fn fixed_weights(side: usize, sigma: f64) -> Vec<u32> {
    let exact = weights(side, sigma);
    let one = f64::from(1u32 << FRACTION);
    let mut fixed = vec![0; side];
    let (mut error, mut sum) = (0.0, 0);
    for (i, weight) in exact.iter().enumerate().take(side / 2) {
        let wanted = weight * one + error;
        let rounded = wanted.round_ties_even();
        error = wanted - rounded;
        fixed[i] = rounded as u32;
        fixed[side - 1 - i] = fixed[i];
        sum += 2 * fixed[i];
    }
    fixed[side / 2] = (1 << FRACTION) - sum;
    fixed
}

fn weights(side: usize, sigma: f64) -> Vec<f64> {
    // `OpenCV` has these weights in a table where no deviation is given.
    const TABLES: [&[f64]; 5] = [
        &[256.0],
        &[64.0, 128.0, 64.0],
        &[16.0, 64.0, 96.0, 64.0, 16.0],
        &[8.0, 28.0, 56.0, 72.0, 56.0, 28.0, 8.0],
        &[4.0, 13.0, 30.0, 51.0, 60.0, 51.0, 30.0, 13.0, 4.0],
    ];
    let has_sigma = sigma > 0.0;
    if let (false, Some(table)) = (has_sigma, TABLES.get(side / 2)) {
        return table.iter().map(|w| w / 256.0).collect();
    }
    let sigma = if has_sigma {
        sigma
    } else {
        side as f64 * 0.15 + 0.35
    };
    let middle = (side / 2) as f64;
    let weights: Vec<f64> = (0..side)
        .map(|i| (-(i as f64 - middle).powi(2) / (2.0 * sigma * sigma)).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / total).collect()
}

/// The picture with each pixel replaced by the median of the `side` × `side` pixels around it.
///
/// # Errors
/// [`BlurError`] if `side` is even or above 255.
///
/// # Examples
/// ```
/// use prosopon::classic::{GrayImage, median_blurred};
///
/// let speck = GrayImage::new(5, 1, vec![9, 9, 255, 9, 9]).ok_or("pixels fill the sides")?;
/// assert_eq!(median_blurred(&speck, 3)?.pixels(), [9; 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn median_blurred(gray: &GrayImage, side: u32) -> Result<GrayImage, BlurError> {
    let side = checked(side)?;
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let reach = side as i64 / 2;
    let rank = (side * side / 2) as u32;
    let mut pixels = Vec::with_capacity(gray.pixels().len());
    for y in 0..height as i64 {
        let rows: Vec<&[u8]> = (y - reach..=y + reach)
            .map(|y| &gray.pixels()[clamped(y, height) * width..][..width])
            .collect();
        // The counts of the window move along the row with it (Huang, Yang and Tang 1979).
        let mut window = Levels::default();
        for x in -reach..=reach {
            window.enter(&rows, clamped(x, width));
        }
        for x in 0..width as i64 {
            pixels.push(window.at_rank(rank));
            window.leave(&rows, clamped(x - reach, width));
            window.enter(&rows, clamped(x + reach + 1, width));
        }
    }
    Ok(gray.with_pixels(pixels))
}

/// How many pixels of a window have each level, and each range of 16 levels.
struct Levels {
    fine: [u32; 256],
    coarse: [u32; 16],
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            fine: [0; 256],
            coarse: [0; 16],
        }
    }
}

impl Levels {
    fn enter(&mut self, rows: &[&[u8]], x: usize) {
        for row in rows {
            self.fine[usize::from(row[x])] += 1;
            self.coarse[usize::from(row[x] >> 4)] += 1;
        }
    }

    fn leave(&mut self, rows: &[&[u8]], x: usize) {
        for row in rows {
            self.fine[usize::from(row[x])] -= 1;
            self.coarse[usize::from(row[x] >> 4)] -= 1;
        }
    }

    /// The level of the pixel that has `rank` others before it in order.
    fn at_rank(&self, rank: u32) -> u8 {
        let mut before = 0;
        let mut reaches = |count: &u32| {
            let reached = before + count > rank;
            if !reached {
                before += count;
            }
            reached
        };
        let range = self.coarse.iter().position(&mut reaches).unwrap_or(15);
        let fine = &self.fine[range * 16..];
        (range * 16 + fine.iter().position(&mut reaches).unwrap_or(15)) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{digest, formula, noise};

    /// `hashlib.sha256(cv2.GaussianBlur(a, (side, side), sigma)).hexdigest()[:16]`, `OpenCV` 4.14.
    #[test]
    fn gaussian_pixels_are_those_of_opencv() {
        for ((width, height), side, sigma, expected) in [
            ((64, 64), 5, 0.0, "587fc1864489ce04"),
            ((37, 45), 3, 0.0, "8374bc9f8ac49e41"),
            ((37, 45), 7, 0.0, "729e799c94d6a035"),
            ((37, 45), 9, 0.0, "c6d57a7babc95bda"),
            ((37, 45), 11, 0.0, "227a1e91dda9f992"),
            ((37, 45), 5, 1.3, "aebe71feb84dc46d"),
            ((64, 33), 21, 4.7, "1180a0a1495f2fd8"),
            ((5, 3), 15, 0.0, "c801b7be2ddf708d"),
            ((1, 40), 5, 0.0, "f30e7c40ba6587a3"),
        ] {
            let found = gaussian_blurred(&formula(width, height), side, sigma).unwrap();
            assert_eq!(digest(found.pixels()), expected, "{side} {sigma}");
        }
    }

    /// `hashlib.sha256(cv2.medianBlur(a, side)).hexdigest()[:16]`, `OpenCV` 4.14.
    #[test]
    fn median_pixels_are_those_of_opencv() {
        for ((width, height), side, expected) in [
            ((64, 64), 3, "d92f6996159fab3a"),
            ((37, 45), 5, "9457190d4003683f"),
            ((37, 45), 9, "1744a9f6ec67f69f"),
            ((7, 5), 15, "040781178469eed2"),
        ] {
            let found = median_blurred(&formula(width, height), side).unwrap();
            assert_eq!(digest(found.pixels()), expected, "{side}");
        }
    }

    #[test]
    fn flat_pictures_and_windows_of_one_change_nothing() {
        let picture = noise(2, 19, 11);
        assert_eq!(gaussian_blurred(&picture, 1, 0.0).unwrap(), picture);
        assert_eq!(median_blurred(&picture, 1).unwrap(), picture);
        let flat = GrayImage::new(6, 5, vec![201; 30]).unwrap();
        for side in [3, 5, 31, 255] {
            assert_eq!(gaussian_blurred(&flat, side, 0.0).unwrap(), flat);
            assert_eq!(median_blurred(&flat, side).unwrap(), flat);
        }
    }

    #[test]
    fn medians_are_those_of_sorting() {
        let picture = noise(9, 13, 8);
        let found = median_blurred(&picture, 5).unwrap();
        for (i, median) in found.pixels().iter().enumerate() {
            let (x, y) = ((i % 13) as i64, (i / 13) as i64);
            let mut window: Vec<u8> = (y - 2..=y + 2)
                .flat_map(|y| (x - 2..=x + 2).map(move |x| clamped(y, 8) * 13 + clamped(x, 13)))
                .map(|at| picture.pixels()[at])
                .collect();
            window.sort_unstable();
            assert_eq!(*median, window[12], "({x}, {y})");
        }
    }

    #[test]
    fn even_and_huge_windows_are_refused() {
        for side in [0, 2, 256, 257, u32::MAX] {
            let error = gaussian_blurred(&noise(1, 4, 4), side, 0.0).unwrap_err();
            assert!(error.to_string().contains(&side.to_string()));
            assert!(median_blurred(&noise(1, 4, 4), side).is_err());
        }
    }
}
