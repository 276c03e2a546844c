//! Classic computer vision, made before networks: hashes of pictures that look alike, structural
//! similarity, cascades that find faces and eyes.
//!
//! Their values equal those of the usual Python packages, so that what was measured with those can
//! be compared; each file says which package and how far the equality goes.

mod area;
pub mod blur;
mod border;
pub mod clahe;
pub mod contour;
pub mod equalize;
pub mod gradient;
pub mod gray;
pub mod haar;
pub mod hash;
mod integral;
mod lanczos;
mod linear;
mod linear_exact;
pub mod otsu;
pub mod ssim;
#[cfg(test)]
pub(crate) mod testing;
mod wavelet;

pub use blur::{BlurError, gaussian_blurred, median_blurred};
pub use clahe::Clahe;
pub use contour::{Contour, external_contours};
pub use equalize::equalized;
pub use gradient::{GradientOperator, Gradients};
pub use gray::GrayImage;
pub use haar::{Cascade, CascadeError, CascadeHit, MultiScale};
pub use hash::{HashError, HashMethod, PerceptualHash, perceptual_hash};
pub use otsu::{otsu_threshold, thresholded};
pub use ssim::{Ssim, SsimError, Window, structural_similarity};
