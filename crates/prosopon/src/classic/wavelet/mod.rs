//! Discrete wavelet transforms of pictures (Mallat 1989) with orthogonal wavelets (Haar 1910, Daubechies 1988).
//!
//! Values equal those of `wavedec2` and `waverec2` of `PyWavelets` 1.9, mode `symmetric`, within 1e-10, and
//! bit for bit in single precision; the picture of all coefficients is laid out as by `coeffs_to_array`.
//!
//! | File | Holds |
//! |---|---|
//! | `filter.rs` | the wavelets and the tables of their filters |
//! | `plane.rs` | values in rows |
//! | `steps.rs` | one halving of a plane, and the way back |
//! | `decomposition.rs` | the coefficients, and how they are laid out |

mod decomposition;
mod filter;
mod plane;
mod steps;
#[cfg(test)]
mod tests;

pub use decomposition::{Decomposition, Details};
pub use filter::Wavelet;
pub use plane::{Plane, Real};

/// More levels leave a picture of any size a single value.
const MOST_LEVELS: u32 = 32;

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
