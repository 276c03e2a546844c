//! Structural similarity of two pictures (Wang, Bovik, Sheikh and Simoncelli 2004).
//!
//! Values equal those of scikit-image's `structural_similarity` for 8-bit pictures.

use super::gray::GrayImage;
use crate::image::Image;

/// Keep the quotients stable where a window is dark or flat; from the paper.
const K1: f64 = 0.01;
const K2: f64 = 0.03;
/// Range of the pixels.
const RANGE: f64 = 255.0;

/// The neighbourhood over which means and variances are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Window {
    /// A square of 7 × 7 pixels, with the sample covariance: scikit-image's default.
    #[default]
    Uniform,
    /// A Gaussian of σ = 1.5 pixels, cut off at 5, as in the paper; scikit-image's
    /// `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.
    Gaussian,
}

impl Window {
    /// Pixels on each side of the middle one.
    fn reach(self) -> usize {
        match self {
            Self::Uniform => 3,
            Self::Gaussian => 5,
        }
    }

    fn weights(self) -> Vec<f64> {
        let reach = self.reach() as f64;
        let weight = |i: f64| match self {
            Self::Uniform => 1.0,
            Self::Gaussian => (-i * i / (2.0 * 1.5 * 1.5)).exp(),
        };
        let weights: Vec<f64> = (0..=2 * self.reach())
            .map(|i| weight(i as f64 - reach))
            .collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / total).collect()
    }
}

/// How alike two pictures are, as a whole and at each pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Ssim {
    /// Mean over all pixels whose window lies inside, in [−1, 1]; 1 for equal pictures.
    pub mean: f64,
    /// The value at each pixel, rows top-down.
    pub map: Vec<f64>,
    width: u32,
    height: u32,
}

impl Ssim {
    /// The map as a picture: white where the two are alike, dark where they differ.
    pub fn difference_image(&self) -> Image {
        // `as` truncates, as NumPy does, and takes what is below zero as zero.
        let pixels = self.map.iter().flat_map(|v| [(v * 255.0) as u8; 3]);
        Image::from_rgb(self.width, self.height, pixels.collect())
            .unwrap_or_else(|_| Image::filled(self.width, self.height, [0; 3]))
    }
}

/// Compares two pictures of equal size.
///
/// # Errors
/// [`SsimError::Sizes`] if their sizes differ, [`SsimError::TooSmall`] if a side is smaller than the
/// window.
///
/// # Examples
/// ```
/// use prosopon::classic::{GrayImage, Window, structural_similarity};
///
/// let dark = GrayImage::new(8, 8, vec![40; 64]).ok_or("pixels fill the sides")?;
/// let same = structural_similarity(&dark, &dark, Window::Uniform)?;
/// assert_eq!(same.mean, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn structural_similarity(
    a: &GrayImage,
    b: &GrayImage,
    window: Window,
) -> Result<Ssim, SsimError> {
    let sides = (a.width(), a.height());
    if sides != (b.width(), b.height()) {
        return Err(SsimError::Sizes {
            first: sides,
            second: (b.width(), b.height()),
        });
    }
    let reach = window.reach();
    let side = 2 * reach as u32 + 1;
    if sides.0.min(sides.1) < side {
        return Err(SsimError::TooSmall {
            side,
            width: sides.0,
            height: sides.1,
        });
    }
    let width = sides.0 as usize;
    let map = map(a, b, window);
    let rows = map.chunks_exact(width);
    let inner_rows = rows.len() - 2 * reach;
    let inner = rows
        .skip(reach)
        .take(inner_rows)
        .flat_map(|row| &row[reach..width - reach]);
    let mean = inner.sum::<f64>() / (inner_rows * (width - 2 * reach)) as f64;
    Ok(Ssim {
        mean,
        map,
        width: sides.0,
        height: sides.1,
    })
}

/// Why two pictures could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SsimError {
    /// They have different sizes.
    #[error("expected two pictures of one size, found {first:?} and {second:?}")]
    Sizes {
        /// Width and height of the first, in pixels.
        first: (u32, u32),
        /// Width and height of the second.
        second: (u32, u32),
    },
    /// They are smaller than the window.
    #[error("expected pictures of at least {side} × {side} pixels, found {width} × {height}")]
    TooSmall {
        /// Side of the window in pixels.
        side: u32,
        /// Width of the pictures.
        width: u32,
        /// Height of the pictures.
        height: u32,
    },
}

