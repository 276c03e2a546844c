//! Networks and linear classifiers as ONNX files, for other programs.
//!
//! Files are of operator set 13. The input is called `input`, the output `probabilities`; the batch is free.

mod graph;
mod linear;
mod network;
mod protobuf;

pub use linear::{Linear, linear};
pub use network::network;
