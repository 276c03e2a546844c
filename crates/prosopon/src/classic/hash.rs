//! Perceptual hashes: a few bits that stay when a picture is resized or recompressed.
//!
//! Values equal those of Python's `ImageHash` 4.3 (with Pillow, `SciPy` and `PyWavelets`), bit for bit
//! and in the same hexadecimal form, for pictures that are decoded to the same pixels. JPEG decoders
//! differ by a level here and there, which may turn a bit that is close to its threshold.

use std::fmt;

use super::gray::GrayImage;
use super::wavelet::{Plane, Wavelet, approximation};
use crate::image::Image;

/// Sides that are allowed: below 2 there is nothing to compare, above 64 nothing is gained.
const SIDES: std::ops::RangeInclusive<u32> = 2..=64;
/// How much larger than the hash the picture is whose frequencies are taken, as in `ImageHash`.
const HIGH_FREQUENCIES: u32 = 4;

/// What the bits of a hash say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashMethod {
    /// aHash: whether a pixel of the shrunken picture is brighter than their mean.
    Average,
    /// pHash: whether a low frequency (cosine transform) is above their median.
    Perceptual,
    /// As [`Self::Perceptual`], with frequencies along the rows only and the mean.
    PerceptualSimple,
    /// dHash: whether a pixel is brighter than its left neighbour.
    Difference,
    /// As [`Self::Difference`], with the neighbour above.
    DifferenceVertical,
    /// wHash: whether a coefficient of the Haar wavelet's approximation is above their median.
    Wavelet,
    /// As [`Self::Wavelet`], with Daubechies' wavelet of four vanishing moments; it has more bits than
    /// the others.
    WaveletDb4,
}

impl HashMethod {
    /// Its short name: `ahash`, `phash` …
    pub fn name(self) -> &'static str {
        match self {
            Self::Average => "ahash",
            Self::Perceptual => "phash",
            Self::PerceptualSimple => "phash_simple",
            Self::Difference => "dhash",
            Self::DifferenceVertical => "dhash_vertical",
            Self::Wavelet => "whash",
            Self::WaveletDb4 => "whash_db4",
        }
    }
}

/// The bits of a picture; look-alike pictures differ in few.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PerceptualHash {
    /// Row by row, the first bit the highest of the first word.
    words: Vec<u64>,
    len: u32,
}

impl PerceptualHash {
    fn from_bits(bits: impl IntoIterator<Item = bool>) -> Self {
        let mut hash = Self {
            words: Vec::new(),
            len: 0,
        };
        for bit in bits {
            if hash.len.is_multiple_of(u64::BITS) {
                hash.words.push(0);
            }
            if let (true, Some(word)) = (bit, hash.words.last_mut()) {
                *word |= 1 << (63 - hash.len % u64::BITS);
            }
            hash.len += 1;
        }
        hash
    }

    /// How many bits it has.
    pub fn bits(&self) -> u32 {
        self.len
    }

    /// How many bits differ; `None` for hashes of different length. Those of different methods
    /// share no meaning, whatever their length.
    pub fn distance(&self, other: &Self) -> Option<u32> {
        (self.len == other.len).then(|| {
            let pairs = self.words.iter().zip(&other.words);
            pairs.map(|(a, b)| (a ^ b).count_ones()).sum()
        })
    }

    /// The bits in words of 64, the first bit the highest of the first word, the rest of the last
    /// word zero.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    fn bit(&self, i: u32) -> u8 {
        let word = self.words[(i / u64::BITS) as usize];
        (word >> (63 - i % u64::BITS) & 1) as u8
    }
}

/// Hexadecimal, as `ImageHash` prints it.
impl fmt::Display for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Filled up in front, so that the last digit holds the last four bits.
        let digits = self.len.div_ceil(4);
        let missing = digits * 4 - self.len;
        for digit in 0..digits {
            let places = (digit * 4..digit * 4 + 4).map(|i| i.checked_sub(missing));
            let value = places.fold(0, |value, i| value << 1 | i.map_or(0, |i| self.bit(i)));
            write!(f, "{value:x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PerceptualHash({self})")
    }
}

/// The hash of `image` with `side` × `side` bits (more for [`HashMethod::WaveletDb4`]); 8 is usual.
///
/// # Errors
/// [`HashError`] if `side` is not from 2 to 64, or for wavelets no power of two.
///
/// # Examples
/// ```
/// use prosopon::Image;
/// use prosopon::classic::{HashMethod, perceptual_hash};
///
/// let gradient = (0..100).flat_map(|i| [(i % 10) * 20; 3]).collect();
/// let picture = Image::from_rgb(10, 10, gradient)?;
/// let hash = perceptual_hash(&picture, HashMethod::Difference, 8)?;
/// assert_eq!(hash.to_string(), "ffffffffffffffff");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn perceptual_hash(
    image: &Image,
    method: HashMethod,
    side: u32,
) -> Result<PerceptualHash, HashError> {
    perceptual_hash_of_gray(&GrayImage::from(image), method, side)
}

