//! Where one picture lies in another, and how alike the two are there.

use nalgebra::{Matrix4, Vector4};

use crate::classic::{GrayImage, Window, structural_similarity};

/// Longer sides of the inner picture while it is moved, in pixels: coarse shapes first.
const LEVELS: [u32; 2] = [32, 64];
/// Steps at each level; a start from the right window needs three or four.
const STEPS: usize = 8;
/// Sides that a window may have after it was moved, as shares of the outer picture's.
const SIDES: std::ops::RangeInclusive<f32> = 0.7..=1.05;
/// How far a window may reach beyond the outer picture, as a share of its side.
const BEYOND: f32 = 0.03;

/// A rectangle in a picture, as shares of its sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

impl Place {
    pub(super) const WHOLE: Self = Self {
        left: 0.0,
        top: 0.0,
        width: 1.0,
        height: 1.0,
    };

    /// The part of `gray` inside, in whole pixels.
    pub(super) fn cut(self, gray: &GrayImage) -> GrayImage {
        let range = |start: f32, len: f32, side: u32| {
            let start = (start * side as f32).round() as u32;
            let len = ((len * side as f32).round() as u32).clamp(1, side);
            (start.min(side - len), len)
        };
        let (left, width) = range(self.left, self.width, gray.width());
        let (top, height) = range(self.top, self.height, gray.height());
        gray.cropped(left, top, width, height)
            .unwrap_or_else(|| gray.clone())
    }

    fn moved(self, step: &Vector4<f32>) -> Self {
        // A longer step leaves the neighbourhood in which the picture is nearly linear.
        let bounded = |value: f32| value.clamp(-0.05, 0.05);
        Self {
            left: self.left + bounded(step[0]),
            width: self.width + bounded(step[1]),
            top: self.top + bounded(step[2]),
            height: self.height + bounded(step[3]),
        }
    }
}

/// What two pictures share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overlap {
    /// Where the inner picture lies in the outer one.
    pub(super) place: Place,
    /// Structural similarity there.
    pub(super) ssim: f64,
}

impl Overlap {
    /// Whether the inner picture shows most of the outer one and little else.
    pub(super) fn is_plausible(&self) -> bool {
        let Place {
            left,
            top,
            width,
            height,
        } = self.place;
        let inside = |start: f32, len: f32| start >= -BEYOND && start + len <= 1.0 + BEYOND;
        SIDES.contains(&width)
            && SIDES.contains(&height)
            && inside(left, width)
            && inside(top, height)
    }
}

/// Moves and stretches a window of `outer`, from `start` on, until it looks most like `inner`
/// (Gauss–Newton on the difference of levels; Lucas and Kanade 1981), then compares the two.
pub(super) fn find(outer: &GrayImage, inner: &GrayImage, start: Place) -> Overlap {
    let mut place = start;
    let mut fixed = Levels::of(inner, LEVELS[0]);
    for longer in LEVELS {
        fixed = Levels::of(inner, longer);
        let target = fixed.normalized();
        for _ in 0..STEPS {
            let Some(step) = step(outer, &fixed, &target, place) else {
                break;
            };
            place = place.moved(&step);
            if step.amax() < 1e-4 {
                break;
            }
        }
    }
    let ssim = fixed.ssim_with(&Levels::sampled(outer, place, fixed.width, fixed.height));
    // What was moved away is no better than where it began.
    let at_start = fixed.ssim_with(&Levels::sampled(outer, start, fixed.width, fixed.height));
    if at_start > ssim {
        Overlap {
            place: start,
            ssim: at_start,
        }
    } else {
        Overlap { place, ssim }
    }
}

