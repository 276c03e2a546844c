//! Batch normalisation (Ioffe & Szegedy 2015).
//!
//! Means and variances are those of the whole batch, also when threads share it: the network sums them up before
//! this layer goes on, forward and backward.

use fastrand::Rng;

use super::layer::{Backward, Layer, Pass};
use super::shape::Shape;

/// `BatchNormalization`, for each channel. Parameters: scale, then offset. Statistics: mean, then variance.
#[derive(Debug)]
pub(crate) struct BatchNorm {
    /// Shape in and out.
    pub(crate) shape: Shape,
    /// How much of the running statistics stays at each step.
    pub(crate) momentum: f32,
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

impl BatchNorm {
    /// Numbers in the statistics, and in the two kinds of sums.
    pub(crate) fn n_statistics(&self) -> usize {
        2 * self.shape.channels
    }

    /// Adds values and their squares, channel by channel.
    pub(crate) fn add_moments(&self, input: &[f32], sums: &mut [f64]) {
        let (sum, squares) = sums.split_at_mut(self.shape.channels);
        for place in input.chunks_exact(self.shape.channels) {
            for ((value, sum), square) in place.iter().zip(&mut *sum).zip(&mut *squares) {
                let value = f64::from(*value);
                *sum += value;
                *square += value * value;
            }
        }
    }

    /// Mean and (biased) variance of `n` samples from their sums.
    pub(crate) fn statistics(&self, sums: &[f64], n: usize, statistics: &mut [f32]) {
        let count = (n * self.shape.places()) as f64;
        let channels = self.shape.channels;
        for c in 0..channels {
            let mean = sums[c] / count;
            statistics[c] = mean as f32;
            statistics[channels + c] = (sums[channels + c] / count - mean * mean).max(0.0) as f32;
        }
    }

    /// Moves the running statistics towards those of a batch.
    pub(crate) fn follow(&self, batch: &[f32], running: &mut [f32]) {
        for (running, batch) in running.iter_mut().zip(batch) {
            *running = self.momentum * *running + (1.0 - self.momentum) * batch;
        }
    }

    /// Adds the gradients by offset and scale, channel by channel.
    pub(crate) fn add_gradients(
        &self,
        statistics: &[f32],
        input: &[f32],
        d_output: &[f32],
        sums: &mut [f64],
    ) {
        let channels = self.shape.channels;
        let (d_offset, d_scale) = sums.split_at_mut(channels);
        let places = input
            .chunks_exact(channels)
            .zip(d_output.chunks_exact(channels));
        for (place, d_place) in places {
            for c in 0..channels {
                let normalised =
                    (place[c] - statistics[c]) * self.inverse_deviation(statistics[channels + c]);
                d_offset[c] += f64::from(d_place[c]);
                d_scale[c] += f64::from(d_place[c] * normalised);
            }
        }
    }

    /// The sums of [`Self::add_gradients`] over the batch as means.
    pub(crate) fn means(&self, sums: &[f64], n: usize, means: &mut [f32]) {
        let count = (n * self.shape.places()) as f64;
        for (mean, sum) in means.iter_mut().zip(sums) {
            *mean = (sum / count) as f32;
        }
    }

    fn inverse_deviation(&self, variance: f32) -> f32 {
        1.0 / (variance + self.epsilon).sqrt()
    }
}

impl Layer for BatchNorm {
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

    fn batch_norm(&self) -> Option<&BatchNorm> {
        Some(self)
    }

    fn scratch(&self) -> usize {
        2 * self.shape.channels
    }

    fn forward(&self, pass: &Pass, input: &[f32], output: &mut [f32], scratch: &mut [f32]) {
        let channels = self.shape.channels;
        let (scale, offset) = pass.parameters.split_at(channels);
        let (mean, variance) = pass.statistics.split_at(channels);
        // One product and one sum for each value.
        let (factor, rest) = scratch.split_at_mut(channels);
        for c in 0..channels {
            factor[c] = scale[c] * self.inverse_deviation(variance[c]);
            rest[c] = offset[c] - mean[c] * factor[c];
        }
        let places = input.chunks_exact(channels);
        for (out, place) in output.chunks_exact_mut(channels).zip(places) {
            for c in 0..channels {
                out[c] = place[c] * factor[c] + rest[c];
            }
        }
    }

    fn backward(&self, pass: &Pass, back: Backward) {
        let channels = self.shape.channels;
        let (scale, _) = pass.parameters.split_at(channels);
        let (mean, variance) = pass.statistics.split_at(channels);
        let (mean_d, mean_d_normalised) = pass.means.split_at(channels);
        let (d_scale, d_offset) = back.d_parameters.split_at_mut(channels);
        let mut d_input = back.d_input;
        for (place, d_place) in back.d_output.chunks_exact(channels).enumerate() {
            let at = place * channels..(place + 1) * channels;
            let input = &back.input[at.clone()];
            for c in 0..channels {
                let inverse = self.inverse_deviation(variance[c]);
                let normalised = (input[c] - mean[c]) * inverse;
                d_scale[c] += d_place[c] * normalised;
                d_offset[c] += d_place[c];
                if let Some(d_input) = &mut d_input {
                    d_input[at.start + c] = scale[c]
                        * inverse
                        * (d_place[c] - mean_d[c] - normalised * mean_d_normalised[c]);
                }
            }
        }
    }
}
