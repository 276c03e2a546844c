//! Features: pictures as vectors of one length, for classifiers.
//!
//! [`feature`] finds one by its name; `+` between names puts several after each other. Values are as their method gives
//! them, in ranges that differ much: scale them before they meet in one classifier.

use super::gray::GrayImage;
use super::haralick::{Haralick, HaralickError};
use super::hog::{Hog, HogError};
use super::lbp::{Lbp, LbpError, uniform_bins};
use super::wavelet::WaveletError;
use super::wavelet_face::{WAVELET_FACE_LEVELS, wavelet_face};
use crate::image::Image;

/// Side of the pictures of pixel features.
const PIXEL_SIDE: u32 = 32;
/// Side of the grey pictures of texture in cells, in pixels.
const TEXTURE_SIDE: u32 = 64;
/// Columns and rows of cells of patterns.
const GRID: (u32, u32) = (8, 8);

/// Something that can be computed of any picture, always of one length.
pub trait Feature: Send + Sync {
    /// The name by which [`feature`] finds it.
    fn name(&self) -> String;

    /// How many values it has.
    fn length(&self) -> usize;

    /// The values of a picture, [`Self::length`] of them, all finite.
    ///
    /// # Errors
    /// [`FeatureError`] for a picture that has no such values: texture needs neighbours.
    fn extract(&self, image: &Image) -> Result<Vec<f64>, FeatureError>;
}

/// Why there are no values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// No feature has this name.
    #[error("expected a feature, one of {}, found `{name}`", FEATURES.map(ClassicFeature::name).join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The picture has no pairs of pixels.
    #[error(transparent)]
    Haralick(#[from] HaralickError),
    /// The picture has no cells.
    #[error(transparent)]
    Hog(#[from] HogError),
    /// The picture has no patterns.
    #[error(transparent)]
    Lbp(#[from] LbpError),
    /// The picture has no coefficients.
    #[error(transparent)]
    Wavelet(#[from] WaveletError),
}

/// The feature with this name: one of [`FEATURES`], or several with `+` between them.
///
/// # Errors
/// [`FeatureError::Unknown`] for a name that none has.
///
/// # Examples
/// ```
/// use prosopon::Image;
/// use prosopon::classic::feature::feature;
///
/// let both = feature("pixels+wavelet")?;
/// assert_eq!(both.length(), 4096);
/// assert_eq!(both.extract(&Image::filled(50, 60, [9, 9, 9]))?.len(), 4096);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn feature(name: &str) -> Result<Box<dyn Feature>, FeatureError> {
    let known = |part: &str| {
        let found = FEATURES.into_iter().find(|feature| feature.name() == part);
        found.ok_or_else(|| FeatureError::Unknown {
            name: part.to_owned(),
        })
    };
    let parts: Result<Vec<ClassicFeature>, FeatureError> = name.split('+').map(known).collect();
    match &parts?[..] {
        [single] => Ok(Box::new(*single)),
        parts => {
            let boxed = |part: &ClassicFeature| Box::new(*part) as Box<dyn Feature>;
            Ok(Box::new(Concatenated(parts.iter().map(boxed).collect())))
        }
    }
}

/// All features that have a name.
pub const FEATURES: [ClassicFeature; 7] = [
    ClassicFeature::Pixels,
    ClassicFeature::Gray,
    ClassicFeature::Wavelet,
    ClassicFeature::Haralick,
    ClassicFeature::HaralickDirections,
    ClassicFeature::Lbp,
    ClassicFeature::Hog,
];

/// The features of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClassicFeature {
    /// `pixels`: levels of 32 × 32 pixels, R, G, B of each, resized linearly (`cv2.resize` as it is called most often);
    /// 3,072 values from 0 to 255.
    Pixels,
    /// `gray`: levels of 32 × 32 grey pixels, resized by area; 1,024 values from 0 to 255.
    Gray,
    /// `wavelet`: the wavelet face ([`wavelet_face`], five levels) of the whole picture, resized linearly to 32 × 32;
    /// 1,024 values from 0 to 255. `pixels+wavelet` are the 4,096 values of a well-known exercise with support vector
    /// machines, which has the colours in the order B, G, R.
    Wavelet,
    /// `haralick`: texture of the picture in its own size, the mean over four directions; 13 values.
    Haralick,
    /// `haralick-directions`: the same for each direction; 52 values.
    HaralickDirections,
    /// `lbp`: shares of uniform local binary patterns (eight neighbours at radius 1) in 8 × 8 cells of the
    /// picture in 64 × 64 grey pixels, resized by area; 3,776 values from 0 to 1, those of a cell add up to 1.
    Lbp,
    /// `hog`: histograms of oriented gradients of the picture in 64 × 64 grey pixels, resized by area; 2,916
    /// values from 0 to 1.
    Hog,
}

impl ClassicFeature {
    fn name(self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Gray => "gray",
            Self::Wavelet => "wavelet",
            Self::Haralick => "haralick",
            Self::HaralickDirections => "haralick-directions",
            Self::Lbp => "lbp",
            Self::Hog => "hog",
        }
    }
}

