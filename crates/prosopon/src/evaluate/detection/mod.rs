//! Boxes against labelled faces: recall, precision, average precision.
//!
//! Matching is that of the PASCAL VOC and COCO evaluations. Detections of a picture are taken by
//! falling confidence; each is right if its overlap (intersection over union) with a labelled face that
//! is not taken yet is at least the limit, and takes the one that it overlaps most. A detection that
//! overlaps an ignored box instead counts neither way; the rest are false positives. Labelled faces
//! that nobody took are missed.

mod dlib;
pub mod truth;
mod wider;

use serde::Serialize;

use self::truth::LabelledBox;
use super::gate::{Measured, Metric};
use super::rate::Rate;
use crate::detect::Detection;

/// The overlap from which a detection is right: that of PASCAL VOC and of WIDER FACE.
pub const IOU: f32 = 0.5;

/// A picture's labelled faces and what was found on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Labelled faces.
    pub truth: Vec<LabelledBox>,
    /// Detections, in any order.
    pub found: Vec<Detection>,
}

/// What a detector got right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectionReport {
    /// Pictures that were looked at.
    pub pictures: usize,
    /// Labelled faces that are to be found.
    pub faces: usize,
    /// Labelled boxes that count neither way.
    pub ignored: usize,
    /// Least overlap of a right detection.
    pub iou: f32,
    /// Least confidence of a detection in `recall`, `precision` and `false_positives`.
    pub confidence: f32,
    /// Share of labelled faces that were found. Its interval, as all here, is by resampling pictures.
    pub recall: Rate,
    /// Share of detections that are labelled faces.
    pub precision: Rate,
    /// Detections that are none.
    pub false_positives: usize,
    /// The same for each picture.
    pub false_positives_per_picture: f64,
    /// Average precision over all confidences: the area under the curve of precision against recall,
    /// with each precision raised to the highest at that or a greater recall (VOC from 2010 on, all
    /// points).
    pub ap: f64,
}

/// What became of one detection or labelled face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A labelled face that was found, or the detection that found it.
    Right,
    /// A labelled face that was missed, or a detection of none.
    Wrong,
    /// Counts neither way.
    Ignored,
}

/// The verdicts on one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// On each labelled box, in order.
    pub truth: Vec<Verdict>,
    /// On each detection, in order.
    pub found: Vec<Verdict>,
}

/// Matches the detections of a picture, of at least `confidence`, with its labelled faces; those below
/// are ignored.
pub fn judge(picture: &Judged, iou: f32, confidence: f32) -> Verdicts {
    let mut verdicts = Verdicts {
        truth: picture
            .truth
            .iter()
            .map(|truth| {
                if truth.ignored {
                    Verdict::Ignored
                } else {
                    Verdict::Wrong
                }
            })
            .collect(),
        found: vec![Verdict::Ignored; picture.found.len()],
    };
    let mut order: Vec<usize> = (0..picture.found.len())
        .filter(|i| picture.found[*i].confidence >= confidence)
        .collect();
    order.sort_by(|a, b| {
        picture.found[*b]
            .confidence
            .total_cmp(&picture.found[*a].confidence)
    });
    for i in order {
        let found = &picture.found[i].bounding_box;
        let overlaps = picture
            .truth
            .iter()
            .map(|truth| truth.bounding_box.iou(found));
        let free = overlaps
            .enumerate()
            .filter(|(at, overlap)| *overlap >= iou && verdicts.truth[*at] == Verdict::Wrong)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        verdicts.found[i] = if let Some((at, _)) = free {
            verdicts.truth[at] = Verdict::Right;
            Verdict::Right
        } else if picture
            .truth
            .iter()
            .any(|truth| truth.ignored && truth.bounding_box.iou(found) >= iou)
        {
            Verdict::Ignored
        } else {
            Verdict::Wrong
        };
    }
    verdicts
}

