//! Dense layer: every output from every input.

use fastrand::Rng;

use super::layer::{Backward, Layer, Pass, glorot_uniform};
use super::matmul::{Matrix::Plain, Matrix::Transposed, matmul, transpose};
use super::shape::Shape;

/// Dense. Parameters: weights `[inputs, units]`, then a bias for each unit.
#[derive(Debug)]
pub(crate) struct Dense {
    /// Values of an input sample.
    pub(crate) n_inputs: usize,
    /// Values of an output sample.
    pub(crate) units: usize,
    /// Whether a bias is added.
    pub(crate) has_bias: bool,
}

impl Dense {
    fn n_weights(&self) -> usize {
        self.n_inputs * self.units
    }
}

impl Layer for Dense {
    fn output(&self) -> Shape {
        Shape::flat(self.units)
    }

    fn n_parameters(&self) -> usize {
        self.n_weights() + if self.has_bias { self.units } else { 0 }
    }

    fn initialise(&self, parameters: &mut [f32], rng: &mut Rng) {
        let (weights, bias) = parameters.split_at_mut(self.n_weights());
        glorot_uniform(weights, self.n_inputs, self.units, rng);
        bias.fill(0.0);
    }

    fn n_prepared(&self) -> usize {
        self.n_weights()
    }

    /// The weights with a row for each unit.
    fn prepare(&self, parameters: &[f32], prepared: &mut [f32]) {
        transpose(&parameters[..self.n_weights()], self.units, prepared);
    }

    fn prefers_many(&self) -> bool {
        true
    }

    fn forward(&self, pass: &Pass, input: &[f32], output: &mut [f32], _: &mut [f32]) {
        let (weights, bias) = pass.parameters.split_at(self.n_weights());
        if self.has_bias {
            for out in output.chunks_exact_mut(self.units) {
                out.copy_from_slice(bias);
            }
        }
        let sizes = (input.len() / self.n_inputs, self.n_inputs, self.units);
        let beta = f32::from(u8::from(self.has_bias));
        matmul(sizes, Plain(input), Plain(weights), beta, output);
    }

    fn backward(&self, pass: &Pass, back: Backward) {
        let n = back.input.len() / self.n_inputs;
        let (d_weights, d_bias) = back.d_parameters.split_at_mut(self.n_weights());
        let sizes = (self.n_inputs, n, self.units);
        matmul(
            sizes,
            Transposed(back.input),
            Plain(back.d_output),
            1.0,
            d_weights,
        );
        if self.has_bias {
            for d_out in back.d_output.chunks_exact(self.units) {
                for (sum, d) in d_bias.iter_mut().zip(d_out) {
                    *sum += d;
                }
            }
        }
        if let Some(d_input) = back.d_input {
            let sizes = (n, self.units, self.n_inputs);
            matmul(
                sizes,
                Plain(back.d_output),
                Plain(pass.prepared),
                0.0,
                d_input,
            );
        }
    }
}
