//! `fr-gender`: what a network takes for a woman's or a man's face (SSR-Net).

use serde::{Deserialize, Serialize};

use super::AttributeError;
use super::ssr_net::SsrNet;
use crate::geometry::BoundingBox;
use crate::image::Image;
use crate::inference::Network;

/// What a network takes a face for. It says nothing of how somebody sees or calls themselves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gender {
    /// The nearer of the two.
    pub label: GenderLabel,
    /// From 0, a woman's face, to 1, a man's. Not a probability.
    pub score: f32,
}

/// The two classes that the network knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GenderLabel {
    /// Looks like a woman's face.
    Female,
    /// Looks like a man's face.
    Male,
}

impl GenderLabel {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

/// From here a face is called a man's.
const MIDDLE: f32 = 0.5;

pub(super) struct GenderNetwork(SsrNet);

impl GenderNetwork {
    pub(super) fn new(network: Box<dyn Network>) -> Result<Self, AttributeError> {
        Ok(Self(SsrNet::new(network)?))
    }

    pub(super) fn estimate(
        &self,
        image: &Image,
        face: &BoundingBox,
    ) -> Result<Gender, AttributeError> {
        let score = self.0.estimate(image, face)?.clamp(0.0, 1.0);
        let label = if score >= MIDDLE {
            GenderLabel::Male
        } else {
            GenderLabel::Female
        };
        Ok(Gender { label, score })
    }
}
