//! How good a sight of a face is: what frames are weighed by.

use prosopon::quality::assess_detection;
use prosopon::{Attributes, Detection, Image};

/// Quality of a face in [0, 1]; 0 for one that cannot be cut out.
pub(crate) fn of(image: &Image, detection: &Detection, attributes: Option<&Attributes>) -> f32 {
    assess_detection(image, detection, attributes).map_or(0.0, |quality| quality.score)
}
