//! `fr-age`: age in years (SSR-Net).

use super::AttributeError;
use super::ssr_net::SsrNet;
use crate::geometry::BoundingBox;
use crate::image::Image;
use crate::inference::Network;

/// The network's range: 0 to 101 years.
const YEARS: f32 = 101.0;

pub(super) struct AgeNetwork(SsrNet);

impl AgeNetwork {
    pub(super) fn new(network: Box<dyn Network>) -> Result<Self, AttributeError> {
        Ok(Self(SsrNet::new(network)?))
    }

    /// Years, at least 0.
    pub(super) fn estimate(
        &self,
        image: &Image,
        face: &BoundingBox,
    ) -> Result<f32, AttributeError> {
        Ok((self.0.estimate(image, face)? * YEARS).clamp(0.0, YEARS))
    }
}
