//! Image gradients: how fast the level changes along the rows and down the columns.
//!
//! Equal to `cv2.Sobel` and `cv2.Scharr` (`OpenCV` 4.14), to `numpy.gradient`, and to `TensorFlow`'s
//! `image_gradients`, whose border they also have.

use super::border::reflected;
use super::gray::GrayImage;
use crate::image::Image;

/// How a change is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GradientOperator {
    /// Differences of the neighbours on both sides, averaged over three rows with weights 1, 2, 1 (Sobel and
    /// Feldman 1968); values in [−1020, 1020]. The border is mirrored.
    #[default]
    Sobel,
    /// As [`Self::Sobel`] with weights 3, 10, 3, which hold the direction better (Scharr 2000); values in
    /// [−4080, 4080].
    Scharr,
    /// Half the difference of the neighbours on both sides, at the border that of the pixel itself and its
    /// one neighbour: `numpy.gradient`. Values in [−255, 255].
    Central,
    /// The next pixel minus this one, zero in the last row or column: `tf.image.image_gradients`. Values in
    /// [−255, 255].
    Forward,
}

impl GradientOperator {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sobel, Self::Scharr, Self::Central, Self::Forward];

    /// Its short name: `sobel`, `scharr`, `central`, `forward`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sobel => "sobel",
            Self::Scharr => "scharr",
            Self::Central => "central",
            Self::Forward => "forward",
        }
    }

    /// The largest change along one direction that it can give.
    pub fn range(self) -> f32 {
        match self {
            Self::Sobel => 4.0 * 255.0,
            Self::Scharr => 16.0 * 255.0,
            Self::Central | Self::Forward => 255.0,
        }
    }
}

/// The change at each pixel along x (rightwards) and y (downwards), in levels times the operator's weights.
#[derive(Clone, PartialEq)]
pub struct Gradients {
    width: u32,
    height: u32,
    /// Changes along the rows, rows top-down; positive where the picture brightens to the right.
    pub x: Vec<f32>,
    /// Changes down the columns; positive where it brightens downwards.
    pub y: Vec<f32>,
}

/// Leaves the values out: a picture could be made of them.
impl std::fmt::Debug for Gradients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gradients({} × {})", self.width, self.height)
    }
}

