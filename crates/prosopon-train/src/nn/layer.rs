//! What a layer is: a shape in, a shape out, and two functions.
//!
//! Parameters do not lie in the layers. One vector holds those of the whole network, in the order of the
//! layers, and a layer is lent its part: that makes optimisers, checkpoints and sums of gradients loops over
//! one slice. Samples come as one slice, sample after sample.

use fastrand::Rng;

use super::shape::Shape;

/// What a layer is given for some samples, forward and backward alike.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pass<'a> {
    /// The layer's parameters.
    pub(crate) parameters: &'a [f32],
    /// What [`Layer::prepare`] made of them; backward only.
    pub(crate) prepared: &'a [f32],
    /// Batch normalisation: means and variances, of the batch while training, else the running ones.
    pub(crate) statistics: &'a [f32],
    /// Batch normalisation, backward: means over the batch that its gradient needs.
    pub(crate) means: &'a [f32],
    /// Whether the network is being trained: dropout drops.
    pub(crate) is_training: bool,
    /// Seed of this layer in this step.
    pub(crate) seed: u64,
    /// Place of the first sample in the batch.
    pub(crate) first: usize,
}

/// What goes backward through a layer.
pub(crate) struct Backward<'a> {
    /// What came in.
    pub(crate) input: &'a [f32],
    /// What went out.
    pub(crate) output: &'a [f32],
    /// Gradient of the loss by the output.
    pub(crate) d_output: &'a [f32],
    /// Where its gradient by the input goes, overwriting; none for the first layer, which needs none.
    pub(crate) d_input: Option<&'a mut [f32]>,
    /// Its gradient by the parameters is added here.
    pub(crate) d_parameters: &'a mut [f32],
    /// [`Layer::scratch`] floats of any content.
    pub(crate) scratch: &'a mut [f32],
}

/// One layer of a network.
pub(crate) trait Layer: std::fmt::Debug + Send + Sync {
    /// Shape of one output sample.
    fn output(&self) -> Shape;

    /// How many numbers are learnt.
    fn n_parameters(&self) -> usize {
        0
    }

    /// Sets the parameters to what training starts from.
    fn initialise(&self, _parameters: &mut [f32], _rng: &mut Rng) {}

    /// Floats that [`Self::prepare`] writes.
    fn n_prepared(&self) -> usize {
        0
    }

    /// Brings the parameters into the order that is fastest backward; once for each batch.
    fn prepare(&self, _parameters: &[f32], _prepared: &mut [f32]) {}

    /// Floats of working memory that a call needs.
    fn scratch(&self) -> usize {
        0
    }

    /// Whether it is faster on many samples at once than on each while that is in the cache.
    fn prefers_many(&self) -> bool {
        false
    }

    /// The layer, if it needs means over the whole batch.
    fn batch_norm(&self) -> Option<&super::batch_norm::BatchNorm> {
        None
    }

    /// Output of the samples in `input`.
    fn forward(&self, pass: &Pass, input: &[f32], output: &mut [f32], scratch: &mut [f32]);

    /// Gradients.
    fn backward(&self, pass: &Pass, back: Backward);
}

/// A seed made of two numbers, by the finaliser of SplitMix64 (Steele et al. 2014): neighbours give
/// unrelated seeds.
pub(crate) fn mixed_seed(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Fills weights as Glorot & Bengio 2010 propose, uniformly within ±√(6 / (in + out)); Keras does likewise.
pub(crate) fn glorot_uniform(weights: &mut [f32], fan_in: usize, fan_out: usize, rng: &mut Rng) {
    let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
    for weight in weights {
        *weight = (2.0 * rng.f32() - 1.0) * limit;
    }
}
