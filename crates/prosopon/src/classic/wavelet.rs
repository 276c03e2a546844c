//! Discrete wavelet transforms of pictures (Mallat 1989) with orthogonal wavelets (Haar 1910, Daubechies 1988).
//!
//! Values equal those of `wavedec2` and `waverec2` of `PyWavelets` 1.9, mode `symmetric`, within 1e-10, and
//! bit for bit in single precision; the picture of all coefficients is laid out as by `coeffs_to_array`.

use super::border::mirrored;
use super::gray::GrayImage;

/// More levels leave a picture of any size a single value.
const MOST_LEVELS: u32 = 32;

/// An orthogonal wavelet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Wavelet {
    /// Means and differences of two neighbours; also known as db1.
    #[default]
    Haar,
    /// Daubechies' wavelet with two vanishing moments.
    Db2,
    /// With three.
    Db3,
    /// With four.
    Db4,
}

impl Wavelet {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Haar, Self::Db2, Self::Db3, Self::Db4];

    /// Its name, as `PyWavelets` has it: `haar`, `db2` …
    pub fn name(self) -> &'static str {
        match self {
            Self::Haar => "haar",
            Self::Db2 => "db2",
            Self::Db3 => "db3",
            Self::Db4 => "db4",
        }
    }

    /// The wavelet with this name; `db1` is `haar`.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "db1" { "haar" } else { name };
        Self::ALL.into_iter().find(|wavelet| wavelet.name() == name)
    }

    /// The low-pass filter of the decomposition, whose squares add up to 1. The values are those of `PyWavelets`
    /// 1.9 to the last bit; older tables have some ten digits.
    fn low_pass(self) -> &'static [f64] {
        match self {
            Self::Haar => &[std::f64::consts::FRAC_1_SQRT_2; 2],
            Self::Db2 => &[
                -0.129_409_522_551_260_37,
                0.224_143_868_042_013_4,
                0.836_516_303_737_807_9,
                0.482_962_913_144_534_16,
            ],
            Self::Db3 => &[
                0.035_226_291_885_709_53,
                -0.085_441_273_882_026_66,
                -0.135_011_020_010_254_58,
                0.459_877_502_118_491_54,
                0.806_891_509_311_092_5,
                0.332_670_552_950_082_63,
            ],
            Self::Db4 => &[
                -0.010_597_401_785_069_032,
                0.032_883_011_666_885_2,
                0.030_841_381_835_560_764,
                -0.187_034_811_719_093_09,
                -0.027_983_769_416_859_854,
                0.630_880_767_929_858_9,
                0.714_846_570_552_915_7,
                0.230_377_813_308_896_5,
            ],
        }
    }

    /// How often a picture can be halved before every value has seen its border: `pywt.dwt_max_level` of the
    /// shorter side.
    pub fn max_level(self, width: u32, height: u32) -> u32 {
        let reach = self.low_pass().len() as u32 - 1;
        (width.min(height) / reach).checked_ilog2().unwrap_or(0)
    }

    fn filters<T: Real>(self) -> Filters<T> {
        let low = self.low_pass();
        let signs = [-1.0, 1.0].into_iter().cycle();
        let high: Vec<f64> = low
            .iter()
            .rev()
            .zip(signs)
            .map(|(f, sign)| f * sign)
            .collect();
        let typed =
            |values: &mut dyn Iterator<Item = &f64>| values.map(|v| T::from_f64(*v)).collect();
        Filters {
            low: typed(&mut low.iter()),
            high: typed(&mut high.iter()),
            low_back: typed(&mut low.iter().rev()),
            high_back: typed(&mut high.iter().rev()),
        }
    }
}

/// Low-pass and high-pass filters, and those of the way back.
struct Filters<T> {
    low: Vec<T>,
    high: Vec<T>,
    low_back: Vec<T>,
    high_back: Vec<T>,
}

/// The precision of a transform: `f64`, or `f32` where results must equal those of single precision.
pub trait Real:
    Copy
    + Default
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Mul<Output = Self>
    + Into<f64>
{
    /// The nearest value.
    fn from_f64(value: f64) -> Self;
}

impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// Values in rows, top-down.
#[derive(Clone, PartialEq, Default)]
pub struct Plane<T = f64> {
    width: usize,
    height: usize,
    values: Vec<T>,
}

/// Leaves the values out: a picture could be made of them.
impl<T> std::fmt::Debug for Plane<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plane({} × {})", self.width, self.height)
    }
}

