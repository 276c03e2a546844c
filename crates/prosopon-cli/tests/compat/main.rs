//! The compatible APIs, as the real binary with the real networks answers them on real pictures.

mod access;
mod classify;
#[path = "../../../prosopon/tests/common/mod.rs"]
mod common;
mod deepstack;
mod embeddings;
mod errors;
mod faces;
mod http;
mod pictures;
#[path = "../../../prosopon/tests/common/processes.rs"]
mod processes;
mod recognise;
mod server;
mod service;
mod subjects;
mod upload;
mod verify;