impl Gradients {
    /// The gradients of a picture.
    ///
    /// # Examples
    /// ```
    /// use prosopon::classic::{GradientOperator, Gradients, GrayImage};
    ///
    /// let edge = GrayImage::new(2, 1, vec![10, 60]).ok_or("pixels fill the sides")?;
    /// let gradients = Gradients::of(&edge, GradientOperator::Forward);
    /// assert_eq!(gradients.x, [50.0, 0.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(gray: &GrayImage, operator: GradientOperator) -> Self {
        let (width, height) = (gray.width() as usize, gray.height() as usize);
        let at = |x: usize, y: usize| f32::from(gray.pixels()[y * width + x]);
        let both = |change: &dyn Fn(usize, usize) -> (f32, f32)| {
            let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            places.map(|(x, y)| change(x, y)).unzip()
        };
        let smoothed = |side: f32, middle: f32| {
            both(&|x, y| {
                let xs = [-1, 0, 1].map(|d| reflected(x as i64 + d, width));
                let ys = [-1, 0, 1].map(|d| reflected(y as i64 + d, height));
                let weights = [side, middle, side];
                let along = |y: usize| at(xs[2], y) - at(xs[0], y);
                let down = |x: usize| at(x, ys[2]) - at(x, ys[0]);
                let sum = |places: [usize; 3], change: &dyn Fn(usize) -> f32| -> f32 {
                    places
                        .into_iter()
                        .zip(weights)
                        .map(|(i, w)| change(i) * w)
                        .sum()
                };
                (sum(ys, &along), sum(xs, &down))
            })
        };
        let (x, y) = match operator {
            GradientOperator::Sobel => smoothed(1.0, 2.0),
            GradientOperator::Scharr => smoothed(3.0, 10.0),
            GradientOperator::Central => both(&|x, y| {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
                let (top, bottom) = (y.saturating_sub(1), (y + 1).min(height - 1));
                let slope = |change: f32, steps: usize| change / steps.max(1) as f32;
                (
                    slope(at(right, y) - at(left, y), right - left),
                    slope(at(x, bottom) - at(x, top), bottom - top),
                )
            }),
            GradientOperator::Forward => both(&|x, y| {
                let (right, bottom) = ((x + 1).min(width - 1), (y + 1).min(height - 1));
                (at(right, y) - at(x, y), at(x, bottom) - at(x, y))
            }),
        };
        Self {
            width: gray.width(),
            height: gray.height(),
            x,
            y,
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The length of the gradient at each pixel: √(x² + y²).
    pub fn magnitude(&self) -> Vec<f32> {
        let pairs = self.x.iter().zip(&self.y);
        pairs.map(|(x, y)| (x * x + y * y).sqrt()).collect()
    }

    /// The direction in which the picture brightens at each pixel, in radians in (−π, π]: 0 to the right, π/2
    /// downwards. Where nothing changes it is 0 and means nothing.
    pub fn orientation(&self) -> Vec<f32> {
        let pairs = self.x.iter().zip(&self.y);
        pairs.map(|(x, y)| y.atan2(*x)).collect()
    }

    /// A picture of [`Self::x`]: middle grey (128) where nothing changes, the largest change white or black.
    pub fn x_image(&self) -> GrayImage {
        self.signed_image(&self.x)
    }

    /// A picture of [`Self::y`], as [`Self::x_image`].
    pub fn y_image(&self) -> GrayImage {
        self.signed_image(&self.y)
    }

    /// A picture of [`Self::magnitude`]: black where nothing changes, the largest change white.
    pub fn magnitude_image(&self) -> GrayImage {
        let magnitude = self.magnitude();
        let scale = scale(&magnitude, 255.0);
        let levels = magnitude.iter().map(|m| (m * scale).round() as u8);
        GrayImage::sized((self.width, self.height), levels.collect())
    }

    /// A picture of [`Self::orientation`]: the hue is the direction (red to the right, then yellow-green downwards,
    /// cyan to the left, violet upwards), the brightness the magnitude.
    pub fn orientation_image(&self) -> Image {
        let magnitude = self.magnitude();
        let scale = scale(&magnitude, 1.0);
        let pairs = self.orientation().into_iter().zip(&magnitude);
        let colors = pairs.flat_map(|(angle, m)| {
            // The root lifts weak edges, which would be lost in the dark.
            hue(angle, (m * scale).sqrt())
        });
        Image::from_rgb(self.width, self.height, colors.collect())
            .unwrap_or_else(|_| Image::filled(self.width, self.height, [0; 3]))
    }

    fn signed_image(&self, values: &[f32]) -> GrayImage {
        let scale = scale(values, 127.0);
        let levels = values.iter().map(|v| (128.0 + v * scale).round() as u8);
        GrayImage::sized((self.width, self.height), levels.collect())
    }
}

/// What takes the largest absolute value to `to`; zero if there is none.
fn scale(values: &[f32], to: f32) -> f32 {
    let largest = values.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    if largest > 0.0 { to / largest } else { 0.0 }
}

/// The colour of a direction in radians, with `value` in [0, 1] for its brightness (HSV, full saturation).
fn hue(angle: f32, value: f32) -> [u8; 3] {
    let sixths = angle.to_degrees().rem_euclid(360.0) / 60.0;
    [5.0, 3.0, 1.0].map(|shift: f32| {
        let k = (sixths + shift) % 6.0;
        let drop = k.min(4.0 - k).clamp(0.0, 1.0);
        ((value - value * drop) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{digest, formula, noise};

    /// Both directions as `int16` (`cv2.Sobel(a, cv2.CV_16S, 1, 0)`, `cv2.Scharr`), `float32`
    /// (`numpy.gradient(a.astype("f4"))`): the first digits of the SHA-256 of `x`, then `y`.
    #[test]
    fn values_are_those_of_opencv_and_numpy() {
        let gradients = |operator| Gradients::of(&formula(37, 45), operator);
        let integers = |values: &[f32]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|v| (*v as i16).to_le_bytes())
                .collect()
        };
        for (operator, expected) in [
            (
                GradientOperator::Sobel,
                ("583bb3a41add2a81", "8752d9d8ecc9308b"),
            ),
            (
                GradientOperator::Scharr,
                ("62c53422d8e34668", "c1cf47f4aa70f616"),
            ),
        ] {
            let found = gradients(operator);
            let found = (digest(&integers(&found.x)), digest(&integers(&found.y)));
            assert_eq!((found.0.as_str(), found.1.as_str()), expected);
        }
        let found = gradients(GradientOperator::Central);
        let floats = |values: &[f32]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|v| (*v + 0.0).to_le_bytes())
                .collect()
        };
        assert_eq!(digest(&floats(&found.x)), "68d5feb9ce510955");
        assert_eq!(digest(&floats(&found.y)), "e45445aa6731409e");
    }

