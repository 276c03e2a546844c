//! WIP.
pub mod face;
pub mod fpir;
pub mod index;
mod spelling;
pub mod subject;
pub mod synthetic;
