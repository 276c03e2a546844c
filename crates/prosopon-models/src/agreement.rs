//! How alike two networks answer, or one network in two engines: both on the same pictures, in turns.

use std::time::{Duration, Instant};

use prosopon::detect::DetectError;
use prosopon::embed::EmbedError;
use prosopon::{AlignedCrop, Detection, Detector, DetectorOptions, Embedder, Image};
use serde::Serialize;

/// Boxes that overlap at least this much (intersection over union) are the same face, as in WIDER FACE's protocol.
const SAME_FACE: f32 = 0.5;

/// How near two embedders' answers are, over all crops that both were shown.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct EmbedderAgreement {
    /// Crops that were compared.
    pub n_crops: usize,
    /// Mean cosine similarity of the two embeddings of a crop.
    pub mean_similarity: f64,
    /// The least of them.
    pub least_similarity: f64,
    /// How many times as fast the second is.
    pub speed_ratio: f64,
}

/// How alike two detectors answer, over all pictures that both were shown.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct DetectorAgreement {
    /// Pictures that were compared.
    pub n_pictures: usize,
    /// Faces that the first found.
    pub n_faces: usize,
    /// Those of them that the second found too, at an overlap of at least 0.5.
    pub n_found_again: usize,
    /// Faces that only the second found.
    pub n_added: usize,
    /// Mean intersection over union of faces that both found.
    pub mean_iou: f64,
    /// How many times as fast the second is.
    pub speed_ratio: f64,
}

/// Sums from which an agreement is made.
#[derive(Debug, Default)]
struct Times([Duration; 2]);

impl Times {
    /// Runs `work` once so that the engine knows this shape of input, and once with the clock.
    fn measure<T, E>(&mut self, which: usize, work: impl Fn() -> Result<T, E>) -> Result<T, E> {
        work()?;
        let start = Instant::now();
        let answer = work()?;
        self.0[which] += start.elapsed();
        Ok(answer)
    }

    fn ratio(&self) -> f64 {
        let [first, second] = self.0.map(|t| t.as_secs_f64());
        if second > 0.0 { first / second } else { 0.0 }
    }
}

/// Shows crops to two embedders.
pub struct EmbedderComparison<'a> {
    embedders: [&'a dyn Embedder; 2],
    similarities: Vec<f64>,
    times: Times,
}

impl<'a> EmbedderComparison<'a> {
    /// Of the one that is to be met, and the one that is tried.
    pub fn new(first: &'a dyn Embedder, second: &'a dyn Embedder) -> Self {
        Self {
            embedders: [first, second],
            similarities: Vec::new(),
            times: Times::default(),
        }
    }

    /// Shows both a crop.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub fn show(&mut self, crop: &AlignedCrop) -> Result<(), EmbedError> {
        let crop = std::slice::from_ref(crop);
        let mut embeddings = Vec::with_capacity(2);
        for (which, embedder) in self.embedders.into_iter().enumerate() {
            embeddings.extend(self.times.measure(which, || embedder.embed(crop))?);
        }
        if let [first, second] = embeddings.as_slice() {
            let products = first.values().iter().zip(second.values());
            self.similarities
                .push(products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum());
        }
        Ok(())
    }

    /// The figures so far.
    pub fn agreement(&self) -> EmbedderAgreement {
        let n = self.similarities.len();
        EmbedderAgreement {
            n_crops: n,
            mean_similarity: self.similarities.iter().sum::<f64>() / n.max(1) as f64,
            least_similarity: self.similarities.iter().copied().fold(1.0, f64::min),
            speed_ratio: self.times.ratio(),
        }
    }
}

/// Shows pictures to two detectors.
pub struct DetectorComparison<'a> {
    detectors: [&'a dyn Detector; 2],
    sums: DetectorAgreement,
    overlap: f64,
    times: Times,
}

impl<'a> DetectorComparison<'a> {
    /// Of the one that is to be met, and the one that is tried.
    pub fn new(first: &'a dyn Detector, second: &'a dyn Detector) -> Self {
        Self {
            detectors: [first, second],
            sums: DetectorAgreement::default(),
            overlap: 0.0,
            times: Times::default(),
        }
    }

    /// Shows both a picture.
    ///
    /// # Errors
    /// As [`Detector::detect`].
    pub fn show(&mut self, image: &Image, options: &DetectorOptions) -> Result<(), DetectError> {
        let mut found = Vec::with_capacity(2);
        for (which, detector) in self.detectors.into_iter().enumerate() {
            found.push(
                self.times
                    .measure(which, || detector.detect(image, options))?,
            );
        }
        if let [first, second] = found.as_slice() {
            self.count(first, second);
        }
        Ok(())
    }

    fn count(&mut self, first: &[Detection], second: &[Detection]) {
        let mut left: Vec<&Detection> = second.iter().collect();
        for face in first {
            let overlaps = left
                .iter()
                .map(|other| face.bounding_box.iou(&other.bounding_box))
                .enumerate();
            if let Some((i, iou)) = overlaps.max_by(|(_, a), (_, b)| a.total_cmp(b))
                && iou >= SAME_FACE
            {
                left.swap_remove(i);
                self.sums.n_found_again += 1;
                self.overlap += f64::from(iou);
            }
        }
        self.sums.n_pictures += 1;
        self.sums.n_faces += first.len();
        self.sums.n_added += left.len();
    }

    /// The figures so far.
    pub fn agreement(&self) -> DetectorAgreement {
        DetectorAgreement {
            mean_iou: self.overlap / self.sums.n_found_again.max(1) as f64,
            speed_ratio: self.times.ratio(),
            ..self.sums
        }
    }
}

#[cfg(test)]
mod tests {
    use prosopon::geometry::BoundingBox;

    use super::*;

    struct Fixed(Vec<Detection>);

    impl Detector for Fixed {
        fn detect(&self, _: &Image, _: &DetectorOptions) -> Result<Vec<Detection>, DetectError> {
            Ok(self.0.clone())
        }
    }

    fn face(x: f32) -> Detection {
        Detection {
            bounding_box: BoundingBox {
                left: x,
                top: 0.0,
                right: x + 10.0,
                bottom: 10.0,
            },
            landmarks: None,
            confidence: 0.9,
        }
    }

    #[test]
    fn faces_are_found_again_missed_and_added() {
        let first = Fixed(vec![face(0.0), face(100.0)]);
        let second = Fixed(vec![face(300.0), face(1.0)]);
        let mut comparison = DetectorComparison::new(&first, &second);
        let image = Image::filled(8, 8, [0; 3]);
        comparison
            .show(&image, &DetectorOptions::default())
            .unwrap();
        let agreement = comparison.agreement();
        assert_eq!(
            (
                agreement.n_faces,
                agreement.n_found_again,
                agreement.n_added
            ),
            (2, 1, 1)
        );
        // Boxes of 10 × 10 that are one pixel apart share 90 of 110.
        assert!((agreement.mean_iou - 90.0 / 110.0).abs() < 1e-6);
    }
}
