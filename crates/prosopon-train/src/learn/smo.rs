//! The optimisation behind a support vector machine of two classes: sequential minimal optimisation.
//!
//! Minimises ½·αᵀQα − Σα with 0 ≤ αᵢ ≤ Cᵢ and yᵀα = 0, two variables at a time, chosen by second-order
//! information (Fan, Chen and Lin 2005, algorithm WSS 2), until no pair violates the optimality
//! conditions by more than a tolerance. That is the method of LIBSVM (Chang and Lin 2011), without its
//! shrinking, so that solutions agree within the tolerance.

/// Replaces curvatures that are not positive, as LIBSVM's `TAU` does.
const LEAST_CURVATURE: f64 = 1e-12;

/// Rows of a kernel matrix, computed when they are needed.
pub(super) trait KernelRows {
    /// Computes K(i, j) for all j. What was loaded last and next to last can be asked for.
    fn load(&mut self, i: usize);
    /// K(i, j) for all j, of a row that was loaded.
    fn loaded(&self, i: usize) -> &[f32];
    /// K(i, i).
    fn diagonal(&self, i: usize) -> f64;
}

/// What the optimisation came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solution {
    /// αᵢ·yᵢ for each sample: its weight in the decision.
    pub(super) weights: Vec<f64>,
    /// The decision is Σ weightᵢ·K(xᵢ, x) − ρ.
    pub(super) rho: f64,
    /// Whether the tolerance was met.
    pub(super) is_converged: bool,
}

/// Solves for the labels `positive` and the bound `c` of each sample.
pub(super) fn solve(
    kernel: &mut impl KernelRows,
    positive: &[bool],
    c: &[f64],
    tolerance: f64,
) -> Solution {
    let n = positive.len();
    let y: Vec<f64> = positive
        .iter()
        .map(|p| if *p { 1.0 } else { -1.0 })
        .collect();
    let diagonal: Vec<f64> = (0..n).map(|i| kernel.diagonal(i)).collect();
    let mut alpha = vec![0.0f64; n];
    let mut gradient = vec![-1.0f64; n];
    let mut is_converged = false;
    // LIBSVM's limit; reached only if the tolerance cannot be met.
    let most_steps = (100 * n).max(10_000_000);
    for _ in 0..most_steps {
        // The variable that violates most on the side that may grow.
        let mut first: Option<(usize, f64)> = None;
        for t in 0..n {
            let may_rise = if positive[t] {
                alpha[t] < c[t]
            } else {
                alpha[t] > 0.0
            };
            let violation = -y[t] * gradient[t];
            if may_rise && first.is_none_or(|(_, most)| violation >= most) {
                first = Some((t, violation));
            }
        }
        let Some((i, up)) = first else {
            is_converged = true;
            break;
        };
        kernel.load(i);
        let row_i = kernel.loaded(i);
        // The partner that lowers the objective most.
        let mut second: Option<(usize, f64)> = None;
        let mut down = f64::INFINITY;
        for t in 0..n {
            let may_fall = if positive[t] {
                alpha[t] > 0.0
            } else {
                alpha[t] < c[t]
            };
            if !may_fall {
                continue;
            }
            let violation = -y[t] * gradient[t];
            down = down.min(violation);
            let gap = up - violation;
            if gap > 0.0 {
                let curvature = diagonal[i] + diagonal[t] - 2.0 * f64::from(row_i[t]);
                let gain = gap * gap / curvature.max(LEAST_CURVATURE);
                if second.is_none_or(|(_, best)| gain >= best) {
                    second = Some((t, gain));
                }
            }
        }
        let Some((j, _)) = second.filter(|_| up - down >= tolerance) else {
            is_converged = true;
            break;
        };
        kernel.load(j);
        let (row_i, row_j) = (kernel.loaded(i), kernel.loaded(j));
        let curvature = diagonal[i] + diagonal[j] - 2.0 * f64::from(row_i[j]);
        let before = (alpha[i], alpha[j]);
        step(
            &mut alpha,
            (i, j),
            (&gradient, positive, c),
            curvature.max(LEAST_CURVATURE),
        );
        let (di, dj) = ((alpha[i] - before.0) * y[i], (alpha[j] - before.1) * y[j]);
        let rows = row_i.iter().zip(row_j);
        for ((gradient, y), (k_i, k_j)) in gradient.iter_mut().zip(&y).zip(rows) {
            *gradient += y * (di * f64::from(*k_i) + dj * f64::from(*k_j));
        }
    }
    Solution {
        rho: rho(&alpha, &gradient, &y, c),
        weights: alpha.iter().zip(&y).map(|(a, y)| a * y).collect(),
        is_converged,
    }
}

/// Moves αᵢ and αⱼ to the best place on the line that keeps yᵀα, inside their bounds.
fn step(
    alpha: &mut [f64],
    (i, j): (usize, usize),
    (gradient, positive, c): (&[f64], &[bool], &[f64]),
    curvature: f64,
) {
    if positive[i] == positive[j] {
        let delta = (gradient[i] - gradient[j]) / curvature;
        let sum = alpha[i] + alpha[j];
        alpha[i] = (alpha[i] - delta).clamp((sum - c[j]).max(0.0), c[i].min(sum));
        alpha[j] = sum - alpha[i];
    } else {
        let delta = (-gradient[i] - gradient[j]) / curvature;
        let difference = alpha[i] - alpha[j];
        alpha[i] = (alpha[i] + delta).clamp(difference.max(0.0), c[i].min(c[j] + difference));
        alpha[j] = alpha[i] - difference;
    }
    // Rounding must not carry a variable past its bounds.
    alpha[i] = alpha[i].clamp(0.0, c[i]);
    alpha[j] = alpha[j].clamp(0.0, c[j]);
}

/// The offset: where free variables lie, or half-way between the bounds that the others give.
fn rho(alpha: &[f64], gradient: &[f64], y: &[f64], c: &[f64]) -> f64 {
    let (mut upper, mut lower) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut sum, mut n_free) = (0.0, 0usize);
    for i in 0..alpha.len() {
        let value = y[i] * gradient[i];
        if alpha[i] > 0.0 && alpha[i] < c[i] {
            sum += value;
            n_free += 1;
        } else if (alpha[i] == 0.0) == (y[i] > 0.0) {
            upper = upper.min(value);
        } else {
            lower = lower.max(value);
        }
    }
    if n_free > 0 {
        sum / n_free as f64
    } else {
        f64::midpoint(upper, lower)
    }
}
