//! Training: from labelled pictures of faces to a classifier that can be served.

pub mod data;
pub mod input;
pub mod nn;
pub mod registry;
pub mod rows;