impl DetectionReport {
    /// Judges `pictures` by their detections of at least `confidence`. Average precision is that of
    /// `ranked`, the same pictures with detections of all confidences: which views a detector takes of
    /// a picture may depend on the confidence that is asked for.
    pub fn new(pictures: &[Judged], ranked: &[Judged], iou: f32, confidence: f32) -> Self {
        let (mut of_truth, mut of_found) = (Vec::new(), Vec::new());
        for (number, picture) in (0..).zip(pictures) {
            let verdicts = judge(picture, iou, confidence);
            let counted = |verdict: &&Verdict| **verdict != Verdict::Ignored;
            let outcome = |verdict: &Verdict| (number, *verdict == Verdict::Right);
            of_truth.extend(verdicts.truth.iter().filter(counted).map(outcome));
            of_found.extend(verdicts.found.iter().filter(counted).map(outcome));
        }
        let false_positives = of_found.iter().filter(|(_, right)| !right).count();
        let n_ignored = |picture: &Judged| picture.truth.iter().filter(|t| t.ignored).count();
        Self {
            pictures: pictures.len(),
            faces: of_truth.len(),
            ignored: pictures.iter().map(n_ignored).sum(),
            iou,
            confidence,
            recall: Rate::of(&of_truth),
            precision: Rate::of(&of_found),
            false_positives,
            false_positives_per_picture: false_positives as f64 / pictures.len().max(1) as f64,
            ap: average_precision(&precision_recall(ranked, iou)),
        }
    }
}

impl DetectionReport {
    /// The figures that gates can ask for.
    pub fn metrics() -> Vec<Metric> {
        [
            "recall",
            "precision",
            "ap",
            "false_positives",
            "false_positives_per_picture",
        ]
        .map(Metric::new)
        .into()
    }

    /// Their values; recall and precision have none without trials.
    pub fn measured(&self) -> Vec<Measured> {
        let share = |rate: Rate| if rate.trials > 0 { rate.rate } else { f64::NAN };
        let values = [
            share(self.recall),
            share(self.precision),
            self.ap,
            self.false_positives as f64,
            self.false_positives_per_picture,
        ];
        let names = Self::metrics().into_iter().map(|metric| metric.name);
        names.zip(values).collect()
    }
}

/// Precision at each recall: (recall, precision) of falling confidence, a point wherever it changes.
/// Empty without labelled faces.
pub fn precision_recall(pictures: &[Judged], iou: f32) -> Vec<(f64, f64)> {
    let mut outcomes: Vec<(f32, bool)> = Vec::new();
    let mut n_faces = 0;
    for picture in pictures {
        n_faces += picture.truth.iter().filter(|t| !t.ignored).count();
        let verdicts = judge(picture, iou, f32::NEG_INFINITY);
        let counted = picture.found.iter().zip(verdicts.found);
        outcomes.extend(
            counted
                .filter(|(_, verdict)| *verdict != Verdict::Ignored)
                .map(|(found, verdict)| (found.confidence, verdict == Verdict::Right)),
        );
    }
    if n_faces == 0 {
        return Vec::new();
    }
    outcomes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut points) = (0, Vec::new());
    for (i, &(confidence, is_right)) in outcomes.iter().enumerate() {
        right += usize::from(is_right);
        // Detections of one confidence stand or fall together.
        if outcomes.get(i + 1).is_none_or(|next| next.0 < confidence) {
            points.push((right as f64 / n_faces as f64, right as f64 / (i + 1) as f64));
        }
    }
    points
}

