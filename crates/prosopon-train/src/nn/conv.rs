//! Convolution (cross-correlation, as everybody calls it): windows as rows of a matrix, then one product.

use fastrand::Rng;

use super::layer::{Backward, Layer, Pass, glorot_uniform};
use super::matmul::{Matrix::Plain, Matrix::Transposed, matmul, transpose};
use super::shape::Shape;
use super::window::Windows;

/// `Conv2D`. Parameters: weights `[side, side, channels, filters]`, as Keras has them, then a bias for each filter.
#[derive(Debug)]
pub(crate) struct Conv2d {
    /// Where it looks.
    pub(crate) windows: Windows,
    /// Output channels.
    pub(crate) filters: usize,
    /// Whether a bias is added.
    pub(crate) has_bias: bool,
}

impl Conv2d {
    fn window_size(&self) -> usize {
        self.windows.side * self.windows.side * self.windows.input.channels
    }

    fn n_weights(&self) -> usize {
        self.window_size() * self.filters
    }
}

impl Layer for Conv2d {
    fn output(&self) -> Shape {
        Shape::picture(self.windows.rows, self.windows.columns, self.filters)
    }

    fn n_parameters(&self) -> usize {
        self.n_weights() + if self.has_bias { self.filters } else { 0 }
    }

    fn initialise(&self, parameters: &mut [f32], rng: &mut Rng) {
        let (weights, bias) = parameters.split_at_mut(self.n_weights());
        let area = self.windows.side * self.windows.side;
        glorot_uniform(
            weights,
            area * self.windows.input.channels,
            area * self.filters,
            rng,
        );
        bias.fill(0.0);
    }

    fn n_prepared(&self) -> usize {
        self.n_weights()
    }

    /// The weights with a row for each filter.
    fn prepare(&self, parameters: &[f32], prepared: &mut [f32]) {
        transpose(&parameters[..self.n_weights()], self.filters, prepared);
    }

    fn scratch(&self) -> usize {
        self.windows.len() * self.window_size() + self.windows.input.size()
    }

    fn forward(&self, pass: &Pass, input: &[f32], output: &mut [f32], scratch: &mut [f32]) {
        let (weights, bias) = pass.parameters.split_at(self.n_weights());
        let (n, size) = (self.windows.len(), self.window_size());
        let (columns, planes) = scratch.split_at_mut(n * size);
        let planes = &mut planes[..self.windows.input.size()];
        let inputs = input.chunks_exact(self.windows.input.size());
        for (picture, out) in inputs.zip(output.chunks_exact_mut(n * self.filters)) {
            self.windows.gather_columns(picture, planes, columns);
            if self.has_bias {
                for place in out.chunks_exact_mut(self.filters) {
                    place.copy_from_slice(bias);
                }
            }
            let beta = f32::from(u8::from(self.has_bias));
            let sizes = (n, size, self.filters);
            matmul(sizes, Transposed(columns), Plain(weights), beta, out);
        }
    }

    fn backward(&self, pass: &Pass, back: Backward) {
        let (d_weights, d_bias) = back.d_parameters.split_at_mut(self.n_weights());
        let (n, size) = (self.windows.len(), self.window_size());
        let n_in = self.windows.input.size();
        let mut d_input = back.d_input;
        let outputs = back.d_output.chunks_exact(n * self.filters);
        for (i, (picture, d_out)) in back.input.chunks_exact(n_in).zip(outputs).enumerate() {
            self.windows.gather(picture, back.scratch);
            let sizes = (size, n, self.filters);
            matmul(
                sizes,
                Transposed(back.scratch),
                Plain(d_out),
                1.0,
                d_weights,
            );
            if self.has_bias {
                for place in d_out.chunks_exact(self.filters) {
                    for (sum, d) in d_bias.iter_mut().zip(place) {
                        *sum += d;
                    }
                }
            }
            if let Some(d_input) = &mut d_input {
                let sizes = (n, self.filters, size);
                matmul(sizes, Plain(d_out), Plain(pass.prepared), 0.0, back.scratch);
                self.windows
                    .scatter(back.scratch, &mut d_input[i * n_in..(i + 1) * n_in]);
            }
        }
    }
}
