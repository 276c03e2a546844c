//! Of several faces, the one that the picture is of.

use super::Detection;

/// The face that a picture of one person is of, as a place in `detections`: large and near the centre. None
/// without faces.
///
/// `size` is the picture's width and height. The weight of two for the squared distance is the one that
/// the `InsightFace` project uses to choose a central face.
pub fn central((width, height): (u32, u32), detections: &[Detection]) -> Option<usize> {
    let (x, y) = (width as f32 / 2.0, height as f32 / 2.0);
    let weight = |detection: &Detection| {
        let center = detection.bounding_box.center();
        let squared_distance = (center.x - x).powi(2) + (center.y - y).powi(2);
        detection.bounding_box.area() - 2.0 * squared_distance
    };
    let places = detections.iter().map(weight).enumerate();
    places
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::BoundingBox;

    fn face(left: f32, top: f32, side: f32) -> Detection {
        Detection {
            bounding_box: BoundingBox {
                left,
                top,
                right: left + side,
                bottom: top + side,
            },
            landmarks: None,
            confidence: 0.9,
        }
    }

    #[test]
    fn large_faces_near_the_centre_come_first() {
        let size = (200, 200);
        assert_eq!(central(size, &[]), None);
        let (middle, corner) = (face(80.0, 80.0, 40.0), face(0.0, 0.0, 60.0));
        assert_eq!(central(size, &[corner, middle]), Some(1));
        let large = face(40.0, 60.0, 100.0);
        assert_eq!(central(size, &[corner, middle, large]), Some(2));
    }
}
