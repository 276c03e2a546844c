//! Augmentation: pictures changed a little, at random, each time they are trained on.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::shape::Shape;

/// How far pictures may be changed. Every amount is drawn evenly within ±; zero leaves it out.
///
/// The default changes nothing; [`Augmentation::usual`] is a start for faces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Turned by up to so many degrees.
    pub rotate_degrees: f32,
    /// Mirrored left to right, half of the time.
    pub flip: bool,
    /// A part of the picture fills it: up to this share of the width and of the height is cut off, at random
    /// sides. Below 1.
    pub crop: f32,
    /// Larger or smaller by up to this share, about the centre. Below 1.
    pub scale: f32,
    /// Sheared to the side by up to so many degrees.
    pub shear_degrees: f32,
    /// Levels are moved by up to this share of 255.
    pub brightness: f32,
    /// Distances from the mean level grow or shrink by up to this share. Below 1.
    pub contrast: f32,
    /// Standard deviation of Gaussian noise, as a share of 255; drawn up to this for each picture.
    pub noise: f32,
}

impl Augmentation {
    /// What helps with faces that were cropped by a detector: they stay upright and in the middle.
    pub fn usual() -> Self {
        Self {
            rotate_degrees: 10.0,
            flip: true,
            crop: 0.1,
            scale: 0.1,
            shear_degrees: 5.0,
            brightness: 0.1,
            contrast: 0.2,
            noise: 0.02,
        }
    }

    /// Whether it changes nothing.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Says which amount is out of its range, if any is.
    pub(crate) fn check(&self) -> Result<(), String> {
        let amounts = [
            ("rotate_degrees", self.rotate_degrees, 180.0),
            ("crop", self.crop, 0.9),
            ("scale", self.scale, 0.9),
            ("shear_degrees", self.shear_degrees, 60.0),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 0.99),
            ("noise", self.noise, 1.0),
        ];
        for (name, amount, most) in amounts {
            if !(0.0..=most).contains(&amount) {
                return Err(format!("{name} {amount}; 0 to {most} is allowed"));
            }
        }
        Ok(())
    }

    /// Changes `picture`, levels of 0 to 255 of `shape`. The same `rng` gives the same picture.
    pub(crate) fn apply(
        &self,
        picture: &mut [f32],
        shape: Shape,
        rng: &mut Rng,
        spare: &mut Vec<f32>,
    ) {
        // All are drawn, whether they are used or not: one amount does not change what another draws.
        let mut draw = || 2.0 * rng.f32() - 1.0;
        let (turn, larger, shear) = (draw(), draw(), draw());
        let (cut, aside, up) = (draw().abs(), draw(), draw());
        let (brighter, contrast, noise) = (draw(), draw(), draw().abs());
        let is_mirrored = self.flip && rng.bool();
        let inverse = self.inverse_map(shape, turn, larger, shear, (cut, aside, up), is_mirrored);
        if let Some(inverse) = inverse {
            spare.clear();
            spare.extend_from_slice(picture);
            warp(spare, picture, shape, inverse);
        }
        let (brighter, contrast) = (255.0 * self.brightness * brighter, self.contrast * contrast);
        if brighter != 0.0 || contrast != 0.0 {
            let mean = picture.iter().sum::<f32>() / picture.len() as f32;
            for level in &mut *picture {
                *level = mean + (*level - mean) * (1.0 + contrast) + brighter;
            }
        }
        if self.noise > 0.0 {
            let deviation = 255.0 * self.noise * noise;
            for level in &mut *picture {
                *level += deviation * gaussian(rng);
            }
        }
        for level in picture {
            *level = level.clamp(0.0, 255.0);
        }
    }

    /// Where in the old picture a pixel of the new one lies: x' = a x + b y + c, y' = d x + e y + f, centres of
    /// pixels at halves. None if it lies where it was.
    fn inverse_map(
        &self,
        shape: Shape,
        turn: f32,
        larger: f32,
        shear: f32,
        (cut, aside, up): (f32, f32, f32),
        is_mirrored: bool,
    ) -> Option<[f32; 6]> {
        let (width, height) = (shape.width as f32, shape.height as f32);
        let angle = (self.rotate_degrees * turn).to_radians();
        let shear = (self.shear_degrees * shear).to_radians().tan();
        // A crop is a scale with a shift.
        let part = 1.0 - self.crop * cut;
        let scale = part / (1.0 + self.scale * larger);
        let (sin, cos) = angle.sin_cos();
        let mirror = if is_mirrored { -1.0 } else { 1.0 };
        let (a, b) = (scale * cos * mirror, scale * (cos * shear - sin));
        let (d, e) = (scale * sin * mirror, scale * (sin * shear + cos));
        let c = width / 2.0 * (1.0 - a + (1.0 - part) * aside) - b * height / 2.0;
        let f = height / 2.0 * (1.0 - e + (1.0 - part) * up) - d * width / 2.0;
        let map = [a, b, c, d, e, f];
        (map != [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]).then_some(map)
    }
}

