//! Non-maximum suppression: of boxes that overlap, the most confident stays.

use super::Detection;

/// Keeps, most confident first, each detection that overlaps none kept before it by more than
/// `iou` (intersection over union).
pub(super) fn suppress(mut detections: Vec<Detection>, iou: f32) -> Vec<Detection> {
    detections.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut kept: Vec<Detection> = Vec::new();
    for detection in detections {
        if kept
            .iter()
            .all(|k| k.bounding_box.iou(&detection.bounding_box) <= iou)
        {
            kept.push(detection);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::BoundingBox;

    fn detection(left: f32, confidence: f32) -> Detection {
        Detection {
            bounding_box: BoundingBox {
                left,
                top: 0.0,
                right: left + 10.0,
                bottom: 10.0,
            },
            landmarks: None,
            confidence,
        }
    }

    #[test]
    fn the_most_confident_of_a_cluster_stays() {
        let kept = suppress(
            vec![
                detection(1.0, 0.6),
                detection(0.0, 0.9),
                detection(30.0, 0.7),
            ],
            0.4,
        );
        assert_eq!(kept, [detection(0.0, 0.9), detection(30.0, 0.7)]);
        assert_eq!(
            suppress(kept.clone(), 0.4),
            kept,
            "a second time changes nothing"
        );
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(suppress(Vec::new(), 0.4), []);
    }
}