impl<T: Real> Plane<T> {
    /// A plane from its values, rows top-down; `None` if there are none or they do not fill the rows.
    pub fn new(width: usize, height: usize, values: Vec<T>) -> Option<Self> {
        let fits = !values.is_empty() && width.checked_mul(height) == Some(values.len());
        fits.then_some(Self {
            width,
            height,
            values,
        })
    }

    fn zeros(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            values: vec![T::default(); width * height],
        }
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values, the top-left one first, then along the row.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    fn row(&self, y: usize) -> &[T] {
        &self.values[y * self.width..][..self.width]
    }

    /// The upper left part.
    fn cropped(&self, width: usize, height: usize) -> Self {
        let (width, height) = (width.min(self.width), height.min(self.height));
        let rows = (0..height).flat_map(|y| &self.row(y)[..width]);
        Self {
            width,
            height,
            values: rows.copied().collect(),
        }
    }

    fn paste(&mut self, part: &Self, left: usize, top: usize) {
        for y in 0..part.height {
            let start = (top + y) * self.width + left;
            self.values[start..start + part.width].copy_from_slice(part.row(y));
        }
    }

    pub(super) fn map(&self, f: impl Fn(T) -> T) -> Self {
        Self {
            width: self.width,
            height: self.height,
            values: self.values.iter().map(|v| f(*v)).collect(),
        }
    }

    /// Every second value of the rows, convolved with the filter; beyond their ends rows are mirrored with the
    /// outermost value repeated.
    fn halved_along(&self, filter: &[T]) -> Self {
        let width = halved(self.width, filter.len());
        let mut values = Vec::with_capacity(width * self.height);
        for y in 0..self.height {
            let row = self.row(y);
            values.extend((0..width).map(|x| {
                let terms = filter
                    .iter()
                    .zip((0..=2 * x as i64 + 1).rev().chain((1..).map(|i| -i)));
                terms.fold(T::default(), |sum, (f, i)| {
                    sum + *f * row[mirrored(i, self.width)]
                })
            }));
        }
        Self {
            width,
            height: self.height,
            values,
        }
    }

    /// The same down the columns.
    fn halved_down(&self, filter: &[T]) -> Self {
        let mut out = Self::zeros(self.width, halved(self.height, filter.len()));
        for (y, sums) in out.values.chunks_exact_mut(self.width).enumerate() {
            for (j, f) in filter.iter().enumerate() {
                let row = self.row(mirrored(2 * y as i64 + 1 - j as i64, self.height));
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum = *sum + *f * *value;
                }
            }
        }
        out
    }

    /// Adds the rows of `part` with a zero after each value, convolved with the filter.
    fn add_doubled_along(&mut self, part: &Self, filter: &[T]) {
        let (width, taps) = (self.width, filter.len() / 2);
        for (y, out) in self.values.chunks_exact_mut(width).enumerate() {
            let row = part.row(y);
            for (x, pair) in out.chunks_exact_mut(2).enumerate() {
                for (parity, out) in pair.iter_mut().enumerate() {
                    let terms = (0..taps).map(|j| filter[2 * j + parity] * row[x + taps - 1 - j]);
                    *out = *out + terms.fold(T::default(), |sum, term| sum + term);
                }
            }
        }
    }

    /// The same down the columns.
    fn add_doubled_down(&mut self, part: &Self, filter: &[T]) {
        let (width, taps) = (self.width, filter.len() / 2);
        for (y, out) in self.values.chunks_exact_mut(width).enumerate() {
            let mut sums = vec![T::default(); width];
            for j in 0..taps {
                let f = filter[2 * j + y % 2];
                for (sum, value) in sums.iter_mut().zip(part.row(y / 2 + taps - 1 - j)) {
                    *sum = *sum + f * *value;
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = *out + sum;
            }
        }
    }
}

/// Levels from 0 to 255.
impl From<&GrayImage> for Plane {
    fn from(gray: &GrayImage) -> Self {
        Self {
            width: gray.width() as usize,
            height: gray.height() as usize,
            values: gray.pixels().iter().map(|v| f64::from(*v)).collect(),
        }
    }
}

/// Values that a decomposition keeps of `len`.
fn halved(len: usize, filter: usize) -> usize {
    (len + filter - 1) / 2
}

/// What a halving takes away: three planes of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Details<T = f64> {
    /// High-pass down the columns: horizontal edges.
    pub horizontal: Plane<T>,
    /// High-pass along the rows: vertical edges.
    pub vertical: Plane<T>,
    /// High-pass in both directions.
    pub diagonal: Plane<T>,
}

