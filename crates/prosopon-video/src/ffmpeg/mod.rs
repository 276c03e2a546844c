//! FFmpeg as a supervised child: found, started, read, understood, ended.
//!
//! It is run as a program and not linked: a decoder that crashes or hangs on a camera's damaged stream is then
//! killed and started again, and nobody needs its headers to build this. Raw frames come from its standard output;
//! when each was taken and how large it is comes from its filter `showinfo` on standard error, which says both
//! for every frame in all versions, also when a stream changes its size.

mod child;
mod decoder;
mod error;
mod explain;
mod frame_info;
mod log;
mod probe;
mod program;

pub use error::FfmpegError;
pub use program::{Ffmpeg, Version};

pub(crate) use child::Child;
pub(crate) use decoder::{Decoder, Input, Raw, Step, read_lines};
pub(crate) use explain::{What, explain, last_words};
pub(crate) use log::Log;
pub(crate) use probe::{Facts, probe};
pub(crate) use program::quiet;

#[cfg(fuzzing)]
pub(crate) use decoder::fuzzed_run;
#[cfg(fuzzing)]
pub(crate) use probe::fuzzed_probe;
