//! Faces that recognition will have trouble with.

use serde::Serialize;

use crate::classic::GrayImage;
use crate::detect::Detection;
use crate::engine::Face;
use crate::geometry::Landmarks;

/// Narrower faces are enlarged more than threefold for the embedder's 112 pixels, since a box is
/// about three quarters of the crop.
const SMALL_PX: f32 = 30.0;
/// Detections below are often no faces; the default detector gives clear faces 0.7 and more.
const UNSURE: f32 = 0.6;
/// The nose is so far to one side that the other cheek is nearly hidden: about 45°.
const TURNED: f32 = 0.6;
/// How many robust standard deviations below the median a face's sharpness is called blurred: one
/// in 700 of a normal distribution.
const BLURRED_SIGMAS: f64 = 3.0;
/// From the median absolute deviation to the standard deviation of a normal distribution.
const SIGMA_FROM_MAD: f64 = 1.4826;

/// What is measured of one face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FaceQuality {
    /// Width of its box in pixels.
    pub width_px: f32,
    /// The detector's confidence.
    pub confidence: f32,
    /// Variance of the Laplacian of the aligned crop's grey levels (Pech-Pacheco et al. 2000): low for
    /// blurred and for enlarged faces.
    pub sharpness: f64,
    /// Where the nose lies between the eyes: 0 in the middle, −1 at the left eye, 1 at the right one,
    /// beyond for profiles. None without landmarks.
    pub turn: Option<f32>,
}

/// What is wrong with a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityDoubt {
    /// Narrower than 30 pixels.
    Small,
    /// The detector is not sure that it is a face: confidence below 0.6.
    Unsure,
    /// Much less sharp than the others.
    Blurred,
    /// Seen from the side.
    Turned,
}

impl QualityDoubt {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Unsure => "unsure",
            Self::Blurred => "blurred",
            Self::Turned => "turned",
        }
    }
}

impl FaceQuality {
    /// Measures `face`.
    pub fn of(face: &Face) -> Self {
        let Detection {
            bounding_box,
            landmarks,
            confidence,
        } = face.detection;
        Self {
            width_px: bounding_box.width(),
            confidence,
            sharpness: laplacian_variance(&GrayImage::from(&face.crop.image)),
            turn: landmarks.as_ref().map(turn),
        }
    }
}

/// What is wrong with each face, compared with the others where that matters.
pub fn quality_doubts(faces: &[FaceQuality]) -> Vec<Vec<QualityDoubt>> {
    // Sharpness spreads over orders of magnitude; its logarithm is nearly normal.
    let logs: Vec<f64> = faces.iter().map(|f| f.sharpness.max(1e-3).ln()).collect();
    let middle = median(&logs);
    let deviations: Vec<f64> = logs.iter().map(|log| (log - middle).abs()).collect();
    let lowest = middle - BLURRED_SIGMAS * SIGMA_FROM_MAD * median(&deviations);
    faces
        .iter()
        .zip(logs)
        .map(|(face, log)| {
            let doubts = [
                (face.width_px < SMALL_PX, QualityDoubt::Small),
                (face.confidence < UNSURE, QualityDoubt::Unsure),
                (log < lowest, QualityDoubt::Blurred),
                (
                    face.turn.is_some_and(|turn| turn.abs() > TURNED),
                    QualityDoubt::Turned,
                ),
            ];
            let doubts = doubts.into_iter().filter(|(is_so, _)| *is_so);
            doubts.map(|(_, doubt)| doubt).collect()
        })
        .collect()
}

/// Variance of the second differences in both directions.
fn laplacian_variance(gray: &GrayImage) -> f64 {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let level = |x: usize, y: usize| f64::from(gray.pixels()[y * width + x]);
    let mut values = Vec::new();
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let around = level(x - 1, y) + level(x + 1, y) + level(x, y - 1) + level(x, y + 1);
            values.push(around - 4.0 * level(x, y));
        }
    }
    if values.is_empty() {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// Where the nose lies along the line of the eyes, from −1 to 1.
fn turn(landmarks: &Landmarks) -> f32 {
    let (left, right, nose) = (landmarks.left_eye, landmarks.right_eye, landmarks.nose);
    let (dx, dy) = (right.x - left.x, right.y - left.y);
    let square = (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
    let along = ((nose.x - left.x) * dx + (nose.y - left.y) * dy) / square;
    2.0 * along - 1.0
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    #[test]
    fn sharp_edges_have_a_larger_variance_than_soft_ones() {
        let picture = |level: fn(usize) -> u8| {
            let pixels = (0..400).map(|i| level(i % 20)).collect();
            GrayImage::new(20, 20, pixels).unwrap()
        };
        let hard = laplacian_variance(&picture(|x| if x < 10 { 0 } else { 200 }));
        let soft = laplacian_variance(&picture(|x| (x * 10) as u8));
        assert!(hard > 100.0 && soft < 1e-6, "{hard} {soft}");
        assert_eq!(
            laplacian_variance(&GrayImage::new(1, 1, vec![3]).unwrap()),
            0.0
        );
    }

    #[test]
    fn the_nose_says_how_far_a_face_is_turned() {
        let face = |nose_x: f32| Landmarks {
            left_eye: Point::new(10.0, 10.0),
            right_eye: Point::new(30.0, 10.0),
            nose: Point::new(nose_x, 20.0),
            ..Landmarks::default()
        };
        for (x, expected) in [(20.0, 0.0), (10.0, -1.0), (30.0, 1.0), (35.0, 1.5)] {
            assert!((turn(&face(x)) - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn each_kind_of_doubt_is_found() {
        let good = FaceQuality {
            width_px: 100.0,
            confidence: 0.9,
            sharpness: 800.0,
            turn: Some(0.1),
        };
        let mut faces: Vec<FaceQuality> = (0..20)
            .map(|i| FaceQuality {
                sharpness: 700.0 + f64::from(i) * 20.0,
                ..good
            })
            .collect();
        faces.push(FaceQuality {
            sharpness: 5.0,
            ..good
        });
        faces.push(FaceQuality {
            width_px: 12.0,
            confidence: 0.55,
            turn: Some(-0.9),
            ..good
        });
        let doubts = quality_doubts(&faces);
        assert!(doubts[..20].iter().all(Vec::is_empty), "{doubts:?}");
        assert_eq!(doubts[20], [QualityDoubt::Blurred]);
        let expected = [
            QualityDoubt::Small,
            QualityDoubt::Unsure,
            QualityDoubt::Turned,
        ];
        assert_eq!(doubts[21], expected);
        assert!(quality_doubts(&[]).is_empty());
    }
}