/// The coefficients of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposition<T = f64> {
    wavelet: Wavelet,
    width: usize,
    height: usize,
    /// What is left after all halvings.
    pub approximation: Plane<T>,
    /// What each halving took away, the last (coarsest) one first.
    pub details: Vec<Details<T>>,
}

/// A number of levels that makes no decomposition.
#[derive(Debug, thiserror::Error)]
#[error("expected 1 to {MOST_LEVELS} levels of wavelets, found {levels}")]
pub struct WaveletError {
    /// What was asked for.
    pub levels: u32,
}

/// Decomposes a picture by halving it `levels` times. More levels than [`Wavelet::max_level`] are possible; the border
/// is then in every coefficient.
///
/// # Errors
/// [`WaveletError`] for no levels or more than 32.
///
/// # Examples
/// ```
/// use prosopon::classic::{Plane, Wavelet, wavedec2, waverec2};
///
/// let picture = Plane::new(3, 2, vec![1.0f64, 2.0, 3.0, 4.0, 5.0, 7.0]).ok_or("values fill the rows")?;
/// let parts = wavedec2(&picture, Wavelet::Haar, 1)?;
/// assert_eq!((parts.approximation.width(), parts.approximation.height()), (2, 1));
/// let back = waverec2(&parts);
/// assert!(back.values().iter().zip(picture.values()).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wavedec2<T: Real>(
    plane: &Plane<T>,
    wavelet: Wavelet,
    levels: u32,
) -> Result<Decomposition<T>, WaveletError> {
    if !(1..=MOST_LEVELS).contains(&levels) {
        return Err(WaveletError { levels });
    }
    let filters = wavelet.filters();
    let mut approximation = plane.clone();
    let mut details = Vec::new();
    for _ in 0..levels {
        let low = approximation.halved_down(&filters.low);
        let high = approximation.halved_down(&filters.high);
        approximation = low.halved_along(&filters.low);
        details.push(Details {
            horizontal: high.halved_along(&filters.low),
            vertical: low.halved_along(&filters.high),
            diagonal: high.halved_along(&filters.high),
        });
    }
    details.reverse();
    Ok(Decomposition {
        wavelet,
        width: plane.width,
        height: plane.height,
        approximation,
        details,
    })
}

/// The picture that was decomposed, exact but for rounding.
pub fn waverec2<T: Real>(parts: &Decomposition<T>) -> Plane<T> {
    recomposed(parts).cropped(parts.width, parts.height)
}

/// As [`waverec2`]; a side that was odd is one longer, as `PyWavelets` leaves it.
pub(super) fn recomposed<T: Real>(parts: &Decomposition<T>) -> Plane<T> {
    let filters = parts.wavelet.filters();
    let doubled = |len: usize| 2 * len + 2 - filters.low.len();
    let mut approximation = parts.approximation.clone();
    for details in &parts.details {
        let (width, height) = (details.diagonal.width, details.diagonal.height);
        approximation = approximation.cropped(width, height);
        let along = |low: &Plane<T>, high: &Plane<T>| {
            let mut sum = Plane::zeros(doubled(width), height);
            sum.add_doubled_along(low, &filters.low_back);
            sum.add_doubled_along(high, &filters.high_back);
            sum
        };
        let low = along(&approximation, &details.vertical);
        let high = along(&details.horizontal, &details.diagonal);
        approximation = Plane::zeros(doubled(width), doubled(height));
        approximation.add_doubled_down(&low, &filters.low_back);
        approximation.add_doubled_down(&high, &filters.high_back);
    }
    approximation
}

/// The approximation alone, without the details.
pub(super) fn approximation(plane: &Plane, wavelet: Wavelet, levels: u32) -> Plane {
    let low = wavelet.filters().low;
    let mut plane = plane.clone();
    for _ in 0..levels {
        plane = plane.halved_down(&low).halved_along(&low);
    }
    plane
}

impl<T: Real> Decomposition<T> {
    /// The wavelet.
    pub fn wavelet(&self) -> Wavelet {
        self.wavelet
    }

