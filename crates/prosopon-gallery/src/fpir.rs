//! From the error rate of one comparison to that of a search.

/// The chance that a search for a stranger among `n` references returns somebody, when each
/// comparison accepts an impostor with rate `fmr`: `1 − (1 − fmr)ⁿ`.
///
/// This is the false positive identification rate (FPIR) for independent comparisons. They are not
/// quite independent: faces of one subject resemble each other, and some strangers match many
/// people. So with `n` the number of faces the estimate is usually too high, and with `n` the
/// number of subjects it is usually too low; show which of the two it is.
///
/// Rates outside [0, 1] are clamped; an `fmr` that is not a number gives one.
pub fn fpir_estimate(fmr: f64, n: u64) -> f64 {
    if fmr.is_nan() {
        return fmr;
    }
    if n == 0 {
        return 0.0;
    }
    // Through logarithms, since 1 − 1e-17 would round to 1.
    -(n as f64 * (-fmr.clamp(0.0, 1.0)).ln_1p()).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_formula_and_its_limits() {
        assert!((fpir_estimate(1e-3, 1000) - (1.0 - 0.999_f64.powi(1000))).abs() < 1e-12);
        assert!((fpir_estimate(1e-18, 1_000_000) - 1e-12).abs() < 1e-15);
        assert_eq!(fpir_estimate(0.0, 5), 0.0);
        assert_eq!(fpir_estimate(1.0, 5), 1.0);
        assert_eq!(fpir_estimate(0.2, 1), 0.2);
        assert_eq!(fpir_estimate(2.0, 3), 1.0);
        assert!(fpir_estimate(f64::NAN, 3).is_nan());
    }

    #[test]
    fn an_empty_gallery_accepts_nobody() {
        assert_eq!(fpir_estimate(0.5, 0), 0.0);
        assert_eq!(fpir_estimate(1.0, 0), 0.0);
    }
}
