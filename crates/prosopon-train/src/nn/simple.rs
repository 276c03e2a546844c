//! Flatten, dropout and scaling to unit length.

use fastrand::Rng;

use super::layer::{Backward, Layer, Pass, mixed_seed};
use super::shape::Shape;

/// Flatten: the same values as a vector.
#[derive(Debug)]
pub(crate) struct Flatten {
    /// Number of values.
    pub(crate) size: usize,
}

impl Layer for Flatten {
    fn output(&self) -> Shape {
        Shape::flat(self.size)
    }

    fn forward(&self, _: &Pass, input: &[f32], output: &mut [f32], _: &mut [f32]) {
        output.copy_from_slice(input);
    }

    fn backward(&self, _: &Pass, back: Backward) {
        if let Some(d_input) = back.d_input {
            d_input.copy_from_slice(back.d_output);
        }
    }
}

/// Dropout (Srivastava et al. 2014), inverted: while training a share of the values is zero and the others
/// grow by as much, so that nothing is to be done afterwards.
#[derive(Debug)]
pub(crate) struct Dropout {
    /// Shape in and out.
    pub(crate) shape: Shape,
    /// Share that is dropped, at least 0 and below 1.
    pub(crate) rate: f32,
}

impl Dropout {
    /// Multiplies by the mask of this step, which is drawn anew: it depends on the seed and the sample's
    /// place in the batch alone.
    fn apply(&self, pass: &Pass, from: &[f32], to: &mut [f32]) {
        if !pass.is_training || self.rate == 0.0 {
            to.copy_from_slice(from);
            return;
        }
        let kept = 1.0 / (1.0 - self.rate);
        let n = self.shape.size();
        for (i, (to, from)) in to.chunks_exact_mut(n).zip(from.chunks_exact(n)).enumerate() {
            let mut rng = Rng::with_seed(mixed_seed(pass.seed, (pass.first + i) as u64));
            for (to, from) in to.iter_mut().zip(from) {
                *to = if rng.f32() < self.rate {
                    0.0
                } else {
                    from * kept
                };
            }
        }
    }
}

impl Layer for Dropout {
    fn output(&self) -> Shape {
        self.shape
    }

    fn forward(&self, pass: &Pass, input: &[f32], output: &mut [f32], _: &mut [f32]) {
        self.apply(pass, input, output);
    }

    fn backward(&self, pass: &Pass, back: Backward) {
        if let Some(d_input) = back.d_input {
            self.apply(pass, back.d_output, d_input);
        }
    }
}

/// Each sample divided by its length: what embeddings end in.
#[derive(Debug)]
pub(crate) struct L2Normalise {
    /// Shape in and out.
    pub(crate) shape: Shape,
}

/// Added to the squared length, so that a vector of zeros stays one; `tf.math.l2_normalize` has the same.
const L2_EPSILON: f32 = 1e-12;

fn inverse_length(values: &[f32]) -> f32 {
    let sum: f32 = values.iter().map(|v| v * v).sum();
    1.0 / sum.max(L2_EPSILON).sqrt()
}

impl Layer for L2Normalise {
    fn output(&self) -> Shape {
        self.shape
    }

    fn forward(&self, _: &Pass, input: &[f32], output: &mut [f32], _: &mut [f32]) {
        let n = self.shape.size();
        for (out, values) in output.chunks_exact_mut(n).zip(input.chunks_exact(n)) {
            let scale = inverse_length(values);
            for (out, value) in out.iter_mut().zip(values) {
                *out = value * scale;
            }
        }
    }

    fn backward(&self, _: &Pass, back: Backward) {
        let Some(d_input) = back.d_input else { return };
        let n = self.shape.size();
        for (i, d_in) in d_input.chunks_exact_mut(n).enumerate() {
            let at = i * n..(i + 1) * n;
            let (y, d) = (&back.output[at.clone()], &back.d_output[at.clone()]);
            let scale = inverse_length(&back.input[at]);
            let along: f32 = y.iter().zip(d).map(|(y, d)| y * d).sum();
            for ((d_in, y), d) in d_in.iter_mut().zip(y).zip(d) {
                *d_in = (d - y * along) * scale;
            }
        }
    }
}
