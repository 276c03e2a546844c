//! What training makes small, and its gradient.

use serde::{Deserialize, Serialize};

use super::activation::Activation;

/// Probabilities are kept this far from 0 and 1 in logarithms, as Keras does (`keras.config.epsilon()`).
const EPSILON: f32 = 1e-7;

/// The loss of a classifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `−ln p` of the true class, which comes as a number; behind softmax.
    #[default]
    SparseCategoricalCrossEntropy,
    /// `−Σ t ln p` over the classes, with targets t of 1 and 0; behind softmax.
    CategoricalCrossEntropy,
    /// Mean of `−t ln p − (1 − t) ln(1 − p)` over the outputs; behind sigmoid.
    BinaryCrossEntropy,
}

impl Loss {
    /// What it stands behind.
    pub fn activation(self) -> Activation {
        match self {
            Self::SparseCategoricalCrossEntropy | Self::CategoricalCrossEntropy => {
                Activation::Softmax
            }
            Self::BinaryCrossEntropy => Activation::Sigmoid,
        }
    }

    /// Its name in text.
    pub fn name(self) -> &'static str {
        match self {
            Self::SparseCategoricalCrossEntropy => "sparse_categorical_cross_entropy",
            Self::CategoricalCrossEntropy => "categorical_cross_entropy",
            Self::BinaryCrossEntropy => "binary_cross_entropy",
        }
    }

    /// Loss of one sample from its outputs (probabilities), and its gradient by what stood before the
    /// activation (logits), times `weight`: `(p − t) · weight` in all cases, without a division that could
    /// overflow. The loss is not weighted.
    ///
    /// With one output and the binary loss, class 1 is what the output says and class 0 the rest.
    pub(crate) fn fused(
        self,
        outputs: &[f32],
        label: usize,
        weight: f32,
        d_logits: &mut [f32],
    ) -> f64 {
        let share = match self {
            Self::BinaryCrossEntropy => weight / outputs.len() as f32,
            _ => weight,
        };
        for (class, (d, p)) in d_logits.iter_mut().zip(outputs).enumerate() {
            *d = (p - target(outputs.len(), class, label)) * share;
        }
        self.of(outputs, label)
    }

    /// Loss of one sample from its outputs.
    pub(crate) fn of(self, outputs: &[f32], label: usize) -> f64 {
        let targets = (0..outputs.len()).map(|class| target(outputs.len(), class, label));
        match self {
            Self::SparseCategoricalCrossEntropy => sparse_categorical_cross_entropy(outputs, label),
            Self::CategoricalCrossEntropy => categorical_cross_entropy(outputs, targets),
            Self::BinaryCrossEntropy => binary_cross_entropy(outputs, targets),
        }
    }
}

/// 1 for the true class, else 0; one output alone stands for the second of two classes.
fn target(n_outputs: usize, class: usize, label: usize) -> f32 {
    let true_class = if n_outputs == 1 { 1 } else { class };
    f32::from(u8::from(true_class == label))
}

fn ln(p: f32) -> f64 {
    f64::from(p.clamp(EPSILON, 1.0 - EPSILON)).ln()
}

/// `−ln p` of class `label`.
pub fn sparse_categorical_cross_entropy(probabilities: &[f32], label: usize) -> f64 {
    probabilities.get(label).map_or(0.0, |p| -ln(*p))
}

/// `−Σ t ln p`.
pub fn categorical_cross_entropy(
    probabilities: &[f32],
    targets: impl IntoIterator<Item = f32>,
) -> f64 {
    let pairs = probabilities.iter().zip(targets);
    pairs.map(|(p, t)| -f64::from(t) * ln(*p)).sum()
}

