//! Lanczos resampling with the very values of Pillow's `resize(…, LANCZOS)`.
//!
//! `fast_image_resize` is modelled on Pillow too but rounds its weights to 16 bits, which moves some
//! pixels by one level, enough to turn a bit of a hash. Here weights have 22 bits behind the point,
//! as in Pillow.

use super::GrayImage;

/// Neighbours on each side that a new pixel looks at, in old pixels times the reduction.
const SUPPORT: f64 = 3.0;
/// Bits behind the point of the weights.
const PRECISION: u32 = 22;

impl GrayImage {
    /// The picture with other sides, in pixels; a side of zero is taken as one.
    pub(super) fn resized_lanczos(&self, width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1) as usize, height.max(1) as usize);
        let (old_width, old_height) = (self.width() as usize, self.height() as usize);
        // The levels are rounded between the two passes, so their order shows. This is the rule of
        // Pillow 13.0, found by trying sizes.
        let down_first = old_height > height + 2 * old_width.saturating_sub(width);
        let mut pixels = self.pixels().to_vec();
        if down_first {
            pixels = scaled_down_columns(pixels, old_width, height);
        }
        if width != old_width {
            let taps = taps(old_width, width);
            pixels = pixels
                .chunks_exact(old_width)
                .flat_map(|row| taps.iter().map(|tap| tap.apply(row)))
                .collect();
        }
        if !down_first {
            pixels = scaled_down_columns(pixels, width, height);
        }
        Self::new(width as u32, height as u32, pixels).unwrap_or_else(|| self.clone())
    }
}

/// Pixels of `width` columns with another number of rows.
fn scaled_down_columns(pixels: Vec<u8>, width: usize, height: usize) -> Vec<u8> {
    let old_height = pixels.len() / width;
    if height == old_height {
        return pixels;
    }
    let taps = taps(old_height, height);
    let rows = taps.iter().map(|tap| tap.apply_rows(&pixels, width));
    rows.flatten().collect()
}

/// Which old pixels make a new one.
struct Tap {
    start: usize,
    weights: Vec<i32>,
}

impl Tap {
    /// The new pixel of one row.
    fn apply(&self, row: &[u8]) -> u8 {
        let old = &row[self.start..self.start + self.weights.len()];
        let products = old
            .iter()
            .zip(&self.weights)
            .map(|(v, w)| i32::from(*v) * w);
        rounded(products.sum())
    }

    /// The new row from rows of `width` pixels.
    fn apply_rows(&self, pixels: &[u8], width: usize) -> Vec<u8> {
        let mut sums = vec![0i32; width];
        let rows = pixels.chunks_exact(width).skip(self.start);
        for (row, weight) in rows.zip(&self.weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        sums.into_iter().map(rounded).collect()
    }
}

/// A level from a weighted sum. The weights of one pixel add up to 1, their absolute values to less
/// than 1.5, so that the sums stay inside 32 bits.
fn rounded(sum: i32) -> u8 {
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
}

fn taps(old: usize, new: usize) -> Vec<Tap> {
    let scale = old as f64 / new as f64;
    let reduction = scale.max(1.0);
    let support = SUPPORT * reduction;
    (0..new)
        .map(|i| {
            let center = (i as f64 + 0.5) * scale;
            // `as` truncates and takes what is below zero as zero, as Pillow does.
            let start = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(old);
            let weights: Vec<f64> = (start..end)
                .map(|x| lanczos((x as f64 - center + 0.5) * (1.0 / reduction)))
                .collect();
            let total: f64 = weights.iter().sum();
            let fixed = |w: f64| (w / total * f64::from(1 << PRECISION)).round() as i32;
            Tap {
                start,
                weights: weights.into_iter().map(fixed).collect(),
            }
        })
        .collect()
}

/// Lanczos's window of three lobes.
fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let x = x * std::f64::consts::PI;
        if x == 0.0 { 1.0 } else { x.sin() / x }
    };
    if (-SUPPORT..SUPPORT).contains(&x) {
        sinc(x) * sinc(x / SUPPORT)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Pillow 13.0 for the same pixels.
    #[test]
    fn values_are_those_of_pillow() {
        let level = |i: u32, j: u32| (i * 37 + j * 91 + i * j * 13) as u8;
        let pixels = (0..17).flat_map(|j| (0..23).map(move |i| level(i, j)));
        let picture = GrayImage::new(23, 17, pixels.collect()).unwrap();
        let small = picture.resized_lanczos(8, 8);
        assert_eq!(small.pixels()[..8], [106, 143, 130, 105, 155, 83, 153, 105]);
        let wide = picture.resized_lanczos(30, 5);
        let expected = [
            128, 150, 164, 148, 129, 99, 133, 158, 124, 149, 120, 124, 161, 90, 166, 193, 102, 88,
            129, 130, 118, 156, 171, 125, 120, 174, 146, 152, 165, 155,
        ];
        assert_eq!(wide.pixels()[60..90], expected);
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let picture = GrayImage::new(3, 2, vec![9, 8, 7, 255, 0, 3]).unwrap();
        assert_eq!(picture.resized_lanczos(3, 2), picture);
        let gray = GrayImage::new(5, 5, vec![200; 25]).unwrap();
        assert!(
            gray.resized_lanczos(9, 2)
                .pixels()
                .iter()
                .all(|v| *v == 200)
        );
    }
}
