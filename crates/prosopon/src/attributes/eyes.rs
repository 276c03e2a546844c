//! `fr-eye`: whether an eye is open.
//!
//! Input 1 × 1 × 24 × 24, grey, byte / 255, the square around one eye; output two class scores.

use serde::{Deserialize, Serialize};

use super::crop::Frame;
use super::softmax::softmax;
use super::{AttributeError, run_one};
use crate::geometry::{Landmarks, Point};
use crate::image::Image;
use crate::inference::Network;

/// Whether the eyes are open, each from 0 (closed) to 1 (open). *Left* is the left side of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Eyes {
    /// The eye on the left of the picture.
    pub left_open: f32,
    /// The eye on the right of the picture.
    pub right_open: f32,
}

impl Eyes {
    /// The mean of the two.
    pub fn open(&self) -> f32 {
        f32::midpoint(self.left_open, self.right_open)
    }
}

const SIDE: u32 = 24;
/// Side of the square over the distance between the centres of the eyes.
const SCALE: f32 = 0.7;

pub(super) struct EyeNetwork(pub(super) Box<dyn Network>);

impl EyeNetwork {
    pub(super) fn estimate(
        &self,
        image: &Image,
        landmarks: &Landmarks,
    ) -> Result<Eyes, AttributeError> {
        let (left, right) = (landmarks.left_eye, landmarks.right_eye);
        let side = (right.x - left.x).hypot(right.y - left.y) * SCALE;
        Ok(Eyes {
            left_open: self.open(image, left, side)?,
            right_open: self.open(image, right, side)?,
        })
    }

    fn open(&self, image: &Image, center: Point, side: f32) -> Result<f32, AttributeError> {
        let frame = Frame {
            center,
            width: side,
            height: side,
        };
        let crop = frame.cut_gray(image, SIDE)?;
        let size = SIDE as usize;
        let scores = run_one(
            &*self.0,
            [1, 1, size, size],
            "two scores, eye closed and open",
            &mut |values| {
                for (value, &byte) in values.iter_mut().zip(crop.pixels()) {
                    *value = f32::from(byte) / 255.0;
                }
            },
        )?;
        let [_, open] = softmax::<2>(scores);
        Ok(open)
    }
}