/// The area under `points` of rising recall, each precision raised to the highest from there on.
fn average_precision(points: &[(f64, f64)]) -> f64 {
    let (mut area, mut highest) = (0.0, 0.0f64);
    for (i, &(recall, precision)) in points.iter().enumerate().rev() {
        highest = highest.max(precision);
        let before = i.checked_sub(1).map_or(0.0, |i| points[i].0);
        area += (recall - before) * highest;
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::BoundingBox;

    fn square(left: f32, side: f32) -> BoundingBox {
        BoundingBox {
            left,
            top: 0.0,
            right: left + side,
            bottom: side,
        }
    }

    fn labelled(left: f32) -> LabelledBox {
        LabelledBox {
            bounding_box: square(left, 10.0),
            ignored: false,
        }
    }

    fn found(left: f32, confidence: f32) -> Detection {
        Detection {
            bounding_box: square(left, 10.0),
            landmarks: None,
            confidence,
        }
    }

    fn of(picture: Judged) -> DetectionReport {
        let pictures = [picture];
        DetectionReport::new(&pictures, &pictures, IOU, 0.5)
    }

    #[test]
    fn each_face_is_found_once_and_ignored_ones_count_nowhere() {
        let mut hidden = labelled(60.0);
        hidden.ignored = true;
        let picture = Judged {
            truth: vec![labelled(0.0), labelled(30.0), hidden],
            found: vec![
                found(1.0, 0.6),
                // More confident, so it takes the face although it lies worse.
                found(2.0, 0.9),
                found(61.0, 0.8),
                found(90.0, 0.7),
                found(30.0, 0.3),
            ],
        };
        let verdicts = judge(&picture, IOU, 0.5);
        assert_eq!(
            verdicts.truth,
            [Verdict::Right, Verdict::Wrong, Verdict::Ignored]
        );
        assert_eq!(
            verdicts.found,
            [
                Verdict::Wrong,
                Verdict::Right,
                Verdict::Ignored,
                Verdict::Wrong,
                Verdict::Ignored
            ]
        );
        let report = of(picture);
        assert_eq!(
            (report.faces, report.ignored, report.false_positives),
            (2, 1, 2)
        );
        assert_eq!((report.recall.events, report.recall.trials), (1, 2));
        assert_eq!((report.precision.events, report.precision.trials), (1, 3));
        // Right, wrong, wrong, right: precision 1 up to recall 1/2, then 1/2.
        assert!((report.ap - 0.75).abs() < 1e-12, "{}", report.ap);
    }

    #[test]
    fn a_detection_takes_the_face_that_it_overlaps_most() {
        let picture = Judged {
            truth: vec![labelled(0.0), labelled(4.0)],
            found: vec![found(3.0, 0.9), found(0.0, 0.8)],
        };
        let report = of(picture);
        assert_eq!(
            (report.recall.rate, report.precision.rate, report.ap),
            (1.0, 1.0, 1.0)
        );
    }

    /// The example by which average precision is usually explained: seven faces, with detections
    /// right, right, wrong, right, wrong, right by falling confidence.
    #[test]
    fn average_precision_by_hand() {
        let truth = (0..7).map(|i| labelled(i as f32 * 50.0)).collect();
        let lefts = [0.0, 50.0, 1000.0, 100.0, 1050.0, 150.0];
        let found = lefts
            .iter()
            .enumerate()
            .map(|(i, left)| found(*left, 0.9 - i as f32 / 10.0))
            .collect();
        let picture = Judged { truth, found };
        let points = precision_recall(std::slice::from_ref(&picture), IOU);
        assert_eq!(points.len(), 6);
        assert_eq!(points[1], (2.0 / 7.0, 1.0));
        let expected = (2.0 + 0.75 + 4.0 / 6.0) / 7.0;
        let ap = of(picture).ap;
        assert!((ap - expected).abs() < 1e-12, "{ap}");
    }

    #[test]
    fn pictures_without_faces_count_false_positives_only() {
        let empty = Judged {
            truth: Vec::new(),
            found: vec![found(0.0, 0.9)],
        };
        let report = of(empty);
        assert_eq!(
            (report.faces, report.false_positives, report.ap),
            (0, 1, 0.0)
        );
        assert_eq!(report.recall.interval, [0.0, 1.0]);
        let nothing = DetectionReport::new(&[], &[], IOU, 0.5);
        assert_eq!(
            (nothing.pictures, nothing.false_positives_per_picture),
            (0, 0.0)
        );
    }
}
