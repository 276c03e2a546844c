//! `fr-expression`: one of seven facial expressions.
//!
//! Input 1 × 3 × 224 × 224, byte / 255, the square around the face; output seven class scores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::crop::Frame;
use super::softmax::softmax;
use super::{AttributeError, run_one};
use crate::geometry::BoundingBox;
use crate::image::Image;
use crate::inference::Network;
use crate::model::{ChannelOrder, Layout, Normalization};

/// What a face looks like. It says little of what somebody feels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    /// The expression with the largest share.
    pub label: ExpressionLabel,
    /// The share of each, in [0, 1]; they add up to one.
    pub scores: BTreeMap<ExpressionLabel, f32>,
}

/// The expressions of FER2013 (Goodfellow et al. 2013), in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpressionLabel {
    /// Angry.
    Angry,
    /// Disgusted.
    Disgust,
    /// Afraid.
    Fear,
    /// Happy.
    Happy,
    /// Sad.
    Sad,
    /// Surprised.
    Surprise,
    /// None of them.
    Neutral,
}

impl ExpressionLabel {
    /// All, in the order of the network's output.
    pub const ALL: [Self; 7] = [
        Self::Angry,
        Self::Disgust,
        Self::Fear,
        Self::Happy,
        Self::Sad,
        Self::Surprise,
        Self::Neutral,
    ];

    /// In a word, which is also the folder's name in FER2013.
    pub fn name(self) -> &'static str {
        match self {
            Self::Angry => "angry",
            Self::Disgust => "disgust",
            Self::Fear => "fear",
            Self::Happy => "happy",
            Self::Sad => "sad",
            Self::Surprise => "surprise",
            Self::Neutral => "neutral",
        }
    }
}

const SIDE: u32 = 224;
/// Side of the crop over the longer side of the box.
const SCALE: f32 = 1.0;
const INPUT: Normalization = Normalization {
    channel_order: ChannelOrder::Rgb,
    mean: [0.0; 3],
    scale: [1.0 / 255.0; 3],
    layout: Layout::Nchw,
};

pub(super) struct ExpressionNetwork(pub(super) Box<dyn Network>);

impl ExpressionNetwork {
    pub(super) fn estimate(
        &self,
        image: &Image,
        face: &BoundingBox,
    ) -> Result<Expression, AttributeError> {
        let crop = Frame::square(face, SCALE).cut(image, SIDE)?;
        let scores = run_one(
            &*self.0,
            INPUT.shape(1, SIDE, SIDE),
            "seven scores of expressions",
            &mut |values| INPUT.write(&crop, values),
        )?;
        Ok(expression(softmax(scores)))
    }
}

fn expression(shares: [f32; 7]) -> Expression {
    let pairs = ExpressionLabel::ALL.into_iter().zip(shares);
    let best = pairs.clone().max_by(|a, b| a.1.total_cmp(&b.1));
    Expression {
        label: best.map_or(ExpressionLabel::Neutral, |(label, _)| label),
        scores: pairs.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_share_is_the_label() {
        let found = expression([0.1, 0.0, 0.0, 0.6, 0.1, 0.1, 0.1]);
        assert_eq!(found.label, ExpressionLabel::Happy);
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["label"], "happy");
        assert_eq!(json["scores"].as_object().unwrap().len(), 7);
        for label in ExpressionLabel::ALL {
            assert_eq!(serde_json::to_value(label).unwrap(), label.name());
        }
    }
}
