//! Interpolation between the two nearest pixels in each direction, whatever the reduction.
//!
//! Equal to `cv2.resize(…, INTER_LINEAR)` (`OpenCV` 4.14) for 8-bit pictures of one and of three channels, bit
//! for bit: weights of 11 bits behind the point, four bits of which are dropped between the two passes.

use super::area::reduction;
use super::gray::GrayImage;
use crate::image::Image;

/// Bits behind the point of the weights.
const FRACTION: u32 = 11;

impl GrayImage {
    /// The picture with other sides, in pixels, by linear interpolation; a side of zero is taken as one.
    /// Shrinking by more than two skips pixels: [`Self::resized_area`] does not.
    #[must_use]
    pub fn resized_linear(&self, width: u32, height: u32) -> Self {
        let sides = (width.max(1), height.max(1));
        if self.halves(sides) {
            return self.resized_area(sides.0, sides.1);
        }
        let (across, down) = (taps(self.width(), sides.0), taps(self.height(), sides.1));
        Self::sized(
            sides,
            resized::<1>(self.pixels(), self.width(), &across, &down),
        )
    }

    fn halves(&self, sides: (u32, u32)) -> bool {
        is_half((self.width(), self.height()), sides)
    }
}

impl Image {
    /// The picture with other sides, in pixels, by linear interpolation, with the very values of `OpenCV`; a
    /// side of zero is taken as one.
    #[must_use]
    pub fn resized_as_opencv_linear(&self, width: u32, height: u32) -> Self {
        let sides = (width.max(1), height.max(1));
        if is_half((self.width(), self.height()), sides) {
            return self.resized_as_opencv_area(sides.0, sides.1);
        }
        let (across, down) = (taps(self.width(), sides.0), taps(self.height(), sides.1));
        let pixels = resized::<3>(self.pixels(), self.width(), &across, &down);
        Self::from_rgb(sides.0, sides.1, pixels).unwrap_or_else(|_| self.clone())
    }
}

/// Half the size is a mean of four pixels either way; `OpenCV` takes the shorter way, which rounds otherwise.
fn is_half(old: (u32, u32), new: (u32, u32)) -> bool {
    (u64::from(new.0) * 2, u64::from(new.1) * 2) == (old.0.into(), old.1.into())
}

/// Two old pixels and their weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    places: [usize; 2],
    weights: [i32; 2],
}

impl Tap {
    /// Between pixel `first` and the next one, `share` of the way, of `len`; beyond the border the outermost
    /// pixel is repeated.
    pub(super) fn new(first: i64, share: f32, len: u32) -> Self {
        let one = (1 << FRACTION) as f32;
        let fixed = |weight: f32| (weight * one).round_ties_even() as i32;
        let place = |i: i64| i.clamp(0, i64::from(len) - 1) as usize;
        Self {
            places: [place(first), place(first + 1)],
            weights: [fixed(1.0 - share), fixed(share)],
        }
    }
}

fn taps(old: u32, new: u32) -> Vec<Tap> {
    let scale = reduction(old, new);
    (0..new)
        .map(|i| {
            let place = ((f64::from(i) + 0.5) * scale - 0.5) as f32;
            Tap::new(place.floor() as i64, place - place.floor(), old)
        })
        .collect()
}

/// Rows of `old_width` pixels of `C` channels, interpolated along the rows, then down the columns.
pub(super) fn resized<const C: usize>(
    pixels: &[u8],
    old_width: u32,
    across: &[Tap],
    down: &[Tap],
) -> Vec<u8> {
    let along = |y: usize| -> Vec<i32> {
        let row = &pixels[y * old_width as usize * C..][..old_width as usize * C];
        let values = across.iter().flat_map(|tap| {
            (0..C).map(|c| {
                let products = tap.places.iter().zip(tap.weights);
                products.map(|(x, w)| i32::from(row[x * C + c]) * w).sum()
            })
        });
        values.collect()
    };
    let mut rows: Vec<(usize, Vec<i32>)> = Vec::new();
    let mut out = Vec::with_capacity(across.len() * down.len() * C);
    for tap in down {
        rows.retain(|(y, _)| tap.places.contains(y));
        for y in tap.places {
            if !rows.iter().any(|(known, _)| *known == y) {
                rows.push((y, along(y)));
            }
        }
        let row = |y: usize| rows.iter().find(|(known, _)| *known == y).map(|(_, r)| r);
        let [Some(upper), Some(lower)] = tap.places.map(row) else {
            continue;
        };
        out.extend(upper.iter().zip(lower).map(|(a, b)| {
            let part = |value: i32, weight: i32| (weight * (value >> 4)) >> 16;
            let sum = part(*a, tap.weights[0]) + part(*b, tap.weights[1]);
            ((sum + 2) >> 2).clamp(0, 255) as u8
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::classic::testing::{color_formula, digest, formula};

    /// `hashlib.sha256(cv2.resize(a, size, interpolation=cv2.INTER_LINEAR)).hexdigest()[:16]`, `OpenCV` 4.14, of one
    /// channel and of three.
    #[test]
    fn pixels_are_those_of_opencv() {
        for (old, new, gray, color) in [
            ((64, 64), (32, 32), "74f1345dd26f5d47", "5506073ae44a28f2"),
            ((64, 60), (16, 20), "e0e4fa18c7f3dee0", "d0fd6a8dd77b8a9f"),
            ((101, 67), (48, 48), "51c9bc342883e47d", "420eee4b937ed031"),
            ((98, 147), (2, 3), "8011a72619dd3a91", "a77a5d825659616f"),
            ((37, 45), (36, 7), "2cc7f158e9691338", "538d9cde26469811"),
            (
                (92, 112),
                (100, 100),
                "a70d603704d4de97",
                "3085091e0a40f3e1",
            ),
            ((13, 9), (40, 31), "6cfcbdb015a2b3f0", "cb047703b1044e0d"),
            ((5, 1), (2, 3), "035cf827b74bc60c", "23995d1f70775500"),
        ] {
            let found = formula(old.0, old.1).resized_linear(new.0, new.1);
            assert_eq!(digest(found.pixels()), gray, "{old:?} to {new:?}");
            let found = color_formula(old.0, old.1).resized_as_opencv_linear(new.0, new.1);
            assert_eq!(digest(found.pixels()), color, "{old:?} to {new:?}");
        }
    }
}
