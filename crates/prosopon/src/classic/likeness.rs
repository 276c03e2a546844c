//! How alike two aligned faces look, by measures that know nothing of faces.

use serde::Serialize;

use super::gray::GrayImage;
use super::hash::{HashMethod, perceptual_hash_of_gray};
use super::ssim::{SsimError, Window, structural_similarity};
use crate::image::Image;

/// Bits of each hash: 8 × 8.
pub const HASH_BITS: u32 = 64;

/// Structural similarity and how many bits of four hashes differ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Likeness {
    /// Mean structural similarity of the grey pictures, in [−1, 1]; 1 for equal ones.
    pub ssim: f64,
    /// Bits of [`HASH_BITS`] that differ, of aHash.
    pub ahash: u32,
    /// Of pHash.
    pub phash: u32,
    /// Of dHash.
    pub dhash: u32,
    /// Of wHash (Haar).
    pub whash: u32,
}

impl Likeness {
    /// Compares two pictures of one size.
    ///
    /// # Errors
    /// [`SsimError`] if their sizes differ or are below 7 × 7 pixels.
    pub fn of(a: &Image, b: &Image) -> Result<Self, SsimError> {
        let (a, b) = (GrayImage::from(a), GrayImage::from(b));
        let ssim = structural_similarity(&a, &b, Window::Uniform)?.mean;
        let distance = |method| {
            // 8 is a power of two and within bounds, so that no method refuses it.
            let hash = |gray| perceptual_hash_of_gray(gray, method, 8).ok();
            let distance = hash(&a).zip(hash(&b)).and_then(|(a, b)| a.distance(&b));
            distance.unwrap_or(HASH_BITS)
        };
        Ok(Self {
            ssim,
            ahash: distance(HashMethod::Average),
            phash: distance(HashMethod::Perceptual),
            dhash: distance(HashMethod::Difference),
            whash: distance(HashMethod::Wavelet),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rings(shift: u32) -> Image {
        let pixels = (0..64u32).flat_map(|y| {
            (0..64u32).flat_map(move |x| {
                let d = f64::from((x + shift).pow(2) + y * y).sqrt();
                [(128.0 + 100.0 * (d / 6.0).sin()) as u8; 3]
            })
        });
        Image::from_rgb(64, 64, pixels.collect()).unwrap()
    }

    #[test]
    fn a_picture_is_like_itself_and_it_is_symmetric() {
        let (a, b) = (rings(0), rings(19));
        let same = Likeness::of(&a, &a).unwrap();
        assert!((same.ssim - 1.0).abs() < 1e-12);
        assert_eq!(
            (same.ahash, same.phash, same.dhash, same.whash),
            (0, 0, 0, 0)
        );
        let (there, back) = (Likeness::of(&a, &b).unwrap(), Likeness::of(&b, &a).unwrap());
        assert!((there.ssim - back.ssim).abs() < 1e-12);
        assert_eq!((there.ahash, there.dhash), (back.ahash, back.dhash));
        assert!(there.ssim < 0.9 && there.dhash > 5, "{there:?}");
    }

    #[test]
    fn sizes_must_agree() {
        let other = Image::filled(9, 64, [1; 3]);
        assert!(Likeness::of(&rings(0), &other).is_err());
    }
}
