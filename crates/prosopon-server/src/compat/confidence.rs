//! Confidences of detectors as clients of other systems know them.
//!
//! Their detectors are surer of themselves than ours: of the faces of LFW, SCRFD gives nine in ten less
//! than 0.9, where theirs give 0.99 and more. Clients send thresholds that fit those, 0.8 above all,
//! which is CompreFace's default. So the odds are stretched: our default threshold, 0.5, is their 0.8, and
//! a face of the usual 0.87 is one of 0.999. `docs/compat.md` has the figures.

/// Odds of their default threshold, 0.8 to 0.2, at our even odds.
const ODDS: f64 = 4.0;

/// How much the logarithm of the odds is stretched.
const STRETCH: f64 = 3.0;

/// Ours may be asked for no less: below it there are boxes everywhere.
const LEAST: f32 = 0.3;

/// Keeps logarithms finite.
const EDGE: f64 = 1e-9;

/// A confidence of ours as they would put it.
pub(super) fn theirs(confidence: f32) -> f64 {
    let confidence = f64::from(confidence).clamp(EDGE, 1.0 - EDGE);
    let odds = (confidence / (1.0 - confidence)).powf(STRETCH) * ODDS;
    odds / (1.0 + odds)
}

/// A threshold of theirs on our detector.
pub(super) fn ours(threshold: f32) -> f32 {
    if threshold >= 1.0 {
        return 1.0;
    }
    let threshold = f64::from(threshold).clamp(EDGE, 1.0 - EDGE);
    let odds = (threshold / (1.0 - threshold) / ODDS).powf(1.0 / STRETCH);
    ((odds / (1.0 + odds)) as f32).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/compat.md` quotes these figures.
    #[test]
    fn their_default_is_ours() {
        for (own, other) in [(0.5, 0.8), (0.7, 0.981), (0.87, 0.9992), (1.0, 1.0)] {
            assert!((theirs(own) - other).abs() < 1e-3, "{own}: {}", theirs(own));
        }
        for (other, own) in [(0.8, 0.5), (0.9, 0.567), (0.95, 0.627), (0.99, 0.745)] {
            assert!((ours(other) - own).abs() < 1e-2, "{other}: {}", ours(other));
        }
        assert_eq!((ours(0.0), ours(0.2), ours(1.0)), (LEAST, LEAST, 1.0));
    }

    #[test]
    fn there_and_back_again() {
        for confidence in [0.31, 0.4, 0.5, 0.77, 0.9, 0.99] {
            let back = ours(theirs(confidence) as f32);
            assert!((back - confidence).abs() < 1e-3, "{confidence}: {back}");
        }
    }
}
