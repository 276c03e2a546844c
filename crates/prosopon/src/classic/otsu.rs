//! Otsu's threshold (Otsu 1979) and pictures of two levels.
//!
//! Equal to `cv2.threshold(…, THRESH_BINARY | THRESH_OTSU)` (`OpenCV` 4.14) and to scikit-image's
//! `threshold_otsu`.

use super::equalize::histogram;
use super::gray::GrayImage;

/// The level that parts the pixels, those up to it and those above, into two classes whose means differ most, by
/// their variance between classes; the lowest of several, 0 for a picture of one level.
///
/// # Examples
/// ```
/// use prosopon::classic::{GrayImage, otsu_threshold, thresholded};
///
/// let picture = GrayImage::new(4, 1, vec![10, 12, 200, 210]).ok_or("pixels fill the sides")?;
/// assert_eq!(otsu_threshold(&picture), 12);
/// assert_eq!(thresholded(&picture, 12, false).pixels(), [0, 0, 255, 255]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn otsu_threshold(gray: &GrayImage) -> u8 {
    let counts = histogram(gray);
    // The order of these operations is OpenCV's: with two levels equally good, rounding decides.
    let scale = 1.0 / gray.pixels().len() as f64;
    let levels = || (0..=255u8).map(f64::from).zip(counts.map(f64::from));
    let mean = levels().map(|(level, count)| level * count).sum::<f64>() * scale;
    let empty = f64::from(f32::EPSILON);
    let (mut lower_mean, mut lower_share) = (0.0, 0.0);
    let (mut best, mut threshold) = (0.0, 0.0);
    for (level, count) in levels() {
        let share = count * scale;
        lower_mean *= lower_share;
        lower_share += share;
        let upper_share = 1.0 - lower_share;
        if lower_share.min(upper_share) < empty || lower_share.max(upper_share) > 1.0 - empty {
            continue;
        }
        lower_mean = (lower_mean + level * share) / lower_share;
        let upper_mean = (mean - lower_share * lower_mean) / upper_share;
        let between = lower_share * upper_share * (lower_mean - upper_mean).powi(2);
        if between > best {
            (best, threshold) = (between, level);
        }
    }
    threshold as u8
}

/// White (255) where the level is above `threshold`, black elsewhere; the other way round if `inverted`.
pub fn thresholded(gray: &GrayImage, threshold: u8, inverted: bool) -> GrayImage {
    gray.mapped(|level| {
        if (level > threshold) == inverted {
            0
        } else {
            255
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{formula, noise};

    /// `cv2.threshold(a, 0, 255, cv2.THRESH_OTSU)[0]`, `OpenCV` 4.14.
    #[test]
    fn thresholds_are_those_of_opencv() {
        for ((width, height), expected) in [((37, 45), 130), ((64, 64), 128), ((5, 3), 18)] {
            assert_eq!(otsu_threshold(&formula(width, height)), expected);
        }
    }

    /// What is black and what is white depends on which levels are apart, not on where they lie: shifted or
    /// stretched levels move the threshold with them.
    #[test]
    fn shifted_and_stretched_levels_part_alike() {
        for seed in 0..50 {
            let picture = noise(seed, 23, 9).mapped(|level| level / 4);
            let parted = thresholded(&picture, otsu_threshold(&picture), false);
            for relabel in [|v: u8| v + 120, |v| v * 3, |v| v * 2 + 77] {
                let other = picture.mapped(relabel);
                let threshold = otsu_threshold(&other);
                assert_eq!(thresholded(&other, threshold, false), parted);
                assert_eq!(threshold, relabel(otsu_threshold(&picture)));
            }
        }
    }

    /// The definition itself, for every level.
    #[test]
    fn no_other_level_parts_better() {
        let between = |picture: &GrayImage, threshold: u8| {
            let (low, high): (Vec<f64>, Vec<f64>) = {
                let parts = picture.pixels().iter().partition(|v| **v <= threshold);
                let (low, high): (Vec<u8>, Vec<u8>) = parts;
                let floats = |v: Vec<u8>| v.into_iter().map(f64::from).collect();
                (floats(low), floats(high))
            };
            let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
            if low.is_empty() || high.is_empty() {
                return 0.0;
            }
            low.len() as f64 * high.len() as f64 * (mean(&low) - mean(&high)).powi(2)
        };
        let picture = noise(4, 12, 12);
        let best = between(&picture, otsu_threshold(&picture));
        for threshold in 0..=255 {
            assert!(between(&picture, threshold) <= best * (1.0 + 1e-9));
        }
    }

    #[test]
    fn one_level_has_nothing_to_part() {
        for level in [0, 77, 255] {
            assert_eq!(
                otsu_threshold(&GrayImage::new(3, 3, vec![level; 9]).unwrap()),
                0
            );
        }
    }
}