/// Draws the picture anew, with bilinear interpolation; beyond its border the border's pixels go on.
fn warp(from: &[f32], to: &mut [f32], shape: Shape, [a, b, c, d, e, f]: [f32; 6]) {
    let Shape {
        width,
        height,
        channels,
        ..
    } = shape;
    let (right, bottom) = ((width - 1) as f32, (height - 1) as f32);
    for (i, pixel) in to.chunks_exact_mut(channels).enumerate() {
        let (x, y) = ((i % width) as f32 + 0.5, (i / width) as f32 + 0.5);
        let old_x = (a * x + b * y + c - 0.5).clamp(0.0, right);
        let old_y = (d * x + e * y + f - 0.5).clamp(0.0, bottom);
        let (left, top) = (old_x as usize, old_y as usize);
        let (x_share, y_share) = (old_x - left as f32, old_y - top as f32);
        let (next, below) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
        let at = |x: usize, y: usize| (y * width + x) * channels;
        let corners = [
            at(left, top),
            at(next, top),
            at(left, below),
            at(next, below),
        ];
        for (channel, level) in pixel.iter_mut().enumerate() {
            let [p, q, r, s] = corners.map(|corner| from[corner + channel]);
            let (above, under) = (p + (q - p) * x_share, r + (s - r) * x_share);
            *level = above + (under - above) * y_share;
        }
    }
}

/// A number of the standard normal distribution, by Box and Muller 1958.
fn gaussian(rng: &mut Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.f32()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.f32()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(augmentation: Augmentation, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let before: Vec<f32> = (0..48).map(|i| (i * 37 % 251) as f32).collect();
        let mut after = before.clone();
        let shape = Shape::picture(4, 4, 3);
        let mut rng = Rng::with_seed(seed);
        augmentation.apply(&mut after, shape, &mut rng, &mut Vec::new());
        (before, after)
    }

    #[test]
    fn nothing_changes_nothing() {
        let (before, after) = changed(Augmentation::default(), 3);
        assert_eq!(before, after);
    }

    #[test]
    fn equal_seeds_give_equal_pictures_and_others_do_not() {
        let augmentation = Augmentation::usual();
        assert_eq!(changed(augmentation, 3).1, changed(augmentation, 3).1);
        assert_ne!(changed(augmentation, 3).1, changed(augmentation, 4).1);
        for seed in 0..50 {
            let (_, after) = changed(augmentation, seed);
            assert!(after.iter().all(|level| (0.0..=255.0).contains(level)));
        }
    }

    #[test]
    fn a_flip_mirrors_half_of_the_time_exactly() {
        let flip = Augmentation {
            flip: true,
            ..Augmentation::default()
        };
        let mut mirrored = 0;
        for seed in 0..200 {
            let (before, after) = changed(flip, seed);
            if before == after {
                continue;
            }
            mirrored += 1;
            for (row, old) in after.chunks(12).zip(before.chunks(12)) {
                for x in 0..4 {
                    let (new, old) = (&row[3 * x..3 * x + 3], &old[3 * (3 - x)..3 * (3 - x) + 3]);
                    for (new, old) in new.iter().zip(old) {
                        assert!((new - old).abs() < 1e-3);
                    }
                }
            }
        }
        assert!((70..130).contains(&mirrored), "{mirrored}");
    }

    #[test]
    fn a_quarter_turn_puts_rows_into_columns() {
        let turn = Augmentation {
            rotate_degrees: 90.0,
            ..Augmentation::default()
        };
        let map = turn.inverse_map(
            Shape::picture(4, 4, 1),
            1.0,
            0.0,
            0.0,
            (0.0, 0.0, 0.0),
            false,
        );
        let before: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let mut after = before.clone();
        warp(&before, &mut after, Shape::picture(4, 4, 1), map.unwrap());
        for y in 0..4 {
            for x in 0..4 {
                assert!((after[y * 4 + x] - before[x * 4 + 3 - y]).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn brightness_moves_the_mean_and_contrast_the_distances() {
        let level = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let only = |change: fn(&mut Augmentation)| {
            let mut augmentation = Augmentation::default();
            change(&mut augmentation);
            changed(augmentation, 9)
        };
        let (before, after) = only(|a| a.brightness = 0.05);
        let moved = level(&after) - level(&before);
        assert!(moved != 0.0 && moved.abs() <= 0.05 * 255.0, "{moved}");
        let (before, after) = only(|a| a.contrast = 0.1);
        let ratio = (after[5] - level(&before)) / (before[5] - level(&before));
        assert!(ratio != 1.0 && (0.9..=1.1).contains(&ratio), "{ratio}");
        let (before, after) = only(|a| a.noise = 0.1);
        assert_ne!(before, after);
    }
}
