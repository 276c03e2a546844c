//! The coefficients of a picture, and how they are laid out in one plane or picture.

use super::filter::Wavelet;
use super::plane::{Plane, Real};
use crate::classic::gray::GrayImage;

/// What a halving takes away: three planes of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Details<T = f64> {
    /// High-pass down the columns: horizontal edges.
    pub horizontal: Plane<T>,
    /// High-pass along the rows: vertical edges.
    pub vertical: Plane<T>,
    /// High-pass in both directions.
    pub diagonal: Plane<T>,
}

/// The coefficients of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposition<T = f64> {
    pub(super) wavelet: Wavelet,
    pub(super) width: usize,
    pub(super) height: usize,
    /// What is left after all halvings.
    pub approximation: Plane<T>,
    /// What each halving took away, the last (coarsest) one first.
    pub details: Vec<Details<T>>,
}

impl<T: Real> Decomposition<T> {
    /// The wavelet.
    pub fn wavelet(&self) -> Wavelet {
        self.wavelet
    }

    /// Width and height of the picture that was decomposed.
    pub fn sides(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// All coefficients in one plane: the approximation in the upper left corner, around it the details of each level,
    /// the horizontal ones below, the vertical ones to the right. Where the sizes leave gaps there are zeros.
    pub fn to_plane(&self) -> Plane<T> {
        self.laid_out(&self.approximation, self.details.iter().cloned())
    }

    /// The coefficients as a picture, laid out as in [`Self::to_plane`]: the approximation from its least (black) to
    /// its largest value (white), the details by their absolute values, the largest of a level white.
    pub fn image(&self) -> GrayImage {
        let number = |v: T| -> f64 { v.into() };
        let values = || self.approximation.values.iter().map(|v| number(*v));
        let (least, most) = (
            values().fold(f64::MAX, f64::min),
            values().fold(f64::MIN, f64::max),
        );
        let scale = if most > least {
            255.0 / (most - least)
        } else {
            0.0
        };
        let approximation = self
            .approximation
            .map(|v| T::from_f64((number(v) - least) * scale));
        let details = self.details.iter().map(|details| {
            let planes = [&details.horizontal, &details.vertical, &details.diagonal];
            let values = planes.iter().flat_map(|plane| &plane.values);
            let largest = values.fold(0.0, |most: f64, v| most.max(number(*v).abs()));
            let scale = if largest > 0.0 { 255.0 / largest } else { 0.0 };
            let absolute = |plane: &Plane<T>| plane.map(|v| T::from_f64(number(v).abs() * scale));
            Details {
                horizontal: absolute(&details.horizontal),
                vertical: absolute(&details.vertical),
                diagonal: absolute(&details.diagonal),
            }
        });
        let plane = self.laid_out(&approximation, details);
        let levels = plane.values.iter().map(|v| number(*v).round() as u8);
        GrayImage::sized((plane.width as u32, plane.height as u32), levels.collect())
    }

    fn laid_out(
        &self,
        approximation: &Plane<T>,
        details: impl Iterator<Item = Details<T>>,
    ) -> Plane<T> {
        let sum = |of: fn(&Plane<T>) -> usize| {
            let details = self.details.iter().map(|d| of(&d.diagonal));
            of(approximation) + details.sum::<usize>()
        };
        let mut plane = Plane::zeros(sum(|p| p.width), sum(|p| p.height));
        plane.paste(approximation, 0, 0);
        let (mut left, mut top) = (approximation.width, approximation.height);
        for details in details {
            plane.paste(&details.horizontal, 0, top);
            plane.paste(&details.vertical, left, 0);
            plane.paste(&details.diagonal, left, top);
            left += details.diagonal.width;
            top += details.diagonal.height;
        }
        plane
    }
}
