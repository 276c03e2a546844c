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
}

#[cfg(test)]
mod tests {
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
    }
}