fn map(a: &GrayImage, b: &GrayImage, window: Window) -> Vec<f64> {
    let width = a.width() as usize;
    let weights = window.weights();
    let local_mean = |value: &dyn Fn(f64, f64) -> f64| {
        let pairs = a.pixels().iter().zip(b.pixels());
        let values: Vec<f64> = pairs
            .map(|(x, y)| value(f64::from(*x), f64::from(*y)))
            .collect();
        blurred(&values, width, &weights)
    };
    let (mean_a, mean_b) = (local_mean(&|x, _| x), local_mean(&|_, y| y));
    let (square_a, square_b) = (local_mean(&|x, _| x * x), local_mean(&|_, y| y * y));
    let product = local_mean(&|x, y| x * y);
    let unbiased = match window {
        Window::Uniform => {
            let n = (weights.len() * weights.len()) as f64;
            n / (n - 1.0)
        }
        Window::Gaussian => 1.0,
    };
    let (c1, c2) = ((K1 * RANGE).powi(2), (K2 * RANGE).powi(2));
    (0..mean_a.len())
        .map(|i| {
            let (x, y) = (mean_a[i], mean_b[i]);
            let variances = unbiased * (square_a[i] - x * x + square_b[i] - y * y);
            let covariance = unbiased * (product[i] - x * y);
            let luminance = (2.0 * x * y + c1) / (x * x + y * y + c1);
            let structure = (2.0 * covariance + c2) / (variances + c2);
            luminance * structure
        })
        .collect()
}

/// Weighted means along the rows, then down the columns; the picture is mirrored at its borders.
fn blurred(values: &[f64], width: usize, weights: &[f64]) -> Vec<f64> {
    let height = values.len() / width;
    let reach = weights.len() / 2;
    let mirrored = |i: usize, k: usize, len: usize| {
        let at = (i + k) as i64 - reach as i64;
        let at = at.rem_euclid(2 * len as i64);
        at.min(2 * len as i64 - 1 - at) as usize
    };
    let mut along = vec![0.0; values.len()];
    let rows = values.chunks_exact(width);
    for (row, out) in rows.zip(along.chunks_exact_mut(width)) {
        for (x, out) in out.iter_mut().enumerate() {
            let terms = weights.iter().enumerate();
            *out = if x >= reach && x + reach < width {
                let window = &row[x - reach..=x + reach];
                window.iter().zip(weights).map(|(v, w)| v * w).sum()
            } else {
                terms.map(|(k, w)| w * row[mirrored(x, k, width)]).sum()
            };
        }
    }
    let mut both = vec![0.0; values.len()];
    for (y, out) in both.chunks_exact_mut(width).enumerate() {
        for (k, weight) in weights.iter().enumerate() {
            let start = mirrored(y, k, height) * width;
            for (out, value) in out.iter_mut().zip(&along[start..start + width]) {
                *out += weight * value;
            }
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32, side: u32) -> GrayImage {
        let mut state = seed;
        let pixels = (0..side * side).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        GrayImage::new(side, side, pixels.collect()).unwrap()
    }

    #[test]
    fn equal_pictures_are_one_and_it_is_symmetric() {
        let (a, b) = (noise(1, 20), noise(2, 20));
        for window in [Window::Uniform, Window::Gaussian] {
            let value = |a, b| structural_similarity(a, b, window).unwrap().mean;
            assert!((value(&a, &a) - 1.0).abs() < 1e-12);
            assert!(value(&a, &b).abs() < 0.2);
            assert!((value(&a, &b) - value(&b, &a)).abs() < 1e-12);
        }
    }

    /// Two flat pictures have no variance, so that only the luminance term is left.
    #[test]
    fn flat_pictures_have_a_closed_form() {
        let flat = |level| GrayImage::new(12, 9, vec![level; 108]).unwrap();
        let c1 = 2.55f64.powi(2);
        let expected = (2.0 * 100.0 * 50.0 + c1) / (100.0f64.powi(2) + 50.0f64.powi(2) + c1);
        let found = structural_similarity(&flat(100), &flat(50), Window::Uniform).unwrap();
        assert!((found.mean - expected).abs() < 1e-9, "{}", found.mean);
        let level = (expected * 255.0) as u8;
        let image = found.difference_image();
        assert_eq!((image.width(), image.height()), (12, 9));
        assert!(image.pixels().iter().all(|v| v.abs_diff(level) <= 1));
    }

    #[test]
    fn sizes_must_agree_and_hold_the_window() {
        let error = structural_similarity(&noise(1, 9), &noise(1, 8), Window::Uniform).unwrap_err();
        assert!(matches!(error, SsimError::Sizes { .. }));
        assert!(structural_similarity(&noise(1, 7), &noise(2, 7), Window::Uniform).is_ok());
        let error =
            structural_similarity(&noise(1, 7), &noise(2, 7), Window::Gaussian).unwrap_err();
        assert!(error.to_string().contains("at least 11 × 11"));
    }
}
