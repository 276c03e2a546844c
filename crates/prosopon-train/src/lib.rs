//! Training: from labelled pictures of faces to a classifier that can be served.

pub mod metric;
pub mod nn;
pub mod onnx;
pub mod rows;
