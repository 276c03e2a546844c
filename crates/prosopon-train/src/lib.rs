//! Training: from labelled pictures of faces to a classifier that can be served.

pub mod grid;
pub mod lda;
pub mod learn;
pub mod metrics;
pub mod pca;
pub mod pipeline;
pub mod rows;
pub mod scale;
pub mod split;
