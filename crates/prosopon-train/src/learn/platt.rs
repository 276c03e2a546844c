//! From decision values to probabilities.

/// Probabilities are kept this far from 0 and 1, as LIBSVM does.
pub(super) const LEAST_PROBABILITY: f64 = 1e-7;

/// P(positive | decision) = 1 / (1 + exp(A·decision + B)): Platt's sigmoid.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Sigmoid {
    a: f64,
    b: f64,
}

impl Sigmoid {
    /// Fits the sigmoid by Newton's method with backtracking, with targets that are smoothed as Platt
    /// has them (Platt 1999; Lin, Lin and Weng 2007, whose constants these are). There may be several rounds of decisions
    /// about the same samples, one after the other.
    pub(super) fn fit(decisions: &[f64], positive: &[bool]) -> Self {
        const MOST_STEPS: usize = 100;
        const LEAST_STEP: f64 = 1e-10;
        const RIDGE: f64 = 1e-12;
        const FLAT: f64 = 1e-5;
        let n_positive = positive.iter().filter(|p| **p).count() as f64;
        let n_negative = positive.len() as f64 - n_positive;
        let high = (n_positive + 1.0) / (n_positive + 2.0);
        let low = 1.0 / (n_negative + 2.0);
        let samples = || {
            let targets = positive.iter().map(|p| if *p { high } else { low });
            decisions.iter().copied().zip(targets.cycle())
        };
        let loss = |s: Self| -> f64 {
            samples()
                .map(|(decision, target)| {
                    let z = s.a * decision + s.b;
                    // ln(1 + e^z) without overflow.
                    let soft = (-z.abs()).exp().ln_1p();
                    if z >= 0.0 {
                        target * z + soft
                    } else {
                        (target - 1.0) * z + soft
                    }
                })
                .sum()
        };
        let mut s = Self {
            a: 0.0,
            b: ((n_negative + 1.0) / (n_positive + 1.0)).ln(),
        };
        let mut value = loss(s);
        for _ in 0..MOST_STEPS {
            let (mut h11, mut h22, mut h21) = (RIDGE, RIDGE, 0.0);
            let (mut g1, mut g2) = (0.0, 0.0);
            for (decision, target) in samples() {
                let p = s.positive(decision);
                let d2 = p * (1.0 - p);
                h11 += decision * decision * d2;
                h22 += d2;
                h21 += decision * d2;
                let d1 = target - p;
                g1 += decision * d1;
                g2 += d1;
            }
            if g1.abs() < FLAT && g2.abs() < FLAT {
                break;
            }
            let determinant = h11 * h22 - h21 * h21;
            let da = -(h22 * g1 - h21 * g2) / determinant;
            let db = -(-h21 * g1 + h11 * g2) / determinant;
            let slope = g1 * da + g2 * db;
            let mut size = 1.0;
            let moved = loop {
                if size < LEAST_STEP {
                    break None;
                }
                let next = Self {
                    a: s.a + size * da,
                    b: s.b + size * db,
                };
                let found = loss(next);
                if found < value + 1e-4 * size * slope {
                    break Some((next, found));
                }
                size /= 2.0;
            };
            let Some((next, found)) = moved else {
                break;
            };
            (s, value) = (next, found);
        }
        s
    }

    /// One that knows nothing.
    pub(super) fn unfitted() -> Self {
        Self { a: 0.0, b: 0.0 }
    }

    /// Probability of the positive class.
    pub(super) fn positive(self, decision: f64) -> f64 {
        let z = self.a * decision + self.b;
        if z >= 0.0 {
            let e = (-z).exp();
            e / (1.0 + e)
        } else {
            1.0 / (1.0 + z.exp())
        }
    }
}

/// Probabilities of `k` classes from those of each class against each other: `pairwise[i][j]` is that
/// of i if it is i or j (Wu, Lin and Weng 2004, the second of their methods).
pub(super) fn coupled(pairwise: &[Vec<f64>]) -> Vec<f64> {
    let k = pairwise.len();
    let mut q = vec![vec![0.0; k]; k];
    for t in 0..k {
        for j in 0..k {
            if j == t {
                q[t][t] = (0..k)
                    .filter(|j| *j != t)
                    .map(|j| pairwise[j][t].powi(2))
                    .sum();
            } else {
                q[t][j] = -pairwise[j][t] * pairwise[t][j];
            }
        }
    }
    let mut p = vec![1.0 / k as f64; k];
    let enough = 0.005 / k as f64;
    for _ in 0..100.max(k) {
        let mut qp: Vec<f64> = q
            .iter()
            .map(|row| row.iter().zip(&p).map(|(q, p)| q * p).sum())
            .collect();
        let mut pqp: f64 = p.iter().zip(&qp).map(|(p, qp)| p * qp).sum();
        let error = qp.iter().map(|qp| (qp - pqp).abs()).fold(0.0, f64::max);
        if error < enough {
            break;
        }
        for t in 0..k {
            let difference = (pqp - qp[t]) / q[t][t];
            p[t] += difference;
            let scale = 1.0 + difference;
            pqp = (pqp + difference * (difference * q[t][t] + 2.0 * qp[t])) / scale / scale;
            for j in 0..k {
                qp[j] = (qp[j] + difference * q[t][j]) / scale;
                p[j] /= scale;
            }
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sigmoid_is_found_again() {
        // A thousand decisions with labels drawn by a sigmoid of A = −2, B = 0.5.
        let mut random = fastrand::Rng::with_seed(3);
        let decisions: Vec<f64> = (0..4000).map(|_| random.f64() * 6.0 - 3.0).collect();
        let truth = Sigmoid { a: -2.0, b: 0.5 };
        let labels: Vec<bool> = decisions
            .iter()
            .map(|d| random.f64() < truth.positive(*d))
            .collect();
        let found = Sigmoid::fit(&decisions, &labels);
        assert!(
            (found.a - truth.a).abs() < 0.2 && (found.b - truth.b).abs() < 0.2,
            "{found:?}"
        );
    }

    #[test]
    fn consistent_pairs_give_the_probabilities_that_they_came_from() {
        let truth = [0.5, 0.3, 0.15, 0.05];
        let pairwise: Vec<Vec<f64>> = truth
            .iter()
            .map(|a| truth.iter().map(|b| a / (a + b)).collect())
            .collect();
        let found = coupled(&pairwise);
        for (found, truth) in found.iter().zip(truth) {
            assert!((found - truth).abs() < 0.01, "{found} {truth}");
        }
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
