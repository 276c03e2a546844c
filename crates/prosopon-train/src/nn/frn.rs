//! Filter response normalisation and its thresholded linear unit (Singh & Krishnan 2020): normalisation that
//! looks at one sample alone.

use fastrand::Rng;

use super::layer::{Backward, Layer, Pass};
use super::shape::Shape;

/// FRN: each channel divided by the root of its mean square over the places. Parameters: scale, then offset.
#[derive(Debug)]
pub(crate) struct Frn {
    /// Shape in and out.
    pub(crate) shape: Shape,
    /// Added to the mean square.
    pub(crate) epsilon: f32,
}

impl Frn {
    /// `1 / √(mean square + ε)` of each channel of one sample.
    fn inverse_norms(&self, sample: &[f32], inverse: &mut [f32]) {
        inverse.fill(0.0);
        for place in sample.chunks_exact(self.shape.channels) {
            for (sum, value) in inverse.iter_mut().zip(place) {
                *sum += value * value;
            }
        }
        let n = self.shape.places() as f32;
        for value in inverse {
            *value = 1.0 / (*value / n + self.epsilon).sqrt();
        }
    }
}

impl Layer for Frn {
    fn output(&self) -> Shape {
        self.shape
    }

    fn n_parameters(&self) -> usize {
        2 * self.shape.channels
    }

    fn initialise(&self, parameters: &mut [f32], _: &mut Rng) {
        let (scale, offset) = parameters.split_at_mut(self.shape.channels);
        scale.fill(1.0);
        offset.fill(0.0);
    }

    fn scratch(&self) -> usize {
        2 * self.shape.channels
    }

    fn forward(&self, pass: &Pass, input: &[f32], output: &mut [f32], scratch: &mut [f32]) {
        let channels = self.shape.channels;
        let (scale, offset) = pass.parameters.split_at(channels);
        let (inverse, _) = scratch.split_at_mut(channels);
        let n = self.shape.size();
        for (sample, out) in input.chunks_exact(n).zip(output.chunks_exact_mut(n)) {
            self.inverse_norms(sample, inverse);
            let places = sample.chunks_exact(channels);
            for (out, place) in out.chunks_exact_mut(channels).zip(places) {
                for c in 0..channels {
                    out[c] = scale[c] * place[c] * inverse[c] + offset[c];
                }
            }
        }
    }

    fn backward(&self, pass: &Pass, back: Backward) {
        let channels = self.shape.channels;
        let (scale, _) = pass.parameters.split_at(channels);
        let (d_scale, d_offset) = back.d_parameters.split_at_mut(channels);
        let (inverse, along) = back.scratch.split_at_mut(channels);
        let along = &mut along[..channels];
        let n = self.shape.size();
        let n_places = self.shape.places() as f32;
        let mut d_input = back.d_input;
        for (i, sample) in back.input.chunks_exact(n).enumerate() {
            let d_sample = &back.d_output[i * n..(i + 1) * n];
            self.inverse_norms(sample, inverse);
            // Σ d · x̂ over the places: the gradient by the scale, and what the norm's own gradient needs.
            along.fill(0.0);
            let places = sample
                .chunks_exact(channels)
                .zip(d_sample.chunks_exact(channels));
            for (place, d_place) in places.clone() {
                for c in 0..channels {
                    along[c] += d_place[c] * place[c] * inverse[c];
                    d_offset[c] += d_place[c];
                }
            }
            for c in 0..channels {
                d_scale[c] += along[c];
            }
            if let Some(d_input) = &mut d_input {
                let d_input = &mut d_input[i * n..(i + 1) * n];
                for (d_in, (place, d_place)) in d_input.chunks_exact_mut(channels).zip(places) {
                    for c in 0..channels {
                        let normalised = place[c] * inverse[c];
                        d_in[c] =
                            scale[c] * inverse[c] * (d_place[c] - normalised * along[c] / n_places);
                    }
                }
            }
        }
    }
}

/// TLU: `max(x, τ)` with a threshold that is learnt for each channel.
#[derive(Debug)]
pub(crate) struct Tlu {
    /// Shape in and out.
    pub(crate) shape: Shape,
}

impl Layer for Tlu {
    fn output(&self) -> Shape {
        self.shape
    }

    fn n_parameters(&self) -> usize {
        self.shape.channels
    }

    fn initialise(&self, parameters: &mut [f32], _: &mut Rng) {
        parameters.fill(0.0);
    }

    fn forward(&self, pass: &Pass, input: &[f32], output: &mut [f32], _: &mut [f32]) {
        let channels = self.shape.channels;
        let places = input.chunks_exact(channels);
        for (out, place) in output.chunks_exact_mut(channels).zip(places) {
            for ((out, x), threshold) in out.iter_mut().zip(place).zip(pass.parameters) {
                *out = x.max(*threshold);
            }
        }
    }

    fn backward(&self, pass: &Pass, back: Backward) {
        let channels = self.shape.channels;
        let mut d_input = back.d_input;
        for (place, d_place) in back.d_output.chunks_exact(channels).enumerate() {
            let at = place * channels;
            for c in 0..channels {
                let passes = back.input[at + c] > pass.parameters[c];
                if !passes {
                    back.d_parameters[c] += d_place[c];
                }
                if let Some(d_input) = &mut d_input {
                    d_input[at + c] = if passes { d_place[c] } else { 0.0 };
                }
            }
        }
    }
}
