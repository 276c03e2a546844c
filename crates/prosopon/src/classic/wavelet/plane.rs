//! Values in rows, in single or double precision.

use crate::classic::gray::GrayImage;

/// Values in rows, top-down.
#[derive(Clone, PartialEq, Default)]
pub struct Plane<T = f64> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<T>,
}

/// Leaves the values out: a picture could be made of them.
impl<T> std::fmt::Debug for Plane<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plane({} × {})", self.width, self.height)
    }
}

impl<T: Real> Plane<T> {
    /// A plane from its values, rows top-down; `None` if there are none or they do not fill the rows.
    pub fn new(width: usize, height: usize, values: Vec<T>) -> Option<Self> {
        let fits = !values.is_empty() && width.checked_mul(height) == Some(values.len());
        fits.then_some(Self {
            width,
            height,
            values,
        })
    }

    pub(super) fn zeros(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            values: vec![T::default(); width * height],
        }
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values, the top-left one first, then along the row.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    pub(super) fn row(&self, y: usize) -> &[T] {
        &self.values[y * self.width..][..self.width]
    }

    /// The upper left part.
    pub(super) fn cropped(&self, width: usize, height: usize) -> Self {
        let (width, height) = (width.min(self.width), height.min(self.height));
        let rows = (0..height).flat_map(|y| &self.row(y)[..width]);
        Self {
            width,
            height,
            values: rows.copied().collect(),
        }
    }

    pub(super) fn paste(&mut self, part: &Self, left: usize, top: usize) {
        for y in 0..part.height {
            let start = (top + y) * self.width + left;
            self.values[start..start + part.width].copy_from_slice(part.row(y));
        }
    }

    pub(in crate::classic) fn map(&self, f: impl Fn(T) -> T) -> Self {
        Self {
            width: self.width,
            height: self.height,
            values: self.values.iter().map(|v| f(*v)).collect(),
        }
    }
}

/// Levels from 0 to 255.
impl From<&GrayImage> for Plane {
    fn from(gray: &GrayImage) -> Self {
        Self {
            width: gray.width() as usize,
            height: gray.height() as usize,
            values: gray.pixels().iter().map(|v| f64::from(*v)).collect(),
        }
    }
}

/// The precision of a transform: `f64`, or `f32` where results must equal those of single precision.
pub trait Real:
    Copy
    + Default
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Mul<Output = Self>
    + Into<f64>
{
    /// The nearest value.
    fn from_f64(value: f64) -> Self;
}

impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}
