//! How good a sight of a face is: what frames are weighed by.

use prosopon::{Detection, Image};

/// Height of a face from which on more pixels hardly help: that of the embedder's crop.
const ENOUGH_PX: f32 = 112.0;

/// Quality of a face in [0, 1].
pub(crate) fn of(_image: &Image, detection: &Detection) -> f32 {
    let size = (detection.bounding_box.height() / ENOUGH_PX)
        .clamp(0.0, 1.0)
        .sqrt();
    (detection.confidence * size).clamp(0.0, 1.0)
}
