//! Classic computer vision, made before networks: hashes of pictures that look alike, structural
//! similarity, cascades that find faces and eyes.
//!
//! Their values equal those of the usual Python packages, so that what was measured with those can
//! be compared; each file says which package and how far the equality goes.

pub mod gray;
pub mod haar;
pub mod hash;
mod integral;
mod lanczos;
mod linear;
pub mod ssim;
mod wavelet;

pub use gray::GrayImage;
pub use haar::{Cascade, CascadeError, CascadeHit, MultiScale};
pub use hash::{HashError, HashMethod, PerceptualHash, perceptual_hash};
pub use ssim::{Ssim, SsimError, Window, structural_similarity};
