//! Batches through a network, cut into shards that threads share.

use std::io;

use rayon::prelude::*;

use super::plan::{Plan, SHARD, Shard, Shared};

/// Fills the values of the sample at a place of the batch; the vector is working memory that stays.
pub(crate) type Load<'a> = dyn Fn(usize, &mut [f32], &mut Vec<f32>) -> io::Result<()> + Sync + 'a;

/// Memory for batches of a network, used again and again.
pub(crate) struct Engine<'p> {
    plan: &'p Plan,
    shards: Vec<(Shard, Vec<f32>)>,
    /// Segments between two batch normalisations; each range but the first starts with one.
    stages: Vec<std::ops::Range<usize>>,
    batch_statistics: Vec<f32>,
    means: Vec<f32>,
    prepared: Vec<f32>,
    n: usize,
    seed: u64,
}

impl<'p> Engine<'p> {
    /// Memory for batches of up to `batch_size` samples.
    pub(crate) fn new(plan: &'p Plan, batch_size: usize, is_training: bool) -> Self {
        let shard = SHARD.min(batch_size);
        let n_shards = batch_size.div_ceil(SHARD);
        let shards = (0..n_shards).map(|_| (plan.shard(shard, is_training), Vec::new()));
        let heads = (1..plan.segments.len()).filter(|i| plan.norm_of(*i).is_some());
        let mut starts: Vec<usize> = std::iter::once(0).chain(heads).collect();
        starts.push(plan.segments.len());
        Self {
            plan,
            shards: shards.collect(),
            stages: starts.windows(2).map(|pair| pair[0]..pair[1]).collect(),
            batch_statistics: vec![0.0; plan.n_statistics()],
            means: vec![0.0; plan.n_statistics()],
            prepared: vec![0.0; if is_training { plan.n_prepared() } else { 0 }],
            n: 0,
            seed: 0,
        }
    }

    /// Runs `n` samples through the network, at most as many as there is memory for.
    ///
    /// While training, `statistics` follow those of the batch, and dropout is drawn from `seed`.
    ///
    /// # Errors
    /// What `load` reports.
    pub(crate) fn forward(
        &mut self,
        parameters: &[f32],
        statistics: Statistics,
        n: usize,
        seed: u64,
        load: &Load,
    ) -> io::Result<()> {
        self.n = n;
        self.seed = seed;
        let n_shards = n.div_ceil(SHARD);
        for (i, (shard, _)) in self.shards[..n_shards].iter_mut().enumerate() {
            shard.first = i * SHARD;
            shard.n = SHARD.min(n - shard.first);
        }
        let size = self.plan.input.size();
        self.shards[..n_shards]
            .par_iter_mut()
            .try_for_each(|(shard, spare)| {
                let values = shard.values[0].chunks_exact_mut(size);
                for (i, values) in values.take(shard.n).enumerate() {
                    load(shard.first + i, values, spare)?;
                }
                io::Result::Ok(())
            })?;
        let is_training = matches!(statistics, Statistics::Follow(_));
        for stage in self.stages.clone() {
            if is_training {
                self.take_statistics(stage.start);
            }
            let shared = Shared {
                parameters,
                prepared: &[],
                statistics: match &statistics {
                    Statistics::Use(running) => running,
                    Statistics::Follow(_) => &self.batch_statistics,
                },
                means: &[],
                is_training,
                seed,
            };
            let plan = self.plan;
            self.shards[..n_shards]
                .par_iter_mut()
                .for_each(|(shard, _)| {
                    for segment in &plan.segments[stage.clone()] {
                        plan.forward(segment, &shared, shard);
                    }
                });
        }
        if let Statistics::Follow(running) = statistics {
            for (i, layer) in self.plan.layers.iter().enumerate() {
                if let Some(norm) = layer.batch_norm() {
                    let at = self.plan.statistics_of(i);
                    norm.follow(&self.batch_statistics[at.clone()], &mut running[at]);
                }
            }
        }
        Ok(())
    }

    /// Statistics of the batch for the batch normalisation that a segment is.
    fn take_statistics(&mut self, segment: usize) {
        let Some((layer, norm)) = self.plan.norm_of(segment) else {
            return;
        };
        let at = self.plan.statistics_of(layer);
        let size = norm.shape.size();
        let n_shards = self.n.div_ceil(SHARD);
        self.shards[..n_shards]
            .par_iter_mut()
            .for_each(|(shard, _)| {
                let sums = &mut shard.sums[at.clone()];
                sums.fill(0.0);
                norm.add_moments(&shard.values[layer][..shard.n * size], sums);
            });
        let sums = self.sums(&at);
        norm.statistics(&sums, self.n, &mut self.batch_statistics[at]);
    }

