//! A few directions in the space of all pictures, and where learnt faces lie along them.

use nalgebra::{DMatrix, DVector};

use super::FaceSample;
use crate::classic::gray::GrayImage;

/// A mean face and directions away from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Subspace {
    pub(super) sides: (u32, u32),
    /// Mean of all learnt faces, in levels.
    pub(super) mean: DVector<f64>,
    /// How much each direction carries, falling.
    pub(super) values: Vec<f64>,
    /// The directions, one a column.
    pub(super) directions: DMatrix<f64>,
    /// Learnt faces along the directions, one a column.
    pub(super) faces: DMatrix<f64>,
}

impl Subspace {
    /// Learnt faces along `directions`.
    pub(super) fn of(
        samples: &[FaceSample],
        mean: DVector<f64>,
        values: Vec<f64>,
        directions: DMatrix<f64>,
    ) -> Self {
        let sides = (samples[0].picture.width(), samples[0].picture.height());
        let mut space = Self {
            sides,
            faces: DMatrix::zeros(values.len(), 0),
            mean,
            values,
            directions,
        };
        // One by one, as probes are: a picture that was learnt is then at distance 0, to the last bit.
        let places: Vec<DVector<f64>> = samples
            .iter()
            .map(|sample| space.place(&sample.picture))
            .collect();
        space.faces = DMatrix::from_columns(&places);
        space
    }

    /// Where a picture lies along the directions.
    fn place(&self, picture: &GrayImage) -> DVector<f64> {
        self.directions.tr_mul(&(vector(picture) - &self.mean))
    }

    /// How much each direction carries, falling: the variance along it (Eigenfaces), or the variance between people
    /// over that within (Fisherfaces).
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The mean of all learnt faces.
    pub fn mean_face(&self) -> GrayImage {
        self.picture(self.mean.iter().copied())
    }

    /// A direction as a picture, from its least value (black) to its largest (white); none beyond the last. What is
    /// dark and what is bright may be exchanged: a direction has no sign.
    pub fn direction_picture(&self, direction: usize) -> Option<GrayImage> {
        if direction >= self.values.len() {
            return None;
        }
        let values = self.directions.column(direction);
        let (least, most) = (values.min(), values.max());
        let scale = if most > least {
            255.0 / (most - least)
        } else {
            0.0
        };
        Some(self.picture(values.iter().map(|v| (v - least) * scale)))
    }

    /// What the first `directions` directions keep of a face: the nearest picture that the mean and they can give.
    /// `None` for a picture of another size.
    pub fn reconstructed(&self, picture: &GrayImage, directions: usize) -> Option<GrayImage> {
        if (picture.width(), picture.height()) != self.sides {
            return None;
        }
        let kept = directions.min(self.values.len());
        // Fisherfaces are not at right angles.
        let basis = self.directions.columns(0, kept).into_owned().qr().q();
        let offset = vector(picture) - &self.mean;
        let nearest = &self.mean + &basis * basis.tr_mul(&offset);
        Some(self.picture(nearest.iter().copied()))
    }

    /// Euclidean distances along the directions from `picture` to each learnt face.
    pub(super) fn distances(&self, picture: &GrayImage) -> Vec<f64> {
        let place = self.place(picture);
        let faces = self.faces.column_iter();
        faces.map(|face| (face - &place).norm()).collect()
    }

    fn picture(&self, levels: impl Iterator<Item = f64>) -> GrayImage {
        // `as` keeps levels within 0 and 255.
        GrayImage::sized(self.sides, levels.map(|v| v.round() as u8).collect())
    }
}

/// The levels of a picture, rows after each other.
pub(super) fn vector(picture: &GrayImage) -> DVector<f64> {
    let levels = picture.pixels().iter().map(|v| f64::from(*v));
    DVector::from_iterator(picture.pixels().len(), levels)
}

/// The mean of all pictures.
pub(super) fn mean(samples: &[FaceSample]) -> DVector<f64> {
    let mut sum = DVector::zeros(samples[0].picture.pixels().len());
    for sample in samples {
        sum += vector(&sample.picture);
    }
    sum / samples.len() as f64
}

/// Pictures less their mean, one a column.
pub(super) fn centered(samples: &[FaceSample], mean: &DVector<f64>) -> DMatrix<f64> {
    let columns: Vec<DVector<f64>> = samples
        .iter()
        .map(|sample| vector(&sample.picture) - mean)
        .collect();
    DMatrix::from_columns(&columns)
}
