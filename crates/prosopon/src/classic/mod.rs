//! Classic computer vision, made before networks: cascades that find faces and eyes, recognisers
//! that say whose they are, texture and other features, hashes of pictures that look alike, structural
//! similarity, and what prepares pictures for all of these.
//!
//! Their values equal those of the usual Python packages, so that what was measured with those can
//! be compared; each file says which package and how far the equality goes.

mod area;
pub mod blur;
mod border;
pub mod clahe;
pub mod contour;
pub mod diff;
pub mod equalize;
pub mod feature;
pub mod gradient;
pub mod gray;
pub mod haar;
pub mod haralick;
pub mod hash;
pub mod hog;
mod integral;
mod lanczos;
pub mod lbp;
pub mod likeness;
mod linear;
mod linear_exact;
pub mod median;
pub mod otsu;
pub mod recogniser;
pub mod ssim;
mod strokes;
pub mod structure;
#[cfg(test)]
pub(crate) mod testing;
pub mod view;
pub mod wavelet;
pub mod wavelet_face;

pub use blur::{BlurError, gaussian_blurred};
pub use clahe::Clahe;
pub use contour::{Contour, external_contours};
pub use diff::{DiffOptions, DiffRegion, PictureDiff};
pub use equalize::equalized;
pub use feature::{Feature, FeatureError, feature};
pub use gradient::{GradientOperator, Gradients};
pub use gray::GrayImage;
pub use haar::{Cascade, CascadeError, CascadeHit, MultiScale};
pub use haralick::{HARALICK_NAMES, Haralick, HaralickError, HaralickFeatures};
pub use hash::{HashError, HashMethod, PerceptualHash, perceptual_hash};
pub use hog::{Hog, HogError};
pub use lbp::{Lbp, LbpCodes, LbpError, LbpHistograms, lbp_picture};
pub use likeness::Likeness;
pub use median::median_blurred;
pub use otsu::{otsu_threshold, thresholded};
pub use ssim::{Ssim, SsimError, Window, structural_similarity};
pub use structure::GradientSummary;
pub use view::View;
pub use wavelet::{Decomposition, Details, Plane, Wavelet, WaveletError, wavedec2, waverec2};
pub use wavelet_face::{WAVELET_FACE_LEVELS, wavelet_face};