    /// Sums over all shards, in order.
    fn sums(&self, at: &std::ops::Range<usize>) -> Vec<f64> {
        let mut sums = vec![0.0; at.len()];
        for (shard, _) in &self.shards[..self.n.div_ceil(SHARD)] {
            for (sum, value) in sums.iter_mut().zip(&shard.sums[at.clone()]) {
                *sum += value;
            }
        }
        sums
    }

    /// What came out for the sample at `place`.
    pub(crate) fn output(&self, place: usize) -> &[f32] {
        let size = self.plan.n_outputs();
        let from = place % SHARD * size;
        let (shard, _) = &self.shards[place / SHARD];
        &shard.values[self.plan.layers.len()][from..from + size]
    }

    /// What came out for the sample at `place`, and where the gradient goes by what the last layers but
    /// `n_layers` of them are given.
    pub(crate) fn gradient_at(&mut self, place: usize, n_layers: usize) -> (&[f32], &mut [f32]) {
        let size = self.plan.n_outputs();
        let from = place % SHARD * size;
        let (shard, _) = &mut self.shards[place / SHARD];
        let output = &shard.values[self.plan.layers.len()][from..from + size];
        (output, &mut shard.d_values[n_layers][from..from + size])
    }

    /// Carries the gradients that stand behind the first `n_layers` layers back to the parameters.
    pub(crate) fn backward(&mut self, parameters: &[f32], n_layers: usize) {
        let plan = self.plan;
        let n_shards = self.n.div_ceil(SHARD);
        for (shard, _) in &mut self.shards[..n_shards] {
            shard.n_backward = n_layers;
        }
        self.shards[..n_shards]
            .par_iter_mut()
            .for_each(|(shard, _)| shard.d_parameters.fill(0.0));
        plan.prepare(parameters, &mut self.prepared);
        let mut end = plan.segments.len();
        for stage in self.stages.clone().into_iter().rev() {
            // A batch normalisation at the head waits for the sums of all shards.
            let head = plan.norm_of(stage.start);
            let start = stage.start + usize::from(head.is_some());
            let shared = Shared {
                parameters,
                prepared: &self.prepared,
                statistics: &self.batch_statistics,
                means: &self.means,
                is_training: true,
                seed: self.seed,
            };
            self.shards[..n_shards]
                .par_iter_mut()
                .for_each(|(shard, _)| {
                    for segment in plan.segments[start..end].iter().rev() {
                        plan.backward(segment, &shared, shard);
                    }
                    if let Some((layer, norm)) = head {
                        let at = plan.statistics_of(layer);
                        let n = shard.n * norm.shape.size();
                        let sums = &mut shard.sums[at.clone()];
                        sums.fill(0.0);
                        let (values, d_values) =
                            (&shard.values[layer][..n], &shard.d_values[layer + 1][..n]);
                        norm.add_gradients(&shared.statistics[at], values, d_values, sums);
                    }
                });
            if let Some((layer, norm)) = head {
                let at = plan.statistics_of(layer);
                let sums = self.sums(&at);
                norm.means(&sums, self.n, &mut self.means[at]);
            }
            end = start;
        }
        if let Some((layer, _)) = plan.norm_of(0) {
            // The network begins with it: only its own gradient is missing.
            debug_assert_eq!(layer, 0);
            let shared = Shared {
                parameters,
                prepared: &self.prepared,
                statistics: &self.batch_statistics,
                means: &self.means,
                is_training: true,
                seed: self.seed,
            };
            for (shard, _) in &mut self.shards[..n_shards] {
                plan.backward(&plan.segments[0], &shared, shard);
            }
        }
    }

    /// Gradients by the parameters, one for each shard.
    pub(crate) fn gradients(&self) -> Vec<&[f32]> {
        let n_shards = self.n.div_ceil(SHARD);
        let shards = self.shards[..n_shards].iter();
        shards
            .map(|(shard, _)| shard.d_parameters.as_slice())
            .collect()
    }
}

/// Which statistics batch normalisation takes.
pub(crate) enum Statistics<'a> {
    /// The running ones: the network is used.
    Use(&'a [f32]),
    /// Those of the batch, which the running ones follow: the network is trained.
    Follow(&'a mut [f32]),
}
