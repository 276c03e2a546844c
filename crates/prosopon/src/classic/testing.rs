//! Pictures for tests, and a short form of their pixels.

use sha2::{Digest, Sha256};

use super::gray::GrayImage;
use crate::image::Image;

/// Random levels (`SplitMix64`, Steele et al. 2014).
pub(crate) fn noise(seed: u64, width: u32, height: u32) -> GrayImage {
    let pixels = random_bytes(seed, width as usize * height as usize);
    GrayImage::new(width, height, pixels).unwrap()
}

fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0xD1B5_4A32_D192_ED03);
    (0..len)
        .map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z >> 56) as u8
        })
        .collect()
}

/// Smooth ramps with a grain, by a formula that `NumPy` has too: with `i` the column and `j` the row,
/// `(3 * i + 2 * j + i * j // 16 + (i * 37 + j * 91 + i * j * 13) % 32) % 256`.
pub(crate) fn formula(width: u32, height: u32) -> GrayImage {
    let level =
        |i: u32, j: u32| (3 * i + 2 * j + i * j / 16 + (i * 37 + j * 91 + i * j * 13) % 32) as u8;
    let pixels = (0..height).flat_map(|j| (0..width).map(move |i| level(i, j)));
    GrayImage::new(width, height, pixels.collect()).unwrap()
}

/// The same in colours: [`formula`], turned upside down, and their difference (modulo 256).
pub(crate) fn color_formula(width: u32, height: u32) -> Image {
    let gray = formula(width, height);
    let rows: Vec<&[u8]> = gray.pixels().chunks_exact(width as usize).collect();
    let pairs = rows
        .iter()
        .copied()
        .flatten()
        .zip(rows.iter().rev().copied().flatten());
    let pixels = pairs.flat_map(|(a, b)| [*a, *b, a.wrapping_sub(*b)]);
    Image::from_rgb(width, height, pixels.collect()).unwrap()
}

/// The first 16 hexadecimal digits of the SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let first = hash[..8]
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    format!("{first:016x}")
}