    /// Width and height of the picture that was decomposed.
    pub fn sides(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// All coefficients in one plane: the approximation in the upper left corner, around it the details of each level,
    /// the horizontal ones below, the vertical ones to the right. Where the sizes leave gaps there are zeros.
    pub fn to_plane(&self) -> Plane<T> {
        self.laid_out(&self.approximation, self.details.iter().cloned())
    }

    /// The coefficients as a picture, laid out as in [`Self::to_plane`]: the approximation from its least (black) to
    /// its largest value (white), the details by their absolute values, the largest of a level white.
    pub fn image(&self) -> GrayImage {
        let number = |v: T| -> f64 { v.into() };
        let values = || self.approximation.values.iter().map(|v| number(*v));
        let (least, most) = (
            values().fold(f64::MAX, f64::min),
            values().fold(f64::MIN, f64::max),
        );
        let scale = if most > least {
            255.0 / (most - least)
        } else {
            0.0
        };
        let approximation = self
            .approximation
            .map(|v| T::from_f64((number(v) - least) * scale));
        let details = self.details.iter().map(|details| {
            let planes = [&details.horizontal, &details.vertical, &details.diagonal];
            let values = planes.iter().flat_map(|plane| &plane.values);
            let largest = values.fold(0.0, |most: f64, v| most.max(number(*v).abs()));
            let scale = if largest > 0.0 { 255.0 / largest } else { 0.0 };
            let absolute = |plane: &Plane<T>| plane.map(|v| T::from_f64(number(v).abs() * scale));
            Details {
                horizontal: absolute(&details.horizontal),
                vertical: absolute(&details.vertical),
                diagonal: absolute(&details.diagonal),
            }
        });
        let plane = self.laid_out(&approximation, details);
        let levels = plane.values.iter().map(|v| number(*v).round() as u8);
        GrayImage::sized((plane.width as u32, plane.height as u32), levels.collect())
    }

    fn laid_out(
        &self,
        approximation: &Plane<T>,
        details: impl Iterator<Item = Details<T>>,
    ) -> Plane<T> {
        let sum = |of: fn(&Plane<T>) -> usize| {
            let details = self.details.iter().map(|d| of(&d.diagonal));
            of(approximation) + details.sum::<usize>()
        };
        let mut plane = Plane::zeros(sum(|p| p.width), sum(|p| p.height));
        plane.paste(approximation, 0, 0);
        let (mut left, mut top) = (approximation.width, approximation.height);
        for details in details {
            plane.paste(&details.horizontal, 0, top);
            plane.paste(&details.vertical, left, 0);
            plane.paste(&details.diagonal, left, top);
            left += details.diagonal.width;
            top += details.diagonal.height;
        }
        plane
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{formula, noise};

    fn plane(gray: &GrayImage) -> Plane {
        Plane::from(gray)
    }

    #[test]
    fn haar_halves_by_means() {
        let rows = vec![1.0, 3.0, 5.0, 5.0, 2.0, 2.0, 7.0, 1.0];
        let rows = Plane::new(4, 2, rows).unwrap();
        let low = approximation(&rows, Wavelet::Haar, 1);
        // The mean of four values times two, since the filter keeps the norm.
        assert_eq!((low.width(), low.height()), (2, 1));
        for (value, expected) in low.values().iter().zip([4.0, 9.0]) {
            assert!((value - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn filters_are_orthonormal() {
        for wavelet in Wavelet::ALL {
            let filter = wavelet.low_pass();
            for shift in (0..filter.len()).step_by(2) {
                let dot: f64 = filter
                    .iter()
                    .zip(&filter[shift..])
                    .map(|(a, b)| a * b)
                    .sum();
                let expected = f64::from(u8::from(shift == 0));
                assert!((dot - expected).abs() < 1e-11, "{wavelet:?} {shift}: {dot}");
            }
            let sum: f64 = filter.iter().sum();
            assert!((sum - std::f64::consts::SQRT_2).abs() < 1e-11);
        }
    }

    /// `pywt.dwt_max_level(min(sides), wavelet)`, `PyWavelets` 1.9.
    #[test]
    fn most_levels_are_those_of_pywavelets() {
        for (wavelet, side, expected) in [
            (Wavelet::Haar, 100, 6),
            (Wavelet::Haar, 64, 6),
            (Wavelet::Haar, 1, 0),
            (Wavelet::Db2, 45, 3),
            (Wavelet::Db4, 45, 2),
            (Wavelet::Db4, 13, 0),
        ] {
            assert_eq!(wavelet.max_level(side, 200), expected);
            assert_eq!(wavelet.max_level(200, side), expected);
        }
    }

    /// The decomposition and its inverse are the identity, whatever the size, filter and depth.
    #[test]
    fn what_was_decomposed_comes_back() {
        for seed in 0..60 {
            let sides = noise(seed, 2, 1);
            let (width, height) = (
                1 + u32::from(sides.pixels()[0] % 40),
                1 + u32::from(sides.pixels()[1] % 40),
            );
            let picture = plane(&noise(seed, width, height));
            for wavelet in Wavelet::ALL {
                for levels in 1..=4 {
                    let back = waverec2(&wavedec2(&picture, wavelet, levels).unwrap());
                    assert_eq!((back.width, back.height), (picture.width, picture.height));
                    let pairs = back.values.iter().zip(&picture.values);
                    let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                    assert!(
                        largest < 1e-8,
                        "{width} × {height} {wavelet:?} {levels}: {largest}"
                    );
                }
            }
        }
    }

    /// Where no border is doubled the energy stays.
    #[test]
    fn energy_is_kept() {
        let picture = plane(&noise(8, 32, 32));
        let energy = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>();
        let parts = wavedec2(&picture, Wavelet::Haar, 5).unwrap();
        let found = energy(parts.to_plane().values());
        assert!((found / energy(picture.values()) - 1.0).abs() < 1e-12);
    }

    /// Some values of `pywt.coeffs_to_array(pywt.wavedec2(a, wavelet, level=2))[0]`, `PyWavelets` 1.9: sides, sum,
    /// sum of absolute values, and three values.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "as the reference prints them")]
    fn coefficients_are_those_of_pywavelets() {
        for ((width, height), wavelet, sides, expected) in [
            (
                (64, 64),
                Wavelet::Haar,
                (64, 64),
                [
                    128768.00000000006,
                    201586.50000000006,
                    99.00000000000001,
                    184.75000000000009,
                    -9.499999999999996,
                ],
            ),
            (
                (37, 45),
                Wavelet::Haar,
                (39, 47),
                [
                    58612.50000000002,
                    82949.00000000003,
                    99.00000000000001,
                    184.75000000000009,
                    0.0,
                ],
            ),
            (
                (37, 45),
                Wavelet::Db2,
                (42, 50),
                [
                    63781.02374804149,
                    89208.32770549801,
                    43.3900669791137,
                    63.72719827668219,
                    -3.253284930203606,
                ],
            ),
            (
                (38, 21),
                Wavelet::Db3,
                (47, 31),
                [
                    41151.90744229097,
                    50179.86603635844,
                    68.6491086912246,
                    121.51010974898954,
                    -4.677265622242834,
                ],
            ),
            (
                (37, 45),
                Wavelet::Db4,
                (50, 58),
                [
                    87687.27423228334,
                    119397.86181517519,
                    122.2120366225956,
                    69.6147581339512,
                    32.28461576285381,
                ],
            ),
        ] {
            let parts = wavedec2(&plane(&formula(width, height)), wavelet, 2).unwrap();
            let found = parts.to_plane();
            assert_eq!((found.width, found.height), sides, "{wavelet:?}");
            let values = &found.values;
            let found = [
                values.iter().sum(),
                values.iter().map(|v| v.abs()).sum(),
                values[0],
                values[sides.0 + 1],
                values[sides.0 * sides.1 - 1],
            ];
            for (value, expected) in found.iter().zip(expected) {
                assert!((value - expected).abs() < 1e-8, "{wavelet:?} {found:?}");
            }
        }
    }

    #[test]
    fn pictures_use_the_whole_range() {
        let parts = wavedec2(&plane(&noise(3, 21, 16)), Wavelet::Db2, 2).unwrap();
        let (image, plane) = (parts.image(), parts.to_plane());
        assert_eq!(
            (image.width() as usize, image.height() as usize),
            (plane.width, plane.height)
        );
        assert_eq!(image.pixels().iter().max(), Some(&255));
        let flat = Plane::new(4, 4, vec![3.0; 16]).unwrap();
        let image = wavedec2(&flat, Wavelet::Haar, 1).unwrap().image();
        assert_eq!(image.pixels(), [0; 16]);
    }

    #[test]
    fn planes_and_levels_are_checked() {
        assert!(Plane::new(2, 2, vec![0.0; 3]).is_none());
        assert!(Plane::<f64>::new(0, 2, Vec::new()).is_none());
        let dot = Plane::new(1, 1, vec![5.0]).unwrap();
        assert!(wavedec2(&dot, Wavelet::Haar, 0).is_err());
        assert!(wavedec2(&dot, Wavelet::Haar, 33).is_err());
        assert!(wavedec2(&dot, Wavelet::Db4, 32).is_ok());
        assert_eq!(Wavelet::from_name("db1"), Some(Wavelet::Haar));
        assert_eq!(Wavelet::from_name("db9"), None);
    }
}
