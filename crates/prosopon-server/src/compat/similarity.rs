//! Similarity as CompreFace has it: a number from 0 to 1 in place of a cosine.
//!
//! `(tanh((c0 − d) · c1) + 1) / 2`, with d the Euclidean distance of the two unit vectors. CompreFace
//! has a pair (c0, c1) for each of its networks. Ours comes from the calibration that decides in the
//! gallery, so that the numbers mean the same with every network: see [`Scale::of`].

use prosopon::{Calibration, ModelId};
use prosopon_gallery::Gallery;

use crate::error::ApiResult;
use crate::models::LoadedModels;

/// The false match rate that similarity 0.5 stands for.
const MIDDLE_FMR: f64 = 1e-3;

/// The false match rate that similarity [`HIGH`] stands for.
const HIGH_FMR: f64 = 1e-5;

/// What users of CompreFace take for a safe threshold.
const HIGH: f64 = 0.9;

/// The steepest and the flattest scale; CompreFace's own lie between 5 and 8. They bound what a
/// calibration on few pictures can do.
const STEEPNESS: (f64, f64) = (3.0, 15.0);

/// From cosines to similarities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// The distance at which the similarity is 0.5.
    c0: f64,
    /// How steeply it falls there.
    c1: f64,
}

impl Scale {
    /// For an embedder that nobody has calibrated: CompreFace's own for ArcFace with ResNet-100.
    const UNCALIBRATED: Self = Self {
        c0: 1.231_321_75,
        c1: 6.602_259_425,
    };

    /// The scale on which 0.5 stands for a false match rate of 1e-3 and 0.9 for 1e-5.
    ///
    /// # Errors
    /// Those of reading the gallery.
    pub(super) fn of(models: &LoadedModels, gallery: &Gallery) -> ApiResult<Self> {
        let calibration = models.judge(gallery)?.calibration;
        let table = calibration.as_ref().map(|active| &active.calibration);
        Ok(Self::from_calibration(table))
    }

    pub(super) fn from_calibration(calibration: Option<&Calibration>) -> Self {
        let Some(calibration) = calibration else {
            return Self::UNCALIBRATED;
        };
        // The id matters to thresholds that decide, not to their place.
        let distance_at = |fmr| {
            let threshold = calibration.threshold(ModelId::new("scale"), fmr);
            distance(f64::from(threshold.similarity))
        };
        let c0 = distance_at(MIDDLE_FMR);
        let c1 = (2.0 * HIGH - 1.0).atanh() / (c0 - distance_at(HIGH_FMR)).max(1e-6);
        let (flattest, steepest) = STEEPNESS;
        Self {
            c0,
            c1: c1.clamp(flattest, steepest),
        }
    }

    /// From 0 to 1; higher is closer.
    pub(super) fn similarity(self, cosine: f64) -> f64 {
        f64::midpoint(((self.c0 - distance(cosine)) * self.c1).tanh(), 1.0)
    }

    /// How many times likelier than not, if [`Self::similarity`] were a probability.
    pub(super) fn odds(self, cosine: f64) -> f64 {
        ((self.c0 - distance(cosine)) * self.c1 * 2.0).exp()
    }
}

/// Euclidean distance of unit vectors.
fn distance(cosine: f64) -> f64 {
    (2.0 - 2.0 * cosine).max(0.0).sqrt()
}

