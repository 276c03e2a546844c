//! When the evidence is enough.

use std::time::Duration;

use prosopon::{Calibration, ModelId};

/// When the evidence is enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvidenceOptions {
    /// A name needs so many samples: embedded frames of enough quality. At least 1.
    pub min_samples: usize,
    /// Of the last eight samples this share must agree with the mean about who it is.
    pub agreement: f32,
    /// Nobody is called unknown before so many samples.
    pub unknown_samples: usize,
    /// Nor before the first sample is so old: faces that enter are seen better a moment later.
    pub unknown_after: Duration,
    /// Samples of lower quality do not count; in [0, 1].
    pub least_quality: f32,
    /// Two embeddings of one person are at least this similar if they are to link tracks.
    pub same: f32,
    /// Below this similarity two embeddings look like those of different people.
    pub different: f32,
}

impl Default for EvidenceOptions {
    /// `same` and `different` are the default embedder's thresholds for false match rates of 1e-3 and 1e-1
    /// (`docs/accuracy.md`).
    fn default() -> Self {
        Self {
            min_samples: 3,
            agreement: 0.6,
            unknown_samples: 6,
            unknown_after: Duration::from_millis(800),
            least_quality: 0.15,
            same: 0.338,
            different: 0.13,
        }
    }
}

/// False match rates at which two embeddings link tracks, and look like different people's.
const LINKS: (f64, f64) = (1e-3, 1e-1);

impl EvidenceOptions {
    /// The default with the similarities that `calibration` measured for `model`.
    pub fn calibrated(model: &ModelId, calibration: &Calibration) -> Self {
        let at = |fmr| calibration.threshold(model.clone(), fmr).similarity;
        Self {
            same: at(LINKS.0),
            different: at(LINKS.1),
            ..Self::default()
        }
    }
}
