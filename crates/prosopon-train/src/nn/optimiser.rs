//! How a gradient changes the parameters.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// An optimiser and its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// Stochastic gradient descent, `v ← μ v − η g`, `w ← w + v`.
    Sgd {
        /// η.
        learning_rate: f32,
        /// μ; 0 is plain descent.
        momentum: f32,
    },
    /// `AdaGrad` (Duchi et al. 2011): `s ← s + g²`, `w ← w − η g / (√s + ε)`.
    AdaGrad {
        /// η.
        learning_rate: f32,
        /// ε.
        epsilon: f32,
    },
    /// Adam (Kingma & Ba 2015, algorithm 1).
    Adam {
        /// α.
        learning_rate: f32,
        /// β₁.
        beta1: f32,
        /// β₂.
        beta2: f32,
        /// ε.
        epsilon: f32,
    },
}

impl Default for Optimiser {
    fn default() -> Self {
        Self::adam()
    }
}

impl Optimiser {
    /// SGD with the rate of Keras, 0.01, and without momentum.
    pub fn sgd() -> Self {
        Self::Sgd {
            learning_rate: 0.01,
            momentum: 0.0,
        }
    }

    /// `AdaGrad`. The paper leaves its numbers to the user: these are those of `PyTorch`.
    pub fn ada_grad() -> Self {
        Self::AdaGrad {
            learning_rate: 0.01,
            epsilon: 1e-10,
        }
    }

