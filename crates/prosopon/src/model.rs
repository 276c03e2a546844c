//! What a network file is for, and how pictures become its input.
//!
//! The built-in catalogue (crate `prosopon-models`) and a user's own TOML both give these types, so
//! that any SCRFD, UltraFace, ArcFace or FaceNet network of any size runs through the same code.

use serde::{Deserialize, Serialize};

use crate::geometry::Point;

/// ArcFace's five reference points in a crop of 112 × 112: left eye, right eye, nose, mouth left,
/// mouth right (Deng et al. 2019, the template of the InsightFace project).
pub const ARCFACE_POINTS: [Point; 5] = [
    Point::new(38.2946, 51.6963),
    Point::new(73.5318, 51.5014),
    Point::new(56.0252, 71.7366),
    Point::new(41.5493, 92.3655),
    Point::new(70.7299, 92.2041),
];

/// Order of the colour channels that a network expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// Order of the axes of a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channel, row, column: what PyTorch exports.
    #[default]
    Nchw,
    /// Batch, row, column, channel: what TensorFlow exports.
    Nhwc,
}

/// How a byte of a pixel becomes a value of the input: `(byte − mean) × scale`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// Order of the channels.
    pub channel_order: ChannelOrder,
    /// Subtracted from each channel, in the network's own channel order, in byte units.
    pub mean: [f32; 3],
    /// Multiplied after that, in the network's own channel order.
    pub scale: [f32; 3],
    /// Order of the axes.
    #[serde(default)]
    pub layout: Layout,
}

/// Which decoder reads a detector's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetectorFamily {
    /// Anchor-free boxes and landmarks as distances at strides 8, 16 and 32 (Guo et al. 2021).
    Scrfd,
    /// Boxes and two class scores in relative coordinates, no landmarks
    /// (Ultra-Light-Fast-Generic-Face-Detector).
    UltraFace,
}

/// A network that finds faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorSpec {
    /// How to read the outputs.
    pub family: DetectorFamily,
    /// Input width in pixels; the default where the network takes other sizes.
    pub width: u32,
    /// Input height in pixels.
    pub height: u32,
    /// From bytes to input values.
    pub normalization: Normalization,
}

/// A network that turns an aligned crop into an embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedderSpec {
    /// Side of the square crop, in pixels.
    pub crop_size: u32,
    /// From bytes to input values.
    pub normalization: Normalization,
    /// Where the five landmarks go, in pixels of the crop; [`ARCFACE_POINTS`] scaled to
    /// `crop_size` when left out.
    #[serde(default)]
    pub reference_points: Option<[Point; 5]>,
}

impl EmbedderSpec {
    /// Where the five landmarks go, in pixels of the crop.
    pub fn reference_points(&self) -> [Point; 5] {
        self.reference_points.unwrap_or_else(|| {
            let scale = self.crop_size as f32 / 112.0;
            ARCFACE_POINTS.map(|p| Point::new(p.x * scale, p.y * scale))
        })
    }
}
