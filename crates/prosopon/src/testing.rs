//! Fakes, so that a whole pipeline can be tested in milliseconds without weights.
//!
//! [`draw_face`] marks a face in a picture, [`detector`] finds what was drawn, [`embedder`] tells
//! faces apart by their colour. They keep the contracts of the real ones: order, options, batch,
//! unit length, crop size.
//!
//! ```
//! use prosopon::{EngineOptions, FaceEngine, Image, similarity, testing};
//!
//! let engine = FaceEngine::new(
//!     Box::new(testing::detector()),
//!     Box::new(testing::embedder()),
//!     EngineOptions::default(),
//! );
//! let mut picture = Image::filled(320, 240, [255; 3]);
//! testing::draw_face(&mut picture, (20, 30, 80, 100), [200, 40, 40]);
//! testing::draw_face(&mut picture, (150, 60, 60, 75), [40, 40, 200]);
//!
//! let faces = engine.analyze(&picture)?;
//! assert_eq!(faces.len(), 2);
//! let [red, blue] = [&faces[0].embedding, &faces[1].embedding];
//! assert!(similarity(red, blue)?.value() < 0.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::align::AlignedCrop;
use crate::detect::{DetectError, Detection, Detector, DetectorOptions};
use crate::embed::{EmbedError, Embedder, Embedding, ModelId};
use crate::geometry::{BoundingBox, Landmarks, Point};
use crate::image::Image;
use crate::model::ARCFACE_POINTS;

/// Colour of the frame around a drawn face, which no face may contain.
pub const MARKER: [u8; 3] = [255, 0, 255];

/// Draws a face as a rectangle of `skin` colour with a frame of [`MARKER`], both inside
/// `(left, top, width, height)`, in pixels.
///
/// # Panics
/// If the rectangle reaches past the border, is smaller than 3 × 3, or `skin` is the marker.
pub fn draw_face(
    image: &mut Image,
    (left, top, width, height): (u32, u32, u32, u32),
    skin: [u8; 3],
) {
    assert!(left + width <= image.width() && top + height <= image.height());
    assert!(width >= 3 && height >= 3 && skin != MARKER);
    let row_bytes = image.width() as usize * 3;
    for y in 0..height {
        for x in 0..width {
            let is_frame = x == 0 || y == 0 || x == width - 1 || y == height - 1;
            let start = (top + y) as usize * row_bytes + (left + x) as usize * 3;
            let color = if is_frame { MARKER } else { skin };
            image.pixels_mut()[start..start + 3].copy_from_slice(&color);
        }
    }
}

/// A detector that finds what [`draw_face`] drew.
pub fn detector() -> impl Detector {
    FakeDetector
}

/// An embedder that tells faces apart by their colour; its crops are of 112 × 112 pixels.
pub fn embedder() -> impl Embedder {
    FakeEmbedder {
        model: ModelId::new("fake@00000000"),
    }
}

struct FakeDetector;

impl Detector for FakeDetector {
    /// Confidence is 0.99 for the first face in reading order and falls by 0.01 with each further
    /// one; landmarks are `ArcFace`'s points, scaled to the box.
    fn detect(
        &self,
        image: &Image,
        options: &DetectorOptions,
    ) -> Result<Vec<Detection>, DetectError> {
        let mut detections: Vec<Detection> = frames(image)
            .into_iter()
            .zip(0u8..)
            .map(|(bounding_box, i)| Detection {
                bounding_box,
                landmarks: Some(landmarks(&bounding_box)),
                confidence: (0.99 - 0.01 * f32::from(i)).max(0.0),
            })
            .filter(|d| d.confidence >= options.min_confidence)
            .filter(|d| d.bounding_box.width() >= options.min_face_px)
            .collect();
        if options.largest_only {
            let area = |d: &Detection| d.bounding_box.area();
            detections.sort_by(|a, b| area(b).total_cmp(&area(a)));
            detections.truncate(1);
        }
        Ok(detections)
    }
}

/// Boxes of all frames, in reading order of their first corners.
fn frames(image: &Image) -> Vec<BoundingBox> {
    let (width, height) = (image.width(), image.height());
    let is_marker = |x: u32, y: u32| {
        let start = (y as usize * width as usize + x as usize) * 3;
        x < width && y < height && image.pixels()[start..start + 3] == MARKER
    };
    let mut boxes = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let is_corner = is_marker(x, y)
                && is_marker(x + 1, y)
                && is_marker(x, y + 1)
                && !is_marker(x + 1, y + 1)
                && !(x > 0 && is_marker(x - 1, y))
                && !(y > 0 && is_marker(x, y - 1));
            if is_corner {
                let columns = (x..width).take_while(|&x| is_marker(x, y)).count();
                let rows = (y..height).take_while(|&y| is_marker(x, y)).count();
                boxes.push(BoundingBox {
                    left: x as f32,
                    top: y as f32,
                    right: (x as usize + columns) as f32,
                    bottom: (y as usize + rows) as f32,
                });
            }
        }
    }
    boxes
}

fn landmarks(bounding_box: &BoundingBox) -> Landmarks {
    Landmarks::from_array(ARCFACE_POINTS.map(|p| {
        Point::new(
            bounding_box.left + p.x / 112.0 * bounding_box.width(),
            bounding_box.top + p.y / 112.0 * bounding_box.height(),
        )
    }))
}

struct FakeEmbedder {
    model: ModelId,
}

impl Embedder for FakeEmbedder {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn crop_size(&self) -> u32 {
        112
    }

    fn reference_points(&self) -> [Point; 5] {
        ARCFACE_POINTS
    }

    fn embed(&self, crops: &[AlignedCrop]) -> Result<Vec<Embedding>, EmbedError> {
        crops.iter().map(|crop| self.embed_one(crop)).collect()
    }
}

impl FakeEmbedder {
    /// The mean colour of the middle, where no frame reaches, as a direction from grey; the last
    /// value keeps plain grey from having none.
    fn embed_one(&self, crop: &AlignedCrop) -> Result<Embedding, EmbedError> {
        let (width, height) = (crop.image.width(), crop.image.height());
        if (width, height) != (112, 112) {
            return Err(EmbedError::CropSize {
                expected: 112,
                width,
                height,
            });
        }
        let middle = 40..72;
        let mut sums = [0.0f32; 3];
        for row in crop.image.pixels().chunks_exact(112 * 3).skip(40).take(32) {
            for pixel in &row.as_chunks::<3>().0[middle.clone()] {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += f32::from(value) - 127.5;
                }
            }
        }
        let [red, green, blue] = sums.map(|sum| sum / (32.0 * 32.0));
        let values = vec![red, green, blue, 1.0];
        Ok(Embedding::from_values(self.model.clone(), values)?)
    }
}
