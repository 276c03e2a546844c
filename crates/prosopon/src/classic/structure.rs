//! What the gradients of a picture say together: how much changes, and whether in one direction.

use serde::Serialize;

use super::gradient::Gradients;

/// Means of a picture's gradients.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GradientSummary {
    /// Mean change along the rows, in levels times the operator's weights.
    pub mean_x: f64,
    /// Mean change down the columns.
    pub mean_y: f64,
    /// Mean length.
    pub mean_magnitude: f64,
    /// Largest length.
    pub max_magnitude: f64,
    /// The axis along which the picture changes most, in degrees in (−90, 90]: 0 along the rows, 90 down the
    /// columns. It is the first eigenvector of the structure tensor (Bigün and Granlund 1987).
    pub axis_degrees: f64,
    /// How much that axis stands out, from 0 (no direction does) to 1 (all changes are along it).
    pub coherence: f64,
}

impl GradientSummary {
    /// The summary of some gradients.
    pub fn of(gradients: &Gradients) -> Self {
        let n = gradients.x.len().max(1) as f64;
        let pairs = || {
            let pairs = gradients.x.iter().zip(&gradients.y);
            pairs.map(|(x, y)| (f64::from(*x), f64::from(*y)))
        };
        let mean = |value: fn((f64, f64)) -> f64| pairs().map(value).sum::<f64>() / n;
        let (xx, yy) = (mean(|(x, _)| x * x), mean(|(_, y)| y * y));
        let xy = mean(|(x, y)| x * y);
        let total = xx + yy;
        Self {
            mean_x: mean(|(x, _)| x),
            mean_y: mean(|(_, y)| y),
            mean_magnitude: mean(|(x, y)| x.hypot(y)),
            max_magnitude: pairs().map(|(x, y)| x.hypot(y)).fold(0.0, f64::max),
            axis_degrees: 0.5 * (2.0 * xy).atan2(xx - yy).to_degrees(),
            coherence: if total > 0.0 {
                (xx - yy).hypot(2.0 * xy) / total
            } else {
                0.0
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::{GradientOperator, GrayImage};

    /// Stripes whose levels rise along (`dx`, `dy`).
    fn stripes(dx: u32, dy: u32) -> GradientSummary {
        let pixels = (0..40).flat_map(|y| (0..40).map(move |x| ((x * dx + y * dy) % 64) as u8 * 2));
        let gray = GrayImage::new(40, 40, pixels.collect()).unwrap();
        GradientSummary::of(&Gradients::of(&gray, GradientOperator::Sobel))
    }

    #[test]
    fn stripes_have_their_axis() {
        for ((dx, dy), expected) in [((2, 0), 0.0), ((0, 2), 90.0), ((2, 2), 45.0)] {
            let summary = stripes(dx, dy);
            assert!((summary.axis_degrees - expected).abs() < 3.0, "{summary:?}");
            assert!(summary.coherence > 0.9, "{summary:?}");
            assert!(
                summary.mean_magnitude > 0.0 && summary.max_magnitude >= summary.mean_magnitude
            );
        }
    }

    #[test]
    fn a_plain_picture_has_none() {
        let summary = stripes(0, 0);
        assert_eq!(summary.mean_magnitude, 0.0);
        assert_eq!(summary.coherence, 0.0);
    }
}
