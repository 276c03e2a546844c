//! `fr-liveness`: whether a face lives or is a picture of one.
//!
//! Input 1 × 3 × 128 × 128; output three class scores, the first of which is a living face.

use super::crop::Frame;
use super::softmax::softmax;
use super::{AttributeError, run_one};
use crate::geometry::BoundingBox;
use crate::image::Image;
use crate::inference::Network;
use crate::model::{ChannelOrder, Layout, Normalization};

const SIDE: u32 = 128;
/// Side of the crop over that of the box: what is around a face gives prints and screens away.
const SCALE: f32 = 2.7;
const INPUT: Normalization = Normalization {
    channel_order: ChannelOrder::Rgb,
    mean: [0.0; 3],
    scale: [1.0; 3],
    layout: Layout::Nchw,
};

pub(super) struct LivenessNetwork(pub(super) Box<dyn Network>);

impl LivenessNetwork {
    /// How much the face looks like a living one, in [0, 1].
    pub(super) fn estimate(
        &self,
        image: &Image,
        face: &BoundingBox,
    ) -> Result<f32, AttributeError> {
        let crop = Frame::scaled(face, SCALE).cut(image, SIDE)?;
        let scores = run_one(
            &*self.0,
            INPUT.shape(1, SIDE, SIDE),
            "three scores, the first of a living face",
            &mut |values| INPUT.write(&crop, values),
        )?;
        let [live, ..] = softmax::<3>(scores);
        Ok(live)
    }
}
