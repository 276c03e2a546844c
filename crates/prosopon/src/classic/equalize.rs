//! Histogram equalisation: levels are spread so that each range of them has about as many pixels.
//!
//! Equal to `cv2.equalizeHist` (`OpenCV` 4.14), bit for bit.

use super::gray::GrayImage;

/// How many pixels have each level.
pub(super) fn histogram(gray: &GrayImage) -> [u32; 256] {
    let mut counts = [0; 256];
    for level in gray.pixels() {
        counts[usize::from(*level)] += 1;
    }
    counts
}

/// The picture with the levels spread over 0 to 255: a level becomes the share of pixels that are as dark
/// or darker, those of the darkest level left out. A picture of one level stays as it is.
///
/// # Examples
/// ```
/// use prosopon::classic::{GrayImage, equalized};
///
/// let faint = GrayImage::new(2, 2, vec![100, 101, 102, 103]).ok_or("pixels fill the sides")?;
/// assert_eq!(equalized(&faint).pixels(), [0, 85, 170, 255]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn equalized(gray: &GrayImage) -> GrayImage {
    let counts = histogram(gray);
    let darkest = counts.iter().position(|n| *n > 0).unwrap_or(0);
    let others = gray.pixels().len() as u32 - counts[darkest];
    if others == 0 {
        return gray.clone();
    }
    // Single precision and the rounding of halves to even decide bits.
    let scale = 255.0 / others as f32;
    let mut levels = [0; 256];
    let mut sum = 0;
    for (level, count) in levels.iter_mut().zip(&counts).skip(darkest + 1) {
        sum += count;
        *level = (sum as f32 * scale).round_ties_even() as u8;
    }
    gray.mapped(|level| levels[usize::from(level)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{digest, formula, noise};

    /// `hashlib.sha256(cv2.equalizeHist(a)).hexdigest()[:16]`, `OpenCV` 4.14.
    #[test]
    fn pixels_are_those_of_opencv() {
        for ((width, height), expected) in [
            ((37, 45), "d610e85d25c3f3f0"),
            ((64, 64), "969a99480f35e858"),
            ((101, 7), "89f216ddb4b32a49"),
        ] {
            let picture = formula(width, height);
            assert_eq!(digest(equalized(&picture).pixels()), expected);
        }
    }

    /// The first time spreads the levels; after that each is where its share of pixels puts it (unless some were so
    /// few that they joined the darkest, hence 16 levels here).
    #[test]
    fn a_second_time_changes_nothing() {
        for seed in 0..20 {
            let once = equalized(&noise(seed, 31, 17).mapped(|level| level / 16));
            assert_eq!(equalized(&once), once);
        }
        let flat = GrayImage::new(3, 2, vec![77; 6]).unwrap();
        assert_eq!(equalized(&flat), flat);
    }

    #[test]
    fn order_is_kept_and_the_whole_range_is_used() {
        let picture = noise(3, 40, 30).mapped(|level| 90 + level / 8);
        let spread = equalized(&picture);
        assert_eq!(spread.pixels().iter().min(), Some(&0));
        assert_eq!(spread.pixels().iter().max(), Some(&255));
        let mut pairs: Vec<_> = picture.pixels().iter().zip(spread.pixels()).collect();
        pairs.sort();
        assert!(pairs.is_sorted_by_key(|(_, new)| **new));
    }
}
