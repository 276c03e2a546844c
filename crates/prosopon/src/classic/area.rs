//! Shrinking by area: a new pixel is the mean of what it covers of the old ones.
//!
//! Equal to `cv2.resize(…, INTER_AREA)` (`OpenCV` 4.14) for 8-bit pictures of one and of three channels, bit for
//! bit. Where a side grows there is no area to average, and `OpenCV` interpolates in both directions between
//! the two nearest pixels, in steps as long as the overlap; so does this.

use super::gray::GrayImage;
use super::linear::{self, Tap};
use crate::image::Image;

impl GrayImage {
    /// The picture with other sides, in pixels, by area; a side of zero is taken as one.
    #[must_use]
    pub fn resized_area(&self, width: u32, height: u32) -> Self {
        let sides = (width.max(1), height.max(1));
        let old = (self.width(), self.height());
        Self::sized(sides, resized::<1>(self.pixels(), old, sides))
    }
}

impl Image {
    /// The picture with other sides, in pixels, by area, with the very values of `OpenCV`; a side of zero is
    /// taken as one. `Image::resized` is faster and differs by a level here and there.
    #[must_use]
    pub fn resized_as_opencv_area(&self, width: u32, height: u32) -> Self {
        let sides = (width.max(1), height.max(1));
        let pixels = resized::<3>(self.pixels(), (self.width(), self.height()), sides);
        Self::from_rgb(sides.0, sides.1, pixels).unwrap_or_else(|_| self.clone())
    }
}

/// Pixels of `C` channels and sides `old` (width, height) with sides `new`, none of them zero.
fn resized<const C: usize>(pixels: &[u8], old: (u32, u32), new: (u32, u32)) -> Vec<u8> {
    if old == new {
        return pixels.to_vec();
    }
    if new.0 > old.0 || new.1 > old.1 {
        let taps = |old: u32, new: u32| (0..new).map(|i| overlap(i, old, new)).collect::<Vec<_>>();
        return linear::resized::<C>(pixels, old.0, &taps(old.0, new.0), &taps(old.1, new.1));
    }
    let blocks = (
        whole(reduction(old.0, new.0)),
        whole(reduction(old.1, new.1)),
    );
    if let (Some(wide), Some(high)) = blocks {
        return by_blocks::<C>(pixels, old.0, new, (wide, high));
    }
    by_shares::<C>(pixels, old, new)
}

/// Old pixels in a new one. Computed the long way, as `OpenCV` does: the last bit decides whether 49 old pixels
/// are a whole number.
pub(super) fn reduction(old: u32, new: u32) -> f64 {
    1.0 / (f64::from(new) / f64::from(old))
}

fn whole(reduction: f64) -> Option<u32> {
    ((reduction - reduction.round()).abs() < f64::EPSILON).then_some(reduction.round() as u32)
}

/// Where a new pixel lies between two old ones when a side grows: in between only if it covers both.
fn overlap(i: u32, old: u32, new: u32) -> Tap {
    let (scale, inverse) = (reduction(old, new), f64::from(new) / f64::from(old));
    let first = (f64::from(i) * scale).floor();
    let share = (f64::from(i) + 1.0 - (first + 1.0) * inverse) as f32;
    let share = if share <= 0.0 {
        0.0
    } else {
        share - share.floor()
    };
    Tap::new(first as i64, share, old)
}

/// Means of whole blocks of `block` pixels.
fn by_blocks<const C: usize>(
    pixels: &[u8],
    old_width: u32,
    new: (u32, u32),
    block: (u32, u32),
) -> Vec<u8> {
    let row = old_width as usize * C;
    let (wide, high) = (block.0 as usize, block.1 as usize);
    let scale = 1.0 / (block.0 * block.1) as f32;
    let is_double = block == (2, 2);
    let mut shrunken = Vec::with_capacity(new.0 as usize * new.1 as usize * C);
    for rows in pixels.chunks_exact(row * high) {
        for x in 0..new.0 as usize {
            for c in 0..C {
                let first = x * wide * C + c;
                let line = |y: usize| rows[y * row + first..].iter().step_by(C).take(wide);
                let sum: u32 = (0..high).flat_map(line).copied().map(u32::from).sum();
                // Blocks of 2 × 2 have a path of their own in OpenCV, which rounds halves up.
                shrunken.push(if is_double {
                    ((sum + 2) >> 2) as u8
                } else {
                    (sum as f32 * scale).round_ties_even() as u8
                });
            }
        }
    }
    shrunken
}

