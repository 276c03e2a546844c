//! Losses of distances, and their gradients.

use serde::{Deserialize, Serialize};

/// What is made small.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MetricLoss {
    /// Triplets (Schroff et al. 2015): for each two samples a, p of one person `max(d²(a, p) − d²(a, n) + margin, 0)`
    /// with the *semi-hard* n: the nearest sample of somebody else that is farther from a than p, or the
    /// farthest if there is none. The mean over all a, p.
    Triplet {
        /// In squared distances; the paper's is 0.2.
        margin: f32,
    },
    /// Pairs (Hadsell et al. 2006): `d²/2` for two samples of one person, `max(margin − d, 0)²/2` for two people;
    /// the means over pairs of each kind, added, since there are many more of the second.
    Contrastive {
        /// In distances; unit vectors are at most 2 apart.
        margin: f32,
    },
}

impl Default for MetricLoss {
    fn default() -> Self {
        Self::Triplet { margin: 0.2 }
    }
}

impl MetricLoss {
    /// The loss of a batch of embeddings, `width` values each, and its gradient, which overwrites `gradient`.
    pub(crate) fn evaluate(
        self,
        embeddings: &[f32],
        width: usize,
        identities: &[usize],
        gradient: &mut [f32],
    ) -> f64 {
        gradient.fill(0.0);
        let batch = Batch {
            embeddings,
            width,
            identities,
        };
        match self {
            Self::Triplet { margin } => batch.triplets(margin, gradient),
            Self::Contrastive { margin } => batch.pairs(margin, gradient),
        }
    }

    /// Says which number is out of its range, if any is.
    pub(crate) fn check(self) -> Result<(), String> {
        let (Self::Triplet { margin } | Self::Contrastive { margin }) = self;
        if margin.is_finite() && margin > 0.0 {
            Ok(())
        } else {
            Err(format!("margin {margin}; it must be above 0"))
        }
    }
}

struct Batch<'a> {
    embeddings: &'a [f32],
    width: usize,
    identities: &'a [usize],
}

