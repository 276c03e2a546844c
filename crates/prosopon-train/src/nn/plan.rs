//! A network ready to run: its layers, where their parameters lie, and how samples go through them.

use std::ops::Range;

use fastrand::Rng;

use super::batch_norm::BatchNorm;
use super::layer::{Backward, Layer, Pass, mixed_seed};
use super::shape::Shape;

/// Samples that go through a network together on one thread. A batch is cut into shards of this size
/// whatever the number of threads, and their gradients are summed in order: so the result does not depend
/// on the number of threads. Larger ones make better use of dense layers, smaller ones of threads; 8 gives
/// work to four threads at the usual batch of 32.
pub(crate) const SHARD: usize = 8;

/// The layers of a network, in order.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Shape of a sample.
    pub(crate) input: Shape,
    /// The layers.
    pub(crate) layers: Vec<Box<dyn Layer>>,
    /// For each layer of the text where its layers end in `layers`.
    pub(crate) ends: Vec<usize>,
    /// Values of a sample before the first layer and behind each.
    sizes: Vec<usize>,
    parameters: Vec<Range<usize>>,
    statistics: Vec<Range<usize>>,
    prepared: Vec<Range<usize>>,
    /// Layers that samples run through without waiting for others.
    pub(crate) segments: Vec<Segment>,
    scratch: usize,
}

/// Some layers in a row.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    /// Which.
    pub(crate) layers: Range<usize>,
    /// Sample by sample, so that a sample stays in the cache, or all at once.
    by_sample: bool,
}

/// Memory for a shard: what lies between the layers, gradients, and sums.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    /// Samples in it.
    pub(crate) n: usize,
    /// Place of the first in the batch.
    pub(crate) first: usize,
    /// Values before the first layer and behind each.
    pub(crate) values: Vec<Vec<f32>>,
    /// Gradients by them; none before the first layer.
    pub(crate) d_values: Vec<Vec<f32>>,
    /// Gradient by the parameters.
    pub(crate) d_parameters: Vec<f32>,
    /// Layers that gradients run through, from the first.
    pub(crate) n_backward: usize,
    /// Sums for batch normalisation, as long as the statistics.
    pub(crate) sums: Vec<f64>,
    scratch: Vec<f32>,
}

/// Numbers that all shards read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared<'a> {
    /// Parameters of the network.
    pub(crate) parameters: &'a [f32],
    /// What [`Plan::prepare`] made of them; backward only.
    pub(crate) prepared: &'a [f32],
    /// Statistics of batch normalisation.
    pub(crate) statistics: &'a [f32],
    /// What batch normalisation needs backward.
    pub(crate) means: &'a [f32],
    /// Whether the network is being trained.
    pub(crate) is_training: bool,
    /// Seed of this step.
    pub(crate) seed: u64,
}

impl Plan {
    /// Puts layers together that fit each other; `ends` as in [`Self::ends`].
    pub(crate) fn new(input: Shape, layers: Vec<Box<dyn Layer>>, ends: Vec<usize>) -> Self {
        let mut sizes = vec![input.size()];
        let (mut parameters, mut statistics, mut prepared) = (Vec::new(), Vec::new(), Vec::new());
        let mut n_prepared = 0;
        let (mut n_parameters, mut n_statistics, mut scratch) = (0, 0, 0);
        let mut segments: Vec<Segment> = Vec::new();
        for (i, layer) in layers.iter().enumerate() {
            sizes.push(layer.output().size());
            parameters.push(n_parameters..n_parameters + layer.n_parameters());
            n_parameters += layer.n_parameters();
            let n = layer.batch_norm().map_or(0, BatchNorm::n_statistics);
            statistics.push(n_statistics..n_statistics + n);
            n_statistics += n;
            prepared.push(n_prepared..n_prepared + layer.n_prepared());
            n_prepared += layer.n_prepared();
            scratch = scratch.max(layer.scratch());
            let by_sample = !layer.prefers_many();
            match segments.last_mut() {
                // A batch normalisation is alone: the others wait for sums before it.
                Some(segment)
                    if segment.by_sample == by_sample
                        && layer.batch_norm().is_none()
                        && layers[i - 1].batch_norm().is_none() =>
                {
                    segment.layers.end = i + 1;
                }
                _ => segments.push(Segment {
                    layers: i..i + 1,
                    by_sample,
                }),
            }
        }
        Self {
            input,
            layers,
            ends,
            sizes,
            parameters,
            statistics,
            prepared,
            segments,
            scratch,
        }
    }

    /// Numbers that are learnt.
    pub(crate) fn n_parameters(&self) -> usize {
        self.parameters.last().map_or(0, |range| range.end)
    }

    /// Running means and variances.
    pub(crate) fn n_statistics(&self) -> usize {
        self.statistics.last().map_or(0, |range| range.end)
    }

    /// Those of layer `i`.
    pub(crate) fn n_statistics_of(&self, i: usize) -> usize {
        self.statistics[i].len()
    }

    /// Where the parameters of layer `i` lie.
    pub(crate) fn parameters_of(&self, i: usize) -> Range<usize> {
        self.parameters[i].clone()
    }