/// The change of left, width, top and height that brings the window nearer to `target`; none if the
/// picture has no structure to go by.
fn step(outer: &GrayImage, fixed: &Levels, target: &[f32], place: Place) -> Option<Vector4<f32>> {
    let seen = Levels::sampled(outer, place, fixed.width, fixed.height);
    let values = seen.normalized();
    let (width, height) = (fixed.width, fixed.height);
    let mut squares = Matrix4::zeros();
    let mut sums = Vector4::zeros();
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let i = y * width + x;
            // Slopes for a whole width or height of the window, then of the outer picture.
            let across = (values[i + 1] - values[i - 1]) / 2.0 * width as f32 / place.width;
            let down = (values[i + width] - values[i - width]) / 2.0 * height as f32 / place.height;
            let (u, v) = (
                (x as f32 + 0.5) / width as f32,
                (y as f32 + 0.5) / height as f32,
            );
            let slopes = Vector4::new(across, across * u, down, down * v);
            squares += slopes * slopes.transpose();
            sums += slopes * (target[i] - values[i]);
        }
    }
    // A little towards not moving, for directions in which nothing changes.
    squares += Matrix4::identity() * (1e-4 * squares.trace()).max(1e-6);
    let step = squares.lu().solve(&sums)?;
    step.iter().all(|value| value.is_finite()).then_some(step)
}

/// Grey levels to compute with.
struct Levels {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Levels {
    /// `gray` with its longer side of `longer` pixels.
    fn of(gray: &GrayImage, longer: u32) -> Self {
        let scale = longer as f32 / gray.width().max(gray.height()) as f32;
        // Room for the window of the structural similarity.
        let side = |side: u32| ((side as f32 * scale).round() as usize).max(8);
        let (width, height) = (side(gray.width()), side(gray.height()));
        Self::sampled(gray, Place::WHOLE, width, height)
    }

    /// The part of `gray` at `place`, each pixel the mean of four samples.
    fn sampled(gray: &GrayImage, place: Place, width: usize, height: usize) -> Self {
        let (columns, rows) = (gray.width() as f32, gray.height() as f32);
        let along = |start: f32, len: f32, n: usize, side: f32| -> Vec<f32> {
            (0..2 * n)
                .map(|i| (start + len * (i as f32 + 0.5) / (2 * n) as f32) * side - 0.5)
                .collect()
        };
        let xs = along(place.left, place.width, width, columns);
        let ys = along(place.top, place.height, height, rows);
        let mut values = vec![0.0; width * height];
        for (j, y) in ys.iter().enumerate() {
            for (i, x) in xs.iter().enumerate() {
                values[j / 2 * width + i / 2] += interpolated(gray, *x, *y) / 4.0;
            }
        }
        Self {
            width,
            height,
            values,
        }
    }

    /// With mean 0 and variance 1, so that brightness and contrast do not matter.
    fn normalized(&self) -> Vec<f32> {
        let n = self.values.len() as f32;
        let mean = self.values.iter().sum::<f32>() / n;
        let variance = self.values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n;
        let scale = 1.0 / variance.sqrt().max(1.0);
        self.values.iter().map(|v| (v - mean) * scale).collect()
    }

    fn ssim_with(&self, other: &Self) -> f64 {
        let (Some(a), Some(b)) = (self.to_gray(), other.to_gray()) else {
            return -1.0;
        };
        structural_similarity(&a, &b, Window::Uniform).map_or(-1.0, |ssim| ssim.mean)
    }

    fn to_gray(&self) -> Option<GrayImage> {
        let levels = self.values.iter().map(|v| v.round() as u8);
        GrayImage::new(self.width as u32, self.height as u32, levels.collect())
    }
}

/// The level at (`x`, `y`), between the four pixels around it; the border goes on outside.
fn interpolated(gray: &GrayImage, x: f32, y: f32) -> f32 {
    let clamp = |at: f32, side: u32| at.clamp(0.0, (side - 1) as f32);
    let (x, y) = (clamp(x, gray.width()), clamp(y, gray.height()));
    let (x0, y0) = (x as usize, y as usize);
    let x1 = (x0 + 1).min(gray.width() as usize - 1);
    let y1 = (y0 + 1).min(gray.height() as usize - 1);
    let at = |x: usize, y: usize| f32::from(gray.pixels()[y * gray.width() as usize + x]);
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let upper = at(x0, y0) * (1.0 - fx) + at(x1, y0) * fx;
    let lower = at(x0, y1) * (1.0 - fx) + at(x1, y1) * fx;
    upper * (1.0 - fy) + lower * fy
}