/// Mean of `−t ln p − (1 − t) ln(1 − p)`.
pub fn binary_cross_entropy(probabilities: &[f32], targets: impl IntoIterator<Item = f32>) -> f64 {
    let pairs = probabilities.iter().zip(targets);
    let sum: f64 = pairs
        .map(|(p, t)| -f64::from(t) * ln(*p) - f64::from(1.0 - t) * ln(1.0 - p))
        .sum();
    sum / probabilities.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::activation::{sigmoid, softmax};
    use super::*;

    /// PyTorch 2.15: `cross_entropy(tensor([[2., -1., .5, .1]]), tensor([2]))`,
    /// `binary_cross_entropy_with_logits(tensor([[2., -1., .5, .1]]), tensor([[0., 0., 1., 0.]]))`, and gradients.
    #[test]
    fn losses_and_gradients_are_those_of_pytorch() {
        let logits = [2.0_f32, -1.0, 0.5, 0.1];
        let mut p = [0.0; 4];
        softmax(&logits, &mut p);
        let mut d = [0.0; 4];
        let sparse = Loss::SparseCategoricalCrossEntropy.fused(&p, 2, 1.0, &mut d);
        let dense = Loss::CategoricalCrossEntropy.fused(&p, 2, 1.0, &mut d);
        assert!((sparse - dense).abs() < 1e-12);
        assert_near(&[sparse as f32], &[SOFTMAX_LOSS]);
        assert_near(&d, &SOFTMAX_GRADIENT);
        let p = logits.map(sigmoid);
        let loss = Loss::BinaryCrossEntropy.fused(&p, 2, 1.0, &mut d);
        assert_near(&[loss as f32], &[SIGMOID_LOSS]);
        assert_near(&d, &SIGMOID_GRADIENT);
    }

    const SOFTMAX_LOSS: f32 = 1.852_405_9;
    const SOFTMAX_GRADIENT: [f32; 4] = [0.702_994_7, 0.035, -0.843_140_7, 0.105_145_95];
    const SIGMOID_LOSS: f32 = 0.914_665_8;
    const SIGMOID_GRADIENT: [f32; 4] = [0.220_199_27, 0.067_235_36, -0.094_385_17, 0.131_244_8];

    fn assert_near(found: &[f32], expected: &[f32]) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn gradients_are_what_differences_say() {
        let logits = [0.3_f32, -1.2, 0.8];
        for loss in [
            Loss::SparseCategoricalCrossEntropy,
            Loss::CategoricalCrossEntropy,
            Loss::BinaryCrossEntropy,
        ] {
            let at = |logits: &[f32; 3], d: &mut [f32; 3]| {
                let mut p = logits.map(sigmoid);
                if loss.activation() == Activation::Softmax {
                    softmax(logits, &mut p);
                }
                loss.fused(&p, 1, 1.0, d)
            };
            let mut gradient = [0.0; 3];
            at(&logits, &mut gradient);
            for i in 0..3 {
                let slope = [1e-3, -1e-3].map(|step| {
                    let mut logits = logits;
                    logits[i] += step;
                    at(&logits, &mut [0.0; 3]) / (2.0 * f64::from(step))
                });
                let slope = slope[0] + slope[1];
                assert!(
                    (slope - f64::from(gradient[i])).abs() < 1e-3,
                    "{loss:?} {i} {slope}"
                );
            }
        }
    }

    #[test]
    fn one_output_tells_two_classes_apart() {
        let mut d = [0.0];
        let yes = Loss::BinaryCrossEntropy.fused(&[0.8], 1, 1.0, &mut d);
        assert!((yes + 0.8_f64.ln()).abs() < 1e-6);
        assert_near(&d, &[-0.2]);
        let no = Loss::BinaryCrossEntropy.fused(&[0.8], 0, 0.5, &mut d);
        assert!((no + 0.2_f64.ln()).abs() < 1e-6);
        assert_near(&d, &[0.4]);
    }

    #[test]
    fn probabilities_of_nothing_give_a_large_loss_and_no_infinity() {
        let loss = sparse_categorical_cross_entropy(&[1.0, 0.0], 1);
        assert!((16.0..16.2).contains(&loss), "{loss}"); // −ln 1e-7
    }
}
