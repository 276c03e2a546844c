//! The server as the real binary, as those see it who mean it no good: who may do what, what comes
//! of bad input, what is left after a kill.
#![cfg(unix)]

#[path = "../../../prosopon/tests/common/mod.rs"]
mod common;

mod access;
mod addresses;
mod bad_input;
mod cameras;
mod classifiers;
mod client;
mod endings;
mod limits;
#[path = "../../../prosopon/tests/common/processes.rs"]
mod processes;
mod ready;
mod records;
mod served;
mod settings;
mod tls;
