//! `fr-pose`: which way a head is turned, as three angles (Hopenet family, Ruiz et al. 2018).
//!
//! Input 1 × 3 × 224 × 224, RGB, normalised as `ImageNet` pictures are; outputs three times 66 scores of bins of 3°
//! from −99°, whose mean is the angle.

use serde::{Deserialize, Serialize};

use super::crop::Frame;
use super::softmax::softmax;
use super::ssr_net::IMAGE_NET;
use super::{AttributeError, places, values};
use crate::geometry::BoundingBox;
use crate::image::Image;
use crate::inference::{InferenceError, Network};

/// Which way a head is turned, in degrees; a face that looks straight into the camera has three zeros.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Pose {
    /// To the right of the picture is positive, in −99 to 99.
    pub yaw: f32,
    /// Up is positive.
    pub pitch: f32,
    /// Clockwise in the picture is positive.
    pub roll: f32,
}

impl Pose {
    /// The angle between the direction of the face and the camera's, whatever the roll: 0 for a face from the front.
    pub fn off_axis(&self) -> f32 {
        (self.yaw.to_radians().cos() * self.pitch.to_radians().cos())
            .clamp(-1.0, 1.0)
            .acos()
            .to_degrees()
    }
}

const SIDE: u32 = 224;
/// Sides of the crop, which is stretched to a square, over those of the box.
///
/// Measured on 60 pictures of LFW against their mirror images: yaw differs by 2.9° at 1.2, by 3.4° at 1.5, by 4.9° at
/// 1.8; by 3.8° to 24° with squares.
const SCALE: f32 = 1.2;
const N_BINS: usize = 66;
const EXPECTED: &str = "66 scores each of yaw (`output`), pitch (`617`) and roll (`618`)";

pub(super) struct PoseNetwork {
    network: Box<dyn Network>,
    places: [usize; 3],
}

impl PoseNetwork {
    pub(super) fn new(network: Box<dyn Network>) -> Result<Self, AttributeError> {
        let places = places(&*network, ["output", "617", "618"], EXPECTED)?;
        Ok(Self { network, places })
    }

    pub(super) fn estimate(
        &self,
        image: &Image,
        face: &BoundingBox,
    ) -> Result<Pose, AttributeError> {
        let crop = Frame::scaled(face, SCALE).cut(image, SIDE)?;
        let outputs = self
            .network
            .run(IMAGE_NET.shape(1, SIDE, SIDE), &mut |values| {
                IMAGE_NET.write(&crop, values);
            })?;
        let angle = |place: usize| -> Result<f32, AttributeError> {
            let output = outputs.get(place).ok_or(InferenceError::Outputs {
                expected: EXPECTED,
                found: format!("{} outputs", outputs.len()),
            })?;
            Ok(expected_angle(&values(output, EXPECTED)?))
        };
        let [yaw, pitch, roll] = self.places;
        // The network's yaw grows to the left of the picture.
        Ok(Pose {
            yaw: -angle(yaw)?,
            pitch: angle(pitch)?,
            roll: angle(roll)?,
        })
    }
}

/// The mean angle under the shares of the bins.
fn expected_angle(scores: &[f32; N_BINS]) -> f32 {
    let shares = softmax(*scores);
    let mean: f32 = shares
        .iter()
        .zip(0u8..)
        .map(|(s, i)| s * f32::from(i))
        .sum();
    mean * 3.0 - 99.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_angle_is_the_mean_of_the_bins() {
        let mut scores = [-100.0; N_BINS];
        scores[33] = 0.0;
        assert!(expected_angle(&scores).abs() < 1e-3);
        scores[35] = 0.0;
        assert!((expected_angle(&scores) - 3.0).abs() < 1e-3);
    }

    #[test]
    fn off_axis_knows_both_angles_and_no_roll() {
        let pose = |yaw, pitch, roll| Pose { yaw, pitch, roll }.off_axis();
        assert!(pose(0.0, 0.0, 40.0).abs() < 0.1);
        assert!((pose(-30.0, 0.0, 0.0) - 30.0).abs() < 1e-3);
        assert!((pose(60.0, 60.0, 0.0) - 75.522_49).abs() < 1e-2);
    }
}
