//! The command line, as the real binary in a temporary folder.

mod attributes;
mod classic;
mod classifiers;
mod cluster;
mod collections;
#[path = "../../../prosopon/tests/common/mod.rs"]
mod common;
mod detect;
mod errors;
mod evaluate;
mod fetch;
mod figures;
mod haar;
mod help;
mod keys;
mod measure;
mod models;
mod people;
mod prepare;
#[path = "../../../prosopon/tests/common/processes.rs"]
mod processes;
mod recognise;
mod recogniser;
mod testenv;
mod train;
mod watch;
