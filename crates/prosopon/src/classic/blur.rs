//! Gaussian blur.
//!
//! Equal to `cv2.GaussianBlur` (`OpenCV` 4.14) for 8-bit pictures, bit for bit: it has `OpenCV`'s weights in
//! 256ths and its border, mirrored without the outermost pixel.

use super::border::reflected;
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

/// The side as an index, if windows can have it.
pub(super) fn checked(side: u32) -> Result<usize, BlurError> {
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

    #[test]
    fn flat_pictures_and_windows_of_one_change_nothing() {
        let picture = noise(2, 19, 11);
        assert_eq!(gaussian_blurred(&picture, 1, 0.0).unwrap(), picture);
        let flat = GrayImage::new(6, 5, vec![201; 30]).unwrap();
        for side in [3, 5, 31, 255] {
            assert_eq!(gaussian_blurred(&flat, side, 0.0).unwrap(), flat);
        }
    }

    #[test]
    fn even_and_huge_windows_are_refused() {
        for side in [0, 2, 256, 257, u32::MAX] {
            let error = gaussian_blurred(&noise(1, 4, 4), side, 0.0).unwrap_err();
            assert!(error.to_string().contains(&side.to_string()));
        }
    }
}
