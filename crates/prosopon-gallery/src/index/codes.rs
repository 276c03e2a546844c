//! Vectors as bytes, with a proven bound on what the rounding costs.
//!
//! A vector x is kept as codes c (int8) and a scale s, so that x = s·c + r with a known ‖r‖. For a
//! probe y = t·d + e the dot product is
//!
//! > x·y = (s·c + r)·y = s·t·(c·d) + (s·c)·e + r·y
//!
//! and by Cauchy–Schwarz the last two terms are at most ‖s·c‖·‖e‖ + ‖r‖·‖y‖. So the integer product
//! c·d brackets the true similarity, whatever the values are. The scale is the row's own, its
//! largest value over 127: nothing is clipped, and at 512 dimensions ‖r‖ is about 0.007 (a common
//! scale of 5/√512/127 gives 0.011).

use simsimd::SpatialSimilarity;

/// Largest code.
const MAX_CODE: f32 = 127.0;

/// Added to every bound, relative to the vectors' lengths: covers the rounding of the arithmetic in
/// f32 below (some 10 operations of 6e-8 each) and of the similarity itself.
const ROUNDING: f64 = 2e-6;

/// Added and taken away again, it leaves an f32 rounded to the nearest integer (1.5 × 2²³); unlike
/// `f32::round` the compiler turns it into vector instructions on any processor.
const ROUNDER: f32 = 12_582_912.0;

/// How a vector's codes relate to the vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// Value of one step of the codes.
    step: f32,
    /// Length of what the codes leave out, rounded up.
    residual: f32,
    /// Length of the vector that the codes stand for, rounded up.
    length: f32,
}

/// Writes the codes of `values`.
pub(super) fn quantise(values: &[f32], codes: &mut [i8]) -> Scale {
    let largest = values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let step = if largest > 0.0 {
        largest / MAX_CODE
    } else {
        1.0
    };
    let inverse = 1.0 / step;
    for (code, value) in codes.iter_mut().zip(values) {
        let rounded = (value * inverse + ROUNDER) - ROUNDER;
        *code = rounded.clamp(-MAX_CODE, MAX_CODE) as i8;
    }
    // Sixteen sums side by side, for the same reason.
    let (mut left_out, mut kept) = ([0.0_f32; 16], [0.0_f32; 16]);
    for (codes, values) in codes.chunks(16).zip(values.chunks(16)) {
        for (i, (&code, &value)) in codes.iter().zip(values).enumerate() {
            let stands_for = step * f32::from(code);
            left_out[i] += (value - stands_for) * (value - stands_for);
            kept[i] += stands_for * stands_for;
        }
    }
    let length = |sums: [f32; 16]| sums.iter().map(|&s| f64::from(s)).sum::<f64>().sqrt();
    let (residual, length) = (length(left_out), length(kept));
    // The sums are within 1e-5 of exact: at most dim / 16 additions of 6e-8 each.
    let slack = ROUNDING * (length + residual);
    Scale {
        step,
        residual: (residual * (1.0 + 1e-5) + slack) as f32,
        length: (length * (1.0 + 1e-5)) as f32,
    }
}

/// A probe, ready to be compared with rows.
pub(super) struct Probe {
    codes: Vec<i8>,
    scale: Scale,
    length: f32,
}

impl Probe {
    pub(super) fn new(values: &[f32]) -> Self {
        let mut codes = vec![0; values.len()];
        let scale = quantise(values, &mut codes);
        Self {
            codes,
            scale,
            length: scale.length + scale.residual,
        }
    }

    /// An estimate of the dot product with a row, and how far off it can be at most.
    #[inline]
    pub(super) fn bracket(&self, codes: &[i8], scale: Scale) -> (f32, f32) {
        let estimate = dot(&self.codes, codes) * (self.scale.step * scale.step);
        let error = scale.length * self.scale.residual + scale.residual * self.length;
        (estimate, error)
    }
}

/// Dot product of codes. `simsimd` picks its kernel at run time: 5 ms for 200,000 rows of 512 on one
/// AVX-512 core, where the portable loop, compiled for any x86-64, takes 20 ms. Exact: below 2²⁴ up to 1,040 dimensions, and rounded by 6e-8 above.
#[inline]
fn dot(a: &[i8], b: &[i8]) -> f32 {
    match i8::dot(a, b) {
        Some(product) => product as f32,
        None => portable_dot(a, b),
    }
}

/// The same without the kernels of `simsimd`.
fn portable_dot(a: &[i8], b: &[i8]) -> f32 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| i32::from(i16::from(a) * i16::from(b)))
        .sum::<i32>() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::cosine;
    use crate::synthetic::Rng;

    /// Vectors that are hard to code: spikes, equal values, tiny ones, many sizes.
    fn awkward(rng: &mut Rng, dim: usize) -> Vec<f32> {
        let mut values = match rng.below(4) {
            0 => rng.unit_vector(dim),
            1 => (0..dim).map(|i| if i == 3 { 1.0 } else { 1e-4 }).collect(),
            2 => vec![1.0 / (dim as f32).sqrt(); dim],
            _ => (0..dim)
                .map(|_| rng.normal() * 10f32.powi(-(rng.below(12) as i32)))
                .collect(),
        };
        let norm = length(&values);
        for value in &mut values {
            *value = (f64::from(*value) / norm) as f32;
        }
        values
    }

    fn length(values: &[f32]) -> f64 {
        values
            .iter()
            .map(|&v| f64::from(v).powi(2))
            .sum::<f64>()
            .sqrt()
    }

    #[test]
    fn the_bracket_always_holds_the_truth() {
        let mut rng = Rng::new(1);
        for dim in [4, 17, 128, 512, 1024] {
            let mut codes = vec![0; dim];
            for _ in 0..400 {
                let (row, probe) = (awkward(&mut rng, dim), awkward(&mut rng, dim));
                let scale = quantise(&row, &mut codes);
                let (estimate, error) = Probe::new(&probe).bracket(&codes, scale);
                let truth = cosine(&row, &probe);
                assert!(
                    (estimate - truth).abs() <= error,
                    "dim {dim}: {estimate} ± {error}, truth {truth}"
                );
                assert!(error < 0.2, "dim {dim}: bound {error} is of no use");
            }
        }
    }

    #[test]
    fn the_bound_is_narrow_for_usual_rows() {
        let mut rng = Rng::new(2);
        let mut codes = vec![0; 512];
        let scale = quantise(&rng.unit_vector(512), &mut codes);
        let (_, error) = Probe::new(&rng.unit_vector(512)).bracket(&codes, scale);
        assert!(error < 0.018, "{error}");
    }

    #[test]
    fn zeros_have_codes() {
        let mut codes = vec![1; 8];
        let scale = quantise(&[0.0; 8], &mut codes);
        assert_eq!(codes, [0; 8]);
        assert_eq!(scale.residual, 0.0);
    }

    #[test]
    fn kernels_agree() {
        let mut rng = Rng::new(3);
        for dim in [1, 31, 64, 512, 1000] {
            let mut code = || (rng.below(255) as i32 - 127) as i8;
            let a: Vec<i8> = (0..dim).map(|_| code()).collect();
            let b: Vec<i8> = (0..dim).map(|_| code()).collect();
            assert_eq!(dot(&a, &b), portable_dot(&a, &b), "dim {dim}");
        }
    }
}