    /// Where the statistics of layer `i` lie.
    pub(crate) fn statistics_of(&self, i: usize) -> Range<usize> {
        self.statistics[i].clone()
    }

    /// The batch normalisation that segment `i` is, and the number of its layer.
    pub(crate) fn norm_of(&self, i: usize) -> Option<(usize, &BatchNorm)> {
        let layer = self.segments[i].layers.start;
        Some((layer, self.layers[layer].batch_norm()?))
    }

    /// Values that come out for a sample.
    pub(crate) fn n_outputs(&self) -> usize {
        self.sizes.last().copied().unwrap_or(0)
    }

    /// Parameters and statistics that training starts from.
    pub(crate) fn initial(&self, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let mut parameters = vec![0.0; self.n_parameters()];
        let mut statistics = vec![0.0; self.n_statistics()];
        for (i, layer) in self.layers.iter().enumerate() {
            let mut rng = Rng::with_seed(mixed_seed(seed, i as u64));
            layer.initialise(&mut parameters[self.parameters[i].clone()], &mut rng);
            let of_layer = &mut statistics[self.statistics[i].clone()];
            let n = of_layer.len();
            of_layer[n / 2..].fill(1.0); // Mean 0, variance 1.
        }
        (parameters, statistics)
    }

    /// Floats that [`Self::prepare`] writes.
    pub(crate) fn n_prepared(&self) -> usize {
        self.prepared.last().map_or(0, |range| range.end)
    }

    /// Lets each layer bring its parameters into the order that is fastest backward.
    pub(crate) fn prepare(&self, parameters: &[f32], prepared: &mut [f32]) {
        for (i, layer) in self.layers.iter().enumerate() {
            let parameters = &parameters[self.parameters[i].clone()];
            layer.prepare(parameters, &mut prepared[self.prepared[i].clone()]);
        }
    }

    /// Memory for `n` samples; with what `is_training` needs.
    pub(crate) fn shard(&self, n: usize, is_training: bool) -> Shard {
        let buffers = || self.sizes.iter().map(|size| vec![0.0; size * n]).collect();
        Shard {
            n,
            first: 0,
            n_backward: self.layers.len(),
            values: buffers(),
            d_values: if is_training { buffers() } else { Vec::new() },
            d_parameters: vec![0.0; if is_training { self.n_parameters() } else { 0 }],
            sums: vec![0.0; if is_training { self.n_statistics() } else { 0 }],
            scratch: vec![0.0; self.scratch],
        }
    }

    fn pass<'a>(&self, shared: &Shared<'a>, layer: usize, first: usize) -> Pass<'a> {
        let statistics = self.statistics[layer].clone();
        Pass {
            parameters: &shared.parameters[self.parameters[layer].clone()],
            prepared: shared
                .prepared
                .get(self.prepared[layer].clone())
                .unwrap_or_default(),
            statistics: &shared.statistics[statistics.clone()],
            means: shared.means.get(statistics).unwrap_or_default(),
            is_training: shared.is_training,
            seed: mixed_seed(shared.seed, layer as u64),
            first,
        }
    }

    /// Runs a shard through one segment.
    pub(crate) fn forward(&self, segment: &Segment, shared: &Shared, shard: &mut Shard) {
        let step = if segment.by_sample { 1 } else { shard.n.max(1) };
        for first in (0..shard.n).step_by(step) {
            for layer in segment.layers.clone() {
                let (before, after) = shard.values.split_at_mut(layer + 1);
                let input = part(&before[layer], self.sizes[layer], first, step);
                let size = self.sizes[layer + 1];
                let output = &mut after[0][first * size..(first + step) * size];
                let pass = self.pass(shared, layer, shard.first + first);
                self.layers[layer].forward(&pass, input, output, &mut shard.scratch);
            }
        }
    }

    /// Runs a shard's gradients back through one segment.
    pub(crate) fn backward(&self, segment: &Segment, shared: &Shared, shard: &mut Shard) {
        let step = if segment.by_sample { 1 } else { shard.n.max(1) };
        for first in (0..shard.n).step_by(step) {
            for layer in segment.layers.clone().rev() {
                if layer >= shard.n_backward {
                    continue;
                }
                let (size_in, size_out) = (self.sizes[layer], self.sizes[layer + 1]);
                let (before, after) = shard.d_values.split_at_mut(layer + 1);
                let d_input = &mut before[layer][first * size_in..(first + step) * size_in];
                let pass = self.pass(shared, layer, shard.first + first);
                self.layers[layer].backward(
                    &pass,
                    Backward {
                        input: part(&shard.values[layer], size_in, first, step),
                        output: part(&shard.values[layer + 1], size_out, first, step),
                        d_output: part(&after[0], size_out, first, step),
                        d_input: (layer > 0).then_some(d_input),
                        d_parameters: &mut shard.d_parameters[self.parameters[layer].clone()],
                        scratch: &mut shard.scratch,
                    },
                );
            }
        }
    }
}

/// Samples `first..first + n`, each of `size` values.
fn part(values: &[f32], size: usize, first: usize, n: usize) -> &[f32] {
    &values[first * size..(first + n) * size]
}
