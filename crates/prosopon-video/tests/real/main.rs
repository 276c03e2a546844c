//! Sources, recordings and windows on the real thing: FFmpeg, an RTSP server, connections on loopback.
//!
//! `scripts/test-video` runs them; they are left out of `cargo test`, which needs no FFmpeg.

mod camera;
mod endings;
mod files;
mod http;
mod made;
mod network;
#[path = "../../../prosopon/tests/common/processes.rs"]
mod processes;
mod record;
mod rtsp;
mod window;
