//! What a network file is for, and how pictures become its input.
//!
//! The built-in catalogue (crate `prosopon-models`) and a user's own TOML both give these types, so
//! that any SCRFD, UltraFace, ArcFace or FaceNet network of any size runs through the same code.

use serde::{Deserialize, Serialize};

use crate::geometry::Point;
use crate::image::Image;

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

impl Normalization {
    /// Shape of an input with `batch` pictures of `width × height`.
    pub fn shape(&self, batch: usize, width: u32, height: u32) -> [usize; 4] {
        let (width, height) = (width as usize, height as usize);
        match self.layout {
            Layout::Nchw => [batch, 3, height, width],
            Layout::Nhwc => [batch, height, width, 3],
        }
    }

    /// Writes `image` to `values`, the input of one picture of the same size.
    pub fn write(&self, image: &Image, values: &mut [f32]) {
        self.write_padded(image, (image.width(), image.height()), (0, 0), values);
    }

    /// Writes `image` to `values`, the input of one picture of `width × height`, with its corner
    /// at (`left`, `top`) and black around it.
    ///
    /// # Panics
    /// If the picture does not fit, or `values` is not `width × height × 3` long.
    pub fn write_padded(
        &self,
        image: &Image,
        (width, height): (u32, u32),
        (left, top): (u32, u32),
        values: &mut [f32],
    ) {
        let (width, height) = (width as usize, height as usize);
        let (left, top) = (left as usize, top as usize);
        let (image_width, image_height) = (image.width() as usize, image.height() as usize);
        assert!(left + image_width <= width && top + image_height <= height);
        assert_eq!(values.len(), width * height * 3);
        // Channel c of the input is channel source[c] of the picture.
        let source = match self.channel_order {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        let black: [f32; 3] = std::array::from_fn(|c| -self.mean[c] * self.scale[c]);
        let rows = image.pixels().chunks_exact(image_width * 3);
        let padded = (image_width, image_height) != (width, height);
        match self.layout {
            Layout::Nchw => {
                for (c, plane) in values.chunks_exact_mut(width * height).enumerate() {
                    if padded {
                        plane.fill(black[c]);
                    }
                    let (scale, offset) = (self.scale[c], black[c]);
                    let targets = plane.chunks_exact_mut(width).skip(top);
                    for (row, target) in rows.clone().zip(targets) {
                        let target = &mut target[left..left + image_width];
                        for (value, pixel) in target.iter_mut().zip(row.as_chunks::<3>().0) {
                            *value = f32::from(pixel[source[c]]) * scale + offset;
                        }
                    }
                }
            }
            Layout::Nhwc => {
                if padded {
                    for value in values.as_chunks_mut::<3>().0 {
                        *value = black;
                    }
                }
                let targets = values.chunks_exact_mut(width * 3).skip(top);
                for (row, target) in rows.zip(targets) {
                    let target = &mut target[left * 3..(left + image_width) * 3];
                    let pixels = row.as_chunks::<3>().0.iter();
                    for (value, pixel) in target.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                        *value = std::array::from_fn(|c| {
                            f32::from(pixel[source[c]]) * self.scale[c] + black[c]
                        });
                    }
                }
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn normalization(channel_order: ChannelOrder, layout: Layout) -> Normalization {
        Normalization {
            channel_order,
            mean: [1.0, 2.0, 3.0],
            scale: [1.0, 10.0, 100.0],
            layout,
        }
    }

    #[test]
    fn planes_and_channel_order() {
        let image = Image::from_rgb(2, 1, vec![5, 6, 7, 8, 9, 10]).unwrap();
        let mut values = [0.0; 6];
        normalization(ChannelOrder::Rgb, Layout::Nchw).write(&image, &mut values);
        assert_eq!(values, [4.0, 7.0, 40.0, 70.0, 400.0, 700.0]);
        normalization(ChannelOrder::Bgr, Layout::Nhwc).write(&image, &mut values);
        assert_eq!(values, [6.0, 40.0, 200.0, 9.0, 70.0, 500.0]);
    }

    #[test]
    fn padding_is_black() {
        let image = Image::filled(1, 1, [11, 12, 13]);
        let mut values = [9.9; 12];
        normalization(ChannelOrder::Rgb, Layout::Nchw).write_padded(
            &image,
            (2, 2),
            (1, 0),
            &mut values,
        );
        assert_eq!(values[..4], [-1.0, 10.0, -1.0, -1.0]);
        assert_eq!(values[8..], [-300.0, 1000.0, -300.0, -300.0]);
        let mut interleaved = [9.9; 12];
        normalization(ChannelOrder::Rgb, Layout::Nhwc).write_padded(
            &image,
            (2, 2),
            (1, 0),
            &mut interleaved,
        );
        assert_eq!(interleaved[..6], [-1.0, -20.0, -300.0, 10.0, 100.0, 1000.0]);
    }

    #[test]
    fn reference_points_scale_with_the_crop() {
        let spec = EmbedderSpec {
            crop_size: 224,
            normalization: normalization(ChannelOrder::Rgb, Layout::Nchw),
            reference_points: None,
        };
        assert_eq!(spec.reference_points()[0].x, ARCFACE_POINTS[0].x * 2.0);
    }
}
