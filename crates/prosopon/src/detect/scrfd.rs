//! SCRFD (Guo et al. 2021, "Sample and Computation Redistribution for Efficient Face Detection"):
//! boxes and five landmarks from three feature maps.
//!
//! Each cell of a map holds the same number of anchors at its corner. An anchor's box is four
//! distances to the edges, its landmarks are five offsets, both in units of the map's stride.

use super::letterbox::Letterbox;
use super::views::{View, detect_in_views};
use super::{DetectError, Detection, Detector, DetectorOptions, nms};
use crate::geometry::{Landmarks, Point};
use crate::image::Image;
use crate::inference::{InferenceError, Network, Output};
use crate::model::DetectorSpec;

/// Input pixels for one cell of each feature map.
const STRIDES: [u32; 3] = [8, 16, 32];
/// Sides of the input are multiples of the coarsest stride.
const GRID: u32 = 32;

/// SCRFD with five landmarks.
pub struct Scrfd {
    network: Box<dyn Network>,
    spec: DetectorSpec,
}

impl Scrfd {
    /// A detector from its network, whose input size must be free.
    ///
    /// # Errors
    /// [`InferenceError::Outputs`] unless the network has scores, boxes and landmarks for three
    /// strides.
    pub fn new(network: Box<dyn Network>, spec: DetectorSpec) -> Result<Self, InferenceError> {
        if network.outputs().len() != 3 * STRIDES.len() {
            return Err(InferenceError::Outputs {
                expected: "9 outputs of SCRFD with landmarks",
                found: format!("{} outputs", network.outputs().len()),
            });
        }
        Ok(Self { network, spec })
    }

    /// All candidates above `min_confidence` in one view, before suppression.
    fn candidates(
        &self,
        image: &Image,
        view: View,
        min_confidence: f32,
    ) -> Result<Vec<Detection>, DetectError> {
        let (width, height) = view.input_size(image, GRID);
        let letterbox = Letterbox::fit(image, width, height, view.border);
        let normalization = &self.spec.normalization;
        let outputs = self
            .network
            .run(letterbox.shape(normalization), &mut |values| {
                letterbox.fill(normalization, values);
            })?;
        let mut candidates = Vec::new();
        for (i, stride) in STRIDES.into_iter().enumerate() {
            let map = FeatureMap::new(&outputs, i, stride, width, height)?;
            map.collect(min_confidence, &letterbox, &mut candidates);
        }
        Ok(candidates)
    }
}

impl Detector for Scrfd {
    fn detect(
        &self,
        image: &Image,
        options: &DetectorOptions,
    ) -> Result<Vec<Detection>, DetectError> {
        let side = self.spec.width.max(self.spec.height);
        detect_in_views(image, options, side, |view| {
            let candidates = self.candidates(image, view, options.min_confidence)?;
            Ok(nms::suppress(candidates, options.nms_iou))
        })
    }
}

/// The outputs that belong to one stride.
struct FeatureMap<'a> {
    stride: f32,
    columns: usize,
    anchors: usize,
    scores: &'a [f32],
    boxes: &'a [[f32; 4]],
    landmarks: &'a [[f32; 10]],
}

impl<'a> FeatureMap<'a> {
    fn new(
        outputs: &'a [Output],
        index: usize,
        stride: u32,
        width: u32,
        height: u32,
    ) -> Result<Self, InferenceError> {
        let (columns, rows) = ((width / stride) as usize, (height / stride) as usize);
        let scores = outputs[index].values.as_slice();
        let boxes = outputs[index + STRIDES.len()].values.as_chunks().0;
        let landmarks = outputs[index + 2 * STRIDES.len()].values.as_chunks().0;
        let anchors = scores.len() / (columns * rows);
        let n = anchors * columns * rows;
        if anchors == 0 || [scores.len(), boxes.len(), landmarks.len()] != [n; 3] {
            return Err(InferenceError::Outputs {
                expected: "a score, 4 distances and 10 offsets for each anchor of SCRFD",
                found: format!(
                    "{}, {} and {} of them for {columns} × {rows} cells",
                    scores.len(),
                    boxes.len(),
                    landmarks.len()
                ),
            });
        }
        Ok(Self {
            stride: stride as f32,
            columns,
            anchors,
            scores,
            boxes,
            landmarks,
        })
    }

    fn collect(&self, min_confidence: f32, letterbox: &Letterbox, found: &mut Vec<Detection>) {
        for (i, &confidence) in self.scores.iter().enumerate() {
            if confidence < min_confidence {
                continue;
            }
            let cell = i / self.anchors;
            let x = (cell % self.columns) as f32 * self.stride;
            let y = (cell / self.columns) as f32 * self.stride;
            let [left, top, right, bottom] = self.boxes[i].map(|d| d * self.stride);
            let offsets = self.landmarks[i].map(|d| d * self.stride);
            let mut points = [Point::default(); 5];
            for (point, [dx, dy]) in points.iter_mut().zip(offsets.as_chunks().0) {
                *point = letterbox.point_in_image(x + dx, y + dy);
            }
            found.push(Detection {
                bounding_box: letterbox.box_in_image(x - left, y - top, x + right, y + bottom),
                landmarks: Some(Landmarks::from_array(points)),
                confidence,
            });
        }
    }
}
