//! How good a face is for recognition: a number in [0, 1] with its parts.
//!
//! Landmarks, box and pixels are enough; the networks of pose and eyes make it better where they were run. The number is
//! there to choose the best of several pictures of one person and to refuse useless ones; it is no probability.

mod parts;

use serde::{Deserialize, Serialize};

use crate::align::align;
use crate::attributes::Attributes;
use crate::detect::Detection;
use crate::engine::Face;
use crate::image::{Image, ImageError};
use crate::model::ARCFACE_POINTS;
use crate::prepare::crop_with_margin;

/// How good a face is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// From 0, useless, to 1, nothing to complain of: the product of the parts.
    pub score: f32,
    /// What it is made of.
    pub parts: QualityParts,
}

/// What quality is made of, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QualityParts {
    /// The face has enough pixels.
    pub size: f32,
    /// It is not blurred.
    pub sharpness: f32,
    /// It looks into the camera: by the network's angles where there are any, else by the landmarks.
    pub pose: f32,
    /// It is neither dark nor glaring nor flat.
    pub brightness: f32,
    /// The picture shows all of it.
    pub inside: f32,
    /// Both eyes are open; none where no network was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eyes: Option<f32>,
    /// The detector is sure that it is a face.
    pub confidence: f32,
}

impl QualityParts {
    /// Names and values of those that were measured.
    pub fn named(&self) -> Vec<(&'static str, f32)> {
        let mut parts = vec![
            ("size", self.size),
            ("sharpness", self.sharpness),
            ("pose", self.pose),
            ("brightness", self.brightness),
            ("inside", self.inside),
            ("confidence", self.confidence),
        ];
        parts.extend(self.eyes.map(|eyes| ("eyes", eyes)));
        parts
    }

    /// The worst part, which is what to say about a face that is not good enough.
    pub fn worst(&self) -> (&'static str, f32) {
        let worst = self.named().into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        worst.unwrap_or(("confidence", self.confidence))
    }

    /// What is wrong most, such as `sharpness 0.21`.
    pub fn complaint(&self) -> String {
        let (name, value) = self.worst();
        format!("{name} {value:.2}")
    }

    /// What to do about the worst part.
    pub fn advice(&self) -> &'static str {
        match self.worst().0 {
            "size" => "use a picture that shows the face larger",
            "sharpness" => "use a sharper picture: hold still, or have more light",
            "pose" => "use a picture in which the face looks into the camera",
            "brightness" => "use a picture with more even light",
            "inside" => "use a picture that shows the whole face",
            "eyes" => "use a picture with open eyes",
            _ => "use a picture that shows the face clearly",
        }
    }

    fn score(&self) -> f32 {
        self.named().into_iter().map(|(_, part)| part).product()
    }
}

/// How good `face` is, which was found on `image`; better with the pose and the eyes in `attributes`.
pub fn assess(image: &Image, face: &Face, attributes: Option<&Attributes>) -> Quality {
    of_crop(image, &face.detection, &face.crop.image, attributes)
}

/// [`assess`] of a face that is not aligned yet.
///
/// # Errors
/// [`ImageError`] if the face could not be cut out.
pub fn assess_detection(
    image: &Image,
    detection: &Detection,
    attributes: Option<&Attributes>,
) -> Result<Quality, ImageError> {
    let aligned = detection
        .landmarks
        .and_then(|landmarks| align(image, &landmarks, &ARCFACE_POINTS, CROP_SIZE).ok());
    let crop = match aligned {
        Some(aligned) => aligned.image,
        None => match crop_with_margin(image, &detection.bounding_box, 0.0) {
            Some(crop) => crop.resized(CROP_SIZE, CROP_SIZE, crate::image::ResizeFilter::Area)?,
            None => Image::filled(CROP_SIZE, CROP_SIZE, [0; 3]),
        },
    };
    Ok(of_crop(image, detection, &crop, attributes))
}

/// Side of an aligned crop, which is what sharpness was calibrated on.
const CROP_SIZE: u32 = 112;

fn of_crop(
    image: &Image,
    detection: &Detection,
    crop: &Image,
    attributes: Option<&Attributes>,
) -> Quality {
    let pose = attributes.and_then(|attributes| attributes.pose);
    let eyes = attributes.and_then(|attributes| attributes.eyes);
    let parts = QualityParts {
        size: parts::size(detection),
        sharpness: parts::sharpness(crop),
        pose: match (pose, &detection.landmarks) {
            (Some(pose), _) => parts::pose_by_angles(&pose),
            (None, Some(landmarks)) => parts::pose_by_landmarks(landmarks),
            (None, None) => 1.0,
        },
        brightness: parts::brightness(crop),
        inside: parts::inside(image, &detection.bounding_box),
        eyes: eyes.map(parts::eyes),
        confidence: parts::confidence(detection.confidence),
    };
    Quality {
        score: parts.score(),
        parts,
    }
}

#[cfg(test)]
mod tests;