impl Feature for ClassicFeature {
    fn name(&self) -> String {
        Self::name(*self).to_owned()
    }

    fn length(&self) -> usize {
        let pixels = (PIXEL_SIDE * PIXEL_SIDE) as usize;
        match self {
            Self::Pixels => 3 * pixels,
            Self::Gray | Self::Wavelet => pixels,
            Self::Haralick => 13,
            Self::HaralickDirections => 4 * 13,
            Self::Lbp => (GRID.0 * GRID.1) as usize * uniform_bins(Lbp::default().neighbors),
            // The sizes are right, as the tests say.
            Self::Hog => Hog::default().len(TEXTURE_SIDE, TEXTURE_SIDE).unwrap_or(0),
        }
    }

    fn extract(&self, image: &Image) -> Result<Vec<f64>, FeatureError> {
        let levels = |pixels: &[u8]| pixels.iter().map(|v| f64::from(*v)).collect();
        let gray = |side: u32| GrayImage::from(image).resized_area(side, side);
        Ok(match self {
            Self::Pixels => levels(
                image
                    .resized_as_opencv_linear(PIXEL_SIDE, PIXEL_SIDE)
                    .pixels(),
            ),
            Self::Gray => levels(gray(PIXEL_SIDE).pixels()),
            Self::Wavelet => {
                let face = wavelet_face(image, WAVELET_FACE_LEVELS)?;
                levels(face.resized_linear(PIXEL_SIDE, PIXEL_SIDE).pixels())
            }
            Self::Haralick => Haralick::default()
                .features(&GrayImage::from(image))?
                .mean(),
            Self::HaralickDirections => Haralick::default()
                .features(&GrayImage::from(image))?
                .directions
                .concat(),
            Self::Lbp => {
                let codes = Lbp::default().codes(&gray(TEXTURE_SIDE))?;
                let histograms = codes.uniform_histograms(GRID)?;
                let share = |count: u32| f64::from(count) / f64::from(histograms.cell_pixels);
                histograms.counts.into_iter().map(share).collect()
            }
            Self::Hog => Hog::default().features(&gray(TEXTURE_SIDE))?,
        })
    }
}

/// Several features after each other.
struct Concatenated(Vec<Box<dyn Feature>>);

impl Feature for Concatenated {
    fn name(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|part| part.name()).collect();
        names.join("+")
    }

    fn length(&self) -> usize {
        self.0.iter().map(|part| part.length()).sum()
    }

    fn extract(&self, image: &Image) -> Result<Vec<f64>, FeatureError> {
        let mut values = Vec::with_capacity(self.length());
        for part in &self.0 {
            values.extend(part.extract(image)?);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{color_formula, digest};

    #[test]
    fn every_feature_has_its_length_whatever_the_picture() {
        for part in FEATURES {
            let found = feature(part.name()).unwrap();
            assert_eq!(found.name(), part.name());
            for (width, height) in [(2, 2), (7, 90), (100, 61), (64, 64)] {
                let values = found.extract(&color_formula(width, height)).unwrap();
                assert_eq!(values.len(), found.length(), "{}", part.name());
                assert!(values.iter().all(|v| v.is_finite()));
            }
        }
    }

    /// `np.vstack((cv2.resize(img, (32, 32)).reshape(3072, 1), cv2.resize(w2d(img, "db1", 5), (32, 32)).reshape(1024,
    /// 1)))` for `color_formula(100, 90)` as RGB: the digest of its bytes; `OpenCV` 4.14, `PyWavelets` 1.9.
    #[test]
    fn pixels_and_wavelet_are_those_of_the_recipe() {
        let found = feature("pixels+wavelet").unwrap();
        assert_eq!(
            (found.name().as_str(), found.length()),
            ("pixels+wavelet", 4096)
        );
        let values = found.extract(&color_formula(100, 90)).unwrap();
        let bytes: Vec<u8> = values.iter().map(|v| *v as u8).collect();
        assert_eq!(digest(&bytes), "141ecafe721df06d");
    }

    #[test]
    fn cells_of_patterns_add_up() {
        let values = feature("lbp")
            .unwrap()
            .extract(&color_formula(90, 80))
            .unwrap();
        for cell in values.chunks_exact(59) {
            assert!((cell.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn unknown_names_are_told() {
        for name in ["", "hog+", "Hog", "lbp+nothing"] {
            let error = feature(name).err().expect("no such feature");
            assert!(error.to_string().contains("haralick, "), "{error}");
        }
        let texture = feature("haralick").unwrap();
        assert!(texture.extract(&Image::filled(1, 1, [0; 3])).is_err());
    }
}
