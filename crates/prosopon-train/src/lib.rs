//! Training: from labelled pictures of faces to a classifier that can be served.

#![expect(
    clippy::needless_pass_by_value,
    reason = "views of arrays are as cheap as references, and are passed as ndarray does"
)]

pub mod classifier;
pub mod data;
pub mod grid;
pub mod input;
pub mod lda;
pub mod learn;
pub mod metric;
pub mod metrics;
pub mod nn;
pub mod onnx;
pub mod pca;
pub mod pipeline;
pub mod registry;
pub mod report;
pub mod rows;
pub mod scale;
pub mod split;
pub mod train;
