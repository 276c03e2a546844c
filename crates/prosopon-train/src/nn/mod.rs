//! Neural networks: architectures as text, training on processors, prediction.
//!
//! One file for each kind of layer, with `forward` and `backward` (`layer.rs`); `plan.rs` puts layers in a row,
//! `engine.rs` runs batches through them on many threads, [`fit`] trains.

mod activation;
mod architecture;
mod augment;
mod batch_norm;
mod checkpoint;
mod conv;
mod dense;
mod engine;
mod fit;
mod frn;
mod layer;
mod layer_spec;
#[cfg(test)]
mod layer_tests;
mod loss;
mod lrn;
mod matmul;
mod network;
mod optimiser;
mod plan;
mod pool;
mod search;
mod shape;
mod simple;
mod summary;
#[cfg(test)]
mod tests;
mod window;

pub use activation::Activation;
pub use architecture::{Architecture, ArchitectureError, BUILT_IN, InputShape, MAX_CLASSES};
pub use augment::Augmentation;
pub use checkpoint::CheckpointError;
pub use fit::{EpochFigures, FitError, FitOptions, History, Labelled, fit};
pub use layer_spec::{Classes, LayerSpec, Units};
pub use loss::{
    Loss, binary_cross_entropy, categorical_cross_entropy, sparse_categorical_cross_entropy,
};
pub use network::Network;
pub use optimiser::Optimiser;
pub use search::{SearchEvent, SearchResult, SearchSpace, Trial, random_search};
pub use summary::{Summary, SummaryRow};
pub use window::Padding;

/// What the export and metric learning need beside.
pub(crate) mod internals {
    pub(crate) use super::activation::Activation;
    pub(crate) use super::checkpoint::{read_sealed, write_sealed};
    pub(crate) use super::engine::{Engine, Statistics};
    pub(crate) use super::fit::{at_sample, check_samples, mismatch, pool, read_error};
    pub(crate) use super::layer::mixed_seed;
    pub(crate) use super::layer_spec::LayerSpec;
    pub(crate) use super::plan::Plan;
    pub(crate) use super::shape::Shape;
    pub(crate) use super::window::Windows;
}