/// As [`perceptual_hash`], for a picture that is grey already; several hashes of one picture need
/// its grey only once.
///
/// # Errors
/// As [`perceptual_hash`].
pub fn perceptual_hash_of_gray(
    gray: &GrayImage,
    method: HashMethod,
    side: u32,
) -> Result<PerceptualHash, HashError> {
    let is_wavelet = matches!(method, HashMethod::Wavelet | HashMethod::WaveletDb4);
    if !SIDES.contains(&side) || (is_wavelet && !side.is_power_of_two()) {
        return Err(HashError {
            method: method.name(),
            side,
        });
    }
    Ok(match method {
        HashMethod::Average => average(gray, side),
        HashMethod::Perceptual => above(&frequencies(gray, side, true), median),
        HashMethod::PerceptualSimple => above(&frequencies(gray, side, false), mean),
        HashMethod::Difference => difference(gray, side),
        HashMethod::DifferenceVertical => difference_vertical(gray, side),
        HashMethod::Wavelet => wavelet(gray, side, Wavelet::Haar),
        HashMethod::WaveletDb4 => wavelet(gray, side, Wavelet::Db4),
    })
}

/// A side that a method cannot give.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected a side from 2 to 64 bits, for wavelets a power of two, found {side} for `{method}`"
)]
pub struct HashError {
    /// Name of the method.
    pub method: &'static str,
    /// What was asked for.
    pub side: u32,
}

fn average(gray: &GrayImage, side: u32) -> PerceptualHash {
    let small = gray.resized_lanczos(side, side);
    let sum: u32 = small.pixels().iter().copied().map(u32::from).sum();
    let n = side * side;
    PerceptualHash::from_bits(small.pixels().iter().map(|v| u32::from(*v) * n > sum))
}

fn difference(gray: &GrayImage, side: u32) -> PerceptualHash {
    let small = gray.resized_lanczos(side + 1, side);
    let rows = small.pixels().chunks_exact(side as usize + 1);
    PerceptualHash::from_bits(rows.flat_map(|row| row.windows(2).map(|w| w[1] > w[0])))
}

fn difference_vertical(gray: &GrayImage, side: u32) -> PerceptualHash {
    let small = gray.resized_lanczos(side, side + 1);
    let below = small.pixels().iter().skip(side as usize);
    PerceptualHash::from_bits(below.zip(small.pixels()).map(|(low, high)| low > high))
}

/// The lowest `side` frequencies down the columns and along the rows, the constant ones included;
/// or the rows alone, without their constant.
fn frequencies(gray: &GrayImage, side: u32, down_too: bool) -> Vec<f64> {
    let n = (side * HIGH_FREQUENCIES) as usize;
    let side = side as usize;
    let small = gray.resized_lanczos(n as u32, n as u32);
    let rows: Vec<Vec<f64>> = small
        .pixels()
        .chunks_exact(n)
        .map(|row| row.iter().copied().map(f64::from).collect())
        .collect();
    let first = usize::from(!down_too);
    let rows: Vec<Vec<f64>> = if down_too {
        (0..side)
            .map(|k| {
                let column = |x| cosine(k, n, rows.iter().map(move |row: &Vec<f64>| row[x]));
                (0..n).map(column).collect()
            })
            .collect()
    } else {
        rows.into_iter().take(side).collect()
    };
    rows.iter()
        .flat_map(|row| (first..side + first).map(|k| cosine(k, n, row.iter().copied())))
        // What is zero but for rounding is zero, as in SciPy's fast transform: pictures of one
        // colour would have random bits.
        .map(|value| if value.abs() < 1e-6 { 0.0 } else { value })
        .collect()
}

/// Frequency `k` of the cosine transform of type II, as `SciPy` scales it.
fn cosine(k: usize, n: usize, values: impl Iterator<Item = f64>) -> f64 {
    let step = std::f64::consts::PI * k as f64 / (2 * n) as f64;
    let terms = values.enumerate();
    2.0 * terms
        .map(|(i, value)| value * (step * (2 * i + 1) as f64).cos())
        .sum::<f64>()
}

/// `ImageHash` takes away the coarsest coefficient of a full Haar decomposition first, which is the
/// mean; and it starts from the largest power of two that fits into the picture.
fn wavelet(gray: &GrayImage, side: u32, wavelet: Wavelet) -> PerceptualHash {
    let scale = (1 << gray.width().min(gray.height()).ilog2()).max(side);
    let levels = scale.ilog2() - side.ilog2();
    let small = gray.resized_lanczos(scale, scale);
    let values: Vec<f64> = small
        .pixels()
        .iter()
        .map(|v| f64::from(*v) / 255.0)
        .collect();
    let mean = mean(&values);
    let values = values.into_iter().map(|v| v - mean).collect();
    let plane = Plane::new(scale as usize, scale as usize, values).unwrap_or_default();
    above(approximation(&plane, wavelet, levels).values(), median)
}

