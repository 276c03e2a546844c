//! Training: from labelled pictures of faces to a classifier that can be served.

pub mod nn;
pub mod rows;
