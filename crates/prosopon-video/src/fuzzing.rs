//! Entry points for `fuzz/`: what is read from a child or a pipe, without a child.

use crate::Address;
use crate::ffmpeg;
use crate::source::{PixelFormat, fuzzed_frames};

/// What [`crate::source`] makes of a run of FFmpeg on `address` that writes these bytes: how many frames there are, and its
/// last messages.
pub fn ffmpeg_run(
    address: &Address,
    stderr: &[u8],
    stdout: &[u8],
    max_pixels: u64,
) -> (usize, Vec<String>) {
    ffmpeg::fuzzed_run(address, stderr, stdout, max_pixels)
}

/// Whether what `ffprobe` says tells of a video.
pub fn ffprobe_says(json: &[u8]) -> bool {
    ffmpeg::fuzzed_probe(json)
}

/// How many raw frames of this size a pipe with these bytes holds; none if it ends within one.
pub fn raw_frames(pipe: &[u8], size: (u32, u32), format: PixelFormat) -> Option<usize> {
    fuzzed_frames(pipe, size, format)
}