/// The part of a new pixel that one old pixel fills.
struct Share {
    new: usize,
    old: usize,
    weight: f32,
}

/// All shares along one side, in order. Parts below a thousandth of a pixel are left out, as in `OpenCV`.
fn shares(old: u32, new: u32) -> Vec<Share> {
    const LEAST: f64 = 1e-3;
    let scale = reduction(old, new);
    let mut shares = Vec::new();
    for i in 0..new as usize {
        let start = i as f64 * scale;
        let end = start + scale;
        let covered = scale.min(f64::from(old) - start);
        let last_whole = (end.floor() as usize).min(old as usize - 1);
        let first_whole = (start.ceil() as usize).min(last_whole);
        let mut share = |old: usize, part: f64| {
            shares.push(Share {
                new: i,
                old,
                weight: (part / covered) as f32,
            });
        };
        if first_whole as f64 - start > LEAST {
            share(first_whole - 1, first_whole as f64 - start);
        }
        for whole in first_whole..last_whole {
            share(whole, 1.0);
        }
        if end - last_whole as f64 > LEAST {
            share(last_whole, (end - last_whole as f64).min(1.0).min(covered));
        }
    }
    shares
}

fn by_shares<const C: usize>(pixels: &[u8], old: (u32, u32), new: (u32, u32)) -> Vec<u8> {
    let (across, down) = (shares(old.0, new.0), shares(old.1, new.1));
    let new_row = new.0 as usize * C;
    let mut sums = vec![0.0f32; new_row * new.1 as usize];
    let mut line = vec![0.0f32; new_row];
    for share in &down {
        let row = &pixels[share.old * old.0 as usize * C..][..old.0 as usize * C];
        line.fill(0.0);
        for part in &across {
            for c in 0..C {
                line[part.new * C + c] += f32::from(row[part.old * C + c]) * part.weight;
            }
        }
        let sums = &mut sums[share.new * new_row..][..new_row];
        for (sum, value) in sums.iter_mut().zip(&line) {
            *sum += share.weight * value;
        }
    }
    sums.iter().map(|sum| sum.round_ties_even() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{color_formula, digest, formula};

    /// `hashlib.sha256(cv2.resize(a, size, interpolation=cv2.INTER_AREA)).hexdigest()[:16]`, `OpenCV` 4.14, of one
    /// channel and of three.
    #[test]
    fn pixels_are_those_of_opencv() {
        for (old, new, gray, color) in [
            ((64, 64), (32, 32), "74f1345dd26f5d47", "5506073ae44a28f2"),
            ((64, 60), (16, 20), "5647828c6d13a284", "37b0871da56e614e"),
            ((101, 67), (48, 48), "e6c506f117d45040", "d6313345263e2ef4"),
            ((98, 147), (2, 3), "c790d75018905829", "4ac922357a074468"),
            ((37, 45), (36, 7), "8e41fa995ff03156", "dbeb74b0a29eecf0"),
            (
                (92, 112),
                (100, 100),
                "482fa02daba159d8",
                "7e3e51cb2162ed07",
            ),
            ((13, 9), (40, 31), "2eca63e087814b91", "27111c7ba5e24127"),
            ((5, 1), (2, 3), "380c812cf69beef6", "b629f60c3a378710"),
        ] {
            let found = formula(old.0, old.1).resized_area(new.0, new.1);
            assert_eq!(digest(found.pixels()), gray, "{old:?} to {new:?}");
            let found = color_formula(old.0, old.1).resized_as_opencv_area(new.0, new.1);
            assert_eq!(digest(found.pixels()), color, "{old:?} to {new:?}");
        }
    }

    #[test]
    fn flat_stays_flat_and_the_same_size_changes_nothing() {
        let picture = formula(17, 9);
        assert_eq!(picture.resized_area(17, 9), picture);
        let flat = GrayImage::new(23, 31, vec![200; 23 * 31]).unwrap();
        for (width, height) in [(0, 0), (5, 7), (23, 4), (60, 50)] {
            let found = flat.resized_area(width, height);
            assert!(found.pixels().iter().all(|v| *v == 200));
            assert_eq!(
                (found.width(), found.height()),
                (width.max(1), height.max(1))
            );
        }
    }
}