    /// The example of TensorFlow's documentation: levels 0 to 24 row by row.
    #[test]
    fn forward_differences_end_with_zero() {
        let picture = GrayImage::new(5, 5, (0..25).collect()).unwrap();
        let found = Gradients::of(&picture, GradientOperator::Forward);
        assert_eq!(found.y[..20], [5.0; 20]);
        assert_eq!(found.y[20..], [0.0; 5]);
        for row in found.x.chunks_exact(5) {
            assert_eq!(row, [1.0, 1.0, 1.0, 1.0, 0.0]);
        }
    }

    #[test]
    fn a_ramp_has_one_direction_and_one_length() {
        let ramp = |across: bool| {
            let levels = (0..81u8).map(|i| if across { i % 9 } else { i / 9 } * 10);
            GrayImage::new(9, 9, levels.collect()).unwrap()
        };
        for operator in GradientOperator::ALL {
            for (across, angle) in [(true, 0.0), (false, std::f32::consts::FRAC_PI_2)] {
                let found = Gradients::of(&ramp(across), operator);
                assert_eq!(found.orientation()[40], angle, "{operator:?}");
                let gain = operator.range() / 255.0
                    * if operator == GradientOperator::Sobel || operator == GradientOperator::Scharr
                    {
                        2.0
                    } else {
                        1.0
                    };
                assert_eq!(found.magnitude()[40], 10.0 * gain, "{operator:?}");
            }
        }
    }

    #[test]
    fn values_stay_in_their_range() {
        for operator in GradientOperator::ALL {
            let found = Gradients::of(
                &noise(1, 50, 50).mapped(|v| if v < 128 { 0 } else { 255 }),
                operator,
            );
            let largest = found
                .x
                .iter()
                .chain(&found.y)
                .fold(0.0f32, |m, v| m.max(v.abs()));
            assert!(largest <= operator.range() && largest > operator.range() / 2.0);
        }
    }

    #[test]
    fn pictures_use_their_range_and_flat_ones_show_nothing() {
        let found = Gradients::of(&noise(7, 20, 10), GradientOperator::Sobel);
        assert_eq!(found.magnitude_image().pixels().iter().max(), Some(&255));
        let extreme = |v: &u8| *v == 255 || *v == 1;
        assert!(found.x_image().pixels().iter().any(extreme));
        assert!(found.y_image().pixels().iter().any(extreme));
        let flat = GrayImage::new(4, 3, vec![9; 12]).unwrap();
        let found = Gradients::of(&flat, GradientOperator::Sobel);
        assert_eq!(found.x_image().pixels(), [128; 12]);
        assert_eq!(found.magnitude_image().pixels(), [0; 12]);
        assert_eq!(found.orientation_image().pixels(), [0; 36]);
        // One column or row has no neighbours.
        for (width, height) in [(1, 1), (1, 5), (5, 1)] {
            for operator in GradientOperator::ALL {
                assert_eq!(
                    Gradients::of(&noise(1, width, height), operator).width(),
                    width
                );
            }
        }
    }

    #[test]
    fn hues_go_round() {
        use std::f32::consts::PI;
        assert_eq!(hue(0.0, 1.0), [255, 0, 0]);
        assert_eq!(hue(PI, 1.0), [0, 255, 255]);
        assert_eq!(hue(PI / 3.0, 1.0), [255, 255, 0]);
        assert_eq!(hue(1.0, 0.0), [0, 0, 0]);
    }
}
