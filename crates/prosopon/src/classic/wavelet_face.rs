//! The wavelet face: what is left of a face without its coarse shades, a classic input for support vector machines.
//!
//! Equal, bit for bit, to the usual recipe with `OpenCV` 4.14 and `PyWavelets` 1.9: grey in single precision between 0
//! and 1, `wavedec2` with `db1`, the approximation set to zero, `waverec2`, times 255, converted to `uint8`.

use super::gray::GrayImage;
use super::wavelet::{Plane, Wavelet, WaveletError, recomposed, wavedec2};
use crate::image::Image;

/// Levels of the usual recipe; they leave out what is larger than 32 pixels.
pub const WAVELET_FACE_LEVELS: u32 = 5;

/// The details of `image` down to `levels` halvings by the Haar wavelet, in grey (`OpenCV`'s luma).
///
/// Flat areas are black. As in the recipe, values below zero wrap around (−1 becomes 255), so that the dark side of
/// an edge is bright. A side that is odd grows by one pixel.
///
/// # Errors
/// [`WaveletError`] for no levels or more than 32.
pub fn wavelet_face(image: &Image, levels: u32) -> Result<GrayImage, WaveletError> {
    let plane = wavelet_face_values(image, levels)?;
    let wrapped = |v: &f32| (i64::from(*v as i32) & 0xFF) as u8;
    let sides = (plane.width() as u32, plane.height() as u32);
    Ok(GrayImage::sized(
        sides,
        plane.values().iter().map(wrapped).collect(),
    ))
}

/// The values before they are converted to 8 bits, in levels, roughly within [−255, 255].
fn wavelet_face_values(image: &Image, levels: u32) -> Result<Plane<f32>, WaveletError> {
    let gray = GrayImage::with_opencv_luma(image);
    let values = gray.pixels().iter().map(|v| f32::from(*v) / 255.0);
    let sides = (gray.width() as usize, gray.height() as usize);
    let plane = Plane::new(sides.0, sides.1, values.collect()).unwrap_or_default();
    let mut parts = wavedec2(&plane, Wavelet::Haar, levels)?;
    parts.approximation = parts.approximation.map(|_| 0.0);
    Ok(recomposed(&parts).map(|v| v * 255.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{color_formula, digest};

    /// Digests of the recipe's pictures, `PyWavelets` 1.9 and `OpenCV` 4.14.
    #[test]
    fn pixels_are_those_of_the_recipe() {
        for ((width, height), levels, sides, expected) in [
            ((64, 64), 5, (64, 64), "22bd85b68d1235dd"),
            ((100, 100), 5, (100, 100), "cbdc6c5f1add8cad"),
            ((37, 45), 3, (38, 46), "7d19e5f1f82ccdfa"),
            ((5, 3), 5, (6, 4), "ebb23379c2727b98"),
        ] {
            let found = wavelet_face(&color_formula(width, height), levels).unwrap();
            assert_eq!((found.width(), found.height()), sides);
            assert_eq!(digest(found.pixels()), expected, "{width} × {height}");
        }
    }

    #[test]
    fn flat_pictures_have_no_details() {
        let flat = Image::filled(64, 32, [90, 14, 200]);
        let found = wavelet_face(&flat, WAVELET_FACE_LEVELS).unwrap();
        assert!(found.pixels().iter().all(|v| *v == 0));
        assert!(wavelet_face(&flat, 0).is_err());
    }
}