fn above(values: &[f64], limit: impl Fn(&[f64]) -> f64) -> PerceptualHash {
    let limit = limit(values);
    PerceptualHash::from_bits(values.iter().map(|value| *value > limit))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::noise;

    const METHODS: [HashMethod; 7] = [
        HashMethod::Average,
        HashMethod::Perceptual,
        HashMethod::PerceptualSimple,
        HashMethod::Difference,
        HashMethod::DifferenceVertical,
        HashMethod::Wavelet,
        HashMethod::WaveletDb4,
    ];

    /// A picture with large and small structure, of 240 × 176 pixels.
    fn picture() -> Image {
        let pixels = (0..176u32).flat_map(|y| {
            (0..240u32).flat_map(move |x| {
                let (u, v) = (f64::from(x) / 40.0, f64::from(y) / 30.0);
                let waves = (u + v * v / 3.0).sin() * 60.0 + (v - u * u / 4.0).cos() * 50.0;
                let level = (128.0 + waves + f64::from(x * y % 17)) as u8;
                [level, level / 2, level]
            })
        });
        Image::from_rgb(240, 176, pixels.collect()).unwrap()
    }

    fn hash(method: HashMethod) -> PerceptualHash {
        perceptual_hash(&picture(), method, 8).unwrap()
    }

    #[test]
    fn digits_are_filled_up_in_front() {
        let hash = PerceptualHash::from_bits([true, false, true, true, false, true]);
        assert_eq!(hash.to_string(), "2d");
        let long = PerceptualHash::from_bits((0..70).map(|i| i == 0 || i == 69));
        assert_eq!(long.to_string(), "200000000000000001");
        assert_eq!(long.bits(), 70);
    }

    #[test]
    fn distances_count_bits() {
        let of = |bits: [u8; 3]| PerceptualHash::from_bits(bits.map(|b| b == 1));
        assert_eq!(of([1, 0, 1]).distance(&of([0, 0, 1])), Some(1));
        let longer = PerceptualHash::from_bits([true; 4]);
        assert_eq!(of([1, 1, 1]).distance(&longer), None);
    }

    /// As a distance should be: symmetric, zero to itself, and no way round is shorter.
    #[test]
    fn distances_are_a_metric() {
        let pictures = [1, 2, 3].map(|seed| noise(seed, 40, 30));
        for method in METHODS {
            let of = |gray| perceptual_hash_of_gray(gray, method, 8).unwrap();
            let [a, b, c] = pictures.each_ref().map(of);
            let between = |x: &PerceptualHash, y: &PerceptualHash| x.distance(y).unwrap();
            assert_eq!(between(&a, &b), between(&b, &a), "{method:?}");
            assert_eq!(between(&a, &a), 0);
            assert!(between(&a, &c) <= between(&a, &b) + between(&b, &c));
        }
    }

    #[test]
    fn one_colour_has_no_bits_but_its_mean_frequency() {
        let plain = Image::filled(50, 40, [90, 120, 7]);
        for method in METHODS {
            let hash = perceptual_hash(&plain, method, 8).unwrap().to_string();
            let expected = if method == HashMethod::Perceptual {
                "8000000000000000".to_owned()
            } else {
                "0".repeat(hash.len())
            };
            assert_eq!(hash, expected, "{method:?}");
        }
    }

    #[test]
    fn half_the_size_changes_few_bits_another_picture_many() {
        let half = picture()
            .resized(120, 88, crate::image::ResizeFilter::Area)
            .unwrap();
        let turned = {
            let mut image = picture();
            image.pixels_mut().reverse();
            image
        };
        for method in METHODS {
            let distance = |image| {
                let other = perceptual_hash(image, method, 8).unwrap();
                f64::from(hash(method).distance(&other).unwrap_or(0)) / f64::from(other.bits())
            };
            if method != HashMethod::WaveletDb4 {
                assert!(distance(&half) < 0.1, "{method:?} {}", distance(&half));
                assert!(distance(&turned) > 0.2, "{method:?} {}", distance(&turned));
            }
        }
    }

    #[test]
    fn tiny_pictures_have_hashes_and_odd_sides_are_refused() {
        let dot = Image::filled(1, 1, [3, 3, 3]);
        for method in METHODS {
            assert!(perceptual_hash(&dot, method, 8).is_ok());
            assert!(perceptual_hash(&dot, method, 1).is_err());
            assert!(perceptual_hash(&dot, method, 65).is_err());
        }
        assert!(perceptual_hash(&dot, HashMethod::Average, 12).is_ok());
        let error = perceptual_hash(&dot, HashMethod::Wavelet, 12).unwrap_err();
        assert!(error.to_string().contains("found 12 for `whash`"));
    }
}