    /// Adam with the paper's numbers.
    pub fn adam() -> Self {
        Self::Adam {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }

    /// The size of its steps.
    pub fn learning_rate(&self) -> f32 {
        match self {
            Self::Sgd { learning_rate, .. }
            | Self::AdaGrad { learning_rate, .. }
            | Self::Adam { learning_rate, .. } => *learning_rate,
        }
    }

    /// The same with another size of steps.
    #[must_use]
    pub fn with_learning_rate(mut self, rate: f32) -> Self {
        match &mut self {
            Self::Sgd { learning_rate, .. }
            | Self::AdaGrad { learning_rate, .. }
            | Self::Adam { learning_rate, .. } => *learning_rate = rate,
        }
        self
    }

    /// Says which number is out of its range, if any is.
    pub(crate) fn check(&self) -> Result<(), String> {
        let rate = self.learning_rate();
        if !rate.is_finite() || rate <= 0.0 {
            return Err(format!("learning rate {rate}; it must be above 0"));
        }
        let share = |name: &str, value: f32| {
            if (0.0..1.0).contains(&value) {
                Ok(())
            } else {
                Err(format!("{name} {value}; at least 0 and below 1 is allowed"))
            }
        };
        match *self {
            Self::Sgd { momentum, .. } => share("momentum", momentum),
            Self::AdaGrad { .. } => Ok(()),
            Self::Adam { beta1, beta2, .. } => share("beta1", beta1).and(share("beta2", beta2)),
        }
    }

    /// What it must remember of `n` parameters before the first step.
    pub(crate) fn start(n: usize) -> OptimiserState {
        OptimiserState {
            steps: 0,
            first: vec![0.0; n],
            second: vec![0.0; n],
        }
    }

    /// One step. `gradients` are summed in order.
    pub(crate) fn step(
        &self,
        state: &mut OptimiserState,
        parameters: &mut [f32],
        gradients: &[&[f32]],
    ) {
        /// Parameters that one task updates: a few tasks for each thread in networks of the usual size.
        const CHUNK: usize = 32_768;
        /// Gradients that are summed at once; they stay in the first cache.
        const BLOCK: usize = 1024;
        state.steps += 1;
        let steps = state.steps;
        parameters
            .par_chunks_mut(CHUNK)
            .zip(state.first.par_chunks_mut(CHUNK))
            .zip(state.second.par_chunks_mut(CHUNK))
            .enumerate()
            .for_each(|(i, ((parameters, first), second))| {
                let start = i * CHUNK;
                let mut sum = [0.0_f32; BLOCK];
                for from in (0..parameters.len()).step_by(BLOCK) {
                    let block = from..(from + BLOCK).min(parameters.len());
                    let at = start + block.start..start + block.end;
                    let sum = &mut sum[..at.len()];
                    sum.fill(0.0);
                    for gradient in gradients {
                        for (sum, g) in sum.iter_mut().zip(&gradient[at.clone()]) {
                            *sum += g;
                        }
                    }
                    let state = (&mut first[block.clone()], &mut second[block.clone()]);
                    self.update(steps, &mut parameters[block], sum, state);
                }
            });
    }

    fn update(
        &self,
        steps: u64,
        w: &mut [f32],
        g: &[f32],
        (first, second): (&mut [f32], &mut [f32]),
    ) {
        match *self {
            Self::Sgd {
                learning_rate,
                momentum: 0.0,
            } => {
                for (w, g) in w.iter_mut().zip(g) {
                    *w -= learning_rate * g;
                }
            }
            Self::Sgd {
                learning_rate,
                momentum,
            } => {
                for ((w, g), v) in w.iter_mut().zip(g).zip(first) {
                    *v = momentum * *v - learning_rate * g;
                    *w += *v;
                }
            }
            Self::AdaGrad {
                learning_rate,
                epsilon,
            } => {
                for ((w, g), s) in w.iter_mut().zip(g).zip(second) {
                    *s += g * g;
                    *w -= learning_rate * g / (s.sqrt() + epsilon);
                }
            }
            Self::Adam {
                learning_rate,
                beta1,
                beta2,
                epsilon,
            } => {
                // Bias correction of both moments, as factors.
                let steps = steps.min(i32::MAX as u64) as i32;
                let rate = f64::from(learning_rate) / (1.0 - f64::from(beta1).powi(steps));
                let rate = rate as f32;
                let correction = (1.0 / (1.0 - f64::from(beta2).powi(steps))).sqrt() as f32;
                for (((w, g), m), v) in w.iter_mut().zip(g).zip(first).zip(second) {
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    *w -= rate * *m / (v.sqrt() * correction + epsilon);
                }
            }
        }
    }
}

/// What an optimiser remembers from step to step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OptimiserState {
    /// Steps so far.
    pub(crate) steps: u64,
    /// Velocity or first moment; zeros if there is none.
    pub(crate) first: Vec<f32>,
    /// Sum of squares or second moment; zeros if there is none.
    pub(crate) second: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch 2.15: five steps of `torch.optim.SGD`, `Adagrad` and `Adam` with `lr=0.1` on `w₁² + w₂²/2 + 3 w₃²`.
    #[test]
    fn steps_are_those_of_pytorch() {
        let momentum = Optimiser::Sgd {
            learning_rate: 0.1,
            momentum: 0.9,
        };
        let cases = [
            (Optimiser::sgd(), [0.327_68, -1.180_98, 0.005_12]),
            (momentum, [-0.580_42, 0.058_32, -0.115_03]),
            (
                Optimiser::ada_grad(),
                [0.697_714_9, -1.686_761_6, 0.222_691_8],
            ),
            (Optimiser::adam(), [0.507_963_7, -1.502_955_8, 0.027_814_45]),
        ];
        for (optimiser, expected) in cases {
            let optimiser = optimiser.with_learning_rate(0.1);
            let mut w = [1.0_f32, -2.0, 0.5];
            let mut state = Optimiser::start(3);
            for _ in 0..5 {
                let gradient = [2.0 * w[0], w[1], 6.0 * w[2]];
                // In two parts, as two shards give them.
                let (a, b) = (gradient.map(|g| 0.25 * g), gradient.map(|g| 0.75 * g));
                optimiser.step(&mut state, &mut w, &[&a, &b]);
            }
            for (found, expected) in w.iter().zip(expected) {
                assert!((found - expected).abs() < 2e-6, "{optimiser:?}: {w:?}");
            }
        }
    }

    #[test]
    fn the_first_step_of_adam_is_the_learning_rate() {
        // Both corrections cancel: α g / (|g| + ε).
        let mut w = vec![0.0_f32; 70_000];
        let gradient: Vec<f32> = (0..w.len()).map(|i| (i % 7) as f32 - 3.0).collect();
        let mut state = Optimiser::start(w.len());
        Optimiser::adam().step(&mut state, &mut w, &[&gradient]);
        for (w, g) in w.iter().zip(&gradient) {
            let expected = if *g == 0.0 { 0.0 } else { -1e-3 * g.signum() };
            assert!((w - expected).abs() < 1e-7, "{w} {g}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let none = Optimiser::adam().with_learning_rate(0.0);
        assert!(none.check().unwrap_err().contains("learning rate 0"));
        let heavy = Optimiser::Sgd {
            learning_rate: 0.1,
            momentum: 1.0,
        };
        assert!(heavy.check().unwrap_err().contains("momentum 1"));
    }
}
