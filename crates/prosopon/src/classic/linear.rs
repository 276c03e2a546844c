<<<<<<< HEAD
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
=======
//! Bilinear scaling in whole numbers, bit for bit that of `OpenCV` 4.14's `INTER_LINEAR_EXACT` for one
//! channel of 8 bits.
//!
//! Weights are 256ths, rounded, ties to even. All products of a pixel with two weights fit into 32 bits, so
//! nothing is rounded until the end, and the order of the two directions does not matter.

use super::gray::GrayImage;

/// Where a position of the output lies between two of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tap {
    first: u32,
    second: u32,
    /// Weight of the second in 256ths; the first has the rest.
    weight: u16,
}

/// The taps of one axis, for an input of `from` positions and an output of `to`.
fn taps(from: u32, to: u32) -> Vec<Tap> {
    // As OpenCV divides: its scale is the reciprocal of the quotient.
    let scale = 1.0 / (f64::from(to) / f64::from(from));
    let last = from - 1;
    let tap = |place: u32| {
        let position = scale * (f64::from(place) + 0.5) - 0.5;
        let floor = position.floor();
        if floor < 0.0 {
            return at(0);
        }
        if floor >= f64::from(last) {
            return at(last);
        }
        let first = floor as u32;
        Tap {
            first,
            second: first + 1,
            weight: ((position - floor) * 256.0).round_ties_even() as u16,
        }
    };
    (0..to).map(tap).collect()
}

fn at(place: u32) -> Tap {
    Tap {
        first: place,
        second: place,
        weight: 0,
    }
}

/// A picture at another size, of which any rows can be computed.
pub(super) struct Scaled<'a> {
    image: &'a GrayImage,
    width: u32,
    height: u32,
    columns: Vec<Tap>,
    rows: Vec<Tap>,
}

impl<'a> Scaled<'a> {
    /// `image` at `width × height`, both at least 1.
    pub(super) fn new(image: &'a GrayImage, width: u32, height: u32) -> Self {
        Self {
            image,
            width,
            height,
            columns: taps(image.width(), width),
            rows: taps(image.height(), height),
        }
    }

    /// Width of the output.
    pub(super) fn width(&self) -> u32 {
        self.width
    }


    /// Computes the rows from `top` on that fill `rows`, whose length is a multiple of the width.
    /// `mixed` is room for one row of the input.
    pub(super) fn fill(&self, top: u32, rows: &mut [u8], mixed: &mut Vec<u16>) {
        let input_width = self.image.width() as usize;
        let pixels = self.image.pixels();
        let input_row = |y: u32| &pixels[y as usize * input_width..][..input_width];
        let is_copy = (self.width, self.height) == (self.image.width(), self.image.height());
        mixed.resize(input_width, 0);
        let taps = self.rows.iter().skip(top as usize);
        for (row, tap) in rows.chunks_exact_mut(self.width as usize).zip(taps) {
            if is_copy {
                row.copy_from_slice(input_row(tap.first));
                continue;
            }
            let (a, b) = (256 - tap.weight, tap.weight);
            let pairs = input_row(tap.first).iter().zip(input_row(tap.second));
            for (value, (first, second)) in mixed.iter_mut().zip(pairs) {
                *value = u16::from(*first) * a + u16::from(*second) * b;
            }
            for (pixel, tap) in row.iter_mut().zip(&self.columns) {
                let (first, second) = (mixed[tap.first as usize], mixed[tap.second as usize]);
                let weight = u32::from(tap.weight);
                let sum = u32::from(first) * (256 - weight) + u32::from(second) * weight;
                *pixel = ((sum + 0x8000) >> 16) as u8;
            }
        }
    }
>>>>>>> part4-a
}

#[cfg(test)]
mod tests {
<<<<<<< HEAD
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
=======
    use super::*;

    fn scaled(width: u32, height: u32, pixels: &[u8], to: (u32, u32)) -> Vec<u8> {
        let image = GrayImage::new(width, height, pixels.to_vec()).unwrap();
        let scaled = Scaled::new(&image, to.0, to.1);
        let mut rows = vec![0; (to.0 * to.1) as usize];
        scaled.fill(0, &mut rows, &mut Vec::new());
        rows
    }

    #[test]
    fn the_same_size_is_a_copy() {
        assert_eq!(scaled(2, 2, &[1, 2, 3, 4], (2, 2)), [1, 2, 3, 4]);
    }

    #[test]
    fn half_the_size_is_the_mean_of_four() {
        assert_eq!(scaled(2, 2, &[10, 20, 30, 41], (1, 1)), [25]);
        assert_eq!(scaled(2, 2, &[0, 1, 1, 0], (1, 1)), [1], "halves go up");
    }

    #[test]
    fn weights_are_256ths() {
        // 3 to 2: positions 0.25 and 1.75, so 3/4 and 1/4.
        assert_eq!(scaled(3, 1, &[0, 100, 200], (2, 1)), [25, 175]);
        // 3 to 1: position 1.
        assert_eq!(scaled(3, 1, &[0, 100, 201], (1, 1)), [100]);
    }

    #[test]
    fn any_rows_are_those_of_the_whole() {
        let pixels: Vec<u8> = (0..35).map(|v: u32| (v * 37 % 251) as u8).collect();
        let image = GrayImage::new(5, 7, pixels.clone()).unwrap();
        let whole = scaled(5, 7, &pixels, (4, 6));
        let mut part = vec![0; 8];
        Scaled::new(&image, 4, 6).fill(3, &mut part, &mut Vec::new());
        assert_eq!(part, whole[12..20]);
>>>>>>> part4-a
    }
}