impl Batch<'_> {
    fn row(&self, i: usize) -> &[f32] {
        &self.embeddings[i * self.width..(i + 1) * self.width]
    }

    /// Squared distance.
    fn distance(&self, i: usize, j: usize) -> f32 {
        let pairs = self.row(i).iter().zip(self.row(j));
        pairs.map(|(a, b)| (a - b) * (a - b)).sum()
    }

    /// Adds the gradient of `weight · d²(i, j)`.
    fn pull(&self, i: usize, j: usize, weight: f32, gradient: &mut [f32]) {
        for k in 0..self.width {
            let d = 2.0 * weight * (self.row(i)[k] - self.row(j)[k]);
            gradient[i * self.width + k] += d;
            gradient[j * self.width + k] -= d;
        }
    }

    fn is_same(&self, i: usize, j: usize) -> bool {
        self.identities[i] == self.identities[j]
    }

    fn triplets(&self, margin: f32, gradient: &mut [f32]) -> f64 {
        let n = self.identities.len();
        let mut active = Vec::new();
        let (mut sum, mut n_pairs) = (0.0, 0_usize);
        for a in 0..n {
            let distances: Vec<f32> = (0..n).map(|other| self.distance(a, other)).collect();
            for p in (0..n).filter(|p| *p != a && self.is_same(a, *p)) {
                n_pairs += 1;
                let others = (0..n).filter(|other| !self.is_same(a, *other));
                let by_distance = |x: &usize, y: &usize| distances[*x].total_cmp(&distances[*y]);
                let semi_hard = others.clone().filter(|x| distances[*x] > distances[p]);
                let negative = semi_hard
                    .min_by(by_distance)
                    .or_else(|| others.max_by(by_distance));
                let Some(negative) = negative else { continue };
                let loss = distances[p] - distances[negative] + margin;
                if loss > 0.0 {
                    sum += f64::from(loss);
                    active.push((a, p, negative));
                }
            }
        }
        let share = 1.0 / n_pairs.max(1) as f32;
        for (a, p, negative) in active {
            self.pull(a, p, share, gradient);
            self.pull(a, negative, -share, gradient);
        }
        sum / n_pairs.max(1) as f64
    }

    fn pairs(&self, margin: f32, gradient: &mut [f32]) -> f64 {
        let n = self.identities.len();
        let all = || (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
        let n_same = all().filter(|(i, j)| self.is_same(*i, *j)).count();
        let same_share = 1.0 / n_same.max(1) as f32;
        let other_share = 1.0 / (n * n.saturating_sub(1) / 2 - n_same).max(1) as f32;
        let mut sum = 0.0;
        for (i, j) in all() {
            let squared = self.distance(i, j);
            if self.is_same(i, j) {
                sum += f64::from(squared * 0.5 * same_share);
                self.pull(i, j, 0.5 * same_share, gradient);
                continue;
            }
            let distance = squared.sqrt();
            let inside = margin - distance;
            if inside > 0.0 {
                sum += f64::from(inside * inside * 0.5 * other_share);
                // d (m − d)²/2 = −(m − d) dd, and dd is dd² / 2d; two equal points push nowhere.
                let weight = -inside * other_share / (2.0 * distance.max(1e-6));
                self.pull(i, j, weight, gradient);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> (Vec<f32>, Vec<usize>) {
        let values = (0..7 * 3).map(|i| (0.9 * f64::from(i)).sin() as f32 * 0.6);
        (values.collect(), vec![0, 0, 1, 1, 1, 2, 2])
    }

    /// PyTorch 2.15 in double precision, by the formulas of [`MetricLoss`] with autograd.
    #[test]
    fn losses_and_gradients_are_those_of_pytorch() {
        let (values, identities) = batch();
        for (loss, expected, gradients) in [
            (MetricLoss::Triplet { margin: 0.2 }, TRIPLET.0, TRIPLET.1),
            (
                MetricLoss::Contrastive { margin: 1.0 },
                CONTRASTIVE.0,
                CONTRASTIVE.1,
            ),
        ] {
            let mut gradient = vec![9.0; values.len()];
            let found = loss.evaluate(&values, 3, &identities, &mut gradient);
            assert!((found - expected).abs() < 1e-6, "{loss:?} {found}");
            for (i, expected) in gradients.into_iter().enumerate() {
                let found = gradient[5 * i];
                assert!((found - expected).abs() < 1e-5, "{loss:?} {gradient:?}");
            }
        }
    }

    /// Loss, and its gradient by values 0, 5, 10, 15, 20.
    const TRIPLET: (f64, [f32; 5]) = (
        0.24595124,
        [-0.1079762, 0.1909222, -0.0993187, 0.0921231, 0.0019538],
    );
    const CONTRASTIVE: (f64, [f32; 5]) = (
        0.87719334,
        [-0.0462976, -0.2204237, 0.1862268, 0.1371945, -0.1208056],
    );

    #[test]
    fn gradients_are_what_differences_say() {
        let (values, identities) = batch();
        for loss in [
            MetricLoss::Triplet { margin: 0.3 },
            MetricLoss::Contrastive { margin: 1.2 },
        ] {
            let at = |values: &[f32], gradient: &mut [f32]| {
                loss.evaluate(values, 3, &identities, gradient)
            };
            let mut gradient = vec![0.0; values.len()];
            at(&values, &mut gradient);
            for i in 0..values.len() {
                let mut side = |step: f32| {
                    let mut values = values.clone();
                    values[i] += step;
                    at(&values, &mut vec![0.0; values.len()])
                };
                let slope = (side(5e-4) - side(-5e-4)) / 1e-3;
                let difference = (slope - f64::from(gradient[i])).abs();
                assert!(difference < 2e-3, "{loss:?} {i}: {slope} {}", gradient[i]);
            }
        }
    }

    #[test]
    fn people_who_are_apart_cost_nothing() {
        let values = [1.0, 0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0];
        let mut gradient = [1.0; 8];
        for loss in [
            MetricLoss::default(),
            MetricLoss::Contrastive { margin: 1.0 },
        ] {
            let found = loss.evaluate(&values, 2, &[0, 0, 1, 1], &mut gradient);
            assert_eq!((found, gradient), (0.0, [0.0; 8]));
        }
        // One person alone, and one sample of each: nothing to compare.
        let triplet = MetricLoss::default();
        assert_eq!(triplet.evaluate(&values, 2, &[0; 4], &mut gradient), 0.0);
        assert_eq!(
            triplet.evaluate(&values, 2, &[0, 1, 2, 3], &mut gradient),
            0.0
        );
    }
}
