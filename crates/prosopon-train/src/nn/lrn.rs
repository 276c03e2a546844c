//! Local response normalisation (Krizhevsky et al. 2012, section 3.3): each channel divided by what its
//! neighbours have at the same place.

use super::layer::{Backward, Layer, Pass};
use super::shape::Shape;

/// `y = x / (k + α Σ x²)^β`, the sum over the `size` channels around. TensorFlow's `depth_radius` is
/// `size / 2`; PyTorch and ONNX divide α by the size.
#[derive(Debug)]
pub(crate) struct Lrn {
    /// Shape in and out.
    pub(crate) shape: Shape,
    /// Channels in a sum, an odd number.
    pub(crate) size: usize,
    /// k.
    pub(crate) bias: f32,
    /// α.
    pub(crate) alpha: f32,
    /// β.
    pub(crate) beta: f32,
}

impl Lrn {
    /// Sums of `values` over the channels around each, of one place.
    fn sums(&self, values: &[f32], mut put: impl FnMut(usize, f32)) {
        let radius = self.size / 2;
        for c in 0..values.len() {
            let around = &values[c.saturating_sub(radius)..(c + radius + 1).min(values.len())];
            put(c, around.iter().sum());
        }
    }
}

impl Layer for Lrn {
    fn output(&self) -> Shape {
        self.shape
    }

    fn scratch(&self) -> usize {
        2 * self.shape.channels
    }

    fn forward(&self, _: &Pass, input: &[f32], output: &mut [f32], scratch: &mut [f32]) {
        let channels = self.shape.channels;
        let (squares, _) = scratch.split_at_mut(channels);
        let places = input.chunks_exact(channels);
        for (out, place) in output.chunks_exact_mut(channels).zip(places) {
            for (square, x) in squares.iter_mut().zip(place) {
                *square = x * x;
            }
            self.sums(squares, |c, sum| {
                out[c] = place[c] * (self.bias + self.alpha * sum).powf(-self.beta);
            });
        }
    }

    fn backward(&self, _: &Pass, back: Backward) {
        let Some(d_input) = back.d_input else { return };
        let channels = self.shape.channels;
        let (squares, shares) = back.scratch.split_at_mut(channels);
        let shares = &mut shares[..channels];
        for (i, d_in) in d_input.chunks_exact_mut(channels).enumerate() {
            let at = i * channels..(i + 1) * channels;
            let (x, d) = (&back.input[at.clone()], &back.d_output[at.clone()]);
            let y = &back.output[at];
            for (square, x) in squares.iter_mut().zip(x) {
                *square = x * x;
            }
            self.sums(squares, |c, sum| {
                let base = self.bias + self.alpha * sum;
                d_in[c] = d[c] * base.powf(-self.beta);
                shares[c] = d[c] * y[c] / base;
            });
            self.sums(shares, |c, sum| {
                d_in[c] -= 2.0 * self.alpha * self.beta * x[c] * sum;
            });
        }
    }
}
