//! Raw frames with their times in one pipe: the little of Matroska (RFC 9559) that this takes.
//!
//! FFmpeg reads raw pixels from a pipe at a fixed rate only; a container gives each frame its own time.

use std::io::{self, Write};
use std::time::Duration;

/// Nanoseconds of a tick of the file's clock.
const TICK_NANOS: u64 = 100_000;

/// A position in ticks.
pub(crate) fn ticks(position: Duration) -> u64 {
    (position.as_nanos() / u128::from(TICK_NANOS)) as u64
}

/// Writes what comes before the first frame: a film of RGB pixels, 8 bits a channel, of `size`.
pub(crate) fn write_header(
    pipe: &mut impl Write,
    size: (u32, u32),
    frames_per_second: f64,
) -> io::Result<()> {
    let mut header = Vec::new();
    element(&mut header, &[0x42, 0x82], b"matroska");
    number(&mut header, &[0x42, 0x87], 4);
    number(&mut header, &[0x42, 0x85], 2);

    let mut info = Vec::new();
    number(&mut info, &[0x2A, 0xD7, 0xB1], TICK_NANOS);
    element(&mut info, &[0x4D, 0x80], b"prosopon");
    element(&mut info, &[0x57, 0x41], b"prosopon");

    let mut video = Vec::new();
    number(&mut video, &[0xB0], size.0.into());
    number(&mut video, &[0xBA], size.1.into());
    // The four characters by which FFmpeg knows red, green, blue of 24 bits.
    element(&mut video, &[0x2E, 0xB5, 0x24], b"RGB\x18");

    let mut track = Vec::new();
    number(&mut track, &[0xD7], 1);
    number(&mut track, &[0x73, 0xC5], 1);
    number(&mut track, &[0x83], 1);
    element(&mut track, &[0x86], b"V_UNCOMPRESSED");
    number(
        &mut track,
        &[0x23, 0xE3, 0x83],
        (1e9 / frames_per_second) as u64,
    );
    element(&mut track, &[0xE0], &video);

    let mut tracks = Vec::new();
    element(&mut tracks, &[0xAE], &track);

    let mut all = Vec::new();
    element(&mut all, &[0x1A, 0x45, 0xDF, 0xA3], &header);
    // A segment of unknown size: it lasts to the end of the pipe.
    all.extend([
        0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    ]);
    element(&mut all, &[0x15, 0x49, 0xA9, 0x66], &info);
    element(&mut all, &[0x16, 0x54, 0xAE, 0x6B], &tracks);
    pipe.write_all(&all)
}

/// Writes a frame as a cluster of its own, which may have any time.
pub(crate) fn write_frame(
    pipe: &mut impl Write,
    pixels: &[u8],
    position: Duration,
) -> io::Result<()> {
    let mut time = Vec::new();
    number(&mut time, &[0xE7], ticks(position));
    // Track 1, no time after the cluster's, a frame that stands for itself.
    let block_head = [0x81, 0, 0, 0x80];
    let block_len = size((block_head.len() + pixels.len()) as u64);
    let cluster_len = time.len() + 1 + block_len.len() + block_head.len() + pixels.len();
    let mut head = vec![0x1F, 0x43, 0xB6, 0x75];
    head.extend(size(cluster_len as u64));
    head.extend(time);
    head.push(0xA3);
    head.extend(block_len);
    head.extend(block_head);
    pipe.write_all(&head)?;
    pipe.write_all(pixels)
}

fn element(out: &mut Vec<u8>, id: &[u8], content: &[u8]) {
    out.extend(id);
    out.extend(size(content.len() as u64));
    out.extend(content);
}

fn number(out: &mut Vec<u8>, id: &[u8], value: u64) {
    element(out, id, &value.to_be_bytes());
}

/// A size in eight bytes, the first of which says that it is so many.
fn size(bytes: u64) -> [u8; 8] {
    (bytes | 1 << 56).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_as_long_as_it_says() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, &[7; 6], Duration::from_millis(40)).expect("memory");
        assert_eq!(bytes[..4], [0x1F, 0x43, 0xB6, 0x75]);
        let said = u64::from_be_bytes(bytes[4..12].try_into().expect("eight")) & !(1 << 56);
        assert_eq!(said as usize, bytes.len() - 12);
        // 40 ms are 400 ticks.
        assert_eq!(bytes[27..29], [1, 0x90]);
        assert!(bytes.ends_with(&[0x81, 0, 0, 0x80, 7, 7, 7, 7, 7, 7]));
    }
}
