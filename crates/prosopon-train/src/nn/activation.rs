//! Functions of single values, and softmax: layers without parameters.

use serde::{Deserialize, Serialize};

use super::layer::{Backward, Layer, Pass};
use super::shape::Shape;

/// What is applied to a layer's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// `eˣ / Σ eˣ` over the channels of each place.
    Softmax,
}

/// An [`Activation`] as a layer.
#[derive(Debug)]
pub(crate) struct ActivationLayer {
    /// Shape in and out.
    pub(crate) shape: Shape,
    /// The function.
    pub(crate) activation: Activation,
}

/// `1 / (1 + e⁻ˣ)`.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Softmax of `logits`; the largest is subtracted first, so that nothing overflows.
pub(crate) fn softmax(logits: &[f32], probabilities: &mut [f32]) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (p, logit) in probabilities.iter_mut().zip(logits) {
        *p = (logit - largest).exp();
        sum += *p;
    }
    for p in probabilities {
        *p /= sum;
    }
}

impl Layer for ActivationLayer {
    fn output(&self) -> Shape {
        self.shape
    }

    fn forward(&self, _: &Pass, input: &[f32], output: &mut [f32], _: &mut [f32]) {
        match self.activation {
            Activation::Relu => {
                for (out, x) in output.iter_mut().zip(input) {
                    *out = x.max(0.0);
                }
            }
            Activation::Sigmoid => {
                for (out, x) in output.iter_mut().zip(input) {
                    *out = sigmoid(*x);
                }
            }
            Activation::Softmax => {
                let n = self.shape.channels;
                for (out, logits) in output.chunks_exact_mut(n).zip(input.chunks_exact(n)) {
                    softmax(logits, out);
                }
            }
        }
    }

    fn backward(&self, _: &Pass, back: Backward) {
        let Some(d_input) = back.d_input else { return };
        let outputs = back.output.iter().zip(back.d_output);
        match self.activation {
            Activation::Relu => {
                for (d_in, (y, d)) in d_input.iter_mut().zip(outputs) {
                    let (y, d) = (*y, *d); // Read both: then many are done at once.
                    *d_in = if y > 0.0 { d } else { 0.0 };
                }
            }
            Activation::Sigmoid => {
                for (d_in, (y, d)) in d_input.iter_mut().zip(outputs) {
                    *d_in = d * y * (1.0 - y);
                }
            }
            Activation::Softmax => {
                let n = self.shape.channels;
                let places = back
                    .output
                    .chunks_exact(n)
                    .zip(back.d_output.chunks_exact(n));
                for (d_in, (y, d)) in d_input.chunks_exact_mut(n).zip(places) {
                    let mean: f32 = y.iter().zip(d).map(|(y, d)| y * d).sum();
                    for ((d_in, y), d) in d_in.iter_mut().zip(y).zip(d) {
                        *d_in = y * (d - mean);
                    }
                }
            }
        }
    }
}