/// Rounds to five decimals, halves up, judged on the shortest decimal that reads as the same number,
/// as CompreFace does.
pub(super) fn round5(value: f64) -> f64 {
    const DECIMALS: usize = 5;
    let text = value.abs().to_string();
    match text.split_once('.') {
        Some((whole, decimals)) if decimals.len() > DECIMALS => {
            let kept = format!("{whole}{}", &decimals[..DECIMALS]).parse::<f64>();
            let up = f64::from(u8::from(decimals.as_bytes()[DECIMALS] >= b'5'));
            kept.map_or(value, |kept| ((kept + up) / 1e5).copysign(value))
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use prosopon::CalibrationPoint;

    use super::*;

    /// The default embedder's, as in the catalogue of models.
    fn default_model() -> Calibration {
        let points = [
            (1e-1, 0.1301),
            (1e-2, 0.2442),
            (1e-3, 0.3376),
            (1e-4, 0.4168),
            (1e-5, 0.4791),
            (1e-6, 0.6984),
        ];
        Calibration {
            source: "LFW folds 1 to 3, all impostor pairs".to_owned(),
            comparisons: 2_687_149,
            points: points
                .map(|(fmr, similarity)| CalibrationPoint::new(fmr, similarity))
                .to_vec(),
        }
    }

    #[test]
    fn the_formula_gives_the_reference_values() {
        let scales = [
            (1.136_249_6, 5.803_152_427),
            (1.265_389_05, 5.552_089_201),
            (1.231_321_75, 6.602_259_425),
            (1.237_574_7, 5.973_354_538),
            (1.224_676, 6.322_647_217),
        ];
        let rows = [
            (0.0, [0.03819, 0.16076, 0.08204, 0.10810, 0.08342]),
            (0.2, [0.18343, 0.50133, 0.39090, 0.41907, 0.37548]),
            (0.3, [0.36700, 0.71350, 0.65367, 0.65688, 0.62815]),
            (0.4, [0.61623, 0.86842, 0.85744, 0.84527, 0.83674]),
            (0.5, [0.82940, 0.95012, 0.95498, 0.94471, 0.94486]),
            (0.8, [0.99712, 0.99911, 0.99963, 0.99928, 0.99944]),
        ];
        for (cosine, expected) in rows {
            for ((c0, c1), expected) in scales.into_iter().zip(expected) {
                let similarity = Scale { c0, c1 }.similarity(cosine);
                assert!(
                    (similarity - expected).abs() < 1e-5,
                    "{cosine} on ({c0}, {c1}): {similarity}"
                );
            }
        }
    }

    /// `docs/compat.md` quotes these figures.
    #[test]
    fn what_the_default_models_similarities_mean() {
        let calibration = default_model();
        let scale = Scale::from_calibration(Some(&calibration));
        assert!((scale.c0 - 1.1510).abs() < 1e-4, "{scale:?}");
        assert!((scale.c1 - 8.430).abs() < 1e-2, "{scale:?}");
        // Similarity, cosine, false match rate.
        let rows = [
            (0.5, 0.338, 1.0e-3),
            (0.7, 0.394, 1.9e-4),
            (0.8, 0.429, 6.4e-5),
            (0.9, 0.479, 1.0e-5),
            (0.95, 0.523, 6.3e-6),
            (0.98, 0.577, 3.6e-6),
            (0.99, 0.614, 2.4e-6),
        ];
        for (similarity, cosine, fmr) in rows {
            let (mut low, mut high) = (-1.0, 1.0);
            while high - low > 1e-9 {
                let middle = f64::midpoint(low, high);
                if scale.similarity(middle) < similarity {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let found = calibration.fmr_at(low as f32);
            println!("{similarity}: cosine {low:.4}, false match rate {found:.2e}");
            assert!((low - cosine).abs() < 1e-3, "{similarity}: {low}");
            assert!((found / fmr - 1.0).abs() < 0.05, "{similarity}: {found:e}");
        }
        assert!(scale.similarity(1.0) > 0.999_99);
        assert!(scale.similarity(0.0) < 0.02);
    }

    #[test]
    fn every_calibration_gives_a_usable_scale() {
        let steep = Calibration {
            points: vec![
                CalibrationPoint::new(0.1, 0.5),
                CalibrationPoint::new(1e-6, 0.5001),
            ],
            ..default_model()
        };
        let scale = Scale::from_calibration(Some(&steep));
        assert_eq!(scale.c1, STEEPNESS.1);
        let none = Scale::from_calibration(None);
        assert!((none.similarity(0.4) - 0.85744).abs() < 1e-5);
        let odds = none.odds(0.4);
        assert!((odds / (1.0 + odds) - none.similarity(0.4)).abs() < 1e-9);
    }

    #[test]
    fn halves_are_rounded_up() {
        for (value, expected) in [
            (0.978_585, 0.97859),
            (0.978_584_999, 0.97858),
            (0.000_004_999, 0.0),
            (0.000_005, 0.00001),
            (0.999_995, 1.0),
            (0.5, 0.5),
            (1.0, 1.0),
            (1.000_005, 1.00001),
            (-0.000_015, -0.00002),
        ] {
            assert_eq!(round5(value), expected, "{value}");
        }
    }
}
